//! Following: each of these returns at once and sends through its channel from then on.

use slipway_engine::engine::{Live, Usage};
use slipway_engine::error::EngineError;
use slipway_engine::events::Event;
use slipway_engine::model::{DeploymentId, EnvironmentId};
use tauri::State;
use tauri::ipc::Channel;

use crate::app::App;
use crate::follow::{Batch, FollowId};
use crate::signals::Signal;

/// Lines of a running Odoo's past that come first.
const TAIL: u32 = 500;

/// From now on the page learns what happens: changes, places to open, questions to ask.
#[tauri::command]
#[specta::specta]
pub(crate) fn attach(app: State<'_, App>, channel: Channel<Signal>) {
    app.signals.attach(channel);
}

/// Everything recorded of a deployment after `seq`, then everything as it comes, each event once, to its end.
#[tauri::command]
#[specta::specta]
pub(crate) fn follow_deployment(
    app: State<'_, App>,
    deployment: DeploymentId,
    seq: i64,
    channel: Channel<Batch<Event>>,
) -> Result<FollowId, EngineError> {
    let events = app.engine()?.store().follow(deployment, seq);
    let follow = app.follows.begin();
    let id = follow.id();
    tauri::async_runtime::spawn(async move { follow.pump(events, &channel).await });
    Ok(id)
}

/// The log of the Odoo that an environment runs: its last lines, then what comes, until that Odoo ends.
#[tauri::command]
#[specta::specta]
pub(crate) async fn follow_log(
    app: State<'_, App>,
    environment: EnvironmentId,
    channel: Channel<Batch<String>>,
) -> Result<FollowId, EngineError> {
    let live = live(&app, environment).await?;
    let follow = app.follows.begin();
    let id = follow.id();
    tauri::async_runtime::spawn(async move {
        follow.pump(live.log(TAIL), &channel).await;
        live.close().await;
    });
    Ok(id)
}

/// What the Odoo of an environment uses, about once a second, until it ends.
#[tauri::command]
#[specta::specta]
pub(crate) async fn follow_usage(
    app: State<'_, App>,
    environment: EnvironmentId,
    channel: Channel<Batch<Usage>>,
) -> Result<FollowId, EngineError> {
    let live = live(&app, environment).await?;
    let follow = app.follows.begin();
    let id = follow.id();
    tauri::async_runtime::spawn(async move {
        follow.pump(live.usage(), &channel).await;
        live.close().await;
    });
    Ok(id)
}

/// The page has taken a batch: the next may come.
#[tauri::command]
#[specta::specta]
pub(crate) fn acknowledge(app: State<'_, App>, follow: FollowId) {
    app.follows.acknowledge(follow);
}

/// Ends following. It may have ended by itself.
#[tauri::command]
#[specta::specta]
pub(crate) fn unfollow(app: State<'_, App>, follow: FollowId) {
    app.follows.end(follow);
}

async fn live(app: &App, environment: EnvironmentId) -> Result<Live, EngineError> {
    let engine = app.engine()?;
    let view = engine.environment_by_id(environment).await?;
    engine.live(&view).await
}
