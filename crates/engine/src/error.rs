//! The one error type of the engine: a code to switch on, a sentence that says what happened, and a hint that
//! says what to do next.
//!
//! **Invariant:** nobody decides by the text of a message; whoever must decide looks at the code.

use crate::cutover::CallError;
use crate::git::GitError;
use crate::odoo::options::OptionError;
use serde::{Deserialize, Serialize};
use slipway_remote::{RemoteError, RemoteErrorKind};
use std::fmt;

/// What went wrong, as a closed list. The app and the command line switch on it; it is stored and printed in
/// snake_case, so a name here is never changed, only added.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "each code is its own words; the default hint below says the rest")]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum ErrorCode {
    // Reaching a server.
    UnknownHostKey,
    ChangedHostKey,
    AuthenticationFailed,
    PassphraseNeeded,
    ConnectionRefused,
    DnsFailed,
    TimedOut,
    ConnectionLost,
    NoServer,
    ServerUnusable,
    // Docker and the server's resources.
    NoDocker,
    NoRightToDocker,
    DockerTooOld,
    DockerFailed,
    CommandFailed,
    DiskFull,
    CapacityExceeded,
    LockHeld,
    // Git.
    GitUnreachable,
    GitAuthenticationFailed,
    GitRefNotFound,
    GitCloneFailed,
    // The project's content.
    ModuleNotFound,
    ManifestInvalid,
    WrongSeries,
    // The pipeline.
    ImagePullFailed,
    BuildFailed,
    DatabaseFailed,
    DnsMismatch,
    SnapshotFailed,
    RestoreFailed,
    MigrationFailed,
    ModuleLoadFailed,
    StartFailed,
    HealthCheckFailed,
    ProofFailed,
    WrongContent,
    RoutingFailed,
    CutOverFailed,
    RevertFailed,
    OutcomeUnknown,
    Stuck,
    Cancelled,
    ClaimLost,
    // What was asked for.
    BadInput,
    NotFound,
    Conflict,
    WouldGoBack,
    IllegalTransition,
    // This computer.
    KeychainUnavailable,
    KeychainLocked,
    WrongPassphrase,
    SecretNotFound,
    StoreBusy,
    StoreCorrupt,
    StoreTooNew,
    StoreFailed,
    IoFailed,
    Internal,
}

