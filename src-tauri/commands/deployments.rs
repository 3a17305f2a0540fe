//! Deployments and their logs.

use std::io::Write;

use slipway_engine::engine::DeployRequest;
use slipway_engine::error::EngineError;
use slipway_engine::model::{
    DeployOptions, Deployment, DeploymentId, DeploymentSummary, EnvironmentId, LogLine, Trigger,
};
use slipway_engine::queue::Cancelled;
use slipway_engine::store::{DeploymentFilter, DeploymentProgress, LineCount, LineFilter, Page};
use tauri::{AppHandle, State};

use crate::app::App;
use crate::once::WishId;

/// Lines written to a file at once.
const CHUNK: u32 = 5000;

/// A page of deployments, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn deployments(
    app: State<'_, App>,
    filter: DeploymentFilter,
) -> Result<Page<DeploymentSummary>, EngineError> {
    app.engine()?.store().deployments(filter).await
}

/// One deployment with its steps, and the place to follow it on from.
#[tauri::command]
#[specta::specta]
pub(crate) async fn deployment(
    app: State<'_, App>,
    deployment: DeploymentId,
) -> Result<DeploymentProgress, EngineError> {
    app.engine()?.store().progress(deployment).await
}

/// Queues a deployment of an environment's branch, or of another branch, tag or commit.
#[tauri::command]
#[specta::specta]
pub(crate) async fn deploy(
    app: State<'_, App>,
    id: WishId,
    environment: EnvironmentId,
    reference: Option<String>,
    options: DeployOptions,
) -> Result<Deployment, EngineError> {
    let engine = app.engine()?;
    let view = engine.environment_by_id(environment).await?;
    let request =
        DeployRequest { trigger: Trigger::Manual, reference, options, idempotency_key: Some(id.to_string()) };
    engine.enqueue(&view, request).await
}

/// Queues a deployment of the same commits as one that has ended.
#[tauri::command]
#[specta::specta]
pub(crate) async fn retry(
    app: State<'_, App>,
    id: WishId,
    deployment: DeploymentId,
) -> Result<Deployment, EngineError> {
    app.engine()?.retry(deployment, Some(id.to_string())).await
}

/// Asks for a deployment's end, and says what that does. Asking twice does no harm.
#[tauri::command]
#[specta::specta]
pub(crate) async fn cancel(
    app: State<'_, App>,
    id: WishId,
    deployment: DeploymentId,
) -> Result<Cancelled, EngineError> {
    app.once.run(id, async { app.engine()?.cancel(deployment).await }).await
}

/// Queues going back to an earlier deployment; with `data`, to its data as well. The user has seen what would be lost.
#[tauri::command]
#[specta::specta]
pub(crate) async fn roll_back(
    app: State<'_, App>,
    id: WishId,
    environment: EnvironmentId,
    deployment: DeploymentId,
    data: bool,
) -> Result<Deployment, EngineError> {
    let engine = app.engine()?;
    let view = engine.environment_by_id(environment).await?;
    let target = engine.store().deployment(deployment).await?;
    engine.rollback(&view, &target, data, DeployOptions::default(), Some(id.to_string())).await
}

/// How many lines of a log fit a filter, by step and level.
#[tauri::command]
#[specta::specta]
pub(crate) async fn log_counts(
    app: State<'_, App>,
    deployment: DeploymentId,
    filter: LineFilter,
) -> Result<Vec<LineCount>, EngineError> {
    app.engine()?.store().count_lines(deployment, filter).await
}

/// Lines of a log: by their places (`after`, `before`) or counted off from an end (`skip`). At most 5000.
#[tauri::command]
#[specta::specta]
pub(crate) async fn log_lines(
    app: State<'_, App>,
    deployment: DeploymentId,
    filter: LineFilter,
) -> Result<Vec<LogLine>, EngineError> {
    app.engine()?.store().lines(deployment, filter).await
}

/// Writes the lines that fit a filter into a file of the user's downloads. Returns its path.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_log(
    handle: AppHandle,
    app: State<'_, App>,
    id: WishId,
    deployment: DeploymentId,
    filter: LineFilter,
) -> Result<String, EngineError> {
    app.once
        .run(id, async {
            let store = app.engine()?.store();
            let folder = super::downloads_folder(&handle)?;
            let path = folder.join(format!("slipway-{}.log", deployment.short()));
            let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
            let mut page =
                LineFilter { after: 0, before: None, from_end: false, skip: 0, limit: Some(CHUNK), ..filter };
            loop {
                let lines = store.lines(deployment, page.clone()).await?;
                let Some(last) = lines.last() else { break };
                page.after = last.seq;
                for line in &lines {
                    writeln!(file, "{} {:7} {} {}", line.at, line.level.to_string(), line.step, line.text)?;
                }
            }
            file.flush()?;
            Ok(path.to_string_lossy().into_owned())
        })
        .await
}

/// Writes what the window shows of a running Odoo's log to a file in the user's downloads. Returns its path.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_live_log(
    handle: AppHandle,
    app: State<'_, App>,
    id: WishId,
    environment: EnvironmentId,
    text: String,
) -> Result<String, EngineError> {
    app.once
        .run(id, async {
            let view = app.engine()?.environment_by_id(environment).await?;
            let path = super::downloads_folder(&handle)?.join(format!("slipway-{}-odoo.log", view.slug));
            std::fs::write(&path, text)?;
            Ok(path.to_string_lossy().into_owned())
        })
        .await
}
