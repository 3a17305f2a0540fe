//! Deployments that are known from a server's history alone, and ends that were found out later.

use super::{
    Store, deployments, events,
    sql::{Json, Millis},
};
use crate::{
    error::{EngineError, ErrorCode},
    events::EventKind,
    history::{HistoryEntry, Verdict},
    model::{
        self, Deployment, DeploymentId, EnvironmentId, Level, ReleaseRecord, Snapshot, SnapshotState, Status,
        Step, StepStatus,
    },
};
use jiff::Timestamp;
use rusqlite::{Transaction, named_params};
use serde_json::Value;

impl Store {
    /// Whether there is a deployment of this id.
    pub(crate) async fn knows(&self, id: DeploymentId) -> Result<bool, EngineError> {
        self.read(move |c| {
            let sql = "SELECT EXISTS (SELECT 1 FROM deployment WHERE id = ?1)";
            Ok(c.prepare_cached(sql)?.query_row([id], |row| row.get(0))?)
        })
        .await
    }

    /// Adds deployments of an environment that other desktops carried out. What is known already stays as it is. Returns those
    /// that are new.
    pub(crate) async fn import(
        &self,
        environment: EnvironmentId,
        entries: Vec<HistoryEntry>,
    ) -> Result<Vec<DeploymentId>, EngineError> {
        let known = self
            .read(move |c| {
                let mut statement =
                    c.prepare_cached("SELECT id FROM deployment WHERE environment_id = ?1")?;
                Ok(statement.query_map([environment], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?)
            })
            .await?;
        let new: Vec<HistoryEntry> =
            entries.into_iter().filter(|entry| !known.contains(&entry.deployment)).collect();
        // Most of the time there is nothing new: nobody has to wait for the write lock then.
        if new.is_empty() {
            return Ok(vec![]);
        }
        let now = model::now();
        self.write(move |t| {
            let mut imported = vec![];
            for entry in &new {
                if import(t, environment, entry, now)? {
                    imported.push(entry.deployment);
                }
            }
            Ok(imported)
        })
        .await
    }

    /// The deployments of an environment whose end nobody here saw.
    pub(crate) async fn unknown_ends(
        &self,
        environment: EnvironmentId,
    ) -> Result<Vec<Deployment>, EngineError> {
        self.read(move |c| {
            let mut statement = c.prepare_cached(
                "SELECT id FROM deployment WHERE environment_id = ?1 AND status = 'failed' AND error ->> 'code' = ?2 ORDER BY id",
            )?;
            let ids = statement.query_map((environment, ErrorCode::OutcomeUnknown.to_string()), |row| row.get(0))?;
            let ids: Vec<DeploymentId> = ids.collect::<Result<_, _>>()?;
            ids.into_iter().map(|id| deployments::in_transaction(c, id)).collect()
        })
        .await
    }

    /// Corrects the end of a deployment that wasn't known. Nothing happens if it was corrected meanwhile.
    pub(crate) async fn correct(&self, deployment: &Deployment, verdict: Verdict) -> Result<(), EngineError> {
        let deployment = deployment.clone();
        self.write(move |t| correct(t, &deployment, &verdict, model::now())).await
    }
}

fn import(
    t: &Transaction<'_>,
    environment: EnvironmentId,
    entry: &HistoryEntry,
    now: Timestamp,
) -> Result<bool, EngineError> {
    let settings = deployments::freeze(t, environment)?;
    let queued_at = entry.queued_at.unwrap_or(entry.at);
    let added = t.execute(
        r#"INSERT INTO deployment (id, environment_id, server_id, number, "trigger", status, git_ref, "commit", commits,
                subject, author, lane, who, settings, error, queued_at, started_at, finished_at, progressed_at, pause_ms,
                snapshot_id, rollback_of, retry_of, point_of_no_return, elsewhere, release_number)
            VALUES (:id, :environment_id, :server_id,
                (SELECT coalesce(max(number), 0) + 1 FROM deployment WHERE environment_id = :environment_id),
                :trigger, :status, :git_ref, :commit, :commits, :subject, :author, :lane, :who, :settings, :error, :queued_at,
                :started_at, :at, :now, :pause_ms, :snapshot_id, :rollback_of, :retry_of, :committed, 1, :release_number)
            ON CONFLICT (id) DO NOTHING"#,
        named_params! {
            ":id": entry.deployment, ":environment_id": environment, ":server_id": settings.server.id,
            ":trigger": entry.trigger, ":status": entry.status, ":git_ref": entry.git_ref, ":commit": entry.commit,
            ":commits": Json(&entry.commits), ":subject": entry.subject, ":author": entry.author, ":lane": entry.lane,
            ":who": entry.who, ":settings": Json(&settings), ":error": entry.error.as_ref().map(Json),
            ":queued_at": Millis(queued_at), ":started_at": entry.started_at.map(Millis), ":at": Millis(entry.at),
            ":now": Millis(now), ":pause_ms": entry.pause_ms.map(|ms| ms.max(0)),
            ":snapshot_id": entry.snapshot.as_ref().map(|s| s.id), ":rollback_of": entry.rollback_of,
            ":retry_of": entry.retry_of, ":committed": entry.status == Status::Success,
            ":release_number": entry.release_number.filter(|number| *number > 0).map(u64::cast_signed),
        },
    )?;
    if added == 0 {
        return Ok(false);
    }
    if let Some(snapshot) = &entry.snapshot {
        add_snapshot(t, environment, entry.deployment, snapshot)?;
    }
    let step = entry.error.as_ref().and_then(|e| e.step).unwrap_or(Step::Completed);
    let text = format!("{} carried this out on another computer, which has its log", entry.who);
    events::record(t, entry.deployment, entry.at, &EventKind::Line { step, level: Level::Info, text })?;
    let ended = EventKind::StatusChanged { status: entry.status, error: entry.error.clone() };
    events::record(t, entry.deployment, entry.at, &ended)?;
    Ok(true)
}

