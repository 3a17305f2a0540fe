//! `slipway retry`.

use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;

use crate::args::Run;
use crate::exit::Exit;
use crate::output::Output;
use crate::run::carry_out;

/// Carries it out.
pub(crate) async fn run(
    engine: &Engine,
    out: Output,
    deployment: &str,
    run: &Run,
) -> Result<Exit, EngineError> {
    let failed = engine.deployment(deployment).await?;
    let again = engine.retry(failed.id, None).await?;
    carry_out(engine, out, &again, run).await
}
