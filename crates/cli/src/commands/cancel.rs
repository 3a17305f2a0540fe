//! `slipway cancel`.

use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;
use slipway_engine::queue::Cancelled;

use crate::exit::Exit;
use crate::output::Output;

/// Asks for it, and says what will happen.
pub(crate) async fn run(engine: &Engine, out: Output, deployment: &str) -> Result<Exit, EngineError> {
    let deployment = engine.deployment(deployment).await?;
    let said = engine.cancel(deployment.id).await?;
    out.value(&serde_json::json!({ "deployment": deployment.id, "result": said }), |_| match said {
        Cancelled::AtOnce => "It was waiting, and is cancelled.".into(),
        Cancelled::Requested => "Asked. It ends where that is safe: nothing live is left half done.".into(),
        Cancelled::TooLate => "Too late: the new release serves already, and is brought to its end.".into(),
        Cancelled::Ended { status } => format!("It had ended before: {status}."),
    });
    Ok(Exit::Success)
}
