//! The calls that a desktop makes: lay, start, follow, cancel, revert, status. Each is one command on the server.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use slipway_remote::{Cmd, Host, Line, RemoteError, Stdin};
use tokio_util::sync::CancellationToken;

use super::{Entry, Event, Plan, PlanError, script};

/// A follower asks anew after this long; the offset makes that seamless.
const FOLLOW_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// Longer than six attempts with the default limits.
const REVERT_LIMIT: Duration = Duration::from_secs(3600);
/// Another desktop may be adding a site, which the start waits for.
const START_LIMIT: Duration = Duration::from_secs(180);

/// `lay.sh`'s word for a server that hasn't got this script.
const SCRIPT_MISSING: i32 = 9;
/// The script's words for a lock that is held, and for a journal that was begun before.
const BUSY: i32 = 12;
const USED: i32 = 64;

/// One cut over on one server, running or not.
#[derive(Debug, Clone)]
pub struct CutOver {
    host: Arc<dyn Host>,
    dir: String,
}

/// What the server knows of a cut over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// It never began.
    None,
    /// A process works on it.
    Running,
    /// It has no end, and no process: revert it.
    Dead,
    /// The new release serves.
    Committed,
    /// The old release serves.
    Reverted,
    /// The old release serves, because somebody cancelled.
    Cancelled,
    /// Undoing failed: revert it again.
    RevertFailed,
}

/// The answer to a cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Cancel {
    /// It goes back now; follow it to its end.
    Cancelling,
    /// The commit has begun: the new release will serve.
    TooLate,
    /// Nothing runs.
    NotRunning,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server couldn't be asked, or refused.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The plan can't be rendered.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Another cut over of this environment runs, or a site is being added on this server.
    #[error("another cut over of this environment is running")]
    Busy,
    /// A deployment cuts over once; a retry is a new deployment.
    #[error("this deployment's cut over was already started")]
    AlreadyStarted,
    /// The script said something that this version doesn't know.
    #[error("the cut over's script said {said:?}")]
    Unexpected {
        /// What it said.
        said: String,
    },
}

impl CutOver {
    /// Lays the plan on the server, and the script if it isn't there yet, and starts the cut over, detached from this
    /// connection: the last thing that is prepared. Once this returns, its journal has begun.
    pub async fn begin(host: Arc<dyn Host>, plan: &Plan) -> Result<Self, CallError> {
        Self::lay(host, plan, "start").await
    }

    async fn lay(host: Arc<dyn Host>, plan: &Plan, then: &str) -> Result<Self, CallError> {
        let args =
            [plan.root.clone(), plan.slug.clone(), plan.dir(), script::hash(), plan.render()?, then.into()];
        let cmd =
            |place: &str| Cmd::script(include_str!("script/lay.sh"), &args).arg(place).limit(START_LIMIT);
        let mut output = host.run(cmd("here")).await?;
        if output.code == SCRIPT_MISSING {
            let text = Stdin::Bytes(Bytes::from_static(script::TEXT.as_bytes()));
            output = host.run(cmd("comes").stdin(text)).await?;
        }
        match output.code {
            BUSY => Err(CallError::Busy),
            USED => Err(CallError::AlreadyStarted),
            _ => {
                output.ok("start the cut over")?;
                Ok(Self { host, dir: plan.dir() })
            }
        }
    }

    /// One that was laid before, by its folder ([`Plan::dir`]); it keeps the script it was laid with.
    pub fn find(host: Arc<dyn Host>, dir: impl Into<String>) -> Self {
        Self { host, dir: dir.into() }
    }

