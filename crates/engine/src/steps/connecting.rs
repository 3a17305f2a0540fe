//! Step 2: reach the server, learn all about it in one round trip, check that it can bear this, and take the lock.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::PrepareStep;
use super::cut_over::{RECONNECT_EVERY, is_passing, outcome_unknown};
use crate::cutover::{self, CutOver};
use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::history::{self, Learnt};
use crate::model::Step;
use crate::server::{Capacity, Facts, Lease};

/// Connects. Repeated when a deployment is resumed: facts age.
pub(crate) struct Connecting;

/// Clocks that differ by more than this many seconds are worth a warning: certificates and logs go wrong.
const SKEW_WARN_S: i64 = 60;
/// How long `--wait` waits for another desktop.
const WAIT_LIMIT: Duration = Duration::from_secs(3600);
const WAIT_POLL: Duration = Duration::from_secs(2);

impl PrepareStep for Connecting {
    const STEP: Step = Step::Connecting;
    const LIMIT: Duration = Duration::from_secs(WAIT_LIMIT.as_secs() + 120);
    const REPEAT: bool = true;
    type Output = Facts;

    async fn run(&self, cx: &Cx) -> Result<Facts, EngineError> {
        if cx.is_cutting_over() {
            return find_again(cx).await;
        }
        let mut facts = cx.connect().await?.clone();
        if facts.has_begun(cx.deployment.id) {
            // Its record was lost here, by a power cut of this computer or with an older copy of its store.
            cx.warn("The server has begun this cut over before, which was not recorded here");
            cx.start_cutting_over().await?;
            return find_again(cx).await;
        }
        cx.info(format!(
            "Connected to {}: Docker {}, {} CPU, {} MB of memory, {} GB of disk free",
            cx.settings.server.name,
            facts.docker,
            facts.cpus,
            facts.memory_mb,
            facts.docker_disk_mb.free / 1024
        ));
        let skew = facts.time - Timestamp::now().as_second();
        if skew.abs() > SKEW_WARN_S {
            cx.warn(format!("The server's clock differs from this computer's by {skew} s"));
        }
        Capacity::of(&facts, &cx.layout().slug, cx.reservation()).check()?;
        if take_lease(cx).await? || facts.lease.is_some() {
            // Somebody deployed when we looked, and what is live may be another release by now.
            facts = cx.learn_again().await?;
        }
        if self.recover(cx, &facts).await? {
            facts = cx.learn_again().await?;
        }
        cx.check_still_live(&facts).await?;
        learn(cx, &facts).await?;
        Ok(facts)
    }
}

impl Connecting {
    /// Ends what an earlier deployment left in the middle of its cut over; true if there was something.
    async fn recover(&self, cx: &Cx, facts: &Facts) -> Result<bool, EngineError> {
        let mut any = false;
        for short in facts.unfinished.iter().filter(|s| **s != cx.deployment.id.short()) {
            cx.warn(format!("An earlier cut over ({short}) was left in the middle; ending it first"));
            let host = &cx.connection().await?.host;
            let dir = format!("{}/cutovers/{short}", cx.layout().dir());
            let status = CutOver::find(Arc::clone(host), dir).revert().await?;
            if status == cutover::Status::RevertFailed {
                return Err(EngineError::new(
                    ErrorCode::RevertFailed,
                    format!(
                        "An earlier cut over ({short}) could not be undone: nothing is deployed on top of it."
                    ),
                ));
            }
            any = true;
        }
        Ok(any)
    }
}

/// Learns what other desktops did, and how cut overs ended whose end nobody here saw. That is good to know, and no reason not
/// to deploy.
async fn learn(cx: &Cx, facts: &Facts) -> Result<(), EngineError> {
    let connection = cx.connection().await?;
    let environment = cx.deployment.environment_id;
    let learning = history::learn(&cx.engine, environment, connection, facts, cx.layout(), false);
    match Box::pin(learning).await {
        Ok(Learnt { imported, found }) => {
            if !imported.is_empty() {
                cx.info(format!(
                    "Other desktops deployed {} times since; see `slipway history`",
                    imported.len()
                ));
            }
            for id in found {
                let status = cx.engine.store().deployment(id).await?.status;
                cx.info(format!("Found out how deployment {} ended: {status}", id.short()));
            }
        }
        Err(error) => cx.warn(format!("The server's own history could not be read: {}", error.message)),
    }
    Ok(())
}

/// Reaches the server whose cut over an earlier run of this deployment began. That one may have ended long ago: whoever
/// has the lock now, or what else the server bears since, is no reason not to learn how. A server that is away is waited for.
async fn find_again(cx: &Cx) -> Result<Facts, EngineError> {
    let begun = tokio::time::Instant::now();
    let mut has_told = false;
    let facts = loop {
        match cx.connect().await {
            Ok(facts) => break facts.clone(),
            Err(error) if is_passing(&error) && begun.elapsed() < cx.engine.patience() => {
                if !has_told {
                    cx.warn(format!(
                        "{} The cut over goes on by itself on the server; trying to reach it again",
                        error.message
                    ));
                    has_told = true;
                }
                tokio::time::sleep(RECONNECT_EVERY).await;
            }
            Err(error) => return Err(outcome_unknown(error)),
        }
    };
    cx.info(format!("Connected to {} again: finding out how the cut over went", cx.settings.server.name));
    let host = &cx.connection().await?.host;
    let owner = &cx.deployment.who;
    match Lease::acquire(host.as_ref(), cx.layout(), cx.deployment.id, owner, false).await {
        Ok(()) => cx.note_lease(),
        Err(error) => cx.warn(format!("Going on without the environment's lock: {}", error.message)),
    }
    if !cx.has_prepared() {
        return Err(end_without_record(cx).await);
    }
    Ok(facts)
}

/// Waits for the end of a cut over of which so little is recorded here that it can't be settled. Nothing is prepared anew: it may
/// be what serves. Gives the error that makes the server's journal decide what is recorded.
async fn end_without_record(cx: &Cx) -> EngineError {
    match wait_for_end(cx).await {
        Ok(()) => outcome_unknown(EngineError::new(
            ErrorCode::OutcomeUnknown,
            "What was prepared for it is not recorded on this computer any more.",
        )),
        Err(error) => outcome_unknown(error),
    }
}

async fn wait_for_end(cx: &Cx) -> Result<(), EngineError> {
    let host = &cx.connection().await?.host;
    let unit = CutOver::find(Arc::clone(host), cx.layout().cutover(cx.deployment.id));
    unit.follow(0, &mut |_, _| {}, &CancellationToken::new()).await?;
    if unit.status().await? == cutover::Status::Dead {
        cx.warn("Its process on the server is gone; ending it");
        unit.revert().await?;
    }
    Ok(())
}

/// Takes the lock; true if it had to be waited for.
async fn take_lease(cx: &Cx) -> Result<bool, EngineError> {
    let started = tokio::time::Instant::now();
    let mut has_told = false;
    loop {
        let host = &cx.connection().await?.host;
        let owner = &cx.deployment.who;
        match Lease::acquire(host.as_ref(), cx.layout(), cx.deployment.id, owner, cx.options().take_over)
            .await
        {
            Err(e)
                if e.code == ErrorCode::LockHeld && cx.options().wait && started.elapsed() < WAIT_LIMIT =>
            {
                if !has_told {
                    cx.info(format!("{}; waiting", e.message));
                    has_told = true;
                }
                tokio::time::sleep(WAIT_POLL).await;
            }
            Ok(()) => {
                cx.note_lease();
                return Ok(has_told);
            }
            Err(error) => return Err(error),
        }
    }
}
