//! Steps 10 to 14: one detached unit on the server. From here it is started, followed, cancelled and, when its process
//! died, ended; it needs none of that to finish or to undo itself.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Config, Release, SourceOnServer};
use crate::cutover::{self, CallError, Cancel, CutOver as Unit, Entry, Event, Fold, Limits, Outcome};
use crate::cx::{Cx, cancelled};
use crate::error::{EngineError, ErrorCode};
use crate::model::{Lane, Step};
use crate::render::odoo_conf::ADDONS;
use crate::server::{CADDY, Slot};
use crate::steps::progress::Progress;

/// The cut over of one deployment.
pub(crate) struct CutOver<'a> {
    pub source: &'a SourceOnServer,
    pub config: &'a Config,
    pub release: &'a Release,
}

/// How a deployment ended that got as far as its cut over.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The new release serves.
    Committed,
    /// It failed and was undone: what served before, if anything did, serves again.
    RolledBack(EngineError, Lane),
    /// It was cancelled and undone.
    Cancelled,
}

/// What a committed cut over leaves to be settled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cut {
    /// The way it went.
    pub lane: Lane,
    /// The slot that serves now.
    pub slot: Slot,
    /// How long requests were held, in milliseconds.
    pub pause_ms: i64,
    /// When the data was snapshotted, by the server's clock.
    pub snapshot_at: Option<jiff::Timestamp>,
}