impl ErrorCode {
    /// What to do next when whoever raised the error knew nothing better.
    pub fn default_hint(self) -> &'static str {
        use ErrorCode::*;
        match self {
            UnknownHostKey => "Compare the fingerprint with the server's own, then trust it.",
            ChangedHostKey => {
                "If the server was reinstalled, remove the old key and trust the new one. If not, do not connect."
            }
            AuthenticationFailed => {
                "Check the user name, and that this key or password is accepted by the server."
            }
            PassphraseNeeded => "Give the passphrase of the key, or add the key to your SSH agent.",
            ConnectionRefused => "Check the port, and that the SSH server runs.",
            DnsFailed => "Check the spelling of the host name and your network.",
            TimedOut => "Check the address, the network and the server's firewall, then try again.",
            ConnectionLost => "Try again: what was under way on the server is found and continued.",
            NoServer => "Choose a server for this environment.",
            ServerUnusable => "Look at the details, correct it on the server and try again.",
            NoDocker => "Install Docker on the server and start it.",
            NoRightToDocker => "Add the user to the group docker, or turn on sudo for this server.",
            DockerTooOld => "Update Docker on the server.",
            DockerFailed => "Look at what Docker said in the details.",
            CommandFailed => "Look at the command's output in the details.",
            DiskFull => "Free space on the disk, for instance by removing old releases and snapshots.",
            CapacityExceeded => {
                "Give this environment less, free what others reserve, or choose a larger server."
            }
            LockHeld => "Wait until the other deployment ends, or take the lock over if its owner is gone.",
            GitUnreachable => "Check the repository's URL and your network.",
            GitAuthenticationFailed => "Check the key or token of this repository and its rights.",
            GitRefNotFound => "Check the name of the branch, tag or commit.",
            GitCloneFailed => "Look at what Git said in the details, then try again.",
            ModuleNotFound => "Check the module's name, and the repositories and paths of the project.",
            ManifestInvalid => "Correct the manifest at the line given.",
            WrongSeries => "Choose a branch made for this project's series.",
            ImagePullFailed => "Check that the server can reach the image's registry.",
            BuildFailed => "Look at the last lines of the build.",
            DatabaseFailed => "Look at the log of the environment's database container.",
            DnsMismatch => "Point the domain at the server, or deploy without the check.",
            SnapshotFailed | RestoreFailed => "Check the room on the server's disk, then try again.",
            MigrationFailed => {
                "Correct the migration and deploy again. The environment serves what it served before."
            }
            ModuleLoadFailed => "Correct the module at the line given and deploy again.",
            StartFailed | HealthCheckFailed | ProofFailed => "Look at Odoo's log of this deployment.",
            WouldGoBack => {
                "Roll back to the deployment that brought it, which says first what would be lost. Or deploy it with --back."
            }
            WrongContent => {
                "In Odoo, with developer mode on, choose Regenerate Assets in the debug menu, then deploy again. If it differs again, \
                 look for an attachment, a view or another module that puts an older file in its place."
            }
            RoutingFailed => "Look at Caddy's log, and check that its ports are free.",
            CutOverFailed => "The environment serves what it served before. Look at the log, then try again.",
            RevertFailed => "Look at the environment on the server now: it may need a hand.",
            OutcomeUnknown => {
                "The cut over finishes or undoes itself on the server. Slipway looks again when the server is back: with the next \
                 deployment, or with `slipway history ENV --refresh`."
            }
            Stuck => "Look at the last lines of the log, then retry.",
            Cancelled => "Deploy again whenever you like.",
            ClaimLost => {
                "Another Slipway process carries this deployment on. Follow it with `slipway logs -f`."
            }
            BadInput => "Correct the value and try again.",
            NotFound => "Check the name.",
            Conflict => "Choose another name, or change the one that is there.",
            IllegalTransition => "Look at the deployment's status: it may have ended meanwhile.",
            KeychainUnavailable => {
                "Start the system's keychain, or keep secrets in an encrypted file: Settings → Secrets, or `--secrets file`."
            }
            KeychainLocked => "Unlock the system's keychain and try again.",
            WrongPassphrase => "Try again with the passphrase that the file was made with.",
            SecretNotFound => "Enter the secret again in the settings.",
            StoreBusy => "Another Slipway process is writing. Try again in a moment.",
            StoreCorrupt => "Restore Slipway's home folder from a backup.",
            StoreTooNew => "Update Slipway to the version that last used this home.",
            StoreFailed => "Look at the details; check the disk that holds Slipway's home.",
            IoFailed => "Check the file's path and rights.",
            Internal => "This is a mistake in Slipway. Please report it with the details.",
        }
    }
}

/// An error as everybody in Slipway sees it, on the terminal, in the window and in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct EngineError {
    /// What kind of error it is.
    pub code: ErrorCode,
    /// One sentence: what happened.
    pub message: String,
    /// What to do next.
    pub hint: String,
    /// What the tool underneath said, for whoever looks closer. May be long; never holds a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl EngineError {
    /// An error with the hint that fits its code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: code.default_hint().to_owned(), detail: None }
    }

    /// A mistake of the user's: what was given can't be used.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadInput, message)
    }

    /// Something asked for isn't there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    /// A mistake of Slipway's own.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    /// Says what to do next, better than the code alone can.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Adds what the tool underneath said.
    #[must_use]
    pub fn detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }
}

impl From<RemoteError> for EngineError {
    fn from(error: RemoteError) -> Self {
        use RemoteErrorKind::*;
        let code = match error.kind {
            UnknownHostKey { .. } => ErrorCode::UnknownHostKey,
            ChangedHostKey { .. } => ErrorCode::ChangedHostKey,
            AuthenticationFailed => ErrorCode::AuthenticationFailed,
            PassphraseNeeded => ErrorCode::PassphraseNeeded,
            Refused | Unreachable => ErrorCode::ConnectionRefused,
            DnsFailed => ErrorCode::DnsFailed,
            TimedOut => ErrorCode::TimedOut,
            ConnectionLost => ErrorCode::ConnectionLost,
            NoDocker => ErrorCode::NoDocker,
            NoRightToDocker => ErrorCode::NoRightToDocker,
            DockerTooOld => ErrorCode::DockerTooOld,
            DockerFailed | ForwardingRefused => ErrorCode::DockerFailed,
            DiskFull => ErrorCode::DiskFull,
            CommandFailed { .. } => ErrorCode::CommandFailed,
            Cancelled => ErrorCode::Cancelled,
            BadInput | Unsupported | NoSsh => ErrorCode::BadInput,
            Io => ErrorCode::IoFailed,
        };
        Self { code, message: error.message, hint: error.hint, detail: error.detail }
    }
}

