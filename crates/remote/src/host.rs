//! The one trait behind which every server stands.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{Cmd, RemoteError, RemoteErrorKind, limits, pump::Tail};

/// Something to read from and to write to.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A stream of bytes in both directions.
pub type BoxStream = Box<dyn Duplex>;
/// A stream of bytes to read.
pub type BoxRead = Box<dyn AsyncRead + Send + Unpin>;
/// A stream of bytes to write.
pub type BoxWrite = Box<dyn AsyncWrite + Send + Unpin>;

/// Where a command's lines go as they come: `&mut |line| …`.
pub type OnLine<'a> = &'a mut (dyn FnMut(Line<'_>) + Send);

/// A machine to run things on: a server over SSH, this computer, or a scripted fake.
///
/// Every call ends: by its result, by its limit, by being cancelled or dropped, or because the connection is gone.
/// In all those cases the remote process ends as well. Connections are re-established by the next call.
#[async_trait]
pub trait Host: Send + Sync + fmt::Debug {
    /// Runs a command to its end, which is when it and all that it started have closed its outputs. A status other than 0
    /// is not an error here: see [`Output::ok`].
    async fn run(&self, cmd: Cmd) -> Result<Output, RemoteError>;

    /// Runs a command and hands over its lines as they come. Cancelling ends the remote process too.
    async fn stream(
        &self,
        cmd: Cmd,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<Output, RemoteError>;

    /// Connects to a Unix socket on the host.
    ///
    /// Over SSH, a socket that is not there or may not be used shows as end of file at the first read.
    async fn dial(&self, socket: &str) -> Result<BoxStream, RemoteError>;

    /// Starts a command whose output, and input if the command has none set, are the caller's to read and write.
    ///
    /// Without a limit it may take a day. Dropping the [`Process`] ends a command that brought its own input or has none;
    /// one that the caller writes to sees the end of its input, so it should be one that ends then.
    async fn spawn_io(&self, cmd: Cmd) -> Result<Process, RemoteError>;

    /// Listens on the host, and connects every connection made there to `connect` on this computer.
    async fn forward_remote(&self, listen: &Endpoint, connect: &Endpoint) -> Result<Forward, RemoteError>;

    /// Ends the connection, if there is one, and what still runs over it.
    async fn close(&self);

    /// The host as a person would name it: `root@example.com`.
    fn describe(&self) -> String;

    /// Whether this is the computer we run on.
    fn is_local(&self) -> bool;

    /// Runs a command to its end; any status but 0 is an error.
    async fn run_ok(&self, cmd: Cmd) -> Result<Output, RemoteError> {
        let what = cmd.to_string();
        self.run(cmd).await?.ok(what)
    }

    /// Starts a process that goes on after we are gone, its output appended to `log` on the host, and returns its
    /// process id, which is also that of its process group.
    ///
    /// It outlives the connection, this program and a logout. Only where systemd-logind is set to
    /// `KillUserProcesses=yes` (no distribution's default for servers) does a logout end it.
    async fn detach(&self, cmd: Cmd, log: &str) -> Result<u32, RemoteError> {
        let what = cmd.to_string();
        let words = [log.to_owned()].into_iter().chain(cmd.words()?);
        let output = self.run(Cmd::script(include_str!("detach.sh"), words)).await?.ok(&what)?;
        output.stdout.trim().parse().map_err(|_| {
            let message = format!("The server did not say what became of `{what}`.");
            RemoteError::new(RemoteErrorKind::CommandFailed { code: 0 }, message, "See whether it runs.")
                .detail(output.stdout)
        })
    }
}

/// A line of output, without its end, as text (bytes that are not UTF-8 become �).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// From standard output.
    Out(&'a str),
    /// From standard error.
    Err(&'a str),
}

/// What a command left behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// Its exit status; 128 + n when signal n ended it, −1 when that is not known.
    pub code: i32,
    /// Standard output: the last 8 MiB, as text (bytes that are not UTF-8 become �).
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
}

impl Output {
    /// Makes any status but 0 an error that names `what` (usually the [`Cmd`], or what it was for) and shows the last
    /// lines of standard error.
    pub fn ok(self, what: impl fmt::Display) -> Result<Self, RemoteError> {
        if self.code == 0 {
            return Ok(self);
        }
        let said = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        let last = last_lines(said, 12);
        // The C library's words for ENOSPC, the same for every program on a Linux server.
        if last.contains("No space left on device") {
            let message = format!("The disk is full: `{what}` could not write.");
            return Err(RemoteError::new(
                RemoteErrorKind::DiskFull,
                message,
                "Make room on the server, then try again.",
            )
            .detail(last));
        }
        let kind = RemoteErrorKind::CommandFailed { code: self.code };
        let (message, hint) = match self.code {
            127 => (
                format!("`{what}` is not installed on the server, or not found."),
                "Install it on the server.",
            ),
            126 => (format!("`{what}` may not be run on the server."), "Check its permissions."),
            code => (format!("`{what}` ended with status {code}."), "Its last lines say why."),
        };
        Err(RemoteError::new(kind, message, hint).detail(last))
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// One end of a forwarding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A TCP port.
    Tcp {
        /// Name or address to listen on or to connect to.
        host: String,
        /// The port; 0 is not allowed.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A forwarding that lives until this is dropped or the connection ends.
pub struct Forward {
    is_alive: Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>,
    _end: Box<dyn std::any::Any + Send + Sync>,
}

impl Forward {
    pub(crate) fn new(
        is_alive: impl Fn() -> BoxFuture<'static, bool> + Send + Sync + 'static,
        end: impl std::any::Any + Send + Sync,
    ) -> Self {
        Self { is_alive: Arc::new(is_alive), _end: Box::new(end) }
    }

    /// Whether it still stands; a lost connection takes it along, and it has to be asked for again.
    pub async fn is_alive(&self) -> bool {
        (self.is_alive)().await
    }
}

impl fmt::Debug for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Forward")
    }
}

/// A process with its pipes. Dropping it ends it, see [`Host::spawn_io`].
pub struct Process {
    /// Its standard input, unless the command brought its own. Drop it to make an end.
    pub stdin: Option<BoxWrite>,
    /// Its standard output.
    pub stdout: BoxRead,
    pub(crate) stderr: AbortOnDropHandle<Tail>,
    pub(crate) exit: BoxFuture<'static, Result<i32, RemoteError>>,
    /// Feeds the input the command brought, then holds it open as the guard's life line.
    pub(crate) feed: Option<AbortOnDropHandle<Result<Option<BoxWrite>, RemoteError>>>,
    pub(crate) deadline: Instant,
    pub(crate) shown: String,
}

impl Process {
    /// Closes its standard input, reads what is left of its output and waits for its end.
    ///
    /// An input that the command brought and that could not be read to its end is an error, whatever the process made
    /// of the part it got.
    pub async fn wait(mut self) -> Result<Output, RemoteError> {
        self.stdin = None;
        let shown = std::mem::take(&mut self.shown);
        let whole = async {
            let mut rest = Tail::default();
            let mut chunk = vec![0; 16 * 1024];
            loop {
                match self.stdout.read(&mut chunk).await {
                    Ok(0) => break,
                    Ok(n) => rest.push(&chunk[..n]),
                    Err(e) => return Err(RemoteError::io(&shown, &e)),
                }
            }
            // The status comes last: see `Running::exit`.
            let stderr = (&mut self.stderr).await.map_err(|e| RemoteError::io(&shown, &e.into()))?;
            let code = (&mut self.exit).await?;
            if let Some(feed) = self.feed.take_if(|feed| feed.is_finished()) {
                feed.await.map_err(|e| RemoteError::io(&shown, &e.into()))??;
            }
            Ok(Output { code, stdout: rest.into_text(), stderr: stderr.into_text() })
        };
        let left = self.deadline.saturating_duration_since(Instant::now());
        limits::within(left, &shown, whole).await
    }

    /// Its output and input as one stream, for commands that connect their standard streams to something.
    pub fn into_stream(self) -> BoxStream {
        Box::new(crate::pump::Stdio::new(self))
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Process({})", self.shown)
    }
}

/// How long a cancelled command is given to end before its host stops waiting for it: the guard kills after 3 s.
pub(crate) const ENDING: Duration = Duration::from_secs(6);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_tells_its_status_and_last_lines() {
        let output = Output { code: 3, stdout: "ignored".into(), stderr: "one\n\ntwo\n".into() };
        let error = output.ok("tar").unwrap_err();
        assert_eq!(error.kind, RemoteErrorKind::CommandFailed { code: 3 });
        assert_eq!(error.detail.as_deref(), Some("one\ntwo"));
        assert!(error.message.contains("tar") && error.message.contains('3'));
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        let stderr = "tar: x: Cannot write: No space left on device\n".to_owned();
        let error = Output { code: 2, stdout: String::new(), stderr }.ok("tar").unwrap_err();
        assert_eq!(error.kind, RemoteErrorKind::DiskFull);
    }
}
