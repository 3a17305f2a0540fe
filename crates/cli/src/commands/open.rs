//! `slipway open`.

use std::process::{Command, Stdio};

use slipway_engine::engine::Engine;
use slipway_engine::error::{EngineError, ErrorCode};

use crate::exit::Exit;
use crate::output::Output;

/// Carries it out.
pub(crate) async fn run(engine: &Engine, out: Output, env: &str, print: bool) -> Result<Exit, EngineError> {
    let view = engine.environment(env).await?;
    let Some(address) = view.address() else {
        return Err(EngineError::new(
            ErrorCode::NoServer,
            format!("{} has no server, so it has no address.", view.name()),
        ));
    };
    out.value(&serde_json::json!({ "address": address }), |_| address.clone());
    if !print && !out.is_json() {
        let opener = if cfg!(target_os = "macos") {
            "open"
        } else if cfg!(windows) {
            "explorer"
        } else {
            "xdg-open"
        };
        Command::new(opener)
            .arg(&address)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| {
                EngineError::from(e).hint(format!("There is no `{opener}` here. Open {address} yourself."))
            })?;
    }
    Ok(Exit::Success)
}