impl From<GitError> for EngineError {
    fn from(error: GitError) -> Self {
        let code = match &error {
            GitError::Submodule { source, .. } => code_of(source),
            other => code_of(other),
        };
        Self::new(code, format!("{error}.")).hint(error.hint())
    }
}

fn code_of(error: &GitError) -> ErrorCode {
    match error {
        GitError::BadUrl { .. } | GitError::BadRef { .. } => ErrorCode::BadInput,
        GitError::Unreachable { .. } | GitError::TimedOut { .. } => ErrorCode::GitUnreachable,
        GitError::AuthenticationFailed { .. } | GitError::TokenOverPlainHttp { .. } => {
            ErrorCode::GitAuthenticationFailed
        }
        GitError::HostKeyUnknown { .. } => ErrorCode::UnknownHostKey,
        GitError::HostKeyChanged { .. } => ErrorCode::ChangedHostKey,
        GitError::RefNotFound { .. } | GitError::CommitNotFound { .. } => ErrorCode::GitRefNotFound,
        GitError::Io { .. } => ErrorCode::IoFailed,
        GitError::Cancelled => ErrorCode::Cancelled,
        _ => ErrorCode::GitCloneFailed,
    }
}

impl From<CallError> for EngineError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Remote(error) => error.into(),
            CallError::Plan(error) => Self::bad_input(format!("{error}.")),
            CallError::Busy => {
                Self::new(ErrorCode::LockHeld, "Another cut over is under way on this server.")
                    .hint("Wait for its end, then retry.")
            }
            CallError::AlreadyStarted => Self::new(ErrorCode::CutOverFailed, format!("{error}.")),
            CallError::Unexpected { said } => Self::new(
                ErrorCode::CutOverFailed,
                "The cut over's script gave an answer that is not understood.",
            )
            .detail(said),
        }
    }
}

impl From<bollard::errors::Error> for EngineError {
    fn from(error: bollard::errors::Error) -> Self {
        use bollard::errors::Error;
        let code = match &error {
            Error::RequestTimeoutError => ErrorCode::TimedOut,
            Error::HyperResponseError { .. } | Error::IOError { .. } => ErrorCode::ConnectionLost,
            _ => ErrorCode::DockerFailed,
        };
        Self::new(code, "Docker on the server did not do what was asked.").detail(error)
    }
}

impl From<OptionError> for EngineError {
    fn from(error: OptionError) -> Self {
        Self::bad_input(format!("{error}.")).hint(error.hint())
    }
}

impl From<std::io::Error> for EngineError {
    fn from(error: std::io::Error) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
            _ => ErrorCode::IoFailed,
        };
        Self::new(code, "A file of this computer could not be read or written.").detail(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::VariantArray;

    #[test]
    fn every_code_is_stored_and_printed_by_the_same_name_and_has_a_hint() {
        for &code in ErrorCode::VARIANTS {
            let name: &'static str = code.into();
            assert_eq!(serde_json::to_value(code).unwrap(), name);
            assert_eq!(name.parse::<ErrorCode>().unwrap(), code);
            assert!(code.default_hint().ends_with('.'), "{name}");
        }
    }

    #[test]
    fn an_error_survives_json_and_leaves_out_an_empty_detail() {
        let error = EngineError::new(ErrorCode::NoServer, "No server.").hint("Choose one.");
        let json = serde_json::to_value(&error).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"code": "no_server", "message": "No server.", "hint": "Choose one."})
        );
        assert_eq!(serde_json::from_value::<EngineError>(json).unwrap(), error);
    }

    #[test]
    fn a_full_disk_is_told_apart_from_other_file_errors() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(EngineError::from(full).code, ErrorCode::DiskFull);
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        assert_eq!(EngineError::from(missing).code, ErrorCode::IoFailed);
    }
}
