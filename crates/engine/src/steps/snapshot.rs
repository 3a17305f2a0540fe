//! The lasting snapshot: a dump made from the clone, and a list of the files that go with it. Made in settle, so nobody waits
//! for it; what could not be made is tried again when the next deployment settles.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use slipway_remote::{Cmd, Output};

use super::Cut;
use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::model::{Lane, Snapshot, SnapshotId, SnapshotKind, SnapshotState};

const DUMP: &str = include_str!("settle_dump.sh");
/// How long a dump may take.
const LIMIT: Duration = Duration::from_secs(4 * 3600);
/// `settle_dump.sh`'s words for what went wrong.
const NO_FOLDER: i32 = 3;
const NO_CLONE: i32 = 7;
const NO_LIST: i32 = 11;
const NO_ANSWER: i32 = 12;

/// Makes this deployment's snapshot last: turns the clone into a dump, unless the cut over has made it already, as in the code
/// lane. A first deployment has nothing to save.
pub(super) async fn save(cx: &Cx, cut: &Cut) -> Result<(), EngineError> {
    if cut.lane == Lane::First {
        return Ok(());
    }
    let id = cx.deployment.id;
    let files = format!("before_{}", id.short());
    let retention = cx.settings.environment.retention;
    let created_at = cut.snapshot_at.unwrap_or_else(Timestamp::now);
    let earlier = cx.engine.store().snapshots_of(id).await?.into_iter().next();
    let snapshot = Snapshot {
        id: earlier.map_or_else(SnapshotId::new, |s| s.id),
        environment_id: cx.deployment.environment_id,
        deployment_id: id,
        created_at,
        kind: SnapshotKind::Clone,
        database_bytes: 0,
        filestore_bytes: 0,
        location: serde_json::json!({ "clone": &files, "filestore": &files }),
        kept_until: Some(created_at + SignedDuration::from_hours(24 * i64::from(retention.snapshot_days))),
        state: SnapshotState::Ready,
    };
    cx.engine.store().save_snapshot(snapshot.clone()).await?;
    cx.claim().record_snapshot(snapshot.id).await?;
    let saved = make_last(cx, snapshot, cut.lane != Lane::Code).await?;
    cx.info(format!(
        "Snapshot saved: {} bytes of dump, and {} bytes of files as hard links",
        saved.database_bytes, saved.filestore_bytes
    ));
    Ok(())
}

/// Makes those snapshots last that earlier deployments could not: their disk was full, or nobody was there to settle.
pub(super) async fn catch_up(cx: &Cx) -> Result<(), EngineError> {
    let snapshots = cx.engine.store().snapshots(cx.deployment.environment_id).await?;
    let open = |s: &Snapshot| s.state == SnapshotState::Ready && s.kind == SnapshotKind::Clone;
    for snapshot in snapshots.into_iter().filter(|s| open(s) && s.deployment_id != cx.deployment.id) {
        let short = snapshot.deployment_id.short();
        make_last(cx, snapshot, true).await?;
        cx.info(format!("The snapshot of deployment {short} is saved now, too"));
    }
    Ok(())
}

/// Turns a clone into a dump, and records it. One whose clone is gone is recorded as failed.
async fn make_last(cx: &Cx, snapshot: Snapshot, has_clone: bool) -> Result<Snapshot, EngineError> {
    let layout = cx.layout();
    let id = snapshot.deployment_id;
    let files = format!("before_{}", id.short());
    let said = dump(cx, &id.short(), has_clone).await?;
    if said.code == NO_CLONE {
        let failed = Snapshot { state: SnapshotState::Failed, ..snapshot.clone() };
        cx.engine.store().save_snapshot(failed).await?;
    }
    let said = written(said)?;
    let number = |key: &str| {
        let said = said.stdout.lines().filter_map(|line| line.split_once(' ')).find(|(k, _)| *k == key);
        said.and_then(|(_, n)| n.parse::<i64>().ok()).unwrap_or(0)
    };
    let saved = Snapshot {
        kind: SnapshotKind::Dump,
        database_bytes: number("dump_bytes"),
        filestore_bytes: number("file_bytes"),
        location: serde_json::json!({
            "dump": format!("{}/dump", layout.snapshot(id)),
            "filestore": files,
            "list": format!("{}/filestore.list", layout.snapshot(id)),
        }),
        ..snapshot
    };
    cx.engine.store().save_snapshot(saved.clone()).await?;
    Ok(saved)
}

/// Turns the clone that a deployment left, if it left one, into a dump in the folder of its snapshot.
async fn dump(cx: &Cx, short: &str, has_clone: bool) -> Result<Output, EngineError> {
    let layout = cx.layout();
    let args = [
        layout.dir(),
        layout.slug.clone(),
        short.to_owned(),
        layout.db(),
        layout.web(cx.deployment.id),
        if has_clone { format!("before_{short}") } else { String::new() },
    ];
    cx.connection().await?.run(Cmd::script(DUMP, args).limit(LIMIT)).await
}

fn written(said: Output) -> Result<Output, EngineError> {
    let message = match said.code {
        0 => return Ok(said),
        NO_FOLDER => "its folder could not be made.",
        NO_CLONE => "its clone of the database is gone.",
        NO_LIST => "its files could not be listed.",
        NO_ANSWER => "the database server could not be asked. The next deployment tries again.",
        _ => "the dump could not be written. The clone of the database is kept; is the disk full?",
    };
    Err(EngineError::new(ErrorCode::SnapshotFailed, message).detail(said.stderr))
}

/// Makes a snapshot of the clone of a deployment that nobody here knows of.
pub(super) async fn save_for_another(cx: &Cx, short: &str) -> Result<(), EngineError> {
    written(dump(cx, short, true).await?)?;
    Ok(())
}
