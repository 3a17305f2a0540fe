//! Environments.

use serde::Serialize;
use slipway_engine::engine::{EnvironmentView, RollbackPreview};
use slipway_engine::error::EngineError;
use slipway_engine::model::{
    Deployment, DeploymentId, Environment, EnvironmentId, Project, ProjectId, Server, slug,
};
use slipway_engine::plan::Plan;
use slipway_engine::server::Capacity;
use tauri::State;

use super::{GivenSecret, names_and_values};
use crate::app::App;
use crate::once::WishId;
use crate::overview::{EnvironmentRow, Overview};

/// One environment with all that its screens need at first.
#[derive(Serialize, specta::Type)]
pub(crate) struct EnvironmentDetail {
    /// As lists show it.
    row: EnvironmentRow,
    /// Its project.
    project: Project,
    /// Its server, if it has one.
    server: Option<Server>,
}

/// Whether a server can bear an environment.
#[derive(Serialize, specta::Type)]
pub(crate) struct CapacityCheck {
    /// The numbers.
    capacity: Capacity,
    /// `capacity_exceeded`, saying what is too much; nothing when it fits.
    problem: Option<EngineError>,
}

/// Everything at one look.
#[tauri::command]
#[specta::specta]
pub(crate) async fn overview(app: State<'_, App>) -> Result<Overview, EngineError> {
    Overview::look(app.engine()?, &app.pulse).await
}

/// One environment.
#[tauri::command]
#[specta::specta]
pub(crate) async fn environment(
    app: State<'_, App>,
    environment: EnvironmentId,
) -> Result<EnvironmentDetail, EngineError> {
    let engine = app.engine()?;
    let view = engine.environment_by_id(environment).await?;
    let overview = Overview::look(engine, &app.pulse).await?;
    let row = overview.environment(environment).cloned();
    let row = row.ok_or_else(|| EngineError::not_found("There is no such environment."))?;
    Ok(EnvironmentDetail { row, project: view.project, server: view.server })
}

/// A new environment with the usual settings, to be filled in and added.
#[tauri::command]
#[specta::specta]
pub(crate) fn draft_environment(project: ProjectId) -> Environment {
    Environment::new(project, "production", "main")
}

/// Adds an environment. New values of its secrets come along, under the names that it refers to them by.
#[tauri::command]
#[specta::specta]
pub(crate) async fn add_environment(
    app: State<'_, App>,
    id: WishId,
    environment: Environment,
    secrets: Vec<GivenSecret>,
) -> Result<(), EngineError> {
    app.once
        .run(id, async {
            let engine = app.engine()?;
            environment.validate()?;
            engine.keep_secrets_of(&environment, names_and_values(secrets)).await?;
            let added = engine.add_environment(environment.clone()).await;
            if added.is_err() {
                engine.forget_secrets_of(&environment, None).await?;
            }
            added
        })
        .await
}

/// Changes an environment's settings; they take effect with its next deployment. Returns that one where changed settings are
/// deployed by themselves.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_environment(
    app: State<'_, App>,
    id: WishId,
    environment: Environment,
    secrets: Vec<GivenSecret>,
) -> Result<Option<Deployment>, EngineError> {
    app.once
        .run(id, async {
            let engine = app.engine()?;
            environment.validate()?;
            let before = engine.store().environment(environment.id).await?;
            engine.keep_secrets_of(&environment, names_and_values(secrets)).await?;
            let deployment = engine.save_environment(environment.clone()).await?;
            // Where its branch is now isn't new, if new commits are deployed from now on.
            app.look_for_commits.notify_one();
            engine.forget_secrets_of(&before, Some(&environment)).await?;
            Ok(deployment)
        })
        .await
}

/// Removes everything of an environment from its server and forgets it; with `keep_server`, only forgets it. Says what was
/// removed, a line each.
#[tauri::command]
#[specta::specta]
pub(crate) async fn destroy_environment(
    app: State<'_, App>,
    id: WishId,
    environment: EnvironmentId,
    keep_server: bool,
) -> Result<Vec<String>, EngineError> {
    app.once
        .run(id, async {
            let engine = app.engine()?;
            let view = engine.environment_by_id(environment).await?;
            let removed = engine.destroy_environment(&view, keep_server).await?;
            engine.forget_secrets_of(&view.environment, None).await?;
            Ok(removed)
        })
        .await
}

/// Whether its server can bear an environment with these settings, saved or not. Asks the server.
#[tauri::command]
#[specta::specta]
pub(crate) async fn check_capacity(
    app: State<'_, App>,
    environment: Environment,
) -> Result<CapacityCheck, EngineError> {
    let engine = app.engine()?;
    let project = engine.store().project(environment.project_id).await?;
    let server = match environment.server_id {
        None => None,
        Some(id) => Some(engine.store().server(id).await?),
    };
    let view = EnvironmentView { slug: slug(&project.name, &environment.name), environment, project, server };
    let capacity = engine.capacity(&view).await?;
    Ok(CapacityCheck { capacity, problem: capacity.check().err() })
}

/// What a deployment would do. Fetches to this computer and looks at the server; changes nothing.
#[tauri::command]
#[specta::specta]
pub(crate) async fn plan(
    app: State<'_, App>,
    environment: EnvironmentId,
    reference: Option<String>,
) -> Result<Plan, EngineError> {
    let engine = app.engine()?;
    let view = engine.environment_by_id(environment).await?;
    engine.plan(&view, reference).await
}

/// What going back to a deployment would do; with `data`, what would be lost.
#[tauri::command]
#[specta::specta]
pub(crate) async fn preview_rollback(
    app: State<'_, App>,
    environment: EnvironmentId,
    deployment: DeploymentId,
    data: bool,
) -> Result<RollbackPreview, EngineError> {
    let engine = app.engine()?;
    let view = engine.environment_by_id(environment).await?;
    let target = engine.store().deployment(deployment).await?;
    engine.preview_rollback(&view, &target, data).await
}

/// Opens an environment's address in the browser. Returns the address.
#[tauri::command]
#[specta::specta]
pub(crate) async fn open_address(
    app: State<'_, App>,
    environment: EnvironmentId,
) -> Result<String, EngineError> {
    let view = app.engine()?.environment_by_id(environment).await?;
    let address = view.address().ok_or_else(|| view.freeze().err().unwrap_or_else(no_address))?;
    crate::browser::open(&address)?;
    Ok(address)
}

fn no_address() -> EngineError {
    EngineError::not_found("This environment has no address.")
}
