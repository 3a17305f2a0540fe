//! How Slipway talks to servers: the only crate that does.
//!
//! - [`Cmd`]: a command as a value. Nothing here ever builds a shell string out of somebody's input.
//! - [`Host`]: a machine that runs commands, opens streams to its Unix sockets and forwards ports:
//!   [`connect_ssh`] for servers, [`local`] for this computer, [`fake::FakeHost`] for tests.
//! - [`docker`]: Docker's API on a host, over its socket.
//! - [`RemoteError`]: a kind to switch on, a sentence for the user and what to do next.
//!
//! Invariants: every call has a limit; a call that is cancelled, dropped, timed out or cut leaves nothing running on
//! the host; secrets are in no argument, no environment and no log; an unknown host key is never accepted silently.

mod cmd;
mod docker;
mod error;
pub mod fake;
mod guard;
mod host;
mod host_key;
mod limits;
mod local;
mod pump;
mod ssh;

pub use cmd::{Cmd, DEFAULT_LIMIT, Stdin};
pub use docker::{DockerAccess, docker};
pub use error::{RemoteError, RemoteErrorKind};
pub use host::{
    BoxRead, BoxStream, BoxWrite, Duplex, Endpoint, Forward, Host, Line, OnLine, Output, Process,
};
pub use host_key::{HostKey, trust_host_key};
pub use local::local;
pub use ssh::{SshSpec, connect_ssh, scan_host_key};
