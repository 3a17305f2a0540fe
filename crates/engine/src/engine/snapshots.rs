//! Snapshots: what can be done with one by hand. Going back to one is a [rollback](Engine::rollback).

use std::time::Duration;

use slipway_remote::Cmd;

use super::Engine;
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
