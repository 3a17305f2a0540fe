use std::fmt;
use std::path::PathBuf;

/// Why something about a repository could not be done. `code()` is for programs, `Display` says what happened and
/// `hint()` what to do next.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The address is none that Git understands, or one we refuse.
    #[error("\"{url}\" is not a usable repository address: {why}")]
    BadUrl {
        /// The address as given, without any password.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A branch, tag or commit name that Git itself would refuse.
    #[error("\"{name}\" is not a valid name of a branch, tag or commit")]
    BadRef {
        /// The name as given.
        name: String,
    },
    /// No connection to the host.
    #[error("{host} cannot be reached")]
    Unreachable {
        /// The host's name.
        host: String,
        /// The transport's own words.
        detail: String,
    },
    /// The host answered nothing for as long as we wait.
    #[error("{host} has not answered for {seconds} seconds")]
    TimedOut {
        /// The host's name.
        host: String,
        /// How long we waited.
        seconds: u64,
    },
    /// Every way to log in that we have was refused.
    #[error("{host} refused every way to log in{}", Tried(.tried))]
    AuthenticationFailed {
        /// The host's name.
        host: String,
        /// What was tried, in words.
        tried: Vec<String>,
    },
    /// A token would have travelled unencrypted.
    #[error("a token is not sent to {host} over plain HTTP")]
    TokenOverPlainHttp {
        /// The host's name.
        host: String,
    },
    /// The host says there is no such repository (many say so, too, when one may not see it).
    #[error("there is no repository at {url}, or this login may not see it")]
    RepositoryNotFound {
        /// The repository's address.
        url: String,
    },
    /// Something answered, but it doesn't speak Git.
    #[error("what answers at {url} is not a Git repository")]
    NotARepository {
        /// The repository's address.
        url: String,
    },
    /// The SSH host key is known neither to the user's known_hosts nor to Slipway's.
    #[error("the SSH host key of {host} is not known: {fingerprint}")]
    HostKeyUnknown {
        /// The host's name, `[name]:port` when the port isn't 22.
        host: String,
        /// `SHA256:…`, as ssh shows it.
        fingerprint: String,
        /// The line to append to Slipway's known_hosts once the user has agreed ([`super::trust_host_key`]).
        line: String,
    },
    /// The host shows another key than the one on record, or a revoked one.
    #[error("the SSH host key of {host} has CHANGED: it now is {fingerprint}")]
    HostKeyChanged {
        /// The host's name, `[name]:port` when the port isn't 22.
        host: String,
        /// `SHA256:…` of the key shown now.
        fingerprint: String,
        /// `file:line` of the record it contradicts.
        known_at: String,
    },
    /// The TLS certificate is not trusted by this computer.
    #[error("the certificate of {host} is not trusted by this computer")]
    CertificateRefused {
        /// The host's name.
        host: String,
    },
    /// The repository has no such branch, tag or commit.
    #[error("{url} has no branch, tag or commit \"{name}\"")]
    RefNotFound {
        /// The repository's address.
        url: String,
        /// The name asked for.
        name: String,
        /// Names that look like it, the nearest first.
        near: Vec<String>,
    },
    /// The repository has no commit at all.
    #[error("{url} is empty: it has no branches yet")]
    Empty {
        /// The repository's address.
        url: String,
    },
    /// The commit is not in the mirror.
    #[error("commit {sha} is not in the mirror")]
    CommitNotFound {
        /// The commit asked for.
        sha: String,
    },
    /// A tree holds a path that must not be written to a disk (`..`, `.git`, a file that is a folder too).
    #[error("the repository holds a path that cannot be deployed: {path}")]
    UnsafePath {
        /// The path, with odd bytes escaped.
        path: String,
    },
    /// A file is too big to be sent from a Git repository.
    #[error("{path} is {} MiB: files over {} MiB are not sent", .size >> 20, .limit >> 20)]
    FileTooLarge {
        /// The path.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Something about a submodule; the cause says what.
    #[error("submodule {path}: {source}")]
    Submodule {
        /// The submodule's path in the repository.
        path: String,
        /// What went wrong.
        source: Box<GitError>,
    },
    /// `.gitmodules` names no address for a submodule, or there are too many levels of them.
    #[error("submodule {path}: {why}")]
    BadSubmodule {
        /// The submodule's path in the repository.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The disk of this computer (or the far end of the stream) failed.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// What was being read or written.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The user cancelled.
    #[error("cancelled")]
    Cancelled,
    /// libgit2 said something that has no kind of its own here.
    #[error("Git failed: {}", .0.message())]
    Git(#[from] git2::Error),
}

impl GitError {
    /// What to do next, in one sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::BadUrl { .. } => {
                "Use an address such as https://host/team/repo.git, git@host:team/repo.git or ssh://git@host:2222/repo.git.".into()
            }
            Self::BadRef { .. } => "Use the plain name of a branch or tag, or a commit's hexadecimal id.".into(),
            Self::Unreachable { detail, .. } => {
                format!("Check the address, and that this computer is online and not held back by a firewall or proxy ({detail}).")
            }
            Self::TimedOut { .. } => "Check the network between this computer and the Git host, then try again.".into(),
            Self::AuthenticationFailed { .. } => {
                "Give the repository a deploy key or a token that may read it, or load your key into the SSH agent.".into()
            }
            Self::TokenOverPlainHttp { .. } => "Change the repository's address to https://.".into(),
            Self::RepositoryNotFound { .. } => {
                "Check the address for typing mistakes, and that the key or token has read access to this repository.".into()
            }
            Self::NotARepository { .. } => "Copy the address from the repository's \"Clone\" button.".into(),
            Self::HostKeyUnknown { .. } => {
                "Compare the fingerprint with the one the Git host publishes, then trust it.".into()
            }
            Self::HostKeyChanged { known_at, .. } => format!(
                "Somebody may be listening in. If the host's owner confirms the new key, remove the old line at {known_at}."
            ),
            Self::CertificateRefused { .. } => {
                "If the host uses a certificate authority of your own, add it to this computer's trusted ones.".into()
            }
            Self::RefNotFound { near, .. } if near.is_empty() => "Push the branch first, or choose another one.".into(),
            Self::RefNotFound { near, .. } => format!("Did you mean {}?", near.join(", ")),
            Self::Empty { .. } => "Push a first commit to it.".into(),
            Self::CommitNotFound { .. } => "Fetch again: the commit may have been removed by a force push.".into(),
            Self::UnsafePath { .. } => "Remove or rename this path in the repository.".into(),
            Self::FileTooLarge { .. } => "Keep such files out of Git, or put them in the filestore.".into(),
            Self::Submodule { source, .. } => source.hint(),
            Self::BadSubmodule { .. } => "Check the repository's .gitmodules file.".into(),
            Self::Io { .. } => "Check free disk space and the rights on this folder.".into(),
            Self::Cancelled => "Nothing was changed.".into(),
            Self::Git(_) => "Try again; if it stays, remove the mirror folder, and it will be fetched anew.".into(),
        }
    }

    /// The kind in snake_case, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadUrl { .. } | Self::BadRef { .. } => "bad_input",
            Self::Unreachable { .. } => "git_unreachable",
            Self::TimedOut { .. } => "git_timed_out",
            Self::AuthenticationFailed { .. } | Self::TokenOverPlainHttp { .. } => {
                "git_authentication_failed"
            }
            Self::RepositoryNotFound { .. } => "git_repository_not_found",
            Self::NotARepository { .. } | Self::Empty { .. } => "git_not_a_repository",
            Self::HostKeyUnknown { .. } => "unknown_host_key",
            Self::HostKeyChanged { .. } => "changed_host_key",
            Self::CertificateRefused { .. } => "git_certificate_refused",
            Self::RefNotFound { .. } | Self::CommitNotFound { .. } => "git_ref_not_found",
            Self::UnsafePath { .. } | Self::FileTooLarge { .. } => "git_unsafe_tree",
            Self::Submodule { source, .. } => source.code(),
            Self::BadSubmodule { .. } => "git_bad_submodule",
            Self::Io { .. } => "io",
            Self::Cancelled => "cancelled",
            Self::Git(_) => "git_clone_failed",
        }
    }

    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

struct Tried<'a>(&'a [String]);

impl fmt::Display for Tried<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " (tried: {})", self.0.join(", ")) }
    }
}
