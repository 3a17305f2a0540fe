//! Deployments that get nowhere.

use super::{Queue, claim};
use crate::{
    error::{EngineError, ErrorCode},
    model::{DeploymentError, DeploymentId, Status, Step},
    store::{current_step, sql::Millis},
};
use jiff::{SignedDuration, Timestamp};

/// A deployment without a line or a change of a step for this long is stuck.
pub const STUCK_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// A deployment that was ended because it got nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// The deployment.
    pub id: DeploymentId,
    /// Its status before. One that was deploying may have a cut over on its server, which finishes or undoes itself.
    pub status: Status,
    /// The step that it was in.
    pub step: Step,
}

impl Queue {
    /// Ends all deployments as failed that had no progress for [`STUCK_AFTER`] before `now`. Whoever holds one of them
    /// loses it.
    pub async fn end_stuck(&self, now: Timestamp) -> Result<Vec<Stuck>, EngineError> {
        self.store
            .write(move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT id, status FROM deployment WHERE status IN ('building', 'deploying') AND progressed_at <= ?1",
                )?;
                let rows = statement.query_map([Millis(now - STUCK_AFTER)], |row| Ok((row.get(0)?, row.get(1)?)))?;
                let found: Vec<(DeploymentId, Status)> = rows.collect::<Result<_, _>>()?;
                let mut ended = Vec::new();
                for (id, status) in found {
                    let step = current_step(t, id)?;
                    let minutes = STUCK_AFTER.as_mins();
                    let message = format!("There was no progress for {minutes} minutes in {}.", step.title());
                    let error = DeploymentError::new(EngineError::new(ErrorCode::Stuck, message), Some(step));
                    claim::end(t, id, now, Status::Failed, Some(&error))?;
                    ended.push(Stuck { id, status, step });
                }
                Ok(ended)
            })
            .await
    }
}
