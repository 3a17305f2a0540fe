//! Ending the app. A cut over goes on without it; a deployment in preparation waits for the next start, so the user is asked.

use std::time::Duration;

use slipway_engine::model::{DeploymentId, Status};
use tauri::{AppHandle, Manager};

use crate::app::App;
use crate::overview::Overview;
use crate::signals::Signal;
use crate::window;

/// How long the worker may take to give back what it has.
const LIMIT: Duration = Duration::from_secs(5);

/// The user wants to quit: asks in the window while something is being prepared.
pub(crate) fn ask(handle: &AppHandle) {
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        let app = handle.state::<App>();
        let preparing = preparing(&app).await;
        if preparing.is_empty() {
            now(&handle);
        } else {
            window::focus(&handle);
            app.signals.send(Signal::QuitAsked { preparing });
        }
    });
}

/// Quits.
pub(crate) fn now(handle: &AppHandle) {
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        let app = handle.state::<App>();
        app.stop.cancel();
        if app.engine().is_ok() {
            // What isn't given back within the limit is found by the next start, by its dead owner.
            let _ = tokio::time::timeout(LIMIT, app.worker_ended.cancelled()).await;
        }
        handle.exit(0);
    });
}

/// What is being prepared here. What another process prepares goes on without us.
async fn preparing(app: &App) -> Vec<DeploymentId> {
    let Ok(engine) = app.engine() else { return vec![] };
    let Ok(overview) = Overview::look(engine).await else { return vec![] };
    let mut found = Vec::new();
    for progress in overview.environments.into_iter().flat_map(|row| row.under_way) {
        let id = progress.deployment.id;
        if progress.deployment.status == Status::Building
            && let Ok(deployment) = engine.store().deployment(id).await
            && deployment.owner.is_some_and(|owner| owner.pid == std::process::id())
        {
            found.push(id);
        }
    }
    found
}
