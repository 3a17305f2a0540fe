//! The steps of deployments.

use super::{
    Store, events,
    sql::{Json, Millis, json, time},
};
use crate::{
    error::EngineError,
    events::EventKind,
    model::{DeploymentId, Status, Step, StepRecord, StepStatus},
};
use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction};
use serde_json::Value;

impl Store {
    /// The 15 steps of a deployment, in their order.
    pub async fn steps(&self, id: DeploymentId) -> Result<Vec<StepRecord>, EngineError> {
        self.read(move |c| all(c, id)).await
    }
}

/// The 15 steps of a deployment, in their order.
pub(super) fn all(connection: &Connection, id: DeploymentId) -> Result<Vec<StepRecord>, EngineError> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM step WHERE deployment_id = ?1 ORDER BY step")?;
    let steps = statement.query_map([id], from_row)?;
    Ok(steps.collect::<Result<_, _>>()?)
}

/// Brings a step to a status, and records that it came there. A message or output that isn't given stays as it was.
pub(crate) fn set(
    t: &Transaction<'_>,
    id: DeploymentId,
    now: Timestamp,
    step: Step,
    status: StepStatus,
    message: Option<&str>,
    output: Option<&Value>,
) -> Result<(), EngineError> {
    let before = finished(t, id)?;
    let mut update = t.prepare_cached(
        "UPDATE step SET status = ?3, message = coalesce(?4, message), output = coalesce(?5, output),
            started_at = iif(?6, coalesce(started_at, ?8), started_at), finished_at = iif(?7, ?8, NULL)
            WHERE deployment_id = ?1 AND step = ?2",
    )?;
    let (is_running, is_finished) = (status == StepStatus::Running, status.is_finished());
    update.execute((id, step, status, message, output.map(Json), is_running, is_finished, Millis(now)))?;
    events::record(
        t,
        id,
        now,
        &EventKind::StepChanged { step, status, message: message.map(str::to_owned) },
    )?;
    let done = finished(t, id)?;
    if done != before {
        events::record(t, id, now, &EventKind::Progress { done, of: Step::COUNT })?;
    }
    progressed(t, id, now)
}

/// Ends the steps of a deployment that ends with this status: the one under way as the deployment does, those that were
/// never begun as skipped.
pub(crate) fn finish_all(
    t: &Transaction<'_>,
    id: DeploymentId,
    now: Timestamp,
    status: Status,
) -> Result<(), EngineError> {
    let under_way = match status {
        Status::Success => StepStatus::Done,
        Status::Cancelled => StepStatus::Cancelled,
        _ => StepStatus::Failed,
    };
    for (from, to) in [(StepStatus::Running, under_way), (StepStatus::Pending, StepStatus::Skipped)] {
        let mut select =
            t.prepare_cached("SELECT step FROM step WHERE deployment_id = ?1 AND status = ?2")?;
        let steps: Vec<Step> = select.query_map((id, from), |row| row.get(0))?.collect::<Result<_, _>>()?;
        for step in steps {
            // Steps that nobody began are no progress: their end is recorded without counting them.
            let mut update = t.prepare_cached(
                "UPDATE step SET status = ?3, finished_at = iif(?4, ?5, NULL) WHERE deployment_id = ?1 AND step = ?2",
            )?;
            update.execute((id, step, to, from == StepStatus::Running, Millis(now)))?;
            events::record(t, id, now, &EventKind::StepChanged { step, status: to, message: None })?;
        }
    }
    Ok(())
}

/// The step that is under way, or the last one that was begun.
pub(crate) fn current(t: &Transaction<'_>, id: DeploymentId) -> Result<Step, EngineError> {
    let mut statement = t.prepare_cached(
        "SELECT step FROM step WHERE deployment_id = ?1 AND status <> 'pending'
            ORDER BY status = 'running' DESC, step DESC LIMIT 1",
    )?;
    let step = statement.query_map([id], |row| row.get(0))?.next().transpose()?;
    Ok(step.unwrap_or(Step::Initializing))
}

/// Notes that the deployment isn't stuck.
pub(super) fn progressed(t: &Transaction<'_>, id: DeploymentId, now: Timestamp) -> Result<(), EngineError> {
    t.prepare_cached("UPDATE deployment SET progressed_at = ?2 WHERE id = ?1")?.execute((id, Millis(now)))?;
    Ok(())
}

fn finished(t: &Transaction<'_>, id: DeploymentId) -> Result<u8, EngineError> {
    let mut statement = t.prepare_cached(
        "SELECT count(*) FROM step WHERE deployment_id = ?1 AND status NOT IN ('pending', 'running')",
    )?;
    Ok(statement.query_row([id], |row| row.get(0))?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<StepRecord> {
    Ok(StepRecord {
        deployment_id: row.get("deployment_id")?,
        step: row.get("step")?,
        status: row.get("status")?,
        message: row.get("message")?,
        output: json(row, "output")?,
        started_at: time(row, "started_at")?,
        finished_at: time(row, "finished_at")?,
    })
}
