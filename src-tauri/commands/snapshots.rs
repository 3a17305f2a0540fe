//! Snapshots.

use std::path::Path;

use slipway_engine::engine::{DownloadProgress, Downloaded};
use slipway_engine::error::EngineError;
use slipway_engine::model::{EnvironmentId, Snapshot, SnapshotId};
use tauri::ipc::Channel;
use tauri::{AppHandle, State};

use crate::app::App;
use crate::once::WishId;

/// The snapshots of an environment that can still be used, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn snapshots(
    app: State<'_, App>,
    environment: EnvironmentId,
) -> Result<Vec<Snapshot>, EngineError> {
    app.engine()?.snapshots(environment).await
}

/// Removes a snapshot from its server. The user has agreed: nothing brings it back.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_snapshot(
    app: State<'_, App>,
    id: WishId,
    snapshot: SnapshotId,
) -> Result<(), EngineError> {
    app.once.run(id, async { app.engine()?.remove_snapshot(snapshot).await }).await
}

/// Where a snapshot would be downloaded to, for the user to change: a new file in the folder for downloads.
#[tauri::command]
#[specta::specta]
pub(crate) async fn suggest_download(
    handle: AppHandle,
    app: State<'_, App>,
    snapshot: SnapshotId,
) -> Result<String, EngineError> {
    let name = app.engine()?.name_of_download(snapshot).await?;
    Ok(super::downloads_folder(&handle)?.join(name).to_string_lossy().into_owned())
}

/// Brings a snapshot to this computer, as a zip that Odoo's database manager restores; says how far it has come through the
/// channel. A page that is gone hears nothing; the work goes on.
#[tauri::command]
#[specta::specta]
pub(crate) async fn download_snapshot(
    app: State<'_, App>,
    id: WishId,
    snapshot: SnapshotId,
    to: String,
    channel: Channel<DownloadProgress>,
) -> Result<Downloaded, EngineError> {
    app.once
        .run(id, async {
            let download = app.downloads.begin(id, &app.stop);
            let say = |progress| drop(channel.send(progress));
            app.engine()?.download_snapshot(snapshot, Path::new(&to), say, &download.cancel).await
        })
        .await
}

/// Ends a download, by the wish that began it. It leaves no file.
#[tauri::command]
#[specta::specta]
pub(crate) fn cancel_download(app: State<'_, App>, download: WishId) {
    app.downloads.cancel(download);
}