    /// Hands over what the journal says from a byte offset on, live, until its end is recorded or no process is left
    /// ([`Event::Dead`]). `on_entry` gets each entry with the offset to go on from after it. Cancelling stops the
    /// following, not the cut over. Returns the offset to go on from.
    pub async fn follow(
        &self,
        offset: u64,
        on_entry: &mut (dyn FnMut(Entry, u64) + Send),
        cancel: &CancellationToken,
    ) -> Result<u64, CallError> {
        let mut next = offset;
        let mut on_line = |line: Line<'_>| {
            let Line::Out(line) = line else { return };
            let entry = Entry::parse(line);
            if entry.as_ref().is_none_or(|e| e.ev != Event::Dead) {
                next += line.len() as u64 + 1;
            }
            if let Some(entry) = entry {
                on_entry(entry, next);
            }
        };
        let cmd = self.call("follow").arg(offset.to_string()).limit(FOLLOW_LIMIT);
        let what = cmd.to_string();
        self.host.stream(cmd, &mut on_line, cancel).await?.ok(what)?;
        Ok(next)
    }

    /// Ends one whose process is gone: back before the commit, forward after it. Can be repeated at any time.
    pub async fn revert(&self) -> Result<Status, CallError> {
        let output = self.host.run(self.call("revert").limit(REVERT_LIMIT)).await?;
        match output.code {
            BUSY => Err(CallError::Busy),
            0 | 20 => self.status().await,
            _ => Err(CallError::Unexpected { said: output.stderr }),
        }
    }

    /// What the server knows of it.
    pub async fn status(&self) -> Result<Status, CallError> {
        self.ask("status").await
    }

    /// Asks a running one to go back.
    pub async fn cancel(&self) -> Result<Cancel, CallError> {
        self.ask("cancel").await
    }

    async fn ask<T: std::str::FromStr>(&self, mode: &str) -> Result<T, CallError> {
        let output = self.host.run_ok(self.call(mode)).await?;
        output.stdout.trim().parse().map_err(|_| CallError::Unexpected { said: output.stdout })
    }

    fn call(&self, mode: &str) -> Cmd {
        Cmd::new("sh").args([
            format!("{}/cutover.sh", self.dir),
            mode.to_owned(),
            format!("{}/plan.sh", self.dir),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cutover::plan::tests::sample;

    const START: &str = r#"{"t":"2026-11-22T10:47:33Z","id":"0123456789ab","step":"taking_snapshot","action":"begin","ev":"start"}"#;
    const END: &str = r#"{"t":"2026-11-22T10:47:34Z","id":"0123456789ab","action":"end","ev":"reverted"}"#;

    async fn laid(root: &tempfile::TempDir) -> (CutOver, Plan) {
        let mut plan = sample();
        plan.root = root.path().to_str().unwrap().to_owned();
        (CutOver::lay(slipway_remote::local(), &plan, "").await.unwrap(), plan)
    }

    async fn follow(cut_over: &CutOver, offset: u64) -> (Vec<(Event, u64)>, u64) {
        let mut seen = vec![];
        let next =
            cut_over.follow(offset, &mut |e, next| seen.push((e.ev, next)), &CancellationToken::new()).await;
        (seen, next.unwrap())
    }

    #[tokio::test]
    async fn laid_but_not_started() {
        let root = tempfile::tempdir().unwrap();
        let (cut_over, plan) = laid(&root).await;
        assert_eq!(cut_over.status().await.unwrap(), Status::None);
        assert_eq!(cut_over.cancel().await.unwrap(), Cancel::NotRunning);
        // Laying again is harmless, and finding needs no plan.
        CutOver::lay(slipway_remote::local(), &plan, "").await.unwrap();
        let found = CutOver::find(slipway_remote::local(), plan.dir());
        assert_eq!(found.revert().await.unwrap(), Status::None);
    }

    #[tokio::test]
    async fn a_journal_is_followed_from_any_offset() {
        let root = tempfile::tempdir().unwrap();
        let (cut_over, plan) = laid(&root).await;
        std::fs::write(plan.journal(), format!("{START}\n{END}\n")).unwrap();
        let (first, all) = (START.len() as u64 + 1, (START.len() + END.len()) as u64 + 2);
        assert_eq!(follow(&cut_over, 0).await, (vec![(Event::Start, first), (Event::Reverted, all)], all));
        assert_eq!(follow(&cut_over, first).await, (vec![(Event::Reverted, all)], all));
        assert_eq!(follow(&cut_over, all).await, (vec![], all));
        let again = CutOver::begin(slipway_remote::local(), &plan).await;
        assert!(matches!(again, Err(CallError::AlreadyStarted)), "{again:?}");
    }

    #[tokio::test]
    async fn the_script_is_sent_where_it_is_missing_or_spoilt() {
        let root = tempfile::tempdir().unwrap();
        let (_, plan) = laid(&root).await;
        let scripts = [
            format!("{}/bin/{}/cutover.sh", plan.root, script::hash()),
            format!("{}/cutover.sh", plan.dir()),
        ];
        let whole = |path: &String| std::fs::read_to_string(path).unwrap() == script::TEXT;
        assert!(scripts.iter().all(whole), "laid where there was none");
        let laid_at = std::fs::metadata(&scripts[0]).unwrap().modified().unwrap();
        CutOver::lay(slipway_remote::local(), &plan, "").await.unwrap();
        let still = std::fs::metadata(&scripts[0]).unwrap().modified().unwrap();
        assert_eq!(still, laid_at, "not sent again");
        std::fs::write(&scripts[0], &script::TEXT[..script::TEXT.len() / 2]).unwrap();
        CutOver::lay(slipway_remote::local(), &plan, "").await.unwrap();
        assert!(scripts.iter().all(whole), "a spoilt one is replaced");
    }

    #[tokio::test]
    async fn a_dead_one_is_told_and_a_living_one_is_not() {
        let root = tempfile::tempdir().unwrap();
        let (cut_over, plan) = laid(&root).await;
        std::fs::write(plan.journal(), format!("{START}\n")).unwrap();
        assert_eq!(cut_over.status().await.unwrap(), Status::Dead);
        let first = START.len() as u64 + 1;
        assert_eq!(follow(&cut_over, 0).await, (vec![(Event::Start, first), (Event::Dead, first)], first));
        let lock = format!("{}/{}/flock", plan.root, plan.slug);
        let mut holder = std::process::Command::new("flock").args([&lock, "sleep", "2.5"]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(cut_over.status().await.unwrap(), Status::Running);
        let begun = std::time::Instant::now();
        assert_eq!(follow(&cut_over, first).await.0, vec![(Event::Dead, first)]);
        assert!(begun.elapsed() > Duration::from_millis(1500), "gave up on a living one");
        holder.wait().unwrap();
    }
}
