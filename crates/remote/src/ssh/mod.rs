//! Servers over SSH, by the user's own OpenSSH (8.4 or newer): `~/.ssh/config`, jump hosts, agents and hardware keys
//! work as they do in a terminal.

#[cfg(unix)]
mod askpass;
#[cfg(unix)]
mod config;
#[cfg(unix)]
mod host;
#[cfg(unix)]
mod log;
#[cfg(unix)]
mod master;
#[cfg(unix)]
mod scan;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use secrecy::SecretString;

#[cfg(not(unix))]
use crate::RemoteErrorKind;
use crate::{Host, HostKey, RemoteError};

/// How to reach a server.
#[derive(Debug, Clone)]
pub struct SshSpec {
    /// A host name, an address or a name from the SSH configuration; also `user@host` and `ssh://user@host:port`.
    pub destination: String,
    /// Who to log in as, instead of what the SSH configuration says.
    pub user: Option<String>,
    /// The port, instead of what the SSH configuration says.
    pub port: Option<u16>,
    /// The one private key to use, instead of the configured ones and all that the agent holds.
    pub key_file: Option<PathBuf>,
    /// The password to log in with; it is never given to a jump host.
    pub password: Option<SecretString>,
    /// The passphrase of the private key.
    pub passphrase: Option<SecretString>,
    /// The user's SSH configuration, when it isn't `~/.ssh/config`.
    pub config_file: Option<PathBuf>,
    /// Slipway's own known_hosts file, read besides the user's and the only one ever written.
    pub known_hosts: PathBuf,
    /// Where control sockets live. Should be short: a socket's path has at most 104 bytes. When it is too long, the
    /// system's folder for temporary files is used instead.
    pub state_dir: PathBuf,
    /// How long connecting may take, from the name's look-up to the log in.
    pub connect_limit: Duration,
}

impl SshSpec {
    /// A server by its name, all else being as the user's SSH configuration has it. Slipway's state (known hosts,
    /// control sockets) is in `state_dir`.
    pub fn new(destination: impl Into<String>, state_dir: impl AsRef<Path>) -> Self {
        Self {
            destination: destination.into(),
            user: None,
            port: None,
            key_file: None,
            password: None,
            passphrase: None,
            config_file: None,
            known_hosts: state_dir.as_ref().join("known_hosts"),
            state_dir: state_dir.as_ref().to_owned(),
            connect_limit: Duration::from_secs(20),
        }
    }

    /// The server as a person would name it.
    pub fn describe(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{user}{}{port}", self.destination)
    }
}

/// Connects to a server and keeps the connection; it is re-established when it breaks.
///
/// An unknown or changed host key is an error that carries the key: see [`crate::trust_host_key`].
#[cfg(unix)]
pub async fn connect_ssh(spec: &SshSpec) -> Result<Arc<dyn Host>, RemoteError> {
    Ok(Arc::new(host::SshHost::connect(spec.clone()).await?))
}

/// Asks a server for its host key without logging in: the one that would be checked when connecting.
#[cfg(unix)]
pub async fn scan_host_key(spec: &SshSpec) -> Result<HostKey, RemoteError> {
    scan::scan_host_key(spec).await
}

/// Connects to a server and keeps the connection; it is re-established when it breaks.
#[cfg(not(unix))]
pub async fn connect_ssh(_spec: &SshSpec) -> Result<Arc<dyn Host>, RemoteError> {
    Err(unsupported())
}

/// Asks a server for its host key without logging in: the one that would be checked when connecting.
#[cfg(not(unix))]
pub async fn scan_host_key(_spec: &SshSpec) -> Result<HostKey, RemoteError> {
    Err(unsupported())
}

#[cfg(not(unix))]
fn unsupported() -> RemoteError {
    RemoteError::new(
        RemoteErrorKind::Unsupported,
        "Servers over SSH cannot be used from Windows yet.",
        "Use Slipway on Linux or macOS, or in the Windows Subsystem for Linux.",
    )
}