/// Starts it, also through a connection that breaks just then: whether it began is asked again until it is known.
async fn start(cx: &Cx, plan: &cutover::Plan) -> Result<Unit, EngineError> {
    let host = &cx.connection().await?.host;
    let begun = Instant::now();
    loop {
        match Unit::begin(Arc::clone(host), plan).await {
            Ok(unit) => return Ok(unit),
            // An earlier run of this deployment did, or this one did without hearing of it: its journal tells.
            Err(CallError::AlreadyStarted) => return Ok(Unit::find(Arc::clone(host), plan.dir())),
            Err(CallError::Remote(error)) => {
                let error = EngineError::from(error);
                if !is_passing(&error) {
                    return Err(error);
                }
                if begun.elapsed() >= cx.engine.patience() {
                    return Err(outcome_unknown(error));
                }
                cx.warn(format!("{} Trying to reach the server again", error.message));
                tokio::time::sleep(RECONNECT_EVERY).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether a server that can't be reached for this reason may be reached a little later.
pub(super) fn is_passing(error: &EngineError) -> bool {
    use ErrorCode::*;
    matches!(error.code, ConnectionLost | ConnectionRefused | TimedOut | DnsFailed | DockerFailed | NoDocker)
}

/// The server stayed away for so long that we give up finding out how the cut over ended, if it began. It does end: what is
/// recorded says no more than is known, and is corrected when the server is back.
pub(super) fn outcome_unknown(error: EngineError) -> EngineError {
    let message = format!("How the cut over ended is not known. {}", error.message);
    let unknown = EngineError::new(ErrorCode::OutcomeUnknown, message);
    EngineError { detail: error.detail, ..unknown }
}

/// One who follows a cut over's journal.
struct Follower<'a> {
    plan: &'a cutover::Plan,
    progress: Progress,
    fold: Fold,
    is_cancelling: bool,
    /// Who waits for the new release to serve.
    serving: Option<oneshot::Sender<Cut>>,
}

impl Follower<'_> {
    async fn take(&mut self, cx: &Cx, entry: &Entry, end: u64) -> Result<(), EngineError> {
        self.fold.push(entry);
        self.progress.take(cx, entry, end).await?;
        match (entry.action.as_str(), entry.ev) {
            ("commit", Event::Start) => cx.claim().pass_point_of_no_return().await?,
            ("number_release", Event::Ok) => {
                if let Some(number) = entry.text.trim().parse().ok().filter(|number| *number > 0) {
                    cx.claim().record_release_number(number).await?;
                }
            }
            // Nobody is served by what is still to do there.
            ("retire_old", Event::Start) => self.tell_that_it_serves(),
            _ => {}
        }
        Ok(())
    }

    fn tell_that_it_serves(&mut self) {
        if let Some(serving) = self.serving.take() {
            // Nobody listens any more when the deployment was stopped.
            let _ = serving.send(self.cut());
        }
    }

    fn ended(&self, outcome: Outcome) -> Result<Ended, EngineError> {
        let reading = self.progress.reading();
        match outcome {
            Outcome::Committed => Ok(Ended::Committed),
            Outcome::Reverted { action, error: Some(error), .. } => {
                Ok(Ended::RolledBack(reading.explain(&action, &error), self.plan.lane))
            }
            Outcome::Reverted { action, error: None, .. } => {
                Ok(Ended::RolledBack(reading.explain_death(&action), self.plan.lane))
            }
            Outcome::Cancelled => Ok(Ended::Cancelled),
            Outcome::Dead => Err(EngineError::new(
                ErrorCode::RevertFailed,
                "The cut over's process is gone, and what it left could not be ended.",
            )),
            Outcome::RevertFailed { action, error } => Err(EngineError::new(
                ErrorCode::RevertFailed,
                format!("The cut over failed, and undoing it failed too (in {action})."),
            )
            .detail(error)),
        }
    }

    fn cut(&self) -> Cut {
        let reading = self.progress.reading();
        Cut {
            lane: self.plan.lane,
            slot: self.plan.new.slot,
            pause_ms: reading.pause_ms(),
            snapshot_at: reading.snapshot_at(),
        }
    }
}

pub(super) const RECONNECT_EVERY: Duration = Duration::from_secs(2);
/// A cut over whose process is gone is ended this many times before a person has to look.
const REVERTS: u32 = 3;

impl CutOver<'_> {
    /// Starts it, or finds the one that an earlier run of this deployment started, and follows it to its end. `serving` is told
    /// as soon as the new release serves, which in the code lane is before what served before has stopped.
    pub(crate) async fn carry_out(
        &self,
        cx: &Cx,
        serving: oneshot::Sender<Cut>,
    ) -> Result<Ended, EngineError> {
        let plan = self.plan(cx)?;
        cx.enter(Step::TakingSnapshot);
        if !cx.is_cutting_over() {
            if cx.cancel.is_cancelled() {
                return Err(cancelled());
            }
            cx.start_cutting_over().await?;
        }
        let unit = start(cx, &plan).await?;
        let mut follower = Follower {
            plan: &plan,
            progress: Progress::resume(cx).await?,
            fold: Fold::default(),
            is_cancelling: false,
            serving: Some(serving),
        };
        let outcome = self.follow_to_end(cx, &unit, &mut follower).await?;
        let ended = follower.ended(outcome)?;
        follower.progress.end(cx, &ended).await?;
        if matches!(ended, Ended::Committed) {
            follower.tell_that_it_serves();
        }
        Ok(ended)
    }

    /// Follows the journal through lost connections; ends a cut over whose process is gone.
    async fn follow_to_end(
        &self,
        cx: &Cx,
        unit: &Unit,
        follower: &mut Follower<'_>,
    ) -> Result<Outcome, EngineError> {
        let mut reverts = 0;
        let mut lost_since: Option<Instant> = None;
        let mut is_away = false;
        loop {
            // Asked for itself, since following ends with the cut over: who watches learns at once that it goes on.
            if is_away && unit.status().await.is_ok() {
                is_away = false;
                cx.info("The server is back");
            }
            if let Err(error) = self.follow_once(cx, unit, follower).await {
                if cx.claim().lost().is_cancelled() {
                    return Err(error);
                }
                let since = *lost_since.get_or_insert_with(|| {
                    is_away = true;
                    cx.warn(format!(
                        "{} The server goes on by itself; trying to reach it again",
                        error.message
                    ));
                    Instant::now()
                });
                if since.elapsed() > cx.engine.patience() {
                    return Err(outcome_unknown(error));
                }
                tokio::time::sleep(RECONNECT_EVERY).await;
                continue;
            }
            lost_since = None;
            match follower.fold.outcome() {
                Some(Outcome::Dead | Outcome::RevertFailed { .. }) if reverts < REVERTS => {
                    reverts += 1;
                    cx.warn("The cut over's process is gone; ending what it left");
                    // How it went follows in the journal.
                    if let Err(error) = unit.revert().await {
                        cx.debug(error.to_string());
                    }
                }
                Some(outcome) => return Ok(outcome.clone()),
                None => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    async fn follow_once(
        &self,
        cx: &Cx,
        unit: &Unit,
        follower: &mut Follower<'_>,
    ) -> Result<(), EngineError> {
        let (sender, mut entries) = tokio::sync::mpsc::unbounded_channel::<(Entry, u64)>();
        let offset = follower.progress.offset();
        let mut on_entry = |entry: Entry, end: u64| {
            // The receiver lives as long as this function.
            let _ = sender.send((entry, end));
        };
        let follow = unit.follow(offset, &mut on_entry, cx.claim().lost());
        // Side by side with the following: while that connects, nothing else gets a connection, and it wouldn't get on if nobody
        // waited for it.
        let tell = async {
            cx.cancel.cancelled().await;
            unit.cancel().await
        };
        tokio::pin!(follow, tell);
        loop {
            tokio::select! {
                biased;
                Some((entry, end)) = entries.recv() => follower.take(cx, &entry, end).await?,
                result = &mut follow => {
                    while let Ok((entry, end)) = entries.try_recv() {
                        follower.take(cx, &entry, end).await?;
                    }
                    return result.map(drop).map_err(Into::into);
                }
                said = &mut tell, if !follower.is_cancelling => {
                    let said = said?;
                    // Only now: a wish that was lost with the connection is told again.
                    follower.is_cancelling = true;
                    cx.info(match said {
                        Cancel::Cancelling => "Cancelling: everything is put back as it was",
                        Cancel::TooLate => "Too late to cancel: the commit has begun, and the new release will serve",
                        Cancel::NotRunning => "Nothing runs that could be cancelled",
                    });
                }
            }
        }
    }

    fn static_files(&self) -> Vec<cutover::StaticFile> {
        let files = self.source.static_files.iter();
        files
            .map(|(address, path)| cutover::StaticFile {
                address: address.clone(),
                path: format!("{ADDONS}/{path}"),
            })
            .collect()
    }

    fn plan(&self, cx: &Cx) -> Result<cutover::Plan, EngineError> {
        let layout = cx.layout();
        let series = cx.series()?.facts();
        let server = &cx.settings.server;
        let live = self.source.plan.live.as_ref();
        let mut modules: Vec<String> = cx.settings.environment.modules.clone();
        let updated: Vec<String> = self.source.plan.update.iter().map(|m| m.module.clone()).collect();
        modules.extend(updated.iter().cloned());
        modules.push("base".into());
        modules.sort();
        modules.dedup();
        Ok(cutover::Plan {
            slug: layout.slug.clone(),
            deployment: cx.deployment.id.short(),
            lane: self.source.plan.lane,
            root: layout.root.clone(),
            docker_sudo: server.docker_sudo,
            docker_socket: server.docker_socket.clone(),
            old: live.map(|l| cutover::Live { container: l.container.clone(), slot: l.slot }),
            new: cutover::Live { container: layout.web(cx.deployment.id), slot: self.release.slot },
            update: self.release.update.clone(),
            postgres: layout.db(),
            database: layout.database(),
            role: "odoo".into(),
            proxy: CADDY.into(),
            volume: layout.data(),
            image: self.release.image.clone(),
            image_id: Some(self.release.image_id.clone()),
            domain: self.config.domain_before.as_ref().unwrap_or(&self.config.site.domain).clone(),
            modules,
            static_files: self.static_files(),
            updated,
            absent: self.source.absent.clone(),
            health_path: series.health_path.unwrap_or("/web/login").into(),
            websocket_path: if series.live_route == "/websocket" {
                "/websocket"
            } else {
                "/longpolling/poll"
            }
            .into(),
            websocket_port: self.release.live_port,
            limits: Limits::of(&cx.settings.environment),
            margin_kib: 256 * 1024,
        })
    }
}
