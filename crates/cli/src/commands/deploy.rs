//! `slipway deploy`.

use slipway_engine::engine::{DeployRequest, Engine};
use slipway_engine::error::EngineError;
use slipway_engine::model::{DeployOptions, Trigger};

use crate::args::Deploy;
use crate::exit::Exit;
use crate::output::Output;
use crate::run::carry_out;

/// Carries it out.
pub(crate) async fn run(engine: &Engine, out: Output, args: Deploy) -> Result<Exit, EngineError> {
    let view = engine.environment(&args.env).await?;
    let request = DeployRequest {
        trigger: Trigger::Manual,
        reference: args.reference,
        options: DeployOptions {
            pull: args.pull,
            update: args.update,
            back: args.back,
            ..(&args.run).into()
        },
        idempotency_key: None,
    };
    let deployment = engine.enqueue(&view, request).await?;
    carry_out(engine, out, &deployment, &args.run).await
}
