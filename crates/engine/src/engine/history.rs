//! What happened to an environment: here, and as its server tells it.

use super::{Engine, EnvironmentView};
use crate::error::EngineError;
use crate::history::{self, Learnt};
use crate::model::{DeploymentSummary, EnvironmentId, Snapshot, SnapshotState};
use crate::server::{Connection, Facts, Layout};
use crate::store::DeploymentFilter;

impl Engine {
    /// The newest deployments of an environment.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn history(
        &self,
        id: EnvironmentId,
        limit: u32,
    ) -> Result<Vec<DeploymentSummary>, EngineError> {
        let filter =
            DeploymentFilter { environment_id: Some(id), limit: Some(limit), ..DeploymentFilter::default() };
        Ok(self.store().deployments(filter).await?.items)
    }

    /// Asks the server what happened to an environment: learns of deployments that other desktops carried out, and how those
    /// ended whose end is not known here. Changes nothing of what runs there.
    ///
    /// # Errors
    /// When the environment has no server, or that can't be reached.
    pub async fn refresh(&self, view: &EnvironmentView) -> Result<Learnt, EngineError> {
        let (connection, facts) = Connection::open(self, &view.freeze()?.server, &view.slug).await?;
        let learnt = self.learn(view, &connection, &facts, true).await;
        connection.host.close().await;
        learnt
    }

    /// The same by the way, by whoever has connected for something else.
    pub(super) async fn learn_by_the_way(
        &self,
        view: &EnvironmentView,
        connection: &Connection,
        facts: &Facts,
    ) {
        if let Err(error) = self.learn(view, connection, facts, false).await {
            tracing::warn!(%error, "the server's own history could not be read");
        }
    }

    async fn learn(
        &self,
        view: &EnvironmentView,
        connection: &Connection,
        facts: &Facts,
        whole: bool,
    ) -> Result<Learnt, EngineError> {
        let layout = Layout::new(facts.root.clone(), view.slug.clone());
        history::learn(self, view.environment.id, connection, facts, &layout, whole).await
    }

    /// The snapshots of an environment that can still be used, newest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn snapshots(&self, id: EnvironmentId) -> Result<Vec<Snapshot>, EngineError> {
        let mut snapshots = self.store().snapshots(id).await?;
        snapshots.retain(|s| s.state != SnapshotState::Removed);
        Ok(snapshots)
    }
}
