//! Taking a claim.

use super::{CLAIM_LIMIT, Claim, Queue, process};
use crate::{
    error::EngineError,
    events::EventKind,
    model::{self, Deployment, DeploymentId, Owner, Status},
    redact::Redactor,
    store::{
        DURATIONS, deployment_from_row, record,
        sql::{Json, Millis},
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, named_params};
use uuid::Uuid;

/// Which deployment to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Whichever is next.
    Any,
    /// This one, or one that comes before it in its environment; never one that comes after.
    UpTo(DeploymentId),
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
        let look = Look { want, now, per_server: self.per_server };
        let owner = self.owner.clone();
        // Most looks find nothing: they needn't take the write lock from anybody. Whether a process lives can be found out
        // beforehand, too: names of claims are never used twice, so a claim that is dead stays dead.
        let dead = self
            .store
            .read(move |c| {
                let dead = dead_claims(c, &owner)?;
                Ok(look.find(c, &dead)?.map(|_| dead))
            })
            .await?;
        let Some(dead) = dead else { return Ok(None) };
        let owner = self.owner.clone();
        self.store.write(move |t| take(t, look, &owner, &dead)).await
    }
}

/// What is looked for.
#[derive(Clone, Copy)]
struct Look {
    want: Want,
    now: Timestamp,
    per_server: u32,
}

impl Look {
    /// The deployment to take: first those whose holders are gone, then the one that has waited longest.
    fn find(self, connection: &Connection, dead: &[String]) -> Result<Option<DeploymentId>, EngineError> {
        let (up_to, deployment) = match self.want {
            Want::Any => (None, None),
            Want::UpTo(id) => (Some(id), None),
            Want::Deployment(id) => (None, Some(id)),
        };
        // A heartbeat of the future is as good as none: the clock was set back since.
        let mut statement = connection.prepare_cached(
            "SELECT id FROM deployment AS d
                WHERE d.status IN ('queued', 'building', 'deploying')
                    AND (:up_to IS NULL OR EXISTS (SELECT 1 FROM deployment AS last
                        WHERE last.id = :up_to AND last.environment_id = d.environment_id AND last.number >= d.number))
                    AND (:deployment IS NULL OR d.id = :deployment)
                    AND CASE d.status
                        WHEN 'queued' THEN
                            NOT EXISTS (SELECT 1 FROM deployment AS earlier
                                WHERE earlier.status IN ('queued', 'building', 'deploying')
                                    AND earlier.environment_id = d.environment_id AND earlier.number < d.number)
                            AND :per_server > (SELECT count(*) FROM deployment AS running
                                WHERE running.status IN ('building', 'deploying') AND running.server_id = d.server_id)
                        ELSE
                            abs(:now - d.heartbeat_at) > :limit_ms OR d.claim IN (SELECT value FROM json_each(:dead))
                    END
                ORDER BY d.status = 'queued', d.queued_at, d.id
                LIMIT 1",
        )?;
        let limit_ms = i64::try_from(CLAIM_LIMIT.as_millis()).unwrap_or(i64::MAX);
        let found = statement.query_row(
            named_params! {
                ":up_to": up_to, ":deployment": deployment, ":per_server": self.per_server,
                ":now": Millis(self.now), ":limit_ms": limit_ms, ":dead": Json(dead),
            },
            |row| row.get(0),
        );
        Ok(found.optional()?)
    }
}

/// Looks again and takes what it finds, in one transaction that holds the write lock all along: nobody comes between.
fn take(
    t: &Transaction<'_>,
    look: Look,
    owner: &Owner,
    dead: &[String],
) -> Result<Option<(String, Deployment)>, EngineError> {
    let Some(id) = look.find(t, dead)? else { return Ok(None) };
    let name = Uuid::now_v7().to_string();
    let mut statement = t.prepare_cached(&format!(
        "UPDATE deployment SET
                status = iif(status = 'queued', 'building', status), started_at = coalesce(started_at, :now),
                progressed_at = :now, claim = :claim, owner = :owner, heartbeat_at = :now, attempts = attempts + 1
            WHERE id = :id
            RETURNING *, {DURATIONS}"
    ))?;
    let values = named_params! { ":id": id, ":now": Millis(look.now), ":claim": name, ":owner": Json(owner) };
    let taken = statement.query_row(values, deployment_from_row)?;
    if taken.attempts == 1 {
        record(t, id, look.now, &EventKind::StatusChanged { status: Status::Building, error: None })?;
    }
    Ok(Some((name, taken)))
}

/// The claims whose holders are surely gone.
fn dead_claims(connection: &Connection, this: &Owner) -> Result<Vec<String>, EngineError> {
    let mut statement = connection
        .prepare_cached("SELECT claim, owner FROM deployment WHERE status IN ('building', 'deploying')")?;
    let held = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, Json<Owner>>(1)?.0)))?;
    let held: Vec<(String, Owner)> = held.collect::<Result<_, _>>()?;
    Ok(held.into_iter().filter(|(_, owner)| process::is_dead(owner, this)).map(|(claim, _)| claim).collect())
}
