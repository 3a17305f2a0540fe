//! One connection to a server: an OpenSSH master that everything else is multiplexed over.
//!
//! We start the master ourselves and not through the `openssh` crate, which can neither answer a password prompt nor tell
//! why connecting failed.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use openssh::{ForwardType, Session, Socket};
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::{
    SshSpec,
    askpass::Askpass,
    config,
    log::{self, Trouble},
    scan,
};
use crate::{Endpoint, RemoteError, RemoteErrorKind, limits};

/// A master without work ends by itself after this long: one whose owner was killed doesn't stay for ever.
const IDLE_SECONDS: u32 = 600;

/// The shortest of the systems' limits for a socket's path, less what OpenSSH appends while it binds it.
const LONGEST_CONTROL_PATH: usize = 104 - 1 - 17;

/// How long the master, a process on this computer, may take to answer us.
const ANSWER: Duration = Duration::from_secs(5);

/// What a connection's folder is called, and in it the logs.
const FOLDER: &str = "ssh-";
const LOG: &str = "log";
const FIRST_LOG: &str = "first.log";

/// A living connection. Dropping it ends it.
pub(super) struct Master {
    pub(super) session: Arc<Session>,
    /// Local sockets that lead to sockets on the server.
    forwards: Mutex<HashMap<String, PathBuf>>,
    /// Control socket, log and configuration.
    folder: Option<TempDir>,
}

impl Master {
    /// Connects and logs in.
    pub(super) async fn open(spec: &SshSpec) -> Result<Self, RemoteError> {
        config::check(spec)?;
        let folder = folder(spec)?;
        let at = folder.path();
        let what = format!("connecting to {}", spec.describe());
        // OpenSSH's own limit, told in its log, comes first.
        let limit = spec.connect_limit + Duration::from_secs(2);
        limits::within(limit, &what, log_in(at, spec)).await?;
        let session = Arc::new(Session::resume_mux(control(at).into(), None));
        Ok(Self { session, forwards: Mutex::default(), folder: Some(folder) })
    }

    /// Whether the connection still stands, as far as OpenSSH knows (it finds a frozen one out within 20 s).
    pub(super) async fn is_alive(&self) -> bool {
        matches!(tokio::time::timeout(ANSWER, self.session.check()).await, Ok(Ok(())))
    }

    /// A local socket whose connections lead to `socket` on the server.
    pub(super) async fn forward(&self, socket: &str) -> Result<PathBuf, openssh::Error> {
        let mut forwards = self.forwards.lock().await;
        if let Some(path) = forwards.get(socket) {
            return Ok(path.clone());
        }
        let path = self.session.control_socket().with_file_name(format!("f{}", forwards.len()));
        let far = Socket::UnixSocket { path: Path::new(socket).into() };
        let near = Socket::UnixSocket { path: path.as_path().into() };
        self.session.request_port_forward(ForwardType::Local, near, far).await?;
        forwards.insert(socket.to_owned(), path.clone());
        Ok(path)
    }

    /// Asks the server to listen and to connect to `connect` here.
    pub(super) async fn forward_remote(
        &self,
        listen: &Endpoint,
        connect: &Endpoint,
    ) -> Result<(), openssh::Error> {
        self.session.request_port_forward(ForwardType::Remote, socket(listen), socket(connect)).await
    }

    /// Takes that back.
    pub(super) async fn end_forward_remote(
        &self,
        listen: &Endpoint,
        connect: &Endpoint,
    ) -> Result<(), openssh::Error> {
        self.session.close_port_forward(ForwardType::Remote, socket(listen), socket(connect)).await
    }

    /// The last messages of OpenSSH about this connection.
    pub(super) fn log(&self) -> String {
        self.folder.as_ref().map(|folder| read_logs(folder.path())).unwrap_or_default()
    }

    /// Ends the connection and all that runs over it.
    pub(super) async fn end(&self) {
        let mut exit = tokio::process::Command::from(exit(self.session.control_socket()));
        // If it is gone already, that is as good.
        let _ = tokio::time::timeout(ANSWER, exit.status()).await;
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        // Not on this thread, which may be one that must not wait; the folder goes once the master has.
        std::thread::spawn(move || {
            let _ = exit(&control(folder.path())).status();
            drop(folder);
        });
    }
}

fn exit(control: &Path) -> std::process::Command {
    let mut ssh = std::process::Command::new("ssh");
    ssh.args(["-F", "none", "-O", "exit", "-S"]).arg(control).args(["--", "slipway"]);
    ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    ssh
}

