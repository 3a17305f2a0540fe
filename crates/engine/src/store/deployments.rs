//! Deployments: adding, reading and listing them. Whoever carries one out changes it through its
//! [claim](crate::queue::Claim).

use super::{
    Store, environments, events, projects, servers,
    sql::{self, Json, Millis, json, time},
};
use crate::{
    error::{EngineError, ErrorCode},
    events::EventKind,
    model::{
        DeployOptions, Deployment, DeploymentId, DeploymentSummary, EnvironmentId, Lane, ProjectId, Restore,
        ServerId, Settings, Status, Step, StepStatus, Trigger,
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, Row, ToSql, Transaction, named_params, params_from_iter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A deployment to be queued.
#[derive(Clone, Debug)]
pub struct NewDeployment {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// What asks for it.
    pub trigger: Trigger,
    /// Who asks for it.
    pub who: String,
    /// The branch, tag or commit; the environment's branch when not given.
    pub git_ref: Option<String>,
    /// The commits by repository, where they are known beforehand: a retry or a rollback.
    pub commits: BTreeMap<String, String>,
    /// The deployment that it goes back to.
    pub rollback_of: Option<DeploymentId>,
    /// The deployment that it tries again.
    pub retry_of: Option<DeploymentId>,
    /// The data that it brings back.
    pub restore: Option<Restore>,
    /// How it is to be carried out.
    pub options: DeployOptions,
    /// A text that the asking program makes up once for each wish: asked twice with the same one, for instance by a double
    /// click, there is one deployment.
    pub idempotency_key: Option<String>,
}

impl NewDeployment {
    /// A deployment of the environment's branch.
    pub fn new(environment_id: EnvironmentId, trigger: Trigger, who: impl Into<String>) -> Self {
        Self {
            environment_id,
            trigger,
            who: who.into(),
            git_ref: None,
            commits: BTreeMap::new(),
            rollback_of: None,
            retry_of: None,
            restore: None,
            options: DeployOptions::default(),
            idempotency_key: None,
        }
    }
}

/// Which deployments to list. The default: all, the newest 50.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct DeploymentFilter {
    /// Of this environment.
    pub environment_id: Option<EnvironmentId>,
    /// Of this project.
    pub project_id: Option<ProjectId>,
    /// On this server.
    pub server_id: Option<ServerId>,
    /// With one of these statuses; any, when empty.
    pub statuses: Vec<Status>,
    /// With one of these triggers; any, when empty.
    pub triggers: Vec<Trigger>,
    /// With this text in the commit, its subject or author, the ref, or the name of whoever asked for it.
    pub text: Option<String>,
    /// Older than this one: the page after the one that ended with it.
    pub before: Option<DeploymentId>,
    /// How many; 50 when not given, 500 at most.
    pub limit: Option<u32>,
}

/// A part of a list, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: u64,
    /// What to ask with as `before` for the next page, if there is one.
    pub next: Option<DeploymentId>,
}

impl Store {
    /// One deployment, with all that is known about it.
    pub async fn deployment(&self, id: DeploymentId) -> Result<Deployment, EngineError> {
        self.read(move |c| in_transaction(c, id)).await
    }

    /// One deployment, as lists show it.
    pub async fn summary(&self, id: DeploymentId) -> Result<DeploymentSummary, EngineError> {
        self.read(move |c| {
            let mut statement =
                c.prepare_cached(&format!("SELECT {SUMMARY} FROM deployment WHERE id = ?1"))?;
            let found = statement.query_map([id], summary_from_row)?.next().transpose()?;
            found.ok_or_else(missing)
        })
        .await
    }

    /// A page of deployments.
    pub async fn deployments(
        &self,
        filter: DeploymentFilter,
    ) -> Result<Page<DeploymentSummary>, EngineError> {
        self.read(move |c| page(c, &filter)).await
    }

