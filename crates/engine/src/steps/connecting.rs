//! Step 2: reach the server, learn all about it in one round trip, check that it can bear this, and take the lock.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::PrepareStep;
use crate::cutover::CutOver;
use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
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
        let mut facts = cx.connect().await?.clone();
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
        take_lease(cx).await?;
        if self.recover(cx, &facts).await? {
            facts = cx.learn_again().await?;
        }
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
            CutOver::find(Arc::clone(host), dir).revert().await?;
            any = true;
        }
        Ok(any)
    }
}

async fn take_lease(cx: &Cx) -> Result<(), EngineError> {
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
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}
