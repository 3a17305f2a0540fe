//! The pipeline: one deployment from top to bottom, on one screen.
//!
//! *Prepare* touches nothing that is live and can be repeated; *cut over* is one detached unit on the server that
//! finishes or undoes itself; *settle* looks from outside, saves the snapshot and prunes.

use tokio::sync::{oneshot, watch};

use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::server::Facts;
use crate::steps::{
    CloningRepositories, Completed, Connecting, CreatingDatabase, CreatingNetwork, CutOver, Ended,
    GeneratingConfig, Initializing, InstallingDependencies, PullingImage, VerifyingDns,
};

/// Carries out the deployment of `cx`, from wherever an earlier run of it stopped, and says how it ended.
///
/// # Errors
/// Whatever stopped it in prepare, or kept us from learning how the cut over ended; what went wrong in the cut over is an
/// end, not an error, and nothing that goes wrong after the commit makes it undone.
pub(crate) async fn deploy(cx: &Cx) -> Result<Ended, EngineError> {
    // prepare
    let facts = reach(cx).await?;
    cx.step(CreatingNetwork { facts: &facts }).await?;
    cx.step(CreatingDatabase { facts: &facts }).await?;
    let facts = with_database(cx, facts).await?;
    let source = cx.step(CloningRepositories { facts: &facts }).await?;
    let base = cx.step(PullingImage { refresh: cx.options().pull, facts: &facts, source: &source }).await?;
    let source = source.on(&base);
    let config = cx.step(GeneratingConfig { facts: &facts, source: &source, base: &base }).await?;
    let release = cx.step(InstallingDependencies { source: &source, base: &base, config: &config }).await?;
    cx.step(VerifyingDns).await?;

    // cut over: steps 10 to 14; settle, as soon as the new release serves
    let (serving, serves) = oneshot::channel();
    let (over, ended) = watch::channel(false);
    let cut_over = CutOver { source: &source, config: &config, release: &release };
    let cutting = async move {
        let end = cut_over.carry_out(cx, serving).await;
        over.send_replace(matches!(end, Ok(Ended::Committed)));
        end
    };
    let settling = async {
        // Nobody tells it of what never serves.
        let Ok(cut) = serves.await else { return Ok(()) };
        cx.step(Completed { source: &source, config: &config, release: &release, cut: &cut, ended }).await
    };
    let (ended, settled) = tokio::join!(Box::pin(cutting), Box::pin(settling));
    let ended = ended?;
    match settled {
        Err(error) if error.code == ErrorCode::ClaimLost => return Err(error),
        Err(error) => cx.warn(format!(
            "The new release serves, but what comes after could not be finished: {}",
            error.message
        )),
        Ok(()) => {}
    }
    Ok(ended)
}

/// The facts with what the database holds, which couldn't be asked if it didn't run when the server was examined.
async fn with_database(cx: &Cx, facts: Facts) -> Result<Facts, EngineError> {
    if facts.runs_database(&cx.layout().slug) || facts.committed.is_empty() {
        return Ok(facts);
    }
    cx.learn_again().await
}

/// Steps 1 and 2: looks at what is asked for while the server is being reached, which takes longer.
async fn reach(cx: &Cx) -> Result<Facts, EngineError> {
    let both = async {
        cx.step(Initializing).await?;
        cx.step(Connecting).await
    };
    tokio::pin!(both);
    tokio::select! {
        biased;
        facts = &mut both => facts,
        () = cx.connect_early() => both.await,
    }
}