    /// How long requests were held by an environment's last successful deployments of a lane, in milliseconds,
    /// newest first: what the next one's pause is predicted from.
    pub async fn pauses(&self, id: EnvironmentId, lane: Lane, limit: u32) -> Result<Vec<i64>, EngineError> {
        self.read(move |c| {
            let mut statement = c.prepare_cached(
                "SELECT pause_ms FROM deployment WHERE environment_id = ?1 AND lane = ?2 AND status = 'success'
                    AND pause_ms IS NOT NULL ORDER BY id DESC LIMIT ?3",
            )?;
            let pauses = statement.query_map((id, lane, limit), |row| row.get(0))?;
            Ok(pauses.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// One deployment, as a transaction sees it.
pub(crate) fn in_transaction(connection: &Connection, id: DeploymentId) -> Result<Deployment, EngineError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT *, {DURATIONS} FROM deployment WHERE id = ?1"))?;
    let found = statement.query_map([id], deployment_from_row)?.next().transpose()?;
    found.ok_or_else(missing)
}

fn missing() -> EngineError {
    EngineError::not_found("There is no such deployment.").hint("See `slipway history ENV`.")
}

/// Adds a deployment to the queue, with the settings frozen as they are (but no modules wanted, when data comes back). If its key was used before, nothing is
/// added and the earlier one is returned, with `false`.
pub(crate) fn insert(
    t: &Transaction<'_>,
    new: &NewDeployment,
    now: Timestamp,
) -> Result<(DeploymentId, bool), EngineError> {
    if let Some(key) = &new.idempotency_key {
        let mut statement =
            t.prepare_cached("SELECT id FROM deployment WHERE environment_id = ?1 AND idempotency_key = ?2")?;
        if let Some(earlier) = statement.query_map((new.environment_id, key), |row| row.get(0))?.next() {
            return Ok((earlier?, false));
        }
    }
    let mut settings = Settings { options: new.options.clone(), ..freeze(t, new.environment_id)? };
    if new.restore.is_some() {
        // What comes back with its data has the modules that it had, whichever they were: nothing is installed, and one that was
        // added or removed since doesn't stand in the way.
        settings.environment.modules.clear();
    }
    let id = DeploymentId::new();
    let main = settings.project.main_repository().and_then(|repository| new.commits.get(&repository.name));
    t.execute(
        r#"INSERT INTO deployment (id, environment_id, server_id, number, "trigger", status, git_ref, "commit", commits, who,
                settings, queued_at, progressed_at, rollback_of, retry_of, restore, idempotency_key)
            VALUES (:id, :environment_id, :server_id,
                (SELECT coalesce(max(number), 0) + 1 FROM deployment WHERE environment_id = :environment_id),
                :trigger, 'queued', :git_ref, :commit, :commits, :who,
                :settings, :now, :now, :rollback_of, :retry_of, :restore, :idempotency_key)"#,
        named_params! {
            ":id": id, ":environment_id": new.environment_id, ":server_id": settings.server.id,
            ":trigger": new.trigger, ":git_ref": new.git_ref, ":commit": main, ":commits": Json(&new.commits),
            ":who": new.who, ":settings": Json(&settings), ":now": Millis(now), ":rollback_of": new.rollback_of,
            ":retry_of": new.retry_of, ":restore": new.restore.as_ref().map(Json),
            ":idempotency_key": new.idempotency_key,
        },
    )?;
    let mut add_step =
        t.prepare_cached("INSERT INTO step (deployment_id, step, status) VALUES (?1, ?2, ?3)")?;
    for step in Step::all() {
        add_step.execute((id, step, StepStatus::Pending))?;
    }
    events::record(t, id, now, &EventKind::StatusChanged { status: Status::Queued, error: None })?;
    Ok((id, true))
}

/// The settings of an environment as they are now.
pub(super) fn freeze(t: &Transaction<'_>, id: EnvironmentId) -> Result<Settings, EngineError> {
    let missing = || EngineError::not_found("There is no such environment.").hint("See `slipway env list`.");
    let environment = environments::find(t, id)?.ok_or_else(missing)?;
    let project = projects::find(t, environment.project_id)?.ok_or_else(missing)?;
    let server = match environment.server_id {
        Some(id) => servers::find(t, id)?,
        None => None,
    };
    let Some(server) = server else {
        let message = format!("{}/{} has no server to be deployed on.", project.name, environment.name);
        return Err(EngineError::new(ErrorCode::NoServer, message));
    };
    Ok(Settings { environment, project, server, options: DeployOptions::default() })
}

fn page(connection: &Connection, filter: &DeploymentFilter) -> Result<Page<DeploymentSummary>, EngineError> {
    let mut conditions = vec!["1"];
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut only = |condition: &'static str, value: Box<dyn ToSql>| {
        conditions.push(condition);
        values.push(value);
    };
    if let Some(id) = filter.environment_id {
        only("environment_id = ?", Box::new(id));
    }
    if let Some(id) = filter.project_id {
        only("environment_id IN (SELECT id FROM environment WHERE project_id = ?)", Box::new(id));
    }
    if let Some(id) = filter.server_id {
        only("server_id = ?", Box::new(id));
    }
    if !filter.statuses.is_empty() {
        only("status IN (SELECT value FROM json_each(?))", Box::new(Json(filter.statuses.clone())));
    }
    if !filter.triggers.is_empty() {
        only(r#""trigger" IN (SELECT value FROM json_each(?))"#, Box::new(Json(filter.triggers.clone())));
    }
    if let Some(text) = filter.text.as_deref().filter(|text| !text.is_empty()) {
        // Joined by line breaks, which none of them has.
        only(
            r#"concat_ws(char(10), "commit", subject, author, git_ref, who) LIKE ? ESCAPE '\'"#,
            Box::new(sql::containing(text)),
        );
    }
    let all = conditions.join(" AND ");
    let total: i64 = connection
        .prepare_cached(&format!("SELECT count(*) FROM deployment WHERE {all}"))?
        .query_row(params_from_iter(&values), |row| row.get(0))?;

    let older = if let Some(before) = filter.before {
        values.push(Box::new(before));
        " AND id < ?"
    } else {
        ""
    };
    let limit = filter.limit.unwrap_or(50).clamp(1, 500);
    values.push(Box::new(limit));
    let sql = format!("SELECT {SUMMARY} FROM deployment WHERE {all}{older} ORDER BY id DESC LIMIT ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let items = statement
        .query_map(params_from_iter(&values), summary_from_row)?
        .collect::<Result<Vec<DeploymentSummary>, _>>()?;
    let is_full = u32::try_from(items.len()).is_ok_and(|len| len == limit);
    let next = items.last().filter(|_| is_full).map(|last| last.id);
    Ok(Page { items, total: total.cast_unsigned(), next })
}

/// How long the parts took.
pub(crate) const DURATIONS: &str =
    "coalesce(deploying_at, finished_at) - started_at AS build_ms, finished_at - deploying_at AS deploy_ms";

/// The columns of a summary.
pub(super) const SUMMARY: &str = r#"id, environment_id, number, "trigger", status, git_ref, "commit", subject, author, lane,
    who, error, queued_at, started_at, finished_at, coalesce(deploying_at, finished_at) - started_at AS build_ms,
    finished_at - deploying_at AS deploy_ms, pause_ms, snapshot_id, rollback_of, retry_of, point_of_no_return,
    cancel_requested_at, elsewhere"#;

pub(super) fn summary_from_row(row: &Row<'_>) -> rusqlite::Result<DeploymentSummary> {
    Ok(DeploymentSummary {
        id: row.get("id")?,
        environment_id: row.get("environment_id")?,
        number: row.get("number")?,
        trigger: row.get("trigger")?,
        status: row.get("status")?,
        git_ref: row.get("git_ref")?,
        commit: row.get("commit")?,
        subject: row.get("subject")?,
        author: row.get("author")?,
        lane: row.get("lane")?,
        who: row.get("who")?,
        error: json(row, "error")?,
        queued_at: row.get::<_, Millis>("queued_at")?.0,
        started_at: time(row, "started_at")?,
        finished_at: time(row, "finished_at")?,
        build_ms: row.get("build_ms")?,
        deploy_ms: row.get("deploy_ms")?,
        pause_ms: row.get("pause_ms")?,
        snapshot_id: row.get("snapshot_id")?,
        rollback_of: row.get("rollback_of")?,
        retry_of: row.get("retry_of")?,
        point_of_no_return: row.get("point_of_no_return")?,
        cancel_requested_at: time(row, "cancel_requested_at")?,
        elsewhere: row.get("elsewhere")?,
    })
}

pub(crate) fn deployment_from_row(row: &Row<'_>) -> rusqlite::Result<Deployment> {
    let s = summary_from_row(row)?;
    Ok(Deployment {
        id: s.id,
        environment_id: s.environment_id,
        number: s.number,
        trigger: s.trigger,
        status: s.status,
        git_ref: s.git_ref,
        commit: s.commit,
        commits: row.get::<_, Json<_>>("commits")?.0,
        subject: s.subject,
        author: s.author,
        lane: s.lane,
        who: s.who,
        settings: row.get::<_, Json<_>>("settings")?.0,
        plan: json(row, "plan")?,
        error: s.error,
        queued_at: s.queued_at,
        started_at: s.started_at,
        finished_at: s.finished_at,
        build_ms: s.build_ms,
        deploy_ms: s.deploy_ms,
        pause_ms: s.pause_ms,
        snapshot_id: s.snapshot_id,
        rollback_of: s.rollback_of,
        retry_of: s.retry_of,
        restore: json(row, "restore")?,
        release: json(row, "release")?,
        point_of_no_return: s.point_of_no_return,
        cancel_requested_at: s.cancel_requested_at,
        owner: json(row, "owner")?,
        attempts: row.get("attempts")?,
        elsewhere: s.elsewhere,
    })
}
