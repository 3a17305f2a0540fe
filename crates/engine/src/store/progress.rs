//! A deployment as a screen shows it: all that is known at one moment, and the place to follow it on from.

use super::{Store, deployments, events, lines, steps};
use crate::{
    error::EngineError,
    model::{Deployment, DeploymentId, EnvironmentId, Lane, StepRecord},
    store::LineCount,
};
use rusqlite::Connection;
use serde::Serialize;

/// How many earlier deployments an expectation is made from.
const EXPERIENCE: u32 = 5;

/// One deployment at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct DeploymentProgress {
    /// The deployment.
    pub deployment: Deployment,
    /// Its 15 steps.
    pub steps: Vec<StepRecord>,
    /// How many lines its log has, by step and level.
    pub counts: Vec<LineCount>,
    /// The last event that is in all this: [following](Store::follow) from here, nothing is missed and nothing comes twice.
    pub seq: i64,
    /// How long the environment's last successes took from their start, in milliseconds: those of the same lane, or
    /// of any while the lane isn't known. Nothing without experience.
    pub expected_ms: Option<i64>,
}

impl Store {
    /// A deployment with its steps and counts, all of one moment.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn progress(&self, id: DeploymentId) -> Result<DeploymentProgress, EngineError> {
        self.read(move |c| {
            let deployment = deployments::in_transaction(c, id)?;
            let expected_ms = expected(c, deployment.environment_id, deployment.lane)?;
            Ok(DeploymentProgress {
                steps: steps::all(c, id)?,
                counts: lines::counts(c, id)?,
                seq: events::last_seq(c, id)?,
                expected_ms,
                deployment,
            })
        })
        .await
    }
}

/// The middle one of the last successes' durations.
fn expected(c: &Connection, id: EnvironmentId, lane: Option<Lane>) -> Result<Option<i64>, EngineError> {
    let mut statement = c.prepare_cached(
        "SELECT finished_at - started_at FROM deployment
            WHERE environment_id = ?1 AND (?2 IS NULL OR lane = ?2) AND status = 'success' AND started_at IS NOT NULL
            ORDER BY number DESC LIMIT ?3",
    )?;
    let durations = statement.query_map((id, lane, EXPERIENCE), |row| row.get(0))?;
    let mut durations: Vec<i64> = durations.collect::<Result<_, _>>()?;
    durations.sort_unstable();
    Ok(durations.get(durations.len() / 2).copied())
}
