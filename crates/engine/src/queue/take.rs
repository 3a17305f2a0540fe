//! Taking a claim.

use super::{CLAIM_LIMIT, Claim, Queue, process};
use crate::{
    error::EngineError,
    events::EventKind,
    model::{self, Deployment, DeploymentId, EnvironmentId, Owner, Status},
    redact::Redactor,
    store::{
        DURATIONS, deployment_from_row, record,
        sql::{Json, Millis},
    },
};
use jiff::Timestamp;
use rusqlite::{Transaction, named_params};
use uuid::Uuid;

/// Which deployment to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Whichever is next.
    Any,
    /// The next one of an environment.
    Environment(EnvironmentId),
    /// This one.
    Deployment(DeploymentId),
}

impl Queue {
    /// Claims a deployment whose turn it is, or takes one over whose holder is gone. `None`: there is none now.
    pub async fn claim(&self, want: Want, redactor: &Redactor) -> Result<Option<Claim>, EngineError> {
        let taken = self.take(want, model::now()).await?;
        Ok(taken.map(|(name, deployment)| Claim::new(self.store.clone(), name, deployment, redactor.clone())))
    }

    /// Takes a claim at this time. It is not kept by a heartbeat yet.
    pub(super) async fn take(
        &self,
        want: Want,
        now: Timestamp,
    ) -> Result<Option<(String, Deployment)>, EngineError> {
        let (owner, per_server) = (self.owner.clone(), self.per_server);
        // Most looks find nothing: they needn't take the write lock from anybody.
        if !self.store.read(move |c| Ok(c.prepare_cached(IS_ANY)?.query_row([], |row| row.get(0))?)).await? {
            return Ok(None);
        }
        self.store.write(move |t| take(t, want, &owner, per_server, now)).await
    }
}

pub(super) const IS_ANY: &str =
    "SELECT EXISTS (SELECT 1 FROM deployment WHERE status IN ('queued', 'building', 'deploying'))";

fn take(
    t: &Transaction<'_>,
    want: Want,
    owner: &Owner,
    per_server: u32,
    now: Timestamp,
) -> Result<Option<(String, Deployment)>, EngineError> {
    let name = Uuid::now_v7().to_string();
    let (environment, deployment) = match want {
        Want::Any => (None, None),
        Want::Environment(id) => (Some(id), None),
        Want::Deployment(id) => (None, Some(id)),
    };
    let limit_ms = i64::try_from(CLAIM_LIMIT.as_millis()).unwrap_or(i64::MAX);
    // A heartbeat of the future is as good as none: the clock was set back since.
    let mut statement = t.prepare_cached(&format!(
        "UPDATE deployment SET
            status = iif(status = 'queued', 'building', status), started_at = coalesce(started_at, :now),
            progressed_at = :now, claim = :claim, owner = :owner, heartbeat_at = :now, attempts = attempts + 1
        WHERE id = (
            SELECT id FROM deployment AS d
            WHERE d.status IN ('queued', 'building', 'deploying')
                AND (:environment IS NULL OR d.environment_id = :environment)
                AND (:deployment IS NULL OR d.id = :deployment)
                AND CASE d.status
                    WHEN 'queued' THEN
                        NOT EXISTS (SELECT 1 FROM deployment AS earlier
                            WHERE earlier.status IN ('queued', 'building', 'deploying')
                                AND earlier.environment_id = d.environment_id AND earlier.number < d.number)
                        AND (SELECT count(*) FROM deployment AS running
                            WHERE running.status IN ('building', 'deploying') AND running.server_id = d.server_id) < :per_server
                    ELSE
                        abs(:now - d.heartbeat_at) > :limit_ms OR d.claim IN (SELECT value FROM json_each(:dead))
                END
            ORDER BY d.status = 'queued', d.queued_at, d.id
            LIMIT 1)
        RETURNING *, {DURATIONS}"
    ))?;
    let taken = statement
        .query_map(
            named_params! {
                ":now": Millis(now), ":claim": name, ":owner": Json(owner), ":environment": environment,
                ":deployment": deployment, ":per_server": per_server, ":limit_ms": limit_ms,
                ":dead": Json(dead_claims(t, owner)?),
            },
            deployment_from_row,
        )?
        .next()
        .transpose()?;
    let Some(taken) = taken else { return Ok(None) };
    if taken.attempts == 1 {
        record(t, taken.id, now, &EventKind::StatusChanged { status: Status::Building, error: None })?;
    }
    Ok(Some((name, taken)))
}

/// The claims whose holders are surely gone. Nobody can take one of them between this look and the statement that uses it:
/// both are in one transaction that holds the write lock.
fn dead_claims(t: &Transaction<'_>, this: &Owner) -> Result<Vec<String>, EngineError> {
    let mut statement =
        t.prepare_cached("SELECT claim, owner FROM deployment WHERE status IN ('building', 'deploying')")?;
    let held = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, Json<Owner>>(1)?.0)))?;
    let held: Vec<(String, Owner)> = held.collect::<Result<_, _>>()?;
    Ok(held.into_iter().filter(|(_, owner)| process::is_dead(owner, this)).map(|(claim, _)| claim).collect())
}
