//! Going back to an earlier deployment.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::deployments::who;
use super::{Engine, EnvironmentView};
use crate::error::{EngineError, ErrorCode};
use crate::model::{
    DeployOptions, Deployment, DeploymentId, Restore, Snapshot, SnapshotKind, SnapshotState, Status, Trigger,
};
use crate::rollback::{Loss, losses};
use crate::server::{Connection, Layout};
use crate::store::NewDeployment;

/// What a rollback would do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct RollbackPreview {
    /// The deployment to go back to.
    pub to: DeploymentId,
    /// Its commit.
    pub commit: String,
    /// The first line of its message.
    pub subject: Option<String>,
    /// The moment whose data would come back; nothing when only the code goes back.
    pub data_from: Option<Timestamp>,
    /// What was made or changed since then.
    pub losses: Vec<Loss>,
}

impl Engine {
    /// Says what going back to `target` would do; with `data`, what would be lost.
    ///
    /// # Errors
    /// When that deployment can't be gone back to: it never served, or there is no snapshot of its data any more.
    pub async fn preview_rollback(
        &self,
        view: &EnvironmentView,
        target: &Deployment,
        data: bool,
    ) -> Result<RollbackPreview, EngineError> {
        check(view, target)?;
        let mut preview = RollbackPreview {
            to: target.id,
            commit: target.commit.clone().unwrap_or_default(),
            subject: target.subject.clone(),
            data_from: None,
            losses: vec![],
        };
        if data {
            let snapshot = self.snapshot_of_end(view, target).await?;
            let server = &view.freeze()?.server;
            let (connection, facts) = Connection::open(self, server, &view.slug).await?;
            preview.losses =
                losses(&connection, &Layout::new(facts.root, view.slug.clone()), snapshot.created_at).await?;
            preview.data_from = Some(snapshot.created_at);
            connection.host.close().await;
        }
        Ok(preview)
    }

    /// Queues a rollback to `target`. The caller has shown the user what would be lost. Asked twice with the same `key`,
    /// there is one.
    ///
    /// # Errors
    /// As for [`Engine::preview_rollback`].
    pub async fn rollback(
        &self,
        view: &EnvironmentView,
        target: &Deployment,
        data: bool,
        options: DeployOptions,
        key: Option<String>,
    ) -> Result<Deployment, EngineError> {
        check(view, target)?;
        let restore = match data {
            false => None,
            true => Some(Restore { snapshot_id: self.snapshot_of_end(view, target).await?.id }),
        };
        let new = NewDeployment {
            git_ref: target.git_ref.clone(),
            commits: target.commits.clone(),
            rollback_of: Some(target.id),
            restore,
            options,
            idempotency_key: key,
            ..NewDeployment::new(view.environment.id, Trigger::Rollback, who())
        };
        let queued = self.queue().enqueue(new).await?;
        self.store().deployment(queued.id).await
    }

    /// The data as `target` left it: the snapshot taken by the first deployment after it that took its place.
    async fn snapshot_of_end(
        &self,
        view: &EnvironmentView,
        target: &Deployment,
    ) -> Result<Snapshot, EngineError> {
        let mut snapshots = self.store().snapshots(view.environment.id).await?;
        snapshots.retain(|s| s.deployment_id > target.id);
        snapshots.sort_by_key(|s| s.deployment_id);
        match snapshots.into_iter().next() {
            Some(snapshot)
                if snapshot.state == SnapshotState::Ready && snapshot.kind == SnapshotKind::Dump =>
            {
                Ok(snapshot)
            }
            // A later one would bring another release's data to this one's code.
            Some(snapshot) if snapshot.state == SnapshotState::Ready => Err(EngineError::new(
                ErrorCode::NotFound,
                "The snapshot of that deployment's data was never finished.",
            )
            .hint("Go back with the code only, without --data.")),
            Some(_) => {
                Err(EngineError::new(ErrorCode::NotFound, "The snapshot of that deployment's data is gone.")
                    .hint("Retention removed it. Go back with the code only, without --data."))
            }
            None => Err(EngineError::new(
                ErrorCode::NotFound,
                "That deployment still serves: there is nothing to go back to.",
            )
            .hint("`slipway history` shows the earlier ones.")),
        }
    }
}

fn check(view: &EnvironmentView, target: &Deployment) -> Result<(), EngineError> {
    if target.environment_id != view.environment.id {
        return Err(EngineError::bad_input(format!("That deployment is not one of {}.", view.name())));
    }
    if target.status != Status::Success {
        return Err(EngineError::bad_input(format!(
            "That deployment ended as {}: it never served.",
            target.status
        ))
        .hint("`slipway history` shows which ones succeeded."));
    }
    Ok(())
}
