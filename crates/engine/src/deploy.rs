//! The pipeline: one deployment from top to bottom, on one screen.
//!
//! *Prepare* touches nothing that is live and can be repeated; *cut over* is one detached unit on the server that
//! finishes or undoes itself; *settle* looks from outside, saves the snapshot and prunes.

use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
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
    cx.step(Initializing).await?;
    let facts = cx.step(Connecting).await?;
    cx.step(CreatingNetwork { facts: &facts }).await?;
    cx.step(CreatingDatabase { facts: &facts }).await?;
    let source = cx.step(CloningRepositories { facts: &facts }).await?;
    let base = cx.step(PullingImage { refresh: cx.options().pull }).await?;
    let config = cx.step(GeneratingConfig { facts: &facts, source: &source, base: &base }).await?;
    let release = cx.step(InstallingDependencies { source: &source, base: &base, config: &config }).await?;
    cx.step(VerifyingDns).await?;

    // cut over: steps 10 to 14
    let ended =
        Box::pin(CutOver { source: &source, config: &config, release: &release }.carry_out(cx)).await?;

    // settle
    if let Ended::Committed(cut) = &ended
        && let Err(error) =
            cx.step(Completed { source: &source, config: &config, release: &release, cut }).await
    {
        if error.code == ErrorCode::ClaimLost {
            return Err(error);
        }
        cx.warn(format!(
            "The new release serves, but what comes after could not be finished: {}",
            error.message
        ));
    }
    Ok(ended)
}
