//! The pipeline: one deployment from top to bottom, on one screen.
//!
//! *Prepare* touches nothing that is live and can be repeated; *cut over* is one detached unit on the server that
//! finishes or undoes itself; *settle* looks from outside, saves the snapshot and prunes.

use crate::cx::{Cx, Ended};
use crate::error::EngineError;
use crate::steps::{
    Completed, Connecting, ConfiguringProject, CreatingDatabase, CreatingNetwork, CuttingOver, Initializing,
    InstallingDependencies, PullingImage, VerifyingDns, CloningRepositories,
};

/// Carries out the deployment of `cx`, from wherever an earlier run of it stopped.
///
/// # Errors
/// Whatever stopped it. What had been prepared is cleaned up by the caller (see [`crate::worker`]), since an error here
/// may also mean that the desktop lost the server while the cut over goes on.
pub(crate) async fn deploy(cx: &Cx) -> Result<Ended, EngineError> {
    // prepare
    cx.step(Initializing).await?;
    let facts = cx.step(Connecting).await?;
    cx.step(CreatingNetwork { facts: &facts }).await?;
    let database = cx.step(CreatingDatabase { facts: &facts }).await?;
    let source = cx.step(CloningRepositories { facts: &facts }).await?;
    let base = cx.step(PullingImage { source: &source }).await?;
    let config = cx.step(ConfiguringProject { source: &source, base: &base }).await?;
    let release = cx.step(InstallingDependencies { source: &source, base: &base, config: &config }).await?;
    cx.step(VerifyingDns { facts: &facts }).await?;

    // cut over: steps 10 to 14
    let cut_over = CuttingOver { facts: &facts, source: &source, release: &release, database: &database };
    let committed = match cut_over.carry_out(cx).await? {
        Ended::Success(committed) => committed,
        undone => return Ok(undone),
    };

    // settle
    cx.step(Completed { source: &source, release: &release, committed: &committed }).await?;
    Ok(Ended::Success(committed))
}
