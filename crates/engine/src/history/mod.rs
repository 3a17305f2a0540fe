//! What a server knows of an environment's past, and this computer may not: what other desktops deployed, and how cut overs
//! ended whose end nobody here saw.
//!
//! Every desktop adds a line to `history.jsonl` on the server when a deployment of its ends. Whoever connects learns from it.
//!
//! **Invariant:** what this computer knows by itself is never overwritten by what it is told, but for an end that it didn't know.

mod entry;
mod verdict;

pub use entry::HistoryEntry;
pub(crate) use verdict::Verdict;

use std::sync::Arc;

use crate::cutover::{self, CutOver};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::model::{Deployment, DeploymentId, EnvironmentId, SnapshotState};
use crate::server::{Connection, Facts, Layout, Lease};

/// What was learnt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learnt {
    /// Deployments that other desktops carried out and that were not known here.
    pub imported: Vec<DeploymentId>,
    /// Deployments whose end was not known, and is now.
    pub found: Vec<DeploymentId>,
}

/// Learns what the server tells of the environment's past. `facts` hold the newest lines of its history; all of it is read when
/// they begin with something unknown, or when `whole` asks for it.
///
/// # Errors
/// When the server can't be asked, or the store written.
pub(crate) async fn learn(
    engine: &Engine,
    environment: EnvironmentId,
    connection: &Connection,
    facts: &Facts,
    layout: &Layout,
    whole: bool,
) -> Result<Learnt, EngineError> {
    let store = engine.store();
    let mut entries = facts.history.clone();
    let is_cut_short = match entries.first() {
        Some(oldest) => entries.len() >= Facts::HISTORY_LINES && !store.knows(oldest.deployment).await?,
        None => false,
    };
    if whole || is_cut_short {
        entries = HistoryEntry::read(connection, layout).await?;
    }
    let imported = store.import(environment, entries.clone()).await?;
    let mut found = vec![];
    for deployment in store.unknown_ends(environment).await? {
        let told = entries.iter().find(|e| e.deployment == deployment.id).map(Verdict::told);
        let verdict = match told {
            Some(verdict) => Some(verdict),
            None => look(engine, connection, layout, facts, &deployment).await?,
        };
        if let Some(verdict) = verdict {
            store.correct(&deployment, verdict).await?;
            found.push(deployment.id);
        }
    }
    let numbers = facts.committed.iter().filter_map(|c| Some((c.deployment.clone(), c.number?)));
    store.note_release_numbers(environment, numbers.collect()).await?;
    forget_snapshots(engine, environment, facts).await?;
    Ok(Learnt { imported, found })
}

/// How the cut over of `deployment` ended, by its journal; nothing while it hasn't. What is found goes into the server's
/// history, where nobody has told of it yet.
async fn look(
    engine: &Engine,
    connection: &Connection,
    layout: &Layout,
    facts: &Facts,
    deployment: &Deployment,
) -> Result<Option<Verdict>, EngineError> {
    use cutover::Status;
    let unit = CutOver::find(Arc::clone(&connection.host), layout.cutover(deployment.id));
    let verdict = match unit.status().await? {
        // Ended first by whoever deploys next.
        Status::Running | Status::Dead | Status::RevertFailed => return Ok(None),
        Status::None => Verdict::never_began(),
        Status::Committed | Status::Reverted | Status::Cancelled => {
            engine.learn_secrets(&deployment.settings).await?;
            let Some(verdict) = Verdict::read(&unit, deployment, layout, facts).await? else {
                return Ok(None);
            };
            verdict.redacted(engine.redactor())
        }
    };
    let short = deployment.id.short();
    let number = facts.committed.iter().find(|c| c.deployment == short).and_then(|c| c.number);
    let entry = HistoryEntry::of(deployment, &verdict, number, engine.redactor());
    if let Err(error) = entry.write(connection, layout).await {
        tracing::warn!(%error, "the server's own history could not be written");
    }
    // Nobody gave it back: it ends by itself, but the next deployment needn't wait for that.
    if let Err(error) = Lease::release(connection.host.as_ref(), layout, deployment.id).await {
        tracing::warn!(%error, "the lock could not be given back");
    }
    Ok(Some(verdict))
}

/// Marks the snapshots that are not on the server any more: another desktop's retention took them.
async fn forget_snapshots(
    engine: &Engine,
    environment: EnvironmentId,
    facts: &Facts,
) -> Result<(), EngineError> {
    // Whoever deploys right now may have made one since we looked.
    if facts.lease.is_some() {
        return Ok(());
    }
    for mut snapshot in engine.store().snapshots(environment).await? {
        if snapshot.is_lasting() && !facts.snapshots.contains_key(&snapshot.deployment_id.short()) {
            snapshot.state = SnapshotState::Removed;
            engine.store().save_snapshot(snapshot).await?;
        }
    }
    Ok(())
}
