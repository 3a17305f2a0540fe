//! `slipway cancel`.

use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;

use crate::exit::Exit;
use crate::output::Output;

/// Asks for it, and says what will happen.
pub(crate) async fn run(engine: &Engine, out: Output, deployment: &str) -> Result<Exit, EngineError> {
    let deployment = engine.deployment(deployment).await?;
    let said = engine.cancel(deployment.id).await?;
    out.value(&serde_json::json!({ "deployment": deployment.id, "said": said }), |_| said.clone());
    Ok(Exit::Success)
}
