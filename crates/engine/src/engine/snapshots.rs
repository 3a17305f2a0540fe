//! Snapshots: what can be done with one by hand. Going back to one is a [rollback](Engine::rollback).

use std::path::Path;
use std::time::Duration;

use slipway_remote::Cmd;
use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::download::{self, DownloadProgress, Downloaded};
use crate::error::{EngineError, ErrorCode};
use crate::model::{Snapshot, SnapshotId, SnapshotKind, SnapshotState, Status};
use crate::server::{Connection, Layout};
use crate::store::DeploymentFilter;

const SCRIPT: &str = include_str!("../server/remove_snapshot.sh");
const LIMIT: Duration = Duration::from_secs(300);
/// The script's word for "there is no image to do it with".
const NO_IMAGE: i32 = 10;

impl Engine {
    /// Removes a snapshot from its server. The caller has asked the user: nothing brings it back.
    ///
    /// # Errors
    /// `conflict` while a deployment of its environment is under way; those of connecting.
    pub async fn remove_snapshot(&self, id: SnapshotId) -> Result<(), EngineError> {
        let snapshot = self.store().snapshot(id).await?;
        if snapshot.state == SnapshotState::Removed {
            return Ok(());
        }
        if snapshot.kind != SnapshotKind::Dump {
            return Err(EngineError::new(
                ErrorCode::Conflict,
                "This snapshot is still a clone beside the live database.",
            )
            .hint("The next deployment's clean-up removes it."));
        }
        self.check_idle(&snapshot).await?;
        let view = self.environment_by_id(snapshot.environment_id).await?;
        let server = view.freeze()?.server;
        let (connection, facts) = Connection::open(self, &server, &view.slug).await?;
        let layout = Layout::new(facts.root, view.slug.clone());
        let short = snapshot.deployment_id.short();
        let args = [layout.dir(), view.slug.clone(), layout.data(), short];
        let done = connection.run(Cmd::script(SCRIPT, args).limit(LIMIT)).await;
        connection.host.close().await;
        let done = done?;
        if done.code == NO_IMAGE {
            return Err(EngineError::new(
                ErrorCode::ServerUnusable,
                "Nothing of this environment is on its server any more.",
            )
            .hint("Destroy the environment to remove what is left of it."));
        }
        done.ok("remove the snapshot")?;
        self.store().save_snapshot(Snapshot { state: SnapshotState::Removed, ..snapshot }).await
    }

    /// How a downloaded snapshot is called: environment and moment.
    ///
    /// # Errors
    /// `not_found` for one that isn't known.
    pub async fn name_of_download(&self, id: SnapshotId) -> Result<String, EngineError> {
        let snapshot = self.store().snapshot(id).await?;
        let view = self.environment_by_id(snapshot.environment_id).await?;
        Ok(format!("{}-{}.zip", view.slug, snapshot.created_at.strftime("%Y-%m-%d-%H%M%S")))
    }

    /// Brings a snapshot to this computer: into the file `to`, or into the folder `to` under
    /// [its name](Engine::name_of_download). It is a zip that Odoo's own database manager restores, and has its name only when
    /// it is whole. `say` gets how far it has come.
    ///
    /// # Errors
    /// `conflict` when there is such a file, or the snapshot isn't lasting; those of connecting; `cancelled`.
    pub async fn download_snapshot(
        &self,
        id: SnapshotId,
        to: &Path,
        mut say: impl FnMut(DownloadProgress) + Send,
        cancel: &CancellationToken,
    ) -> Result<Downloaded, EngineError> {
        let snapshot = self.store().snapshot(id).await?;
        if !snapshot.is_lasting() {
            return Err(EngineError::new(ErrorCode::Conflict, "This snapshot has no finished dump.")
                .hint("Wait for the end of its deployment, or take another snapshot."));
        }
        let to = if to.is_dir() { to.join(self.name_of_download(id).await?) } else { to.to_owned() };
        let view = self.environment_by_id(snapshot.environment_id).await?;
        let settings = view.freeze()?;
        let series = crate::source::series(&settings)?;
        let open = Connection::open(self, &settings.server, &view.slug);
        let (connection, facts) = unless_cancelled(cancel, open).await?;
        let layout = Layout::new(facts.root, view.slug.clone());
        // Dropped, it ends what runs on the server and leaves no file.
        let fetch = download::fetch(&connection, &layout, &snapshot, series, &to, &mut say);
        let done = unless_cancelled(cancel, fetch).await;
        connection.host.close().await;
        done
    }

    /// A deployment under way may be about to restore it.
    async fn check_idle(&self, snapshot: &Snapshot) -> Result<(), EngineError> {
        let filter = DeploymentFilter {
            environment_id: Some(snapshot.environment_id),
            statuses: vec![Status::Queued, Status::Building, Status::Deploying],
            limit: Some(1),
            ..DeploymentFilter::default()
        };
        if self.store().deployments(filter).await?.items.is_empty() {
            return Ok(());
        }
        Err(EngineError::new(ErrorCode::Conflict, "A deployment of this environment is under way.")
            .hint("Wait for its end or cancel it, then try again."))
    }
}

async fn unless_cancelled<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(EngineError::new(ErrorCode::Cancelled, "It was cancelled.")),
        done = work => done,
    }
}
