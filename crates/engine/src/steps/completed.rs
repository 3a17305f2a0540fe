//! Step 15: a look from outside, the lasting snapshot, and room made by retention. All of it comes after the commit:
//! nothing here can fail the deployment any more, but what goes wrong is said.

use std::time::Duration;

use slipway_remote::Cmd;
use tokio::sync::watch;

use super::{Config, Cut, PrepareStep, Release, SourceOnServer, database, leftovers, snapshot};
use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::history::{HistoryEntry, Verdict};
use crate::model::{DeploymentError, ReleaseRecord, Retention, Snapshot, SnapshotState, Status, Step, now};
use crate::outside::{self, Served};
use crate::routing;
use crate::server::{CADDY, Lease};

/// Settles.
pub(crate) struct Completed<'a> {
    pub source: &'a SourceOnServer,
    pub config: &'a Config,
    pub release: &'a Release,
    pub cut: &'a Cut,
    /// Whether the cut over has ended, which waits for what served before to stop.
    pub ended: watch::Receiver<bool>,
}

const PRUNE: &str = concat!(include_str!("../server/prune_dependencies.sh"), include_str!("prune.sh"));

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
        // A desktop that comes back late must not undo what another one has done since.
        let asked = self.is_still_live(cx).await;
        let is_live = matches!(asked, Ok(true));
        match asked {
            Ok(true) => {
                let applied = routing::apply(cx, &self.config.site).await;
                self.soften(cx, "The site's settings could not be changed", applied);
            }
            Ok(false) => cx.warn(
                "Another deployment has come since: the site's settings and the clean-up of old releases are left to it",
            ),
            Err(error) => self.soften(
                cx,
                "It is not known whether another deployment has come since, so the site's settings were not changed and old \
                 releases not cleaned up. Deploy again to have both",
                Err(error),
            ),
        }
        // Side by side, since each mostly waits; only the clean-up counts the snapshot.
        let save = async {
            let saved = snapshot::save(cx, self.cut).await;
            self.soften(cx, "The lasting snapshot could not be made", saved);
            let earlier = snapshot::catch_up(cx).await;
            self.soften(cx, "An earlier deployment's snapshot could still not be made lasting", earlier);
            if is_live {
                self.soften(cx, "The database keeps its former limits", database::resize(cx).await);
                let cleared = leftovers::clear(cx).await;
                self.soften(cx, "What earlier deployments had left could not all be removed", cleared);
                self.soften(cx, "Old releases could not be cleaned up", self.prune(cx).await);
            }
        };
        let look = async {
            let asked = self.ask_through_the_proxy(cx).await;
            self.soften(cx, "The proxy could not be asked for what changed", asked);
            let served = self.served(cx).await.unwrap_or_default();
            outside::look(cx, &served).await;
        };
        tokio::join!(look, Box::pin(save));
        if self.ended.clone().wait_for(|ended| *ended).await.is_err() {
            // The history and the lock wait for whoever finds out.
            return Err(EngineError::new(ErrorCode::OutcomeUnknown, "How the cut over ended is not known."));
        }
        let host = &cx.connection().await?.host;
        let (written, released) = tokio::join!(
            write_history(cx, Status::Success, None),
            Lease::release(host.as_ref(), cx.layout(), cx.deployment.id),
        );
        self.soften(cx, "The server's own history could not be written", written);
        self.soften(cx, "The lock could not be given back", released);
        Ok(())
    }
}

