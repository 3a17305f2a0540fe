//! Lines of logs.

use super::{
    Store, events,
    sql::{self, Millis},
    steps,
};
use crate::{
    error::EngineError,
    model::{DeploymentId, Level, LogLine, Step},
};
use jiff::Timestamp;
use rusqlite::{Connection, Row, ToSql, Transaction, params_from_iter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which lines to read. The default: the first 200.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct LineFilter {
    /// Of this step.
    pub step: Option<Step>,
    /// Of this level or above.
    pub level: Option<Level>,
    /// With this text; case doesn't matter for ASCII letters.
    pub text: Option<String>,
    /// Later than the one with this `seq`.
    pub after: i64,
    /// Earlier than the one with this `seq`.
    pub before: Option<i64>,
    /// Take the last that fit instead of the first. They are returned in their order all the same.
    pub from_end: bool,
    /// Leave out this many of those that fit, from the end that is taken from.
    pub skip: u32,
    /// How many; 200 when not given, 5000 at most.
    pub limit: Option<u32>,
}

/// How many lines a step has of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct LineCount {
    /// The step.
    pub step: Step,
    /// The level.
    pub level: Level,
    /// How many.
    pub lines: u64,
}

impl Store {
    /// A page of a deployment's log.
    pub async fn lines(&self, id: DeploymentId, filter: LineFilter) -> Result<Vec<LogLine>, EngineError> {
        self.read(move |c| page(c, id, filter)).await
    }

    /// How many lines there are, by step and level.
    pub async fn line_counts(&self, id: DeploymentId) -> Result<Vec<LineCount>, EngineError> {
        self.read(move |c| counts(c, id)).await
    }

