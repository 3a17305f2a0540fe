//! Git: what the desktop knows of a project's repositories, and what of it travels to a server.
//!
//! A [`Mirror`] is a bare repository on the desktop; credentials never leave it. A [`Source`] is the file list of one
//! release: every repository's tree at its commit, submodules included, flattened under `<repository>/`. A
//! [`Transfer`] is what turns the release that a server has into the one it should have.
//!
//! Everything here blocks: call it from `spawn_blocking`.
//!
//! # libgit2 and the `git` program
//! Fetching is libgit2's job, so that nothing needs to be installed. What libgit2 cannot do over SSH is what
//! `~/.ssh/config` says (aliases, ProxyJump), hardware keys and SSH certificates. So when the credential is
//! [`Credential::Auto`], the transport is SSH, libgit2 could not get in, and `git` is installed, the same fetch is
//! tried once more with the program, host keys checked as strictly. In every other case the `git` program is not used.

mod credential;
mod diff;
mod error;
mod fetch;
mod history;
mod host_key;
mod mirror;
mod program;
mod source;
mod submodule;
mod times;
mod transfer;
mod url;
mod watch;

pub use credential::Credential;
pub use diff::{Change, ChangeKind, diff};
pub use error::GitError;
pub use fetch::{Fetch, Limits, Progress, RemoteRef};
pub use history::Commit;
pub use host_key::{HostKeys, trust_host_key};
pub use mirror::Mirror;
pub use source::{Entry, Mode, Part, Reader, Source};
pub use submodule::{Checkout, Repositories};
pub use times::FileTimes;
pub use transfer::{RESERVED, Sent, Transfer, UNPACK};
pub use url::GitUrl;

#[cfg(test)]
pub(crate) mod testing;
