//! A server over SSH as a host.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use openssh::Stdio;
use tokio::{
    net::UnixStream,
    sync::{Mutex, Semaphore},
};
use tokio_util::sync::CancellationToken;

use super::{SshSpec, master::Master};
use crate::{
    BoxStream, Cmd, Endpoint, Forward, Host, OnLine, Output, Process, RemoteError, RemoteErrorKind,
    guard::{Guarded, Unset},
    pump::{self, Running},
};

/// sshd lets one connection have ten sessions unless told otherwise (MaxSessions). Who comes later waits here.
const SESSIONS: usize = 9;

/// How long a refused session is asked for again.
const REFUSED: Duration = Duration::from_secs(5);

type Child = openssh::Child<Arc<openssh::Session>>;

/// A server over SSH.
#[derive(Debug)]
pub(super) struct SshHost {
    /// Commands and forwarded sockets.
    calls: Link,
    /// Processes whose pipes the caller holds, for as long as it likes: on a connection of their own, made when there is
    /// a first one, so that they never keep commands waiting.
    pipes: Link,
}

impl SshHost {
    pub(super) async fn connect(spec: SshSpec) -> Result<Self, RemoteError> {
        let spec = Arc::new(spec);
        let host = Self { calls: Link::new(&spec), pipes: Link::new(&spec) };
        host.calls.master().await?;
        Ok(host)
    }
}

#[async_trait]
impl Host for SshHost {
    async fn run(&self, cmd: Cmd) -> Result<Output, RemoteError> {
        let (guarded, call) = Guarded::new(cmd, Unset::Null)?;
        pump::run(call, self.calls.start(guarded), None, &CancellationToken::new()).await
    }

    async fn stream(
        &self,
        cmd: Cmd,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<Output, RemoteError> {
        let (guarded, call) = Guarded::new(cmd, Unset::Null)?;
        pump::run(call, self.calls.start(guarded), Some(on_line), cancel).await
    }

    async fn dial(&self, socket: &str) -> Result<BoxStream, RemoteError> {
        if !socket.starts_with('/') || socket.contains('\0') {
            return Err(RemoteError::bad_input(
                format!("“{}” is not the path of a socket.", socket.escape_debug()),
                "Give an absolute path such as /var/run/docker.sock.",
            ));
        }
        let master = self.calls.master().await?;
        let path = match master.forward(socket).await {
            Ok(path) => path,
            Err(e) => return Err(self.calls.judge(&master, e).await),
        };
        match UnixStream::connect(path).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(e) => Err(RemoteError::lost(&self.describe()).detail(e.to_string())),
        }
    }

    async fn spawn_io(&self, cmd: Cmd) -> Result<Process, RemoteError> {
        let (guarded, call) = Guarded::new(cmd, Unset::Piped)?;
        pump::spawn(call, self.pipes.start(guarded)).await
    }

    async fn forward_remote(&self, listen: &Endpoint, connect: &Endpoint) -> Result<Forward, RemoteError> {
        if matches!(listen, Endpoint::Tcp { port: 0, .. }) {
            return Err(RemoteError::bad_input("Port 0 cannot be listened on.", "Choose a port."));
        }
        let master = self.calls.master().await?;
        if let Err(e) = master.forward_remote(listen, connect).await {
            if !master.is_alive().await {
                return Err(RemoteError::lost(&self.describe()));
            }
            return Err(RemoteError::new(
                RemoteErrorKind::ForwardingRefused,
                format!("{} does not listen on {listen} for us.", self.describe()),
                "The address may be in use, or sshd there may be set not to forward (AllowTcpForwarding).",
            )
            .detail(format!("{e:?}\n{}", master.log())));
        }
        let end =
            EndForward { master: Arc::clone(&master), listen: listen.clone(), connect: connect.clone() };
        let is_alive = move || -> futures::future::BoxFuture<'static, bool> {
            let master = Arc::clone(&master);
            Box::pin(async move { master.is_alive().await })
        };
        Ok(Forward::new(is_alive, end))
    }

    async fn close(&self) {
        for link in [&self.calls, &self.pipes] {
            let master = link.slot.lock().await.master.take();
            if let Some(master) = master {
                master.end().await;
            }
        }
    }

    fn describe(&self) -> String {
        self.calls.spec.describe()
    }

    fn is_local(&self) -> bool {
        false
    }
}

