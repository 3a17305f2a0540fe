//! Who carries deployments out: claims them, runs the pipeline, and records how it ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cx::{Cx, cancelled};
use crate::deploy::deploy;
use crate::engine::Engine;
use crate::error::{EngineError, ErrorCode};
use crate::model::{DeploymentError, DeploymentId, Lane, Part, Status};
use crate::queue::{Claim, Want};
use crate::server::Lease;
use crate::steps::{Ended, clean_up, write_history};
use crate::store::Changes;

/// How long a worker works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until this deployment has ended; others before it in its environment are carried out too, since they come first.
    Finished(DeploymentId),
    /// Until there is nothing left to do.
    Idle,
    /// Until it is told to stop.
    Stopped,
}

/// Carries deployments out, those of different environments side by side.
pub struct Worker {
    engine: Engine,
}

/// How often to look whether anything is stuck.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How often a worker looks for something to do, at most: what it carries out changes the store all the time.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How often, at least: nothing changes the store when another process dies.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Worker {
    /// A worker of this engine.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Works. When `stop` comes, nothing new is begun; what is under way is given back, to be resumed by whoever comes next.
    ///
    /// # Errors
    /// When the queue can't be read.
    pub async fn run(self, until: Until, stop: CancellationToken) -> Result<(), EngineError> {
        let mut running = JoinSet::new();
        let mut swept: Option<Instant> = None;
        let mut changes = self.engine.store().changes();
        loop {
            // Before looking: what comes meanwhile is looked at as well.
            changes.mark();
            if swept.is_none_or(|at| at.elapsed() > SWEEP_EVERY) {
                swept = Some(Instant::now());
                for stuck in self.engine.queue().end_stuck(crate::model::now()).await? {
                    tracing::warn!(deployment = %stuck.id, "ended as stuck");
                }
            }
            if !stop.is_cancelled()
                && let Some(claim) = self.claim(until).await?
            {
                running.spawn(carry_out(self.engine.clone(), claim, stop.clone()));
                continue;
            }
            while let Some(done) = running.try_join_next() {
                report(done);
            }
            if running.is_empty() && (stop.is_cancelled() || self.is_done(until).await?) {
                return Ok(());
            }
            tokio::select! {
                Some(done) = running.join_next(), if !running.is_empty() => report(done),
                () = news(&mut changes) => {}
                () = stop.cancelled(), if !stop.is_cancelled() => {}
            }
        }
    }

    async fn claim(&self, until: Until) -> Result<Option<Claim>, EngineError> {
        let want = match until {
            // What comes after it is somebody else's, who would find it half begun.
            Until::Finished(id) => Want::UpTo(id),
            Until::Idle | Until::Stopped => Want::Any,
        };
        self.engine.queue().claim(want, self.engine.redactor()).await
    }

    async fn is_done(&self, until: Until) -> Result<bool, EngineError> {
        match until {
            Until::Finished(id) => Ok(self.engine.store().deployment(id).await?.status.is_finished()),
            Until::Idle => self.engine.queue().is_idle().await,
            Until::Stopped => Ok(false),
        }
    }
}

fn report(done: Result<Result<(), EngineError>, tokio::task::JoinError>) {
    match done {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(code = %error.code, %error, "a deployment's end could not be recorded")
        }
        Err(error) => tracing::error!(%error, "a deployment's task ended early"),
    }
}

/// Something may be there to do.
async fn news(changes: &mut Changes) {
    tokio::time::sleep(LOOK_EVERY).await;
    // Either way it is time to look.
    let _ = tokio::time::timeout(LOOK_AGAIN, changes.changed()).await;
}

/// Carries a deployment out, all of whose secrets are known: this process goes on with what another one began.
async fn with_secrets(cx: &Cx) -> Result<Ended, EngineError> {
    match cx.engine.learn_secrets(&cx.settings).await {
        // What is begun on the server has to be seen to its end.
        Err(error) if cx.is_cutting_over() => {
            cx.warn(format!("Secrets may stand in this log, as they could not be read: {}", error.message));
        }
        learnt => learnt?,
    }
    deploy(cx).await
}

/// One deployment, from claim to record.
async fn carry_out(engine: Engine, claim: Claim, stop: CancellationToken) -> Result<(), EngineError> {
    let lost = claim.lost().clone();
    let cx = Arc::new(Cx::new(engine, claim).await?);
    let lease = tokio::spawn(keep_lease(Arc::clone(&cx)));
    let result = tokio::select! {
        biased;
        () = lost.cancelled() => None,
        () = stop.cancelled() => None,
        result = Box::pin(with_secrets(&cx)) => Some(result),
    };
    lease.abort();
    let _ = lease.await;
    // A write that was refused may tell of the loss before the next heartbeat does.
    let is_lost = |e: &EngineError| e.code == ErrorCode::ClaimLost || lost.is_cancelled();
    let Some(result) = result.filter(|r| !r.as_ref().is_err_and(is_lost)) else {
        // Taken over, or this process ends: whoever comes next goes on from what is recorded.
        if let Some(cx) = Arc::into_inner(cx) {
            cx.into_claim().release().await?;
        }
        return Ok(());
    };
    let (status, error) = end(&cx, result).await;
    let is_unknown = error.as_ref().is_some_and(|error| error.code == ErrorCode::OutcomeUnknown);
    let Some(cx) = Arc::into_inner(cx) else {
        return Err(EngineError::internal("The deployment's tasks did not end."));
    };
    let (engine, environment) = (cx.engine.clone(), cx.deployment.environment_id);
    cx.into_claim().finish(status, error).await?;
    if is_unknown {
        // The server may know by now.
        let view = engine.environment_by_id(environment).await?;
        if let Err(error) = engine.refresh(&view).await {
            tracing::warn!(%error, "how a deployment ended could not be found out yet");
        }
    }
    Ok(())
}

