//! `slipway work`: what `--detach` leaves behind.

use std::time::Duration;

use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;
use slipway_engine::worker::{Until, Worker};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// Works until the queue is empty, or until it is told to stop; then it looks for new commits as well.
pub(crate) async fn run(
    engine: &Engine,
    until_idle: bool,
    look_every: Duration,
) -> Result<Exit, EngineError> {
    let stop = CancellationToken::new();
    // Ends with this function, however that ends.
    let _watch = stop.clone().drop_guard();
    if !until_idle {
        let (engine, stop) = (engine.clone(), stop.clone());
        tokio::spawn(async move { engine.watch_repositories(Some(look_every), &Notify::new(), &stop).await });
    }
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