fn correct(
    t: &Transaction<'_>,
    deployment: &Deployment,
    verdict: &Verdict,
    now: Timestamp,
) -> Result<(), EngineError> {
    let id = deployment.id;
    let snapshot = match &verdict.snapshot {
        Some(snapshot) => add_snapshot(t, deployment.environment_id, id, snapshot)?.then_some(snapshot.id),
        None => None,
    };
    let committed = verdict.status == Status::Success;
    let release = if committed { release(t, id)? } else { None };
    let corrected = t.execute(
        r#"UPDATE deployment SET status = :status, error = :error, finished_at = :at, pause_ms = coalesce(:pause_ms, pause_ms),
                snapshot_id = coalesce(:snapshot_id, snapshot_id), "release" = coalesce(:release, "release"),
                point_of_no_return = point_of_no_return OR :committed
            WHERE id = :id AND status = 'failed' AND error ->> 'code' = :unknown"#,
        named_params! {
            ":id": id, ":status": verdict.status, ":error": verdict.error.as_ref().map(Json), ":at": Millis(verdict.at),
            ":pause_ms": verdict.pause_ms, ":snapshot_id": snapshot, ":committed": committed, ":release": release.as_ref().map(Json),
            ":unknown": ErrorCode::OutcomeUnknown.to_string(),
        },
    )?;
    if corrected == 0 {
        return Ok(());
    }
    let step = verdict.error.as_ref().and_then(|e| e.step);
    correct_steps(t, id, committed, step)?;
    let level = if committed { Level::Info } else { Level::Warning };
    let text = format!("Found out from {}, now that the server is back: {}", verdict.source, told(verdict));
    let at = step.unwrap_or(Step::ConfiguringRouting);
    events::record(t, id, now, &EventKind::Line { step: at, level, text })?;
    events::record(
        t,
        id,
        now,
        &EventKind::StatusChanged { status: verdict.status, error: verdict.error.clone() },
    )
}

/// What was prepared, and runs since the commit.
fn release(t: &Transaction<'_>, id: DeploymentId) -> Result<Option<ReleaseRecord>, EngineError> {
    let sql = "SELECT output FROM step WHERE deployment_id = ?1 AND step = ?2 AND output IS NOT NULL";
    let mut statement = t.prepare_cached(sql)?;
    let found =
        statement.query_map((id, Step::InstallingDependencies), |row| row.get::<_, Json<Value>>(0))?;
    let Some(Json(output)) = found.into_iter().next().transpose()? else { return Ok(None) };
    let text = |key: &str| output[key].as_str().map(str::to_owned);
    Ok(text("image").zip(text("slot")).map(|(image, slot)| ReleaseRecord {
        image,
        image_id: text("image_id"),
        slot,
        modules: Default::default(),
    }))
}

/// The steps of the cut over, of which nobody saw the end: they are done, or the one that failed has.
fn correct_steps(
    t: &Transaction<'_>,
    id: DeploymentId,
    committed: bool,
    failed: Option<Step>,
) -> Result<(), EngineError> {
    for step in Step::all().filter(|s| s.part() == model::Part::CutOver) {
        let status = match failed {
            _ if committed => StepStatus::Done,
            Some(failed) if step < failed => StepStatus::Done,
            Some(failed) if step == failed => StepStatus::Failed,
            Some(_) => StepStatus::Skipped,
            None => continue,
        };
        let sql = "UPDATE step SET status = ?3 WHERE deployment_id = ?1 AND step = ?2 AND status <> ?3";
        if t.prepare_cached(sql)?.execute((id, step, status))? > 0 {
            events::record(t, id, model::now(), &EventKind::StepChanged { step, status, message: None })?;
        }
    }
    Ok(())
}

fn told(verdict: &Verdict) -> String {
    match (&verdict.error, verdict.status) {
        (_, Status::Success) => "it was committed, the new release served".to_owned(),
        (Some(error), _) => error.message.clone(),
        (None, status) => format!("it ended as {status}"),
    }
}

/// Adds a snapshot that another desktop took; whether it is there yet is found out by whoever uses it.
fn add_snapshot(
    t: &Transaction<'_>,
    environment: EnvironmentId,
    deployment: DeploymentId,
    snapshot: &Snapshot,
) -> Result<bool, EngineError> {
    if snapshot.state != SnapshotState::Ready {
        return Ok(false);
    }
    let added = t.execute(
        "INSERT INTO snapshot (id, environment_id, deployment_id, created_at, kind, database_bytes, filestore_bytes, location,
                kept_until, state)
            SELECT :id, :environment_id, :deployment_id, :created_at, :kind, :database_bytes, :filestore_bytes, :location,
                :kept_until, :state
            WHERE NOT EXISTS (SELECT 1 FROM snapshot WHERE id = :id OR deployment_id = :deployment_id)",
        named_params! {
            ":id": snapshot.id, ":environment_id": environment, ":deployment_id": deployment,
            ":created_at": Millis(snapshot.created_at), ":kind": snapshot.kind,
            ":database_bytes": snapshot.database_bytes.max(0), ":filestore_bytes": snapshot.filestore_bytes.max(0),
            ":location": Json(&snapshot.location), ":kept_until": snapshot.kept_until.map(Millis), ":state": snapshot.state,
        },
    )?;
    Ok(added > 0)
}
