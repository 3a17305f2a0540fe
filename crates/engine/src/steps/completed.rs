//! Step 15: a look from outside, the lasting snapshot, and room made by retention. All of it comes after the commit:
//! nothing here can fail the deployment any more, but what goes wrong is said.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use slipway_remote::Cmd;

use super::{Config, Cut, PrepareStep, Release, SourceOnServer};
use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::model::{
    Lane, ReleaseRecord, Retention, Snapshot, SnapshotId, SnapshotKind, SnapshotState, Status, Step,
};
use crate::outside;
use crate::routing;
use crate::server::Lease;

/// Settles.
pub(crate) struct Completed<'a> {
    pub source: &'a SourceOnServer,
    pub config: &'a Config,
    pub release: &'a Release,
    pub cut: &'a Cut,
}

const DUMP: &str = include_str!("settle_dump.sh");
const PRUNE: &str = include_str!("prune.sh");
const HISTORY: &str = include_str!("history.sh");
/// How long a dump may take.
const DUMP_LIMIT: Duration = Duration::from_secs(4 * 3600);

impl PrepareStep for Completed<'_> {
    const STEP: Step = Step::Completed;
    const LIMIT: Duration = Duration::from_secs(5 * 3600);
    const CANCELLABLE: bool = false;
    type Output = ();

    async fn run(&self, cx: &Cx) -> Result<(), EngineError> {
        cx.claim()
            .record_release(&ReleaseRecord {
                image: self.release.image.clone(),
                image_id: Some(self.release.image_id.clone()),
                slot: self.cut.slot.to_string(),
                modules: Default::default(),
            })
            .await?;
        cx.claim().record_pause(self.cut.pause_ms).await?;
        self.soften(
            cx,
            "The site's settings could not be changed",
            routing::apply(cx, &self.config.site).await,
        );
        // Side by side, since each mostly waits; only the clean-up counts the snapshot.
        let save_and_prune = async {
            let snapshot = self.save_snapshot(cx).await;
            self.soften(cx, "The lasting snapshot could not be made; the clone is kept instead", snapshot);
            self.soften(cx, "Old releases could not be cleaned up", self.prune(cx).await);
        };
        let ((), (), written) = tokio::join!(outside::look(cx), save_and_prune, self.write_history(cx));
        self.soften(cx, "The server's own history could not be written", written);
        let host = &cx.connection().await?.host;
        self.soften(
            cx,
            "The lock could not be given back",
            Lease::release(host.as_ref(), cx.layout(), cx.deployment.id).await,
        );
        Ok(())
    }
}

impl Completed<'_> {
    fn soften(&self, cx: &Cx, what: &str, result: Result<(), EngineError>) {
        if let Err(error) = result {
            cx.warn(format!("{what}: {}", error.message));
            if let Some(detail) = error.detail {
                cx.debug(detail);
            }
        }
    }

    /// Turns the clone into a dump; in the code lane the cut over has made it already.
    async fn save_snapshot(&self, cx: &Cx) -> Result<(), EngineError> {
        if self.cut.lane == Lane::First {
            return Ok(());
        }
        let layout = cx.layout();
        let id = cx.deployment.id;
        let short = id.short();
        let retention = cx.settings.environment.retention;
        let created_at = self.cut.snapshot_at.unwrap_or_else(Timestamp::now);
        let earlier = cx.engine.store().snapshots_of(id).await?.into_iter().next();
        let snapshot = Snapshot {
            id: earlier.map_or_else(SnapshotId::new, |s| s.id),
            environment_id: cx.deployment.environment_id,
            deployment_id: id,
            created_at,
            kind: SnapshotKind::Clone,
            database_bytes: 0,
            filestore_bytes: 0,
            location: serde_json::json!({ "clone": format!("before_{short}"), "filestore": format!("before_{short}") }),
            kept_until: Some(
                created_at + SignedDuration::from_hours(24 * i64::from(retention.snapshot_days)),
            ),
            state: SnapshotState::Ready,
        };
        cx.engine.store().save_snapshot(snapshot.clone()).await?;
        cx.claim().record_snapshot(snapshot.id).await?;
        let clone = if self.cut.lane == Lane::Code { String::new() } else { format!("before_{short}") };
        let cmd = Cmd::script(DUMP, [layout.dir(), layout.slug.clone(), short.clone(), layout.db(), clone])
            .limit(DUMP_LIMIT);
        let out = cx.connection().await?.run(cmd).await?;
        if out.code != 0 {
            return Err(EngineError::new(ErrorCode::SnapshotFailed, "The dump failed.").detail(out.stderr));
        }
        let bytes =
            out.stdout.lines().find_map(|l| l.strip_prefix("dump_bytes ")?.parse::<i64>().ok()).unwrap_or(0);
        cx.info(format!("Snapshot saved: {bytes} bytes of dump, and the filestore as hard links"));
        let location = serde_json::json!({
            "dump": format!("{}/dump", layout.snapshot(id)), "filestore": format!("before_{short}")
        });
        let saved = Snapshot { kind: SnapshotKind::Dump, database_bytes: bytes, location, ..snapshot };
        cx.engine.store().save_snapshot(saved).await
    }

    async fn prune(&self, cx: &Cx) -> Result<(), EngineError> {
        let layout = cx.layout();
        let retention = cx.settings.environment.retention;
        let live = cx.deployment.id.short();
        let old = self.source.plan.live.as_ref().map(|l| l.deployment.short()).unwrap_or_default();
        let args = [
            layout.dir(),
            layout.slug.clone(),
            layout.data(),
            self.release.image.clone(),
            live,
            retention.keep_releases.to_string(),
            retention.keep_snapshots.to_string(),
            retention.snapshot_days.to_string(),
            old,
        ];
        let out =
            cx.connection().await?.run(Cmd::script(PRUNE, args).limit(Duration::from_secs(900))).await?;
        let (mut free_kb, mut forecast_kb) = (0_u64, 0_u64);
        for line in out.stdout.lines() {
            match line.split_once(' ') {
                Some(("free_kb", kb)) => free_kb = kb.trim().parse().unwrap_or(0),
                Some(("kept", kept)) => forecast_kb += forecast(kept, retention),
                Some((kind, name)) => cx.info(format!("Removed {kind} {name}")),
                None => {}
            }
        }
        cx.info(format!(
            "{} MB of disk are free; with this retention, snapshots and releases will come to about {} MB",
            free_kb / 1024,
            forecast_kb / 1024
        ));
        if forecast_kb > free_kb {
            cx.warn("The disk will be too small for what retention keeps: keep less, or get more room");
        }
        self.forget_removed(cx, &out.stdout).await?;
        out.ok("clean up")?;
        Ok(())
    }

    /// Snapshots that the clean-up removed on the server are marked here.
    async fn forget_removed(&self, cx: &Cx, said: &str) -> Result<(), EngineError> {
        let gone: Vec<&str> = said.lines().filter_map(|l| l.strip_prefix("snapshot ")).collect();
        if gone.is_empty() {
            return Ok(());
        }
        for snapshot in cx.engine.store().snapshots(cx.deployment.environment_id).await? {
            if gone.contains(&snapshot.deployment_id.short().as_str()) {
                let removed = Snapshot { state: SnapshotState::Removed, ..snapshot };
                cx.engine.store().save_snapshot(removed).await?;
            }
        }
        Ok(())
    }

    async fn write_history(&self, cx: &Cx) -> Result<(), EngineError> {
        write_history(cx, Status::Success, self.cut.lane, None).await
    }
}

