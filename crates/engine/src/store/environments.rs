//! Environments.

use super::{
    Store,
    deployments::{SUMMARY, summary_from_row},
    projects, releases,
    sql::{self, Json, Millis},
};
use crate::{
    error::{EngineError, ErrorCode},
    model::{DeploymentSummary, Environment, EnvironmentId, names},
};
use rusqlite::{Connection, Row, Transaction, named_params};
use serde::Serialize;

/// An environment with what a list of environments shows of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnvironmentOverview {
    /// The environment.
    pub environment: Environment,
    /// The name of its project.
    pub project: String,
    /// The name of its server.
    pub server: Option<String>,
    /// Its newest deployment.
    pub latest: Option<DeploymentSummary>,
    /// The deployment that it runs.
    pub live: Option<DeploymentSummary>,
    /// Why new commits can't be seen, where they are to be deployed by themselves.
    pub watch_problem: Option<EngineError>,
}

impl Store {
    /// Adds an environment.
    pub async fn add_environment(&self, environment: Environment) -> Result<(), EngineError> {
        environment.validate()?;
        self.write(move |t| save(t, &environment, INSERT)).await
    }

    /// Changes an environment's settings. Deployments that are queued keep those that they were queued with. Its name and
    /// project are part of names on servers and stay; so does the server, once anything was deployed.
    pub async fn update_environment(&self, environment: Environment) -> Result<(), EngineError> {
        environment.validate()?;
        self.write(move |t| update(t, environment).map(drop)).await
    }

    /// Forgets an environment and its history. Nothing on its server is touched.
    pub async fn remove_environment(&self, id: EnvironmentId) -> Result<(), EngineError> {
        self.write(move |t| {
            let unfinished: bool = t.query_row(
                "SELECT EXISTS (SELECT 1 FROM deployment
                    WHERE environment_id = ?1 AND status IN ('queued', 'building', 'deploying'))",
                [id],
                |row| row.get(0),
            )?;
            if unfinished {
                return Err(EngineError::new(
                    ErrorCode::Conflict,
                    "A deployment of this environment is under way.",
                )
                .hint("Cancel it or wait for its end, then try again."));
            }
            match t.execute("DELETE FROM environment WHERE id = ?1", [id])? {
                0 => Err(not_found()),
                _ => Ok(()),
            }
        })
        .await
    }

    /// One environment.
    pub async fn environment(&self, id: EnvironmentId) -> Result<Environment, EngineError> {
        self.read(move |c| find(c, id)?.ok_or_else(not_found)).await
    }

    /// All environments, by project and name.
    pub async fn environments(&self) -> Result<Vec<EnvironmentOverview>, EngineError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT e.*, p.name AS project_name, s.name AS server_name, w.problem AS watch_problem FROM environment e
                    JOIN project p ON p.id = e.project_id LEFT JOIN server s ON s.id = e.server_id
                    LEFT JOIN watched w ON w.environment_id = e.id
                    ORDER BY p.name, e.name",
            )?;
            let rows = statement.query_map([], |row| {
                let problem = row.get::<_, Option<Json<_>>>("watch_problem")?.map(|problem| problem.0);
                Ok((from_row(row)?, row.get("project_name")?, row.get("server_name")?, problem))
            })?;
            rows.map(|row| {
                let (environment, project, server, watch_problem) = row?;
                let latest = newest(c, environment.id, "1")?;
                let live = releases::live(c, environment.id)?;
                Ok(EnvironmentOverview { environment, project, server, latest, live, watch_problem })
            })
            .collect()
        })
        .await
    }

    /// The deployment that an environment runs: the one whose release went live last.
    pub async fn live_deployment(&self, id: EnvironmentId) -> Result<Option<DeploymentSummary>, EngineError> {
        self.read(move |c| releases::live(c, id)).await
    }
}

/// Changes an environment's settings, and gives back those of before.
pub(super) fn update(t: &Transaction<'_>, environment: Environment) -> Result<Environment, EngineError> {
    let before = find(t, environment.id)?.ok_or_else(not_found)?;
    if before.name != environment.name || before.project_id != environment.project_id {
        return Err(EngineError::bad_input(
            "An environment can't be renamed: its server knows it by its name.",
        ));
    }
    if before.server_id != environment.server_id && newest(t, environment.id, "status = 'success'")?.is_some()
    {
        return Err(EngineError::new(ErrorCode::Conflict, "The environment's data are on its server.")
            .hint("Add another environment on the new server, and destroy this one when that is live."));
    }
    if !environment.deploy_on_push {
        // Whoever turns it on again doesn't mean what was pushed meanwhile.
        t.execute("DELETE FROM watched WHERE environment_id = ?1", [environment.id])?;
    }
    save(t, &Environment { updated_at: crate::model::now(), ..environment }, UPDATE)?;
    Ok(before)
}

/// The environment of this id, if there is one.
pub(super) fn find(connection: &Connection, id: EnvironmentId) -> Result<Option<Environment>, EngineError> {
    let mut statement = connection.prepare_cached("SELECT * FROM environment WHERE id = ?1")?;
    Ok(statement.query_map([id], from_row)?.next().transpose()?)
}

pub(super) fn newest(
    connection: &Connection,
    id: EnvironmentId,
    condition: &'static str,
) -> Result<Option<DeploymentSummary>, EngineError> {
    // With `+` no index answers the condition: SQLite would go through the successes of all environments, newest first.
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {SUMMARY} FROM deployment WHERE environment_id = ?1 AND +({condition}) ORDER BY id DESC LIMIT 1"
    ))?;
    Ok(statement.query_map([id], summary_from_row)?.next().transpose()?)
}

