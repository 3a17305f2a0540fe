//! A snapshot as one file on this computer: a zip as Odoo's own database manager makes and takes them (`dump.sql`, `filestore/`,
//! `manifest.json`).
//!
//! Everything streams. The file has its name only when it is whole: the dump came to its end, and every file has the content that
//! the snapshot's list says.

mod archive;
mod feed;
mod files;
mod sql;

use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use slipway_remote::{Cmd, Stdin};
use tokio::io::AsyncReadExt;
use tokio::task::spawn_blocking;

use crate::error::{EngineError, ErrorCode};
use crate::model::Snapshot;
use crate::odoo::series::Series;
use crate::server::{Connection, Layout};
use archive::Archive;
use feed::{Feed, feed};
use files::FileList;

const DUMP: &str = include_str!("dump.sh");
const FILES: &str = include_str!("files.sh");
/// How long one of its parts may take.
const LIMIT: Duration = Duration::from_secs(12 * 3600);
/// How long nothing may come.
const STALL: Duration = Duration::from_secs(600);
/// How often it is said how far it has come.
const PACE: Duration = Duration::from_millis(100);
/// What is read at once.
const CHUNK: usize = 64 * 1024;

/// How far a download has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct DownloadProgress {
    /// What comes now.
    pub part: DownloadPart,
    /// Bytes of it that came.
    pub done: u64,
    /// How many there will be, where that is known.
    pub of: Option<u64>,
}

/// What a download is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum DownloadPart {
    /// The database, compressed on its way.
    Database,
    /// The filestore.
    Files,
}

/// A snapshot that was downloaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Downloaded {
    /// The zip.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Files of the filestore in it.
    pub files: u64,
    /// Files that the snapshot should have and that are nowhere on the server any more, with that content.
    pub missing: Vec<String>,
}

/// Fetches a snapshot into a new file. Dropped half-way it leaves nothing, here or there.
///
/// # Errors
/// `conflict` when there is a file of that name; those of the connection; `snapshot_failed` when the dump isn't whole.
pub(crate) async fn fetch(
    connection: &Connection,
    layout: &Layout,
    snapshot: &Snapshot,
    series: Series,
    to: &Path,
    say: &mut (dyn FnMut(DownloadProgress) + Send),
) -> Result<Downloaded, EngineError> {
    let to = to.to_owned();
    let archive = blocking(move || Archive::create(&to)).await?;
    let folder = layout.snapshot(snapshot.deployment_id);
    // Each brings its input, if only an empty one: so it ends when this is dropped or the connection breaks.
    let take = |cmd: Cmd, stdin: Stdin| Source { connection, cmd: cmd.stdin(stdin).limit(LIMIT) };

    let dump = take(Cmd::script(DUMP, [layout.db(), format!("{folder}/dump")]), Stdin::Null);
    let mut count = Count::new(DownloadPart::Database, None, say);
    let (archive, told) = dump.feed(&mut count, move |from| archive.add_dump(from)).await?;

    let list = take(Cmd::new("cat").arg(format!("{folder}/filestore.list")), Stdin::Null);
    let list = list.feed(&mut count, FileList::read).await?;
    let mut count = Count::new(DownloadPart::Files, Some(list.sent()), count.say);
    let before = format!("before_{}", snapshot.deployment_id.short());
    let database_container = layout.db();
    let files = |folder: &str, names: Vec<u8>| {
        take(Cmd::script(FILES, [layout.data().as_str(), &database_container, folder]), Stdin::from(names))
    };
    let source = files(&before, list.names());
    let (mut archive, mut list) = source.feed(&mut count, move |from| archive.add_files(from, list)).await?;
    if !list.is_complete() {
        // A file is named after its content: where the live filestore has that name, it has that content.
        let source = files(&layout.database(), list.names());
        (archive, list) = source.feed(&mut count, move |from| archive.add_files(from, list)).await?;
    }
    let database = layout.database();
    blocking(move || archive.finish(&told.manifest(&database, series), list)).await
}

/// A command on the server whose output is wanted here.
struct Source<'a> {
    connection: &'a Connection,
    cmd: Cmd,
}

impl Source<'_> {
    /// Runs it, and `work` beside it on a thread of its own, which reads what it says. What the work made counts only when the
    /// command succeeded.
    async fn feed<T: Send + 'static>(
        self,
        count: &mut Count<'_>,
        work: impl FnOnce(Feed) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (to, from) = feed();
        let work = spawn_blocking(move || work(from));
        let shown = self.cmd.to_string();
        let mut process = self.connection.spawn_io(self.cmd).await?;
        let whole = loop {
            let mut chunk = vec![0; CHUNK];
            let read = tokio::time::timeout(STALL, process.stdout.read(&mut chunk));
            let n = read.await.map_err(|_| {
                EngineError::new(ErrorCode::TimedOut, "The server sends nothing any more.").detail(&shown)
            })??;
            if n == 0 {
                break true;
            }
            chunk.truncate(n);
            count.add(n);
            // Nobody takes it any more: the work failed, and says below why.
            if to.send(chunk.into()).await.is_err() {
                break false;
            }
        };
        if whole {
            // What the server says went wrong explains more than what is missing here because of it.
            process.wait().await?.ok("read the snapshot")?;
            to.end().await;
        }
        joined(work.await)
    }
}

/// Says how far a part has come, not more often than somebody can look.
struct Count<'a> {
    progress: DownloadProgress,
    said: Option<Instant>,
    say: &'a mut (dyn FnMut(DownloadProgress) + Send),
}

impl<'a> Count<'a> {
    fn new(part: DownloadPart, of: Option<u64>, say: &'a mut (dyn FnMut(DownloadProgress) + Send)) -> Self {
        Self { progress: DownloadProgress { part, done: 0, of }, said: None, say }
    }

    fn add(&mut self, bytes: usize) {
        self.progress.done += bytes as u64;
        if self.said.is_none_or(|at| at.elapsed() >= PACE) {
            self.said = Some(Instant::now());
            (self.say)(self.progress);
        }
    }
}

/// Work that blocks, on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    joined(spawn_blocking(work).await)
}

fn joined<T>(ended: Result<Result<T, EngineError>, tokio::task::JoinError>) -> Result<T, EngineError> {
    ended.map_err(|e| EngineError::new(ErrorCode::Internal, "The download broke off.").detail(e))?
}
