//! Carrying deployments out, and looking for new commits, for as long as the app runs, also with its window closed.

use std::time::Duration;

use slipway_engine::engine::Engine;
use slipway_engine::worker::{Until, Worker};
use tauri::{AppHandle, Manager};

use crate::app::App;

/// How long to wait before trying again when the queue can't be read.
const AGAIN: Duration = Duration::from_secs(5);

/// Works in the background until the app stops; looks for new commits so often, or as the engine does.
pub(crate) fn begin(handle: &AppHandle, engine: Engine, look_every: Option<Duration>) {
    look_for_commits(handle, engine.clone(), look_every);
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        let app = handle.state::<App>();
        while let Err(error) = Worker::new(engine.clone()).run(Until::Stopped, app.stop.clone()).await {
            tracing::error!(code = %error.code, %error, "the queue can't be worked on");
            tokio::select! {
                () = app.stop.cancelled() => break,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
        app.worker_ended.cancel();
    });
}

fn look_for_commits(handle: &AppHandle, engine: Engine, every: Option<Duration>) {
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        let app = handle.state::<App>();
        engine.watch_repositories(every, &app.look_for_commits, &app.stop).await;
    });
}
