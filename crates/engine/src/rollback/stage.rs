//! Bringing a snapshot back beside what is live: a database and a filestore under staging names, made in prepare, while
//! everybody goes on working. The cut over then only renames.

use std::time::Duration;

use slipway_remote::Cmd;

use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::model::{Restore, SnapshotState};

const SCRIPT: &str = concat!(include_str!("../cutover/script/database.sh"), include_str!("stage.sh"));
const LIMIT: Duration = Duration::from_secs(4 * 3600);

/// Makes them, or finds them made.
///
/// # Errors
/// `restore_failed`; nothing live was touched.
pub(crate) async fn stage(cx: &Cx, restore: &Restore) -> Result<(), EngineError> {
    let snapshot = cx.engine.store().snapshot(restore.snapshot_id).await?;
    if snapshot.state != SnapshotState::Ready {
        return Err(EngineError::new(ErrorCode::RestoreFailed, "The snapshot is not there any more."));
    }
    let layout = cx.layout();
    let from = snapshot.deployment_id;
    cx.info(format!("Bringing back the data of {} beside what is live", snapshot.created_at));
    let args = [
        layout.db(),
        format!("restore_{}", cx.deployment.id.short()),
        format!("{}/dump", layout.snapshot(from)),
        layout.data(),
        format!("before_{}", from.short()),
        layout.database(),
        format!("{}/filestore.list", layout.snapshot(from)),
    ];
    let mut say = |line: slipway_remote::Line<'_>| {
        let (slipway_remote::Line::Out(text) | slipway_remote::Line::Err(text)) = line;
        if let Some(warning) = text.strip_prefix("slipway-warns ") {
            cx.warn(warning);
        } else if let Some(told) = text.strip_prefix("slipway-says ") {
            cx.info(told);
        } else {
            cx.debug(text);
        }
    };
    let connection = cx.connection().await?;
    let out = connection.stream(Cmd::script(SCRIPT, args).limit(LIMIT), &mut say, &cx.cancel).await?;
    if out.code != 0 {
        return Err(EngineError::new(ErrorCode::RestoreFailed, "The snapshot could not be brought back.")
            .hint("Nothing live was touched. Check the room on the server's disk.")
            .detail(out.stderr));
    }
    cx.info("The data stands ready");
    Ok(())
}
