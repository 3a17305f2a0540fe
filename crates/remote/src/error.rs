//! What can go wrong between this computer and a server: a kind to switch on, a sentence, and what to do next.

use std::io;

use serde::Serialize;

use crate::HostKey;

/// What went wrong. Callers switch on this, never on the text of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RemoteErrorKind {
    /// Nobody has yet said that this server's key is the right one.
    UnknownHostKey {
        /// The key that was shown; pass it to [`crate::trust_host_key`] once the user agrees.
        host_key: Box<HostKey>,
    },
    /// The server shows another key than the one that is known: a new machine, or somebody in between.
    ChangedHostKey {
        /// The key that was shown now.
        host_key: Box<HostKey>,
    },
    /// The server took none of the keys and passwords offered.
    AuthenticationFailed,
    /// The private key is encrypted, and the passphrase is missing or wrong.
    PassphraseNeeded,
    /// Something answered that nobody listens on that port.
    Refused,
    /// There is no route to the server.
    Unreachable,
    /// The server's name is not known.
    DnsFailed,
    /// A limit was reached.
    TimedOut,
    /// The connection broke while something was under way. The next call connects anew.
    ConnectionLost,
    /// The server's sshd is set not to forward sockets or ports.
    ForwardingRefused,
    /// There is no `ssh` program on this computer.
    NoSsh,
    /// Docker is not installed on the server, or its daemon is not running.
    NoDocker,
    /// This user may not use Docker on the server.
    NoRightToDocker,
    /// Docker on the server is older than Slipway can use.
    DockerTooOld,
    /// Docker answered with an error.
    DockerFailed,
    /// The server's disk is full.
    DiskFull,
    /// A command ended with something else than 0.
    CommandFailed {
        /// Its exit status; 128 + n when signal n ended it, −1 when that is not known.
        code: i32,
    },
    /// It was cancelled.
    Cancelled,
    /// What was asked for cannot be right; nothing was done.
    BadInput,
    /// This platform cannot do it.
    Unsupported,
    /// Reading or writing on this computer failed.
    Io,
}

impl RemoteErrorKind {
    /// The kind's stable name, as it is serialised: `unknown_host_key`, `timed_out`, …
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownHostKey { .. } => "unknown_host_key",
            Self::ChangedHostKey { .. } => "changed_host_key",
            Self::AuthenticationFailed => "authentication_failed",
            Self::PassphraseNeeded => "passphrase_needed",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::DnsFailed => "dns_failed",
            Self::TimedOut => "timed_out",
            Self::ConnectionLost => "connection_lost",
            Self::ForwardingRefused => "forwarding_refused",
            Self::NoSsh => "no_ssh",
            Self::NoDocker => "no_docker",
            Self::NoRightToDocker => "no_right_to_docker",
            Self::DockerTooOld => "docker_too_old",
            Self::DockerFailed => "docker_failed",
            Self::DiskFull => "disk_full",
            Self::CommandFailed { .. } => "command_failed",
            Self::Cancelled => "cancelled",
            Self::BadInput => "bad_input",
            Self::Unsupported => "unsupported",
            Self::Io => "io",
        }
    }
}

/// An error on the way to a server or on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{message}")]
pub struct RemoteError {
    /// What went wrong, to switch on.
    #[serde(flatten)]
    pub kind: RemoteErrorKind,
    /// One sentence: what happened.
    pub message: String,
    /// What to do next.
    pub hint: String,
    /// The raw text behind it (a log's last lines), for whoever wants to look closer.
    pub detail: Option<String>,
}

impl RemoteError {
    /// An error with its sentence and what to do about it.
    pub fn new(kind: RemoteErrorKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: hint.into(), detail: None }
    }

    /// The same with the raw text behind it.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        self.detail = (!detail.trim().is_empty()).then_some(detail);
        self
    }

    /// What was asked for cannot be right.
    pub fn bad_input(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(RemoteErrorKind::BadInput, message, hint)
    }

    /// Reading or writing on this computer failed while doing `what`.
    pub fn io(what: &str, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull => RemoteErrorKind::DiskFull,
            _ => RemoteErrorKind::Io,
        };
        Self::new(
            kind,
            format!("{what}: {error}."),
            "See whether this computer's disk and permissions are in order.",
        )
    }

    #[cfg(unix)]
    pub(crate) fn lost(host: &str) -> Self {
        Self::new(
            RemoteErrorKind::ConnectionLost,
            format!("The connection to {host} was lost."),
            "Try again: Slipway connects anew. What ran on the server was ended.",
        )
    }

    pub(crate) fn cancelled(what: &str) -> Self {
        Self::new(
            RemoteErrorKind::Cancelled,
            format!("Cancelled: {what}."),
            "Nothing more runs on the server.",
        )
    }
}
