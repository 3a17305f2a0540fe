//! The few calls that a desktop makes to a cut over on a server.

use std::time::Duration;

use slipway_remote::{Cmd, Host, Line};
use tokio_util::sync::CancellationToken;

use super::{Entry, Plan, script};
use crate::error::{EngineError, ErrorCode};
use crate::server::{Upload, upload};

/// `start ROOT HASH DIR`: the plan comes by stdin. Finds a cut over that was started before. Exit: 9 the script is not on the server.
const START: &str = r#"set -u
umask 077
bin=$1/bin/$2/cutover.sh dir=$3
[ -s "$bin" ] || { cat >/dev/null; exit 9; }
[ -s "$dir/journal.jsonl" ] && { cat >/dev/null; exit 0; }
mkdir -p "$dir" && cat >"$dir/plan.sh.new" && mv "$dir/plan.sh.new" "$dir/plan.sh" || exit 3
exec sh "$bin" start "$dir/plan.sh"
"#;
const SCRIPT_MISSING: i32 = 9;
const LOCK_HELD: i32 = 12;
/// Getting under way: waiting for the locks of another cut over is part of it.
const START_LIMIT: Duration = Duration::from_secs(240);
/// Undoing: starting the old release and waiting for its health is part of it.
const REVERT_LIMIT: Duration = Duration::from_secs(3600);
/// A follower is told something at least at the end; nothing about it may take longer than this.
const FOLLOW_LIMIT: Duration = Duration::from_secs(6 * 3600);

/// `mode ROOT HASH DIR ARG`: the script that the cut over began with runs it, or any if that is gone.
const CALL: &str = r#"set -u
mode=$1 bin=$2/bin/$3/cutover.sh dir=$4
shift 4
[ -s "$dir/plan.sh" ] || { echo none; exit 0; }
[ -s "$bin" ] || exit 9
exec sh "$bin" "$mode" "$dir/plan.sh" "$@"
"#;

/// What asking to cancel did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum CancelSaid {
    /// It will undo itself.
    Cancelling,
    /// It is committed, or about to be.
    TooLate,
    /// Nothing runs.
    NotRunning,
}

/// Starts a cut over, or finds the one that was started for this deployment before. Returns once its journal has begun.
///
/// # Errors
/// `lock_held` while another one of the environment runs; `bad_input` for a plan that can't be.
pub async fn start(host: &dyn Host, plan: &Plan) -> Result<(), EngineError> {
    let text = plan.render().map_err(|e| EngineError::bad_input(format!("{e}.")))?;
    for attempt in 0..2 {
        let cmd = Cmd::new("sh")
            .args(["-c", START, "start", &plan.root, &script::hash(), &plan.dir()])
            .stdin(bytes::Bytes::from(text.clone()))
            .limit(START_LIMIT);
        let out = host.run(cmd).await?;
        match out.code {
            0 => return Ok(()),
            SCRIPT_MISSING if attempt == 0 => lay(host, &plan.root).await?,
            LOCK_HELD => {
                return Err(EngineError::new(
                    ErrorCode::LockHeld,
                    "Another cut over of this environment is under way.",
                )
                .hint("Wait for its end, then retry.")
                .detail(out.stderr));
            }
            code => {
                return Err(EngineError::new(
                    ErrorCode::CutOverFailed,
                    "The cut over could not be started; nothing was touched.",
                )
                .detail(format!("exit {code}: {}", out.stderr)));
            }
        }
    }
    Err(EngineError::new(ErrorCode::CutOverFailed, "The cut over's script could not be put on the server."))
}

/// Reads the journal from a byte offset on, until its end is recorded or its process is gone. `on_entry` gets each entry with
/// the offset behind it.
///
/// # Errors
/// When the connection is lost: go on later from the last offset.
pub async fn follow(
    host: &dyn Host,
    plan: &Plan,
    offset: u64,
    mut on_entry: impl FnMut(Entry, u64) + Send,
    cancel: &CancellationToken,
) -> Result<(), EngineError> {
    let mut at = offset;
    let mut on_line = |line: Line<'_>| {
        let Line::Out(text) = line else { return };
        // Lines are UTF-8 by the script's own care, so their length here is their length there; the end mark counts.
        at += text.len() as u64 + 1;
        if let Some(entry) = Entry::parse(text) {
            on_entry(entry, at);
        }
    };
    let cmd = call(plan, "follow").arg(offset.to_string()).limit(FOLLOW_LIMIT);
    let out = host.stream(cmd, &mut on_line, cancel).await?;
    if cancel.is_cancelled() {
        return Err(EngineError::new(ErrorCode::ClaimLost, "Another process carries this deployment on."));
    }
    out.ok("follow the cut over")?;
    Ok(())
}

/// Asks a running cut over to undo itself.
///
/// # Errors
/// When the server can't be reached.
pub async fn cancel(host: &dyn Host, plan: &Plan) -> Result<CancelSaid, EngineError> {
    let out = host.run(call(plan, "cancel")).await?.ok("cancel the cut over")?;
    Ok(out.stdout.trim().parse().unwrap_or(CancelSaid::NotRunning))
}

/// Ends a cut over whose process is gone: back before the commit, forward after it. Its journal tells how.
///
/// # Errors
/// When the server can't be reached.
pub async fn revert(host: &dyn Host, plan: &Plan) -> Result<(), EngineError> {
    revert_in(host, &plan.root, &plan.dir()).await
}

/// The same, by the folder of the cut over.
///
/// # Errors
/// When the server can't be reached, or it couldn't be ended.
pub async fn revert_in(host: &dyn Host, root: &str, dir: &str) -> Result<(), EngineError> {
    let command = || {
        Cmd::new("sh").args(["-c", CALL, "call", "revert", root, &script::hash(), dir]).limit(REVERT_LIMIT)
    };
    let mut out = host.run(command()).await?;
    if out.code == SCRIPT_MISSING {
        lay(host, root).await?;
        out = host.run(command()).await?;
    }
    match out.code {
        0 | 10 | 11 => Ok(()),
        LOCK_HELD => {
            Err(EngineError::new(ErrorCode::LockHeld, "The cut over is still under way.").detail(out.stderr))
        }
        code => {
            Err(EngineError::new(ErrorCode::RevertFailed, "What the cut over left could not be put back.")
                .detail(format!("exit {code}: {}{}", out.stdout, out.stderr)))
        }
    }
}

fn call(plan: &Plan, mode: &str) -> Cmd {
    Cmd::new("sh").args(["-c", CALL, "call", mode, &plan.root, &script::hash(), &plan.dir()])
}

async fn lay(host: &dyn Host, root: &str) -> Result<(), EngineError> {
    let dir = format!("{root}/bin/{}", script::hash());
    upload(host, &dir, &[Upload::private("cutover.sh", script::TEXT)]).await
}
