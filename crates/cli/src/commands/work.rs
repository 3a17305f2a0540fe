//! `slipway work`: what `--detach` leaves behind.

use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;
use slipway_engine::worker::{Until, Worker};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// Works until the queue is empty, or until it is told to stop.
pub(crate) async fn run(engine: &Engine, until_idle: bool) -> Result<Exit, EngineError> {
    let stop = CancellationToken::new();
    let until = if until_idle { Until::Idle } else { Until::Stopped };
    let work = Worker::new(engine.clone()).run(until, stop.clone());
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => done?,
        _ = tokio::signal::ctrl_c() => {
            stop.cancel();
            work.await?;
        }
    }
    Ok(Exit::Success)
}
