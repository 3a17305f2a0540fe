//! What Slipway remembers: one SQLite database in its home, one file here for each table.
//!
//! **Invariant:** all writing goes through one thread, each piece of work in a transaction that takes the write
//! lock at once, so two processes on one home take turns. Reading goes to connections that can't write. No async
//! thread ever waits for the disk.

mod deployments;
mod elsewhere;
mod environments;
mod events;
mod find;
mod follow;
mod home;
mod lines;
mod migrations;
mod progress;
mod projects;
mod readers;
mod releases;
mod servers;
mod sink;
mod snapshots;
pub(crate) mod sql;
mod steps;
mod watched;
mod watcher;
mod writer;

pub use deployments::{DeploymentFilter, NewDeployment, Page};
pub use environments::EnvironmentOverview;
pub use lines::{LineCount, LineFilter};
pub use progress::DeploymentProgress;
pub use sink::LogSink;
pub use watched::{Head, Heads, Watched};

pub(crate) use deployments::{
    DURATIONS, deployment_from_row, in_transaction as deployment_in, insert as insert_deployment,
};
pub(crate) use events::record;
pub(crate) use sink::plain;
pub(crate) use steps::{current as current_step, finish_all as finish_all_steps, set as set_step};
pub(crate) use watched::references;

use crate::error::EngineError;
use readers::Readers;
use rusqlite::{Connection, Transaction};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::watch;
use watcher::Watcher;
use writer::Writer;

/// The database's file in the home.
const DATABASE: &str = "slipway.db";

/// The store of one home. Clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    home: PathBuf,
    writer: Writer,
    readers: Readers,
    watcher: Watcher,
}

impl Store {
    /// Opens the store of a home, and makes both when they aren't there. The home is for its user alone.
    pub async fn open(home: &Path) -> Result<Self, EngineError> {
        let home = home.to_owned();
        off_thread(move || {
            let home = home::prepare(&home)?;
            let path = home.join(DATABASE);
            let connection = {
                let _lock = home::lock(&home)?;
                writer::connect(&path)?
            };
            let watcher = Watcher::start(readers::connect(&path)?)?;
            let writer = Writer::start(connection, watcher.changed())?;
            Ok(Self { inner: Arc::new(Inner { home, writer, readers: Readers::new(path), watcher }) })
        })
        .await
    }

    /// The folder that holds all of Slipway's state.
    pub fn home(&self) -> &Path {
        &self.inner.home
    }

    /// Changes whenever anything in the store may have changed, by this process or, within some 100 ms, by another.
    /// Hold it only as long as you look at it: while anybody does, the file is watched.
    pub fn changes(&self) -> Changes {
        self.inner.watcher.subscribe()
    }

    /// Does work in a transaction of its own. It is undone when the work fails.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.inner.writer.write(work).await
    }

    /// The same, and on the disk when it returns, with all that was written before: a power cut leaves it.
    pub(crate) async fn write_durably<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.inner.writer.write_durably(work).await
    }

    /// Reads one consistent state.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let inner = self.inner.clone();
        let _turn = self.inner.readers.turn().await;
        off_thread(move || inner.readers.read(work)).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.inner.home.display())
    }
}

/// Tells of changes in the store.
#[derive(Debug)]
pub struct Changes {
    generation: watch::Receiver<u64>,
    _watch: watcher::Watch,
}

impl Changes {
    /// Takes all changes so far as seen.
    pub fn mark(&mut self) {
        self.generation.mark_unchanged();
    }

    /// Waits until something has changed since the last call or [mark](Self::mark). Never ends while nothing does.
    pub async fn changed(&mut self) {
        // The sender lives as long as the store, and whoever waits holds the store.
        if self.generation.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(EngineError::internal("The store's thread ended early.").detail(error)),
    }
}

#[cfg(test)]
pub(crate) mod tests;