impl Completed<'_> {
    fn soften(&self, cx: &Cx, what: &str, result: Result<(), EngineError>) {
        if let Err(error) = result {
            cx.warn(format!("{what}: {}", error.message));
            for line in error.detail.iter().flat_map(|detail| detail.lines()) {
                cx.debug(line);
            }
        }
    }

    /// Whether nobody else deploys this environment, or has since: the lock is ours, and this is what was committed last.
    async fn is_still_live(&self, cx: &Cx) -> Result<bool, EngineError> {
        let host = &cx.connection().await?.host;
        let deployment = &cx.deployment;
        match Lease::acquire(host.as_ref(), cx.layout(), deployment.id, &deployment.who, false).await {
            Ok(()) => cx.note_lease(),
            Err(error) if error.code == ErrorCode::LockHeld => return Ok(false),
            Err(error) => return Err(error),
        }
        let others = cx.learn_again().await?;
        // In the code lane this runs beside the end of the cut over, whose journal has no end until then.
        Ok(others.is_last_committed(deployment.id) || others.unfinished.contains(&deployment.id.short()))
    }

    /// What the cut over's check asked the new release for and found right.
    async fn served(&self, cx: &Cx) -> Result<Vec<Served>, EngineError> {
        const READ: &str = "sed -n 's/^served.//p' \"$1/served.said\" 2>/dev/null || :";
        let folder = format!("{}/cutovers/{}", cx.layout().dir(), cx.deployment.id.short());
        Ok(Served::read(&cx.connection().await?.script(READ, &[&folder]).await?.stdout))
    }

    /// Compares what the proxy gives with what the check found right. Nothing can be undone any more: a difference is told.
    async fn ask_through_the_proxy(&self, cx: &Cx) -> Result<(), EngineError> {
        let folder = format!("{}/cutovers/{}", cx.layout().dir(), cx.deployment.id.short());
        let slot = self.cut.slot.to_string();
        let args = [folder.as_str(), &self.config.site.domain, &slot, CADDY];
        let out = cx.connection().await?.script(include_str!("served_through_proxy.sh"), &args).await?;
        let others: Vec<&str> = out.stdout.lines().filter_map(|line| line.strip_prefix("other ")).collect();
        for address in &others {
            cx.warn(format!(
                "VISITORS DO NOT GET WHAT WAS DEPLOYED: through the proxy, {address} has another content than the new \
                 release itself gave. Redeploy, and look at the proxy's log"
            ));
        }
        let same = out.stdout.lines().filter(|line| line.starts_with("same ")).count();
        if same > 0 && others.is_empty() {
            cx.info(format!("The proxy gives what was deployed: {same} addresses compared"));
        }
        Ok(())
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

/// Adds a line to the environment's history on the server, from which every desktop of a team learns.
pub(crate) async fn write_history(
    cx: &Cx,
    status: Status,
    error: Option<&DeploymentError>,
) -> Result<(), EngineError> {
    // Its commit was not known yet when it was claimed.
    let deployment = cx.engine.store().deployment(cx.deployment.id).await?;
    let snapshot = cx.engine.store().snapshots_of(deployment.id).await?.into_iter().next();
    let verdict = Verdict {
        status,
        error: error.cloned(),
        at: now(),
        pause_ms: deployment.pause_ms,
        snapshot,
        source: "",
    };
    let number = cx.engine.store().release_number(deployment.id).await?;
    let entry = HistoryEntry::of(&deployment, &verdict, number, cx.engine.redactor());
    entry.write(cx.connection().await?, cx.layout()).await
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

    /// A server's folder, and a `docker` that knows the images in a file: label `slipway.deps` and name.
    #[test]
    fn dependencies_go_with_the_last_release_that_stands_on_them() {
        use std::fs::{self, Permissions};
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let docker = r#"#!/bin/sh
case $1 in
  images) case "$*" in
    *label=slipway.deps=slipway/deps:built*) echo 0123456789ab ;;
    *label=slipway.deps=*) ;;
    *role=stage*slipway/deps) printf '%s\n' slipway/deps:built slipway/deps:planned slipway/deps:unused 'slipway/deps:<none>' ;;
  esac ;;
  rmi) echo "$2" >>"$ROOT/removed" ;;
esac
"#;
        fs::write(root.join("docker"), docker).unwrap();
        fs::set_permissions(root.join("docker"), Permissions::from_mode(0o755)).unwrap();
        // Of another environment, whose release is still to be built.
        let release = root.join("other/releases/0123456789ab");
        fs::create_dir_all(&release).unwrap();
        fs::write(release.join("release.json"), r#"{"dependencies":"slipway/deps:planned"}"#).unwrap();
        // Of ours, one more than is kept.
        for release in ["aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc"] {
            fs::create_dir_all(root.join("acme/releases").join(release)).unwrap();
        }
        let path = format!("{}:{}", root.display(), std::env::var("PATH").unwrap());
        let said = std::process::Command::new("sh")
            .args([
                "-c",
                PRUNE,
                "prune.sh",
                &format!("{}/acme", root.display()),
                "acme",
                "v",
                "i",
                "0123456789ab",
            ])
            .args(["1", "1", "1"])
            .env("PATH", path)
            .env("ROOT", root)
            .output()
            .unwrap();
        assert!(said.status.success(), "{said:?}");
        let removed = fs::read_to_string(root.join("removed")).unwrap();
        let dependencies: Vec<&str> =
            removed.lines().filter(|name| name.starts_with("slipway/deps")).collect();
        assert_eq!(dependencies, ["slipway/deps:unused"], "{removed}");
        assert!(String::from_utf8_lossy(&said.stdout).contains("image slipway/deps:unused"));
    }
}