/// Takes a forwarding back when it's dropped.
struct EndForward {
    master: Arc<Master>,
    listen: Endpoint,
    connect: Endpoint,
}

impl Drop for EndForward {
    fn drop(&mut self) {
        let (master, listen, connect) = (Arc::clone(&self.master), self.listen.clone(), self.connect.clone());
        // Without a runtime the program is about to end, and the connection with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(e) = master.end_forward_remote(&listen, &connect).await {
                    tracing::debug!(%listen, "forwarding was gone already: {e}");
                }
            });
        }
    }
}

/// One connection, made when it is needed and again when it broke.
struct Link {
    spec: Arc<SshSpec>,
    slot: Mutex<Slot>,
    sessions: Arc<Semaphore>,
}

#[derive(Default)]
struct Slot {
    master: Option<Arc<Master>>,
    /// The last attempt, if it failed: whoever was already waiting for it gets its error, not an attempt of its own.
    failure: Option<(Instant, RemoteError)>,
}

impl Link {
    fn new(spec: &Arc<SshSpec>) -> Self {
        Self { spec: Arc::clone(spec), slot: Mutex::default(), sessions: Arc::new(Semaphore::new(SESSIONS)) }
    }

    async fn master(&self) -> Result<Arc<Master>, RemoteError> {
        let asked = Instant::now();
        let mut slot = self.slot.lock().await;
        if let Some(master) = &slot.master {
            if master.is_alive().await {
                return Ok(Arc::clone(master));
            }
            tracing::info!(server = self.spec.describe(), "connection lost, connecting anew");
            slot.master = None;
        }
        if let Some((at, error)) = &slot.failure
            && *at >= asked
        {
            return Err(error.clone());
        }
        match Master::open(&self.spec).await {
            Ok(master) => Ok(Arc::clone(slot.master.insert(Arc::new(master)))),
            Err(error) => {
                slot.failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn start(&self, guarded: Guarded) -> Result<Running, RemoteError> {
        let line = guarded.remote_line()?;
        let Ok(session) = Arc::clone(&self.sessions).acquire_owned().await else {
            return Err(RemoteError::lost(&self.spec.describe()));
        };
        let (master, mut child) = self.spawn(&line).await?;
        let pipes = (child.stdin().take(), child.stdout().take(), child.stderr().take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(RemoteError::lost(&self.spec.describe()));
        };
        let name = self.spec.describe();
        let exit = async move {
            let _session = session;
            match child.wait().await {
                Ok(status) => Ok(status.code().unwrap_or(-1)),
                // The crate makes an error of its own of status 127.
                Err(openssh::Error::Remote(_)) => Ok(127),
                // Without a status: the guard was killed, or the connection is gone. OpenSSH doesn't tell which.
                Err(openssh::Error::RemoteProcessTerminated) if master.is_alive().await => Ok(-1),
                Err(e) => Err(RemoteError::lost(&name).detail(format!("{e:?}"))),
            }
        };
        Ok(Running {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            exit: Box::pin(exit),
        })
    }

    /// Starts a command. sshd counts a session until it has cleaned up after it, which we don't see: when it refuses one
    /// more, it is asked again for a while. A refused session has started nothing.
    async fn spawn(&self, line: &str) -> Result<(Arc<Master>, Child), RemoteError> {
        let until = Instant::now() + REFUSED;
        loop {
            let master = self.master().await?;
            let mut command = Arc::clone(&master.session).arc_raw_command(line);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            match command.spawn().await {
                Ok(child) => return Ok((master, child)),
                Err(e) => {
                    let error = self.judge(&master, e).await;
                    if error.kind != RemoteErrorKind::Refused || Instant::now() > until {
                        return Err(error);
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Why the master did not do what it was asked.
    async fn judge(&self, master: &Master, error: openssh::Error) -> RemoteError {
        let name = self.spec.describe();
        let error = format!("{error:?}");
        if !master.is_alive().await {
            return RemoteError::lost(&name).detail(error);
        }
        RemoteError::new(
            RemoteErrorKind::Refused,
            format!("{name} did not open another session."),
            "sshd there may allow too few at once (MaxSessions); the default of 10 is enough.",
        )
        .detail(format!("{error}\n{}", master.log()))
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.spec.describe())
    }
}
