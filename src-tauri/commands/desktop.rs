//! The app itself: what it is, its settings, the keychain.

use secrecy::SecretString;
use serde::Serialize;
use slipway_engine::engine::{Engine, KeychainStatus};
use slipway_engine::error::EngineError;
use tauri::{AppHandle, State};

use crate::app::App;
use crate::once::WishId;
use crate::settings::AppSettings;
use crate::{autostart, quit};

/// What this app is and what it runs on: what a report of a fault has to say.
#[derive(Serialize, specta::Type)]
pub(crate) struct AppInfo {
    /// Version of Slipway, without a `v`.
    version: String,
    /// Operating system as Rust names it: `linux`, `macos`, `windows`.
    os: String,
    /// Processor as Rust names it: `x86_64`, `aarch64`.
    arch: String,
    /// Version of the system's web view, if it tells one.
    webview: Option<String>,
    /// The folder that holds all of Slipway's state; nothing if it could not be opened.
    home: Option<String>,
    /// Why it could not be opened: then nothing else works.
    problem: Option<EngineError>,
    /// Secrets are in the encrypted file, whose passphrase wasn't given yet.
    locked: bool,
}

/// Tells what this app is and what it runs on.
#[tauri::command]
#[specta::specta]
pub(crate) fn app_info(handle: AppHandle, app: State<'_, App>) -> AppInfo {
    AppInfo {
        version: handle.package_info().version.to_string(),
        os: std::env::consts::OS.into(),
        arch: std::env::consts::ARCH.into(),
        webview: tauri::webview_version().ok(),
        home: app.engine().ok().map(|engine| engine.home().display().to_string()),
        problem: app.engine().err(),
        locked: app.engine().is_ok_and(Engine::waits_for_passphrase),
    }
}

/// What the user chose for the app.
#[tauri::command]
#[specta::specta]
pub(crate) fn settings(app: State<'_, App>) -> AppSettings {
    app.settings.get()
}

/// Changes what the user chose for the app.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_settings(
    app: State<'_, App>,
    id: WishId,
    settings: AppSettings,
) -> Result<(), EngineError> {
    app.once.run(id, async { app.settings.set(settings) }).await
}

/// Whether the app starts when the user logs in.
#[tauri::command]
#[specta::specta]
pub(crate) async fn starts_at_login() -> Result<bool, EngineError> {
    autostart::is_on()
}

/// Has the app started when the user logs in, or no longer.
#[tauri::command]
#[specta::specta]
pub(crate) async fn start_at_login(app: State<'_, App>, id: WishId, on: bool) -> Result<(), EngineError> {
    app.once.run(id, async { autostart::turn(on) }).await
}

/// Where secrets are kept, and whether they can be had. May take as long as the user needs to unlock a keychain.
#[tauri::command]
#[specta::specta]
pub(crate) async fn keychain_status(app: State<'_, App>) -> Result<KeychainStatus, EngineError> {
    Ok(app.engine()?.keychain_status().await)
}

/// Opens the encrypted file of secrets with its passphrase, or begins one.
#[tauri::command]
#[specta::specta]
pub(crate) async fn open_secrets_file(
    app: State<'_, App>,
    id: WishId,
    passphrase: Passphrase,
) -> Result<KeychainStatus, EngineError> {
    app.once.run(id, async { app.engine()?.open_secrets_file(passphrase.0).await }).await
}

/// Ends the app, also while deployments are being prepared: they go on when it runs again.
#[tauri::command]
#[specta::specta]
pub(crate) fn quit(handle: AppHandle) {
    quit::now(&handle);
}

/// A passphrase on its way in.
#[derive(serde::Deserialize, specta::Type)]
#[serde(transparent)]
pub(crate) struct Passphrase(#[specta(type = String)] SecretString);
