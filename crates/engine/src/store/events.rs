//! Everything that happened in a deployment, in order and without gaps.

use super::{
    lines::{self, NewLine},
    sql::{Json, Millis},
};
use crate::{
    error::EngineError,
    events::{Event, EventKind},
    model::{DeploymentId, Level, Step},
};
use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction};

/// Records something that happened.
pub(crate) fn record(
    t: &Transaction<'_>,
    id: DeploymentId,
    now: Timestamp,
    kind: &EventKind,
) -> Result<(), EngineError> {
    let name = match kind {
        EventKind::Line { step, level, text } => {
            let line = NewLine { step: *step, level: *level, at: now, text: text.clone() };
            return lines::append(t, id, &[line]);
        }
        EventKind::StepChanged { .. } => "step_changed",
        EventKind::StatusChanged { .. } => "status_changed",
        EventKind::Progress { .. } => "progress",
    };
    let text =
        serde_json::to_string(kind).map_err(|e| EngineError::internal("An event is not JSON.").detail(e))?;
    insert(t, id, last_seq(t, id)? + 1, now, name, None, None, &text)
}

/// The number of the last event; 0 before the first.
pub(super) fn last_seq(connection: &Connection, id: DeploymentId) -> Result<i64, EngineError> {
    let mut statement =
        connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM event WHERE deployment_id = ?1")?;
    Ok(statement.query_row([id], |row| row.get(0))?)
}

#[expect(clippy::too_many_arguments, reason = "they are the columns, in their order")]
pub(super) fn insert(
    t: &Transaction<'_>,
    id: DeploymentId,
    seq: i64,
    at: Timestamp,
    kind: &'static str,
    step: Option<Step>,
    level: Option<Level>,
    text: &str,
) -> Result<(), EngineError> {
    let mut statement = t.prepare_cached(
        "INSERT INTO event (deployment_id, seq, at, kind, step, level, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    statement.execute((id, seq, Millis(at), kind, step, level, text))?;
    Ok(())
}

/// Up to `limit` events after `seq`.
pub(super) fn since(
    connection: &Connection,
    id: DeploymentId,
    seq: i64,
    limit: usize,
) -> Result<Vec<Event>, EngineError> {
    let mut statement = connection.prepare_cached(
        "SELECT deployment_id, seq, at, kind, step, level, text FROM event
            WHERE deployment_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    )?;
    let events = statement.query_map((id, seq, limit.cast_signed()), from_row)?;
    Ok(events.collect::<Result<_, _>>()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Event> {
    let kind = if row.get_ref("kind")?.as_str()? == "line" {
        EventKind::Line { step: row.get("step")?, level: row.get("level")?, text: row.get("text")? }
    } else {
        row.get::<_, Json<EventKind>>("text")?.0
    };
    Ok(Event {
        seq: row.get("seq")?,
        deployment_id: row.get("deployment_id")?,
        at: row.get::<_, Millis>("at")?.0,
        kind,
    })
}