/// What one kind of thing will come to once as many are kept as retention wants, in KiB, if the next ones are like those that
/// are there. `kept` is `prune.sh`'s word: kind, count, KiB.
fn forecast(kept: &str, retention: Retention) -> u64 {
    let mut words = kept.split_whitespace();
    let wanted = match words.next() {
        Some("snapshots") => u64::from(retention.keep_snapshots),
        _ => u64::from(retention.keep_releases) + 1,
    };
    let mut number = || words.next().and_then(|w| w.parse::<u64>().ok()).unwrap_or(0);
    let (count, kb) = (number(), number());
    kb.checked_div(count).map_or(0, |each| each * wanted.max(count))
}

/// Adds a line to the environment's history on the server, which every desktop of a team sees.
pub(crate) async fn write_history(
    cx: &Cx,
    status: Status,
    lane: Lane,
    error: Option<&EngineError>,
) -> Result<(), EngineError> {
    // Its commit was not known yet when it was claimed.
    let deployment = cx.engine.store().deployment(cx.deployment.id).await?;
    let line = serde_json::json!({
        "deployment": cx.deployment.id,
        "number": cx.deployment.number,
        "status": status,
        "lane": lane,
        "trigger": cx.deployment.trigger,
        "commit": deployment.commit,
        "subject": deployment.subject,
        "who": cx.deployment.who,
        "at": Timestamp::now(),
        "error": error.map(|e| e.code),
    });
    let connection = cx.connection().await?;
    let out = connection.script(HISTORY, &[&cx.layout().dir(), &line.to_string()]).await?;
    out.ok("write the history")?;
    Ok(())
}

/// Removes what a deployment left that ended before its cut over: its containers and its release. What it shares with
/// others (network, database, image stages) stays.
pub(crate) async fn clean_up(cx: &Cx) -> Result<(), EngineError> {
    let Some(connection) = cx.connected() else { return Ok(()) };
    let layout = cx.layout();
    let id = cx.deployment.id;
    let out = connection
        .script(include_str!("clean_up.sh"), &[&layout.dir(), &layout.slug, &id.short(), &layout.db()])
        .await?;
    out.ok("clean up")?;
    Lease::release(connection.host.as_ref(), layout, id).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forecast_grows_to_what_retention_keeps() {
        let retention = Retention { keep_releases: 4, keep_snapshots: 3, snapshot_days: 14 };
        assert_eq!(forecast("snapshots 1 1000", retention), 3000);
        assert_eq!(
            forecast("snapshots 6 6000", retention),
            6000,
            "more are there than will be kept at least"
        );
        assert_eq!(forecast("releases 2 100", retention), 250);
        assert_eq!(forecast("releases 0 0", retention), 0);
        assert_eq!(forecast("nonsense", retention), 0);
    }
}
