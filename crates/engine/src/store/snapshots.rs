//! Snapshots.

use super::{
    Store,
    sql::{Json, Millis, time},
};
use crate::{
    error::EngineError,
    model::{DeploymentId, EnvironmentId, Snapshot, SnapshotId},
};
use jiff::Timestamp;
use rusqlite::{Row, named_params};

impl Store {
    /// Adds a snapshot, or changes all that may change of one that is there: how, where, how large, until when, its state.
    pub async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), EngineError> {
        self.write(move |t| {
            let s = &snapshot;
            t.execute(
                "INSERT INTO snapshot (id, environment_id, deployment_id, created_at, kind, database_bytes, filestore_bytes,
                        location, kept_until, state)
                    VALUES (:id, :environment_id, :deployment_id, :created_at, :kind, :database_bytes, :filestore_bytes,
                        :location, :kept_until, :state)
                    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, database_bytes = excluded.database_bytes,
                        filestore_bytes = excluded.filestore_bytes, location = excluded.location,
                        kept_until = excluded.kept_until, state = excluded.state",
                named_params! {
                    ":id": s.id, ":environment_id": s.environment_id, ":deployment_id": s.deployment_id,
                    ":created_at": Millis(s.created_at), ":kind": s.kind, ":database_bytes": s.database_bytes,
                    ":filestore_bytes": s.filestore_bytes, ":location": Json(&s.location),
                    ":kept_until": s.kept_until.map(Millis), ":state": s.state,
                },
            )?;
            Ok(())
        })
        .await
    }

    /// One snapshot.
    pub async fn snapshot(&self, id: SnapshotId) -> Result<Snapshot, EngineError> {
        self.read(move |c| {
            let mut statement = c.prepare_cached("SELECT * FROM snapshot WHERE id = ?1")?;
            let found = statement.query_map([id], from_row)?.next().transpose()?;
            found.ok_or_else(|| {
                EngineError::not_found("There is no such snapshot.").hint("See `slipway snapshots ENV`.")
            })
        })
        .await
    }

    /// The snapshots of an environment, newest first, with those that are gone.
    pub async fn snapshots(&self, id: EnvironmentId) -> Result<Vec<Snapshot>, EngineError> {
        self.read(move |c| {
            let mut statement = c.prepare_cached(
                "SELECT * FROM snapshot WHERE environment_id = ?1 ORDER BY created_at DESC, id DESC",
            )?;
            let snapshots = statement.query_map([id], from_row)?;
            Ok(snapshots.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The snapshots that were taken for a deployment, oldest first.
    pub async fn snapshots_of(&self, id: DeploymentId) -> Result<Vec<Snapshot>, EngineError> {
        self.read(move |c| {
            let mut statement =
                c.prepare_cached("SELECT * FROM snapshot WHERE deployment_id = ?1 ORDER BY id")?;
            let snapshots = statement.query_map([id], from_row)?;
            Ok(snapshots.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The whole snapshots of an environment whose time is over, oldest first, leaving out the `keep` newest.
    pub async fn snapshots_due(
        &self,
        id: EnvironmentId,
        keep: u32,
        now: Timestamp,
    ) -> Result<Vec<Snapshot>, EngineError> {
        self.read(move |c| {
            let mut statement = c.prepare_cached(
                "SELECT * FROM snapshot WHERE environment_id = ?1 AND state = 'ready' AND kept_until <= ?3
                    AND id NOT IN (SELECT id FROM snapshot WHERE environment_id = ?1 AND state = 'ready'
                        ORDER BY created_at DESC, id DESC LIMIT ?2)
                    ORDER BY created_at, id",
            )?;
            let snapshots = statement.query_map((id, keep, Millis(now)), from_row)?;
            Ok(snapshots.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Snapshot> {
    Ok(Snapshot {
        id: row.get("id")?,
        environment_id: row.get("environment_id")?,
        deployment_id: row.get("deployment_id")?,
        created_at: row.get::<_, Millis>("created_at")?.0,
        kind: row.get("kind")?,
        database_bytes: row.get("database_bytes")?,
        filestore_bytes: row.get("filestore_bytes")?,
        location: row.get::<_, Json<_>>("location")?.0,
        kept_until: time(row, "kept_until")?,
        state: row.get("state")?,
    })
}
