//! In which order an environment's releases went live: by the numbers that the server gave them, since each desktop has its own clock.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{Store, deployments, environments};
use crate::error::EngineError;
use crate::model::{DeploymentId, DeploymentSummary, EnvironmentId};

/// The order of an environment's releases.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReleaseOrder(BTreeMap<DeploymentId, Option<u64>>);

impl ReleaseOrder {
    /// The number of a deployment's release, if it is known.
    pub(crate) fn number(&self, id: DeploymentId) -> Option<u64> {
        self.0.get(&id).copied().flatten()
    }

    /// Which of two went live first. Where one has no number, as what older versions deployed, by when they were asked for.
    pub(crate) fn compare(&self, one: DeploymentId, other: DeploymentId) -> Ordering {
        match (self.number(one), self.number(other)) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => one.cmp(&other),
        }
    }

    /// Whether a release went live between these two.
    pub(crate) fn any_between(&self, from: DeploymentId, to: DeploymentId) -> bool {
        let is_after = |one, other| self.compare(one, other) == Ordering::Greater;
        self.0.keys().any(|id| *id != from && *id != to && is_after(*id, from) && is_after(to, *id))
    }
}

impl Store {
    /// The order of an environment's releases: of all deployments that succeeded.
    pub(crate) async fn release_order(&self, id: EnvironmentId) -> Result<ReleaseOrder, EngineError> {
        self.read(move |c| {
            let sql =
                "SELECT id, release_number FROM deployment WHERE environment_id = ?1 AND status = 'success'";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([id], |row| Ok((row.get(0)?, number(row.get(1)?))))?;
            Ok(ReleaseOrder(rows.collect::<Result<_, _>>()?))
        })
        .await
    }

    /// The number of a deployment's release, if it is known.
    pub(crate) async fn release_number(&self, id: DeploymentId) -> Result<Option<u64>, EngineError> {
        self.read(move |c| {
            let sql = "SELECT release_number FROM deployment WHERE id = ?1";
            Ok(number(c.prepare_cached(sql)?.query_row([id], |row| row.get(0))?))
        })
        .await
    }

    /// Notes the numbers that a server gave the releases of an environment, by the short ids of their deployments.
    pub(crate) async fn note_release_numbers(
        &self,
        id: EnvironmentId,
        told: BTreeMap<String, u64>,
    ) -> Result<(), EngineError> {
        let unnumbered: Vec<DeploymentId> = self
            .read(move |c| {
                let sql = "SELECT id FROM deployment WHERE environment_id = ?1 AND release_number IS NULL";
                let mut statement = c.prepare_cached(sql)?;
                let rows = statement.query_map([id], |row| row.get(0))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await?;
        let new: Vec<(DeploymentId, u64)> =
            unnumbered.into_iter().filter_map(|id| Some((id, *told.get(&id.short())?))).collect();
        // Most of the time there is nothing new: nobody has to wait for the write lock then.
        if new.is_empty() {
            return Ok(());
        }
        self.write(move |t| {
            for (id, number) in new {
                t.prepare_cached("UPDATE deployment SET release_number = ?2 WHERE id = ?1")?
                    .execute((id, number.cast_signed()))?;
            }
            Ok(())
        })
        .await
    }
}

/// The deployment whose release went live last.
pub(super) fn live(c: &Connection, id: EnvironmentId) -> Result<Option<DeploymentSummary>, EngineError> {
    let sql = format!(
        "SELECT {summary} FROM deployment WHERE environment_id = ?1 AND release_number IS NOT NULL AND +(status = 'success')
            ORDER BY release_number DESC LIMIT 1",
        summary = deployments::SUMMARY
    );
    let mut statement = c.prepare_cached(&sql)?;
    let numbered = statement.query_map([id], deployments::summary_from_row)?.next().transpose()?;
    let newest = environments::newest(c, id, "status = 'success'")?;
    Ok(match (numbered, newest) {
        // Asked for later, and without a number: an older version deployed it.
        (Some(numbered), Some(newest)) if newest.id > numbered.id && !has_number(c, newest.id)? => {
            Some(newest)
        }
        (Some(numbered), _) => Some(numbered),
        (None, newest) => newest,
    })
}

/// As SQLite keeps it.
fn number(kept: Option<i64>) -> Option<u64> {
    kept.and_then(|number| number.try_into().ok())
}

fn has_number(c: &Connection, id: DeploymentId) -> Result<bool, EngineError> {
    let sql = "SELECT release_number IS NOT NULL FROM deployment WHERE id = ?1";
    Ok(c.prepare_cached(sql)?.query_row([id], |row| row.get(0))?)
}