    /// How many lines fit a filter, by step and level, however many are left out or wanted at most. With a text, or places
    /// that they have to be between, each of them is looked at.
    pub async fn count_lines(
        &self,
        id: DeploymentId,
        filter: LineFilter,
    ) -> Result<Vec<LineCount>, EngineError> {
        self.read(move |c| {
            let everywhere = filter.after <= 0 && filter.before.is_none();
            if everywhere && filter.text.as_deref().is_none_or(str::is_empty) {
                let mut counts = counts(c, id)?;
                counts.retain(|count| {
                    filter.step.is_none_or(|s| s == count.step)
                        && filter.level.is_none_or(|l| l <= count.level)
                });
                return Ok(counts);
            }
            let filter = narrowed(c, id, filter)?;
            let (conditions, by, values) = conditions(id, &filter);
            let sql = format!(
                "SELECT step, level, count(*) AS lines FROM event {by} WHERE {conditions} GROUP BY step, level
                    ORDER BY step, level"
            );
            let mut statement = c.prepare_cached(&sql)?;
            let counts = statement.query_map(params_from_iter(&values), count_from_row)?;
            Ok(counts.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// How many lines there are, by step and level.
pub(super) fn counts(connection: &Connection, id: DeploymentId) -> Result<Vec<LineCount>, EngineError> {
    let mut statement = connection.prepare_cached(
        "SELECT step, level, lines FROM line_count WHERE deployment_id = ?1 ORDER BY step, level",
    )?;
    let counts = statement.query_map([id], count_from_row)?;
    Ok(counts.collect::<Result<_, _>>()?)
}

fn count_from_row(row: &Row<'_>) -> rusqlite::Result<LineCount> {
    let lines: i64 = row.get("lines")?;
    Ok(LineCount { step: row.get("step")?, level: row.get("level")?, lines: lines.cast_unsigned() })
}

/// A line that isn't in the store yet. Its text has no secrets any more.
#[derive(Clone, Debug)]
pub(super) struct NewLine {
    pub(super) step: Step,
    pub(super) level: Level,
    pub(super) at: Timestamp,
    pub(super) text: String,
}

/// Adds lines at the end of a log.
pub(super) fn append(t: &Transaction<'_>, id: DeploymentId, lines: &[NewLine]) -> Result<(), EngineError> {
    let Some(last) = lines.last() else { return Ok(()) };
    let mut counts: BTreeMap<(Step, Level), i64> = BTreeMap::new();
    let mut latest: BTreeMap<Step, &str> = BTreeMap::new();
    for (seq, line) in (events::last_seq(t, id)? + 1..).zip(lines) {
        events::insert(t, id, seq, line.at, "line", Some(line.step), Some(line.level), &line.text)?;
        *counts.entry((line.step, line.level)).or_default() += 1;
        latest.insert(line.step, &line.text);
    }
    let mut count = t.prepare_cached(
        "INSERT INTO line_count (deployment_id, step, level, lines) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET lines = lines + excluded.lines",
    )?;
    for ((step, level), lines) in counts {
        count.execute((id, step, level, lines))?;
    }
    let mut message =
        t.prepare_cached("UPDATE step SET message = ?3 WHERE deployment_id = ?1 AND step = ?2")?;
    for (step, text) in latest {
        message.execute((id, step, text))?;
    }
    steps::progressed(t, id, last.at)
}

/// What a filter means in SQL: the condition, the index to use, and the values.
fn conditions(id: DeploymentId, filter: &LineFilter) -> (String, &'static str, Vec<Box<dyn ToSql>>) {
    let mut conditions = String::from("deployment_id = ? AND seq > ?");
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(id), Box::new(filter.after)];
    let mut only = |condition: &'static str, value: Box<dyn ToSql>| {
        conditions.push_str(" AND ");
        conditions.push_str(condition);
        values.push(value);
    };
    if let Some(before) = filter.before {
        only("seq < ?", Box::new(before));
    }
    let text = filter.text.as_deref().filter(|text| !text.is_empty());
    if let Some(text) = text {
        only(r"text LIKE ? ESCAPE '\'", Box::new(sql::containing(text)));
    }
    if let Some(step) = filter.step {
        only("step = ?", Box::new(step));
    }
    // The conditions of the indexes must stand in the query as they are, and SQLite needs to be told: it would rather walk
    // through the whole log. With a text every line is looked at, which goes faster in their own order.
    let least = filter.level.unwrap_or(Level::Debug);
    let by = match (filter.step, text) {
        (Some(_), None) => {
            only("level IS NOT NULL AND level >= ?", Box::new(least));
            "INDEXED BY event_by_step"
        }
        (None, _) if least >= Level::Warning => {
            only("kind = 'line' AND level >= 2 AND level >= ?", Box::new(least));
            "INDEXED BY event_to_look_at"
        }
        _ => {
            only("level >= ?", Box::new(least));
            "NOT INDEXED"
        }
    };
    (conditions, by, values)
}

/// Where a step's lines begin and end, so that a walk through them needn't begin at the log's beginning.
fn bounds(connection: &Connection, id: DeploymentId, step: Step) -> Result<(i64, i64), EngineError> {
    let of = |what: &str| {
        format!(
            "(SELECT {what}(seq) FROM event INDEXED BY event_by_step
                WHERE deployment_id = ?1 AND step = ?2 AND level IS NOT NULL)"
        )
    };
    let sql = format!("SELECT coalesce({}, 0), coalesce({}, 0)", of("min"), of("max"));
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row((id, step), |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// The same filter, narrowed to where its step's lines are.
fn narrowed(
    connection: &Connection,
    id: DeploymentId,
    filter: LineFilter,
) -> Result<LineFilter, EngineError> {
    let Some(step) = filter.step else { return Ok(filter) };
    let (first, last) = bounds(connection, id, step)?;
    let before = filter.before.map_or(last + 1, |before| before.min(last + 1));
    Ok(LineFilter { after: filter.after.max(first - 1), before: Some(before), ..filter })
}

fn page(connection: &Connection, id: DeploymentId, filter: LineFilter) -> Result<Vec<LogLine>, EngineError> {
    let filter = narrowed(connection, id, filter)?;
    let (conditions, by, mut values) = conditions(id, &filter);
    values.push(Box::new(filter.limit.unwrap_or(200).clamp(1, 5000)));
    values.push(Box::new(filter.skip));
    values.push(Box::new(id));
    let order = if filter.from_end { "DESC" } else { "ASC" };
    // Which lines, first: where an index tells, those that are stepped over cost nothing more.
    let sql = format!(
        "WITH found AS MATERIALIZED
            (SELECT seq FROM event {by} WHERE {conditions} ORDER BY seq {order} LIMIT ? OFFSET ?)
        SELECT seq, step, level, at, text FROM event
            WHERE deployment_id = ? AND seq IN (SELECT seq FROM found) ORDER BY seq {order}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let lines = statement.query_map(params_from_iter(&values), |row| {
        Ok(LogLine {
            seq: row.get("seq")?,
            deployment_id: id,
            step: row.get("step")?,
            level: row.get("level")?,
            at: row.get::<_, Millis>("at")?.0,
            text: row.get("text")?,
        })
    })?;
    let mut lines: Vec<LogLine> = lines.collect::<Result<_, _>>()?;
    if filter.from_end {
        lines.reverse();
    }
    Ok(lines)
}
