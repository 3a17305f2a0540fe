//! A store as full as it gets, filled by the engine itself: everything in it was added, claimed and ended as real deployments are.

use std::collections::BTreeMap;
use std::path::Path;

use slipway_engine::engine::{Engine, EngineOptions};
use slipway_engine::error::{EngineError, ErrorCode};
use slipway_engine::model::{
    DeploymentError, DeploymentId, Environment, Level, Project, Repository, Server, ServerKind, Status, Step,
    Trigger,
};
use slipway_engine::queue::{Claim, Want};
use slipway_engine::store::NewDeployment;

pub(super) const ENVIRONMENTS: u32 = 200;
pub(super) const DEPLOYMENTS: u32 = 20_000;
pub(super) const LINES: u32 = 1_000_000;

/// So many environments belong to a project.
const IN_A_PROJECT: u32 = 5;
/// So many lines are handed over before they are waited for.
const AT_ONCE: u32 = 20_000;
/// What pip, Docker and Odoo say most of the time.
const SAID: [&str; 5] = [
    "#12 14.31 Collecting python-stdnum==1.20 (from -r requirements.txt (line 14))",
    "#12 14.36   Downloading python_stdnum-1.20-py2.py3-none-any.whl.metadata (20 kB)",
    "2026-11-22 12:04:11,021 1 INFO acme odoo.modules.loading: loading acme_base/data/ir_cron.xml",
    "2026-11-22 12:04:11,093 1 INFO acme odoo.modules.registry: module acme_portal: creating or updating database tables",
    "2026-11-22 12:04:13,411 1 INFO acme odoo.addons.base.models.ir_module: module acme_sla: loading translation file",
];
/// Every so many lines there is a warning, with the words that are searched for.
const WARNS: u32 = 500;
const WARNING: &str =
    "2026-11-22 12:04:13,411 1 WARNING acme odoo.models: The field sale.order.x_edi_ref is deprecated";

/// The deployment with the long log: its environment's newest.
pub(super) struct Long {
    pub(super) environment: String,
    pub(super) deployment: String,
}

/// How many of the lines are warnings.
pub(super) fn warnings() -> u32 {
    (0..u32::from(Step::COUNT)).map(|at| of_step(at).div_ceil(WARNS)).sum()
}

pub(super) fn fill(home: &Path) -> Long {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fill_all(home)).unwrap()
}

async fn fill_all(home: &Path) -> Result<Long, EngineError> {
    let engine = Engine::open(home, EngineOptions::default()).await?;
    let environments = environments(&engine).await?;
    for round in 0..DEPLOYMENTS / ENVIRONMENTS {
        for (at, environment) in environments.iter().enumerate() {
            let number = round * ENVIRONMENTS + u32::try_from(at).unwrap_or_default();
            if number + 1 < DEPLOYMENTS {
                end(begin(&engine, environment, number).await?, number).await?;
            }
        }
    }
    let environment = &environments[environments.len() - 1];
    let claim = begin(&engine, environment, DEPLOYMENTS).await?;
    let deployment = claim.deployment().id;
    say(&claim).await?;
    end(claim, 0).await?;
    Ok(Long { environment: environment.id.to_string(), deployment: deployment.to_string() })
}

async fn environments(engine: &Engine) -> Result<Vec<Environment>, EngineError> {
    // Nobody answers there.
    let kind = ServerKind::Ssh {
        destination: "127.0.0.1".into(),
        user: None,
        port: Some(1),
        key_file: None,
        password: None,
        passphrase: None,
        config_file: None,
    };
    let server = Server::new("hel1", kind);
    engine.add_server(server.clone()).await?;
    let mut all = Vec::new();
    for p in 0..ENVIRONMENTS / IN_A_PROJECT {
        let name = format!("client-{p:02}");
        let main = Repository::new("main", format!("https://git.studio.example/{name}.git"));
        let project = Project::new(name, "19.0", vec![main]);
        engine.add_project(project.clone()).await?;
        for name in ["production", "staging", "training", "feature-sla", "feature-edi"] {
            let mut environment = Environment::new(project.id, name, "main");
            environment.server_id = Some(server.id);
            engine.add_environment(environment.clone()).await?;
            all.push(environment);
        }
    }
    Ok(all)
}

/// A deployment whose turn it is, with its commit known.
async fn begin(engine: &Engine, environment: &Environment, number: u32) -> Result<Claim, EngineError> {
    let id: DeploymentId = {
        let new = NewDeployment::new(environment.id, Trigger::Manual, "ana@desk");
        engine.queue().enqueue(new).await?.id
    };
    let claim = engine.queue().claim(Want::Deployment(id), engine.redactor()).await?;
    let claim = claim.ok_or_else(|| EngineError::internal("Its turn has not come."))?;
    let commit = format!("{:040x}", u128::from(number) * 0x9E37_79B9_7F4A_7C15);
    let commits = BTreeMap::from([("main".to_owned(), commit.clone())]);
    let subject = Some(format!("Round the totals of order {number}"));
    claim.record_commits(&commit, commits, subject, Some("Ana".into())).await?;
    Ok(claim)
}

/// One in fifty fails, as it may.
async fn end(claim: Claim, number: u32) -> Result<(), EngineError> {
    if number % 50 == 49 {
        let error = EngineError::new(ErrorCode::ModuleLoadFailed, "The module acme_sla could not be loaded.");
        let error = DeploymentError::new(error, Some(Step::InitializingDatabase));
        return claim.finish(Status::Failed, Some(error)).await;
    }
    claim.start_deploying().await?;
    claim.finish(Status::Success, None).await
}

/// The long log: every step says its share.
async fn say(claim: &Claim) -> Result<(), EngineError> {
    for (at, step) in (0..).zip(Step::all()) {
        claim.start_step(step).await?;
        for line in 0..of_step(at) {
            match line % WARNS {
                0 => claim.line(step, Level::Warning, WARNING),
                n => claim.line(step, Level::Info, SAID[n as usize % SAID.len()]),
            }
            if line % AT_ONCE == 0 {
                claim.log().flush().await?;
            }
        }
        claim.finish_step(step, &serde_json::Value::Null).await?;
    }
    Ok(())
}

fn of_step(at: u32) -> u32 {
    let count = u32::from(Step::COUNT);
    LINES / count + if at == 0 { LINES % count } else { 0 }
}
