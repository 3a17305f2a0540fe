//! The one thread that writes.

use super::{home, migrations};
use crate::error::EngineError;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    thread,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// How long another process may hold the write lock before a piece of work fails as busy.
const BUSY_LIMIT: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Hands work to the thread that writes.
pub(super) struct Writer {
    jobs: mpsc::UnboundedSender<Job>,
}

impl Writer {
    /// Starts the thread. It calls `committed` after each piece of work that went well, and ends with the handle.
    pub(super) fn start(
        mut connection: Connection,
        committed: impl Fn() + Send + 'static,
    ) -> Result<Self, EngineError> {
        let (jobs, mut waiting) = mpsc::unbounded_channel::<Job>();
        thread::Builder::new().name("store-writer".into()).spawn(move || {
            while let Some(job) = waiting.blocking_recv() {
                // Work that panics is undone like work that fails; the next piece must find the thread alive.
                if catch_unwind(AssertUnwindSafe(|| job(&mut connection))).is_ok() {
                    committed();
                }
            }
        })?;
        Ok(Self { jobs })
    }

    /// Does work in a transaction that takes the write lock at once, and waits until it is committed.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.queue(|connection| in_transaction(connection, work)).await
    }

    /// The same, and what is committed by then is on the disk: it survives a power cut.
    pub(super) async fn write_durably<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.queue(|connection| {
            connection.execute_batch(FULL)?;
            let done = in_transaction(connection, work);
            connection.execute_batch(NORMAL)?;
            done
        })
        .await
    }

    async fn queue<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Whoever asked may have gone away; the work counts all the same.
            let _ = answer.send(work(connection));
        });
        let gone = || EngineError::internal("The store's writer ended early.");
        self.jobs.send(job).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

/// What is committed survives the end of this process at any moment. The last moments before a power cut may be lost, whole
/// transactions at a time; steps can be repeated, and what happens on a server is journaled there.
const NORMAL: &str = "PRAGMA synchronous = NORMAL";
/// Each commit waits for the disk, and takes with it all that was committed before.
const FULL: &str = "PRAGMA synchronous = FULL";

/// Opens the database for writing and brings it to the newest version.
pub(super) fn connect(path: &Path) -> Result<Connection, EngineError> {
    let mut connection = Connection::open(path)?;
    home::keep_to_oneself(path, 0o600)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;")?;
    connection.execute_batch(NORMAL)?;
    migrations::run(&mut connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> Writer {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (x INTEGER) STRICT").unwrap();
        Writer::start(connection, || ()).unwrap()
    }

    async fn count(writer: &Writer) -> i64 {
        writer.write(|t| Ok(t.query_row("SELECT count(*) FROM t", [], |r| r.get(0))?)).await.unwrap()
    }

    #[tokio::test]
    async fn work_that_fails_or_panics_is_undone_and_the_next_goes_on() {
        let writer = writer();
        let failed: Result<(), _> = writer
            .write(|t| {
                t.execute("INSERT INTO t VALUES (1)", [])?;
                Err(EngineError::bad_input("no"))
            })
            .await;
        assert_eq!(failed.unwrap_err().message, "no");
        let panicked: Result<(), _> = writer
            .write(|t| {
                t.execute("INSERT INTO t VALUES (1)", [])?;
                panic!("on purpose")
            })
            .await;
        assert!(panicked.is_err());
        assert_eq!(count(&writer).await, 0);
        writer.write(|t| Ok(t.execute("INSERT INTO t VALUES (1)", [])?)).await.unwrap();
        assert_eq!(count(&writer).await, 1);
    }
}