const INSERT: &str = "INSERT INTO environment (id, project_id, name, slug, kind, server_id, branch, domain, tls, cpus,
        memory_mb, disk_mb, modules, options, secret_options, variables, secret_variables, image, hold_limit_s, health_limit_s,
        update_limit_s, auto_deploy, deploy_on_push, retention, notify, demo_data, language, created_at, updated_at)
    VALUES (:id, :project_id, :name, :slug, :kind, :server_id, :branch, :domain, :tls, :cpus,
        :memory_mb, :disk_mb, :modules, :options, :secret_options, :variables, :secret_variables, :image, :hold_limit_s, :health_limit_s,
        :update_limit_s, :auto_deploy, :deploy_on_push, :retention, :notify, :demo_data, :language, :created_at, :updated_at)";

const UPDATE: &str = "UPDATE environment SET slug = :slug, kind = :kind, server_id = :server_id,
        branch = :branch, domain = :domain, tls = :tls, cpus = :cpus, memory_mb = :memory_mb, disk_mb = :disk_mb,
        modules = :modules, options = :options, secret_options = :secret_options, variables = :variables, secret_variables = :secret_variables, image = :image,
        hold_limit_s = :hold_limit_s, health_limit_s = :health_limit_s, update_limit_s = :update_limit_s, auto_deploy = :auto_deploy, deploy_on_push = :deploy_on_push,
        retention = :retention, notify = :notify, demo_data = :demo_data, language = :language, created_at = :created_at, updated_at = :updated_at
    WHERE id = :id AND project_id = :project_id AND name = :name";

fn save(connection: &Connection, e: &Environment, sql: &str) -> Result<(), EngineError> {
    let project = projects::find(connection, e.project_id)?;
    let project = project.ok_or_else(|| EngineError::not_found("There is no such project."))?;
    let slug = names::checked_slug(&project.name, &e.name)?;
    let saved = connection.execute(
        sql,
        named_params! {
            ":id": e.id, ":project_id": e.project_id, ":name": e.name, ":slug": slug, ":kind": e.kind,
            ":server_id": e.server_id, ":branch": e.branch, ":domain": e.domain, ":tls": Json(&e.tls), ":cpus": e.cpus,
            ":memory_mb": e.memory_mb.cast_signed(), ":disk_mb": e.disk_mb.cast_signed(), ":modules": Json(&e.modules),
            ":options": Json(&e.options), ":secret_options": Json(&e.secret_options), ":variables": Json(&e.variables),
            ":secret_variables": Json(&e.secret_variables), ":image": e.image, ":hold_limit_s": e.hold_limit_s,
            ":health_limit_s": e.health_limit_s, ":update_limit_s": e.update_limit_s,
            ":auto_deploy": e.auto_deploy, ":deploy_on_push": e.deploy_on_push, ":retention": Json(&e.retention), ":notify": e.notify,
            ":demo_data": e.demo_data, ":language": e.language, ":created_at": Millis(e.created_at),
            ":updated_at": Millis(e.updated_at),
        },
    );
    match saved {
        Ok(0) => Err(not_found()),
        Ok(_) => Ok(()),
        Err(error) if sql::is_taken(&error) => Err(taken(connection, e)?),
        Err(error) if sql::is_referred_to(&error) => Err(EngineError::not_found("There is no such server.")),
        Err(error) => Err(error.into()),
    }
}

/// Says which of an environment's names is taken.
fn taken(connection: &Connection, environment: &Environment) -> Result<EngineError, EngineError> {
    let domain_taken: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM environment WHERE server_id = ?1 AND domain = ?2 AND id <> ?3)",
        (environment.server_id, &environment.domain, environment.id),
        |row| row.get(0),
    )?;
    let message = match &environment.domain {
        Some(domain) if domain_taken => format!("Another environment on this server answers to {domain}."),
        _ => format!(
            "There is an environment named {:?} already, or one that servers would take for it.",
            environment.name
        ),
    };
    Ok(EngineError::new(ErrorCode::Conflict, message))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Environment> {
    Ok(Environment {
        id: row.get("id")?,
        project_id: row.get("project_id")?,
        name: row.get("name")?,
        kind: row.get("kind")?,
        server_id: row.get("server_id")?,
        branch: row.get("branch")?,
        domain: row.get("domain")?,
        tls: row.get::<_, Json<_>>("tls")?.0,
        cpus: row.get("cpus")?,
        memory_mb: row.get::<_, i64>("memory_mb")?.cast_unsigned(),
        disk_mb: row.get::<_, i64>("disk_mb")?.cast_unsigned(),
        modules: row.get::<_, Json<_>>("modules")?.0,
        options: row.get::<_, Json<_>>("options")?.0,
        secret_options: row.get::<_, Json<_>>("secret_options")?.0,
        variables: row.get::<_, Json<_>>("variables")?.0,
        secret_variables: row.get::<_, Json<_>>("secret_variables")?.0,
        image: row.get("image")?,
        hold_limit_s: row.get("hold_limit_s")?,
        health_limit_s: row.get("health_limit_s")?,
        update_limit_s: row.get("update_limit_s")?,
        auto_deploy: row.get("auto_deploy")?,
        deploy_on_push: row.get("deploy_on_push")?,
        retention: row.get::<_, Json<_>>("retention")?.0,
        notify: row.get("notify")?,
        demo_data: row.get("demo_data")?,
        language: row.get("language")?,
        created_at: row.get::<_, Millis>("created_at")?.0,
        updated_at: row.get::<_, Millis>("updated_at")?.0,
    })
}

fn not_found() -> EngineError {
    EngineError::not_found("There is no such environment.").hint("See `slipway env list`.")
}