/// Starts the master in `folder`. OpenSSH goes to the background once it has logged in.
async fn log_in(folder: &Path, spec: &SshSpec) -> Result<(), RemoteError> {
    let failed = |e: io::Error| RemoteError::io("Preparing the connection", &e);
    let resolved = config::write(folder, spec).await?;
    let askpass = Askpass::prepare(folder, spec, &resolved.who()).await?;
    let mut ssh = config::ssh(&folder.join("config"), spec);
    askpass.arm(&mut ssh);
    let passwords = if spec.password.is_some() { "yes" } else { "no" };
    ssh.arg("-o").arg(format!("PasswordAuthentication={passwords}"));
    ssh.arg("-o").arg(format!("KbdInteractiveAuthentication={passwords}"));
    ssh.args(["-M", "-N", "-f", "-S"]).arg(control(folder));
    ssh.arg("-o").arg(format!("ControlPersist={IDLE_SECONDS}"));
    ssh.args(["-o", "StreamLocalBindUnlink=yes", "-o", "StreamLocalBindMask=0177"]);
    // Its own log goes on after it went to the background; a jump host's ssh has only standard error.
    ssh.arg("-E").arg(folder.join("log")).arg("--").arg(&spec.destination);
    let jump_log = fs::File::create(folder.join("jump.log")).map_err(failed)?;
    let mut child = ssh
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(jump_log)
        .spawn()
        .map_err(|e| config::no_ssh(&e))?;
    let status = tokio::select! {
        status = child.wait() => status.map_err(failed)?,
        () = askpass.answer() => return Err(failed(io::ErrorKind::Interrupted.into())),
    };
    if status.success() {
        return Ok(());
    }
    let mut text = read_logs(folder);
    if resolved.is_proxied && matches!(log::read(&text), Trouble::Other(RemoteErrorKind::ConnectionLost, ..))
    {
        // A master silences its jump hosts' ssh, so another one is asked what is wrong on the way.
        let attempt = scan::attempt(spec).await?;
        if attempt.key.is_none() {
            text = attempt.log;
        }
    }
    match log::read(&text) {
        Trouble::UnknownKey(_) => {
            let host_key = Box::new(scan::scan_host_key(spec).await?);
            let message =
                format!("The host key of {} is not known yet: {}.", host_key.host, host_key.fingerprint);
            let hint = "Compare the fingerprint with what the server's owner or hosting company says, then trust it.";
            Err(RemoteError::new(RemoteErrorKind::UnknownHostKey { host_key }, message, hint)
                .detail(text.trim()))
        }
        Trouble::ChangedKey => {
            let host_key = Box::new(scan::scan_host_key(spec).await?);
            let message =
                format!("The host key of {} has changed to {}.", host_key.host, host_key.fingerprint);
            let hint = "If the server was installed anew, trust the new key. If not, somebody may be listening in: \
                        do not connect.";
            // Without ssh's own words: they tell how to go on by hand, which here would trust a key that nobody compared.
            Err(RemoteError::new(RemoteErrorKind::ChangedHostKey { host_key }, message, hint))
        }
        Trouble::Other(..) => Err(log::explain_login(&text, askpass.asked(), spec)),
    }
}

fn read_logs(folder: &Path) -> String {
    let read = |name| fs::read(folder.join(name)).unwrap_or_default();
    let text = [read(FIRST_LOG), read(LOG)].concat();
    String::from_utf8_lossy(&text).into_owned()
}

fn control(folder: &Path) -> PathBuf {
    folder.join("c")
}

/// A new folder for one connection, for this user alone.
pub(super) fn folder(spec: &SshSpec) -> Result<TempDir, RemoteError> {
    let failed = |e: io::Error| RemoteError::io("Making the folder for control sockets", &e);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&spec.state_dir).map_err(failed)?;
    sweep(&spec.state_dir);
    // TempDir's own mode is 0700.
    let in_state = tempfile::Builder::new().prefix(FOLDER).tempdir_in(&spec.state_dir).map_err(failed)?;
    if control(in_state.path()).as_os_str().as_bytes().len() <= LONGEST_CONTROL_PATH {
        return Ok(in_state);
    }
    let elsewhere = tempfile::Builder::new().prefix(FOLDER).tempdir().map_err(failed)?;
    if control(elsewhere.path()).as_os_str().as_bytes().len() <= LONGEST_CONTROL_PATH {
        return Ok(elsewhere);
    }
    Err(RemoteError::bad_input(
        format!("The path {} is too long for a control socket.", spec.state_dir.display()),
        "Choose a shorter folder for Slipway's state, or a shorter TMPDIR.",
    ))
}

/// Removes what processes that were killed left behind: folders a day old whose master is gone.
fn sweep(state_dir: &Path) {
    let Ok(entries) = fs::read_dir(state_dir) else { return };
    for entry in entries.flatten().filter(|e| e.file_name().as_bytes().starts_with(FOLDER.as_bytes())) {
        let age = entry.metadata().and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
        let is_old = age.is_some_and(|age| age > Duration::from_secs(24 * 3600));
        if is_old && std::os::unix::net::UnixStream::connect(control(&entry.path())).is_err() {
            // Somebody else sweeping at the same time is no harm.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn socket(endpoint: &Endpoint) -> Socket<'_> {
    match endpoint {
        Endpoint::Tcp { host, port } => Socket::TcpSocket { host: host.into(), port: *port },
        Endpoint::Unix(path) => Socket::UnixSocket { path: path.as_path().into() },
    }
}
