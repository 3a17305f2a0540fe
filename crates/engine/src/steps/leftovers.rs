//! What cutovers have left on the server and nothing needs any more: whole copies of a database and its files.

use std::time::Duration;

use slipway_remote::Cmd;

use super::snapshot;
use crate::cx::Cx;
use crate::error::EngineError;

const LEFTOVERS: &str = include_str!("leftovers.sh");
const LIMIT: Duration = Duration::from_secs(900);

/// Removes them, and says so. The clone of a release whose desktop never came back to make a snapshot of it becomes one on the server,
/// which retention keeps like any other.
///
/// # Errors
/// When the server or its database can't be asked, or a snapshot can't be made; what could be removed is removed.
pub(super) async fn clear(cx: &Cx) -> Result<(), EngineError> {
    let layout = cx.layout();
    let own = cx.deployment.id;
    let args = [layout.dir(), layout.db(), layout.database(), layout.web(own), own.short()];
    let out = cx.connection().await?.run(Cmd::script(LEFTOVERS, args).limit(LIMIT)).await?;
    let mut failed = None;
    for line in out.stdout.lines() {
        match line.split_once(' ') {
            Some(("unsaved", short)) => match snapshot::save_for_another(cx, short).await {
                Ok(()) => cx.info(format!(
                    "The snapshot of deployment {short} is saved now: its desktop did not come back for it"
                )),
                // The others are still worth saving.
                Err(error) => failed = Some(error),
            },
            Some((kind, name)) => {
                cx.info(format!("Removed what an earlier deployment had left: {kind} {name}"));
            }
            None => {}
        }
    }
    out.ok("clear what earlier deployments left")?;
    failed.map_or(Ok(()), Err)
}
