//! Ending the app. A cut over goes on without it, and a deployment in preparation waits for the next start: the user is told, and
//! asked.

use std::time::Duration;

use slipway_engine::model::{DeploymentId, Status};
use tauri::{AppHandle, Manager};

use crate::app::App;
use crate::overview::Overview;
use crate::signals::Signal;
use crate::window;

/// How long the worker may take to give back what it has.
const LIMIT: Duration = Duration::from_secs(5);

/// The user wants to quit: asks in the window while something is under way here.
pub(crate) fn ask(handle: &AppHandle) {
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        let app = handle.state::<App>();
        let (preparing, cutting_over) =
            (ours(&app, Status::Building).await, ours(&app, Status::Deploying).await);
        if preparing.is_empty() && cutting_over.is_empty() {
            now(&handle);
        } else {
            window::focus(&handle);
            app.signals.send(Signal::QuitAsked { preparing, cutting_over });
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

/// What is at this status here. What another process works on goes on without us.
async fn ours(app: &App, status: Status) -> Vec<DeploymentId> {
    let Ok(engine) = app.engine() else { return vec![] };
    let Ok(overview) = Overview::look(engine, &app.pulse).await else { return vec![] };
    let mut found = Vec::new();
    for progress in overview.environments.into_iter().flat_map(|row| row.under_way) {
        let id = progress.deployment.id;
        if progress.deployment.status == status
            && let Ok(deployment) = engine.store().deployment(id).await
            && deployment.owner.is_some_and(|owner| owner.pid == std::process::id())
        {
            found.push(id);
        }
    }
    found
}
