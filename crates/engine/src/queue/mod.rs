//! The queue: which deployment is carried out next, and by which process.
//!
//! The queue is the table of deployments. Deployments of one environment run strictly one after another, in the order
//! of their numbers; those of different environments side by side, up to a limit for each server. A process that carries
//! one out holds a [`Claim`] and keeps it by a heartbeat; when the process dies, another takes the deployment over and goes
//! on from the steps that are finished.
//!
//! **Invariant:** two processes never hold one deployment. A claim is taken under the store's write lock, gets a new name
//! each time, and everything that its holder writes is bound to that name.

mod cancel;
mod claim;
mod process;
mod stuck;
mod take;

pub use cancel::Cancelled;
pub use claim::Claim;
pub use stuck::{STUCK_AFTER, Stuck};
pub use take::Want;

use crate::{
    error::{EngineError, ErrorCode},
    model::{self, DeployOptions, DeploymentId, Owner, Trigger},
    redact::Redactor,
    store::{NewDeployment, Store, deployment_in, insert_deployment},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How many deployments of a server run side by side, unless told otherwise.
pub const PER_SERVER: u32 = 2;

/// A claim whose holder said nothing for this long is taken over.
pub const CLAIM_LIMIT: Duration = Duration::from_secs(15);

/// How often a holder says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// How often somebody who waits for a deployment looks again although nothing in the store changed: holders that die change
/// nothing.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long at least between two looks: a running deployment changes the store many times a second.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Whether anything waits or is under way.
const IS_ANY: &str =
    "SELECT EXISTS (SELECT 1 FROM deployment WHERE status IN ('queued', 'building', 'deploying'))";

/// The queue of a store, as one process sees it. Clones are the same.
#[derive(Clone, Debug)]
pub struct Queue {
    store: Store,
    owner: Arc<Owner>,
    per_server: u32,
}

/// What became of the wish for a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The deployment.
    pub id: DeploymentId,
    /// Whether it is new; otherwise the same wish was made before.
    pub is_new: bool,
}

impl Queue {
    /// The queue of a store.
    pub fn new(store: Store) -> Self {
        Self { store, owner: Arc::new(process::this()), per_server: PER_SERVER }
    }

    /// Lets this many deployments of a server run side by side.
    #[must_use]
    pub fn per_server(self, per_server: u32) -> Self {
        Self { per_server: per_server.max(1), ..self }
    }

    /// Adds a deployment. It runs with the settings as they are now.
    ///
    /// # Errors
    /// [`ErrorCode::NoServer`] when the environment has none.
    pub async fn enqueue(&self, new: NewDeployment) -> Result<Enqueued, EngineError> {
        let now = model::now();
        let (id, is_new) = self.store.write(move |t| insert_deployment(t, &new, now)).await?;
        Ok(Enqueued { id, is_new })
    }

    /// Adds a deployment of the same commits, and of the same data if it was to restore some, as one that has ended.
    ///
    /// # Errors
    /// [`ErrorCode::IllegalTransition`] while the one to retry hasn't ended; [`ErrorCode::Conflict`] for a rollback, since nobody
    /// has seen what would be lost by it now.
    pub async fn retry(
        &self,
        id: DeploymentId,
        who: &str,
        idempotency_key: Option<String>,
    ) -> Result<Enqueued, EngineError> {
        let (who, now) = (who.to_owned(), model::now());
        let (id, is_new) = self
            .store
            .write(move |t| {
                let earlier = deployment_in(t, id)?;
                if !earlier.status.is_finished() {
                    let message = format!("Deployment {} has not ended yet.", earlier.number);
                    return Err(EngineError::new(ErrorCode::IllegalTransition, message)
                        .hint("Wait for its end or cancel it, then retry."));
                }
                if earlier.rollback_of.is_some() {
                    let message = format!(
                        "Deployment {} was a rollback: what it takes away isn't what it was then.",
                        earlier.number
                    );
                    return Err(EngineError::new(ErrorCode::Conflict, message)
                        .hint("Roll back once more instead: that says first what would be lost."));
                }
                let new = NewDeployment {
                    git_ref: earlier.git_ref,
                    commits: match earlier.settings.options.live_commits {
                        // Others may be live by now.
                        true => BTreeMap::new(),
                        false => earlier.commits,
                    },
                    retry_of: Some(id),
                    options: DeployOptions {
                        wait: false,
                        take_over: false,
                        back: false,
                        ..earlier.settings.options
                    },
                    idempotency_key,
                    ..NewDeployment::new(earlier.environment_id, Trigger::Retry, who)
                };
                insert_deployment(t, &new, now)
            })
            .await?;
        Ok(Enqueued { id, is_new })
    }

    /// Whether nothing waits and nothing is under way.
    pub async fn is_idle(&self) -> Result<bool, EngineError> {
        self.store.read(|c| Ok(!c.prepare_cached(IS_ANY)?.query_row([], |row| row.get::<_, bool>(0))?)).await
    }

    /// Waits until a deployment can be claimed, and claims it. `None`: `stop` came first, or the one wanted has ended.
    pub async fn next(
        &self,
        want: Want,
        redactor: &Redactor,
        stop: &CancellationToken,
    ) -> Result<Option<Claim>, EngineError> {
        let mut changes = self.store.changes();
        loop {
            changes.mark();
            if let Some(claim) = self.claim(want, redactor).await? {
                return Ok(Some(claim));
            }
            if let Want::Deployment(id) = want
                && self.store.deployment(id).await?.status.is_finished()
            {
                return Ok(None);
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                () = changes.changed() => tokio::time::sleep(BETWEEN_LOOKS).await,
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
