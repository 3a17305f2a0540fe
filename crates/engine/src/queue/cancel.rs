//! Asking for a deployment's end.

use super::{Queue, claim};
use crate::{
    error::EngineError,
    events::EventKind,
    model::{self, DeploymentId, Level, Status},
    store::{current_step, deployment_in, record, sql::Millis},
};
use serde::Serialize;

/// What asking to cancel a deployment did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "cancelled", rename_all = "snake_case")]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum Cancelled {
    /// It was waiting, and is cancelled.
    AtOnce,
    /// It is under way: whoever carries it out ends it where that is safe.
    Requested,
    /// It is under way and its cut over is committed: it will be carried to its end.
    TooLate,
    /// It had ended before, as this.
    Ended {
        /// How.
        status: Status,
    },
}

impl Queue {
    /// Asks for a deployment's end. One that waits is cancelled at once; one that is under way is only marked, since only
    /// whoever carries it out knows where it can be ended safely.
    pub async fn cancel(&self, id: DeploymentId, who: &str) -> Result<Cancelled, EngineError> {
        let who = who.to_owned();
        self.store
            .write(move |t| {
                let now = model::now();
                let deployment = deployment_in(t, id)?;
                if deployment.status.is_finished() {
                    return Ok(Cancelled::Ended { status: deployment.status });
                }
                if !deployment.status.is_active() {
                    claim::end(t, id, now, Status::Cancelled, None)?;
                    return Ok(Cancelled::AtOnce);
                }
                let sql = "UPDATE deployment SET cancel_requested_at = ?2 WHERE id = ?1 AND cancel_requested_at IS NULL";
                if t.prepare_cached(sql)?.execute((id, Millis(now)))? > 0 {
                    let text = format!("{who} asked to cancel");
                    let step = current_step(t, id)?;
                    record(t, id, now, &EventKind::Line { step, level: Level::Info, text })?;
                }
                Ok(if deployment.point_of_no_return { Cancelled::TooLate } else { Cancelled::Requested })
            })
            .await
    }
}