/// What is recorded of the end, after what a failed or cancelled deployment prepared is removed.
async fn end(cx: &Cx, result: Result<Ended, EngineError>) -> (Status, Option<DeploymentError>) {
    let step = Some(cx.current());
    match result {
        Ok(Ended::Committed) => (Status::Success, None),
        Ok(Ended::RolledBack(error, lane)) => {
            // A first deployment has nothing to go back to.
            let status = if lane == Lane::First { Status::Failed } else { Status::RolledBack };
            let error = DeploymentError::new(error, step);
            leave(cx, status, &error).await;
            (status, Some(error))
        }
        Ok(Ended::Cancelled) => {
            let error = DeploymentError::new(cancelled(), step);
            leave(cx, Status::Cancelled, &error).await;
            (Status::Cancelled, Some(error))
        }
        // Whatever the cut over does now, nothing that it needs is removed.
        Err(error) if error.code == ErrorCode::OutcomeUnknown => {
            (Status::Failed, Some(DeploymentError::new(error, step)))
        }
        Err(error) => {
            if let Err(left) = clean_up(cx).await {
                cx.warn(format!("What had been prepared could not all be removed: {}", left.message));
            }
            let prepares = !cx.is_cutting_over() && cx.current().part() == Part::Prepare;
            let (status, error) = of_error(error, prepares && is_asked_to_end(cx).await);
            (status, Some(DeploymentError::new(error, step)))
        }
    }
}

/// What an error means that ended a deployment before anything live was touched. `asked` says that somebody wanted its end: then
/// that's what it is, also when something broke before the wish was heard.
fn of_error(error: EngineError, asked: bool) -> (Status, EngineError) {
    match error.code {
        ErrorCode::Cancelled => (Status::Cancelled, error),
        // It says what nobody may overlook.
        ErrorCode::RevertFailed => (Status::Failed, error),
        _ if asked => (Status::Cancelled, cancelled().detail(error.message)),
        _ => (Status::Failed, error),
    }
}

/// Asked of the store: the wish is heard here with the next heartbeat only.
async fn is_asked_to_end(cx: &Cx) -> bool {
    let now = cx.engine.store().summary(cx.deployment.id).await;
    now.is_ok_and(|deployment| deployment.cancel_requested_at.is_some())
}

async fn leave(cx: &Cx, status: Status, error: &DeploymentError) {
    if let Err(failed) = write_history(cx, status, Some(error)).await {
        cx.warn(format!("The server's own history could not be written: {}", failed.message));
    }
    if let Some(connection) = cx.connected()
        && let Err(failed) = Lease::release(connection.host.as_ref(), cx.layout(), cx.deployment.id).await
    {
        cx.warn(format!("The lock could not be given back, it ends by itself: {}", failed.message));
    }
}

/// Renews the lease on the server for as long as the deployment runs.
async fn keep_lease(cx: Arc<Cx>) {
    loop {
        tokio::time::sleep(Lease::RENEW_EVERY).await;
        // Nothing is renewed while we wait for another desktop's to end.
        let Some(connection) = cx.connected().filter(|_| cx.has_lease()) else { continue };
        let renewed =
            Lease::renew(connection.host.as_ref(), cx.layout(), cx.deployment.id, &cx.deployment.who).await;
        // A cut over has a lock of its own, and goes on.
        let prepares = !cx.is_cutting_over() && cx.current().part() == Part::Prepare;
        if let Err(error) = renewed {
            if error.code == ErrorCode::LockHeld && prepares {
                cx.warn("Another desktop has taken this environment over; stopping");
                cx.cancel.cancel();
                return;
            }
            cx.debug(format!("The lock could not be renewed: {}", error.message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_after_somebody_wanted_its_end_is_cancelled() {
        let lost = || EngineError::new(ErrorCode::ConnectionLost, "The connection was lost.");
        assert_eq!(of_error(lost(), false), (Status::Failed, lost()));
        let (status, error) = of_error(lost(), true);
        assert_eq!((status, error.code), (Status::Cancelled, ErrorCode::Cancelled));
        assert_eq!(error.detail.as_deref(), Some("The connection was lost."));
        assert_eq!(of_error(cancelled(), false), (Status::Cancelled, cancelled()));
    }
}
