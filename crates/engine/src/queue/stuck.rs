//! Deployments that get nowhere.

use super::{CLAIM_LIMIT, Queue, claim};
use crate::{
    error::{EngineError, ErrorCode},
    model::{DeploymentError, DeploymentId, Status, Step},
    store::{current_step, sql::Millis},
};
use jiff::{SignedDuration, Timestamp};

/// A deployment that prepares without a line or a change of a step for this long is stuck.
pub const STUCK_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// A deployment that was ended because it got nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// The deployment.
    pub id: DeploymentId,
    /// The step that it was in.
    pub step: Step,
}

impl Queue {
    /// Ends all deployments as failed that had no progress for [`STUCK_AFTER`] before `now` although somebody works on them.
    /// Whoever holds one of them loses it.
    ///
    /// One whose holder is gone isn't stuck but interrupted, however long ago: it is taken over. And one that is deploying has
    /// a cut over on its server, where every action has a limit of its own: only its journal knows how it ends.
    pub async fn end_stuck(&self, now: Timestamp) -> Result<Vec<Stuck>, EngineError> {
        self.store
            .write(move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT id FROM deployment
                        WHERE status = 'building' AND progressed_at <= ?1 AND abs(?2 - heartbeat_at) <= ?3",
                )?;
                let limit_ms = i64::try_from(CLAIM_LIMIT.as_millis()).unwrap_or(i64::MAX);
                let rows = statement
                    .query_map((Millis(now - STUCK_AFTER), Millis(now), limit_ms), |row| row.get(0))?;
                let found: Vec<DeploymentId> = rows.collect::<Result<_, _>>()?;
                let mut ended = Vec::new();
                for id in found {
                    let step = current_step(t, id)?;
                    let minutes = STUCK_AFTER.as_mins();
                    let message = format!("There was no progress for {minutes} minutes in {}.", step.title());
                    let error = DeploymentError::new(EngineError::new(ErrorCode::Stuck, message), Some(step));
                    claim::end(t, id, now, Status::Failed, Some(&error))?;
                    ended.push(Stuck { id, step });
                }
                Ok(ended)
            })
            .await
    }
}
