//! This computer as a host.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{
    BoxStream, Cmd, Endpoint, Forward, Host, OnLine, Output, Process, RemoteError,
    guard::{Guarded, Unset},
    pump::{self, Running},
};

/// This computer. Commands start in the home directory, as they would over SSH.
pub fn local() -> Arc<dyn Host> {
    Arc::new(Local)
}

#[derive(Debug)]
struct Local;

#[async_trait]
impl Host for Local {
    async fn run(&self, cmd: Cmd) -> Result<Output, RemoteError> {
        let (guarded, call) = Guarded::new(cmd, Unset::Null)?;
        pump::run(call, start(guarded), None, &CancellationToken::new()).await
    }

    async fn stream(
        &self,
        cmd: Cmd,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<Output, RemoteError> {
        let (guarded, call) = Guarded::new(cmd, Unset::Null)?;
        pump::run(call, start(guarded), Some(on_line), cancel).await
    }

    async fn dial(&self, socket: &str) -> Result<BoxStream, RemoteError> {
        connect(&Endpoint::Unix(socket.into()))
            .await
            .map_err(|e| RemoteError::io(&format!("Connecting to {socket}"), &e))
    }

    async fn spawn_io(&self, cmd: Cmd) -> Result<Process, RemoteError> {
        let (guarded, call) = Guarded::new(cmd, Unset::Piped)?;
        pump::spawn(call, start(guarded)).await
    }

    async fn forward_remote(&self, listen: &Endpoint, connect: &Endpoint) -> Result<Forward, RemoteError> {
        forward(listen, connect).await.map_err(|e| RemoteError::io(&format!("Listening on {listen}"), &e))
    }

    async fn close(&self) {}

    fn describe(&self) -> String {
        "this computer".to_owned()
    }

    fn is_local(&self) -> bool {
        true
    }
}

#[cfg(unix)]
async fn start(guarded: Guarded) -> Result<Running, RemoteError> {
    use std::{os::unix::process::ExitStatusExt, process::Stdio};

    let failed = |e: std::io::Error| RemoteError::io("Starting a command", &e);
    let mut command = tokio::process::Command::new(&guarded.argv[0]);
    command.args(&guarded.argv[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // The guard must lead its process group, to end it as a whole.
    command.process_group(0);
    if let Some(home) = std::env::home_dir().filter(|home| home.is_dir()) {
        command.current_dir(home);
    }
    let mut child = command.spawn().map_err(failed)?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err(failed(std::io::ErrorKind::BrokenPipe.into()));
    };
    let exit = async move {
        let status = child.wait().await.map_err(|e| RemoteError::io("Waiting for a command", &e))?;
        Ok(status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1))
    };
    Ok(Running {
        stdin: Box::new(stdin),
        stdout: Box::new(stdout),
        stderr: Box::new(stderr),
        exit: Box::pin(exit),
    })
}

#[cfg(not(unix))]
async fn start(_guarded: Guarded) -> Result<Running, RemoteError> {
    Err(RemoteError::new(
        crate::RemoteErrorKind::Unsupported,
        "Commands cannot be run on this computer: that needs a POSIX shell.",
        "Use a Linux server over SSH.",
    ))
}

/// Connects to something on this computer.
pub(crate) async fn connect(to: &Endpoint) -> std::io::Result<BoxStream> {
    Ok(match to {
        Endpoint::Tcp { host, port } => {
            let stream = tokio::net::TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
        Endpoint::Unix(path) => connect_socket(path).await?,
    })
}

#[cfg(unix)]
async fn connect_socket(path: &Path) -> std::io::Result<BoxStream> {
    Ok(Box::new(tokio::net::UnixStream::connect(path).await?))
}

/// On Windows local services such as Docker listen on named pipes.
#[cfg(not(unix))]
async fn connect_socket(path: &Path) -> std::io::Result<BoxStream> {
    Ok(Box::new(tokio::net::windows::named_pipe::ClientOptions::new().open(path)?))
}

async fn forward(listen: &Endpoint, to: &Endpoint) -> std::io::Result<Forward> {
    let Endpoint::Tcp { host, port } = listen else {
        return Err(std::io::Error::new(
            std::io::ErrorKind::Unsupported,
            "only TCP ports can be forwarded here",
        ));
    };
    let listener = tokio::net::TcpListener::bind((host.as_str(), *port)).await?;
    let to = to.clone();
    let task = tokio::spawn(async move {
        // Ends with the task: every connection belongs to it.
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            let to = to.clone();
            connections.spawn(async move {
                if let Ok(mut far) = connect(&to).await {
                    // How a connection ends is for its two ends to judge.
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                }
            });
            while connections.try_join_next().is_some() {}
        }
    });
    let task = Arc::new(tokio_util::task::AbortOnDropHandle::new(task));
    let watched = Arc::downgrade(&task);
    let is_alive = move || -> futures::future::BoxFuture<'static, bool> {
        let alive = watched.upgrade().is_some_and(|task| !task.is_finished());
        Box::pin(async move { alive })
    };
    Ok(Forward::new(is_alive, task))
}
