//! The HTTP interface for other programs.

use slipway_api::{ApiStatus, Token};
use slipway_engine::error::EngineError;
use tauri::State;

use crate::app::App;
use crate::once::WishId;

/// Whether the API is on, and where.
#[tauri::command]
#[specta::specta]
pub(crate) async fn api_status(app: State<'_, App>) -> Result<ApiStatus, EngineError> {
    Ok(app.api()?.status().await)
}

/// Turns the API on, on this port of 127.0.0.1, or off.
#[tauri::command]
#[specta::specta]
pub(crate) async fn turn_api(
    app: State<'_, App>,
    id: WishId,
    on: bool,
    port: u16,
) -> Result<ApiStatus, EngineError> {
    app.once.run(id, async { app.api()?.turn(on, port).await }).await
}

/// Makes a new token and shows it, this once. The one before is good for nothing any more.
#[tauri::command]
#[specta::specta]
pub(crate) async fn new_api_token(app: State<'_, App>, id: WishId) -> Result<ShownToken, EngineError> {
    app.once.run(id, async { app.api()?.new_token().await.map(ShownToken) }).await
}

/// A token on its way to the user's eyes.
#[derive(Clone, specta::Type)]
#[specta(transparent)]
pub(crate) struct ShownToken(#[specta(type = String)] Token);

impl serde::Serialize for ShownToken {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}
