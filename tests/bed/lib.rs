//! What the whole-system tests stand on: a real server, a sample project with a history, constant requests, and the
//! `slipway` command.
//!
//! ```no_run
//! use slipway_tests::{Load, Sample, Server, Slipway};
//!
//! let server = Server::start();
//! let sample = Sample::create(server.scratch("acme"));
//! let slipway = Slipway::new(server.scratch("home"));
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test bed tells what is wrong by panicking"
)]

mod agent;
mod arguments;
mod bare;
mod cli;
mod cron;
mod desktop;
mod docker;
pub mod http;
pub mod https;
mod journey;
mod load;
mod machine;
mod options;
mod process;
mod programs;
mod relay;
mod sample;
mod script;
mod server;
mod slot;
mod slow;
mod sshd;
mod state;
mod template;
pub mod usage;
mod user;

use std::path::PathBuf;

pub use agent::Agent;
pub use arguments::Arguments;
pub use bare::BareServer;
pub use cli::{Ran, Running, Slipway};
pub use desktop::{Desktop, Element, Entry, Notification, Page, Shell, Window};
pub use docker::Docker;
pub use journey::{Data, Journey};
pub use load::{Failure, Load, Report};
pub use options::{Access, Daemon, Options};
pub use sample::Sample;
pub use script::Script;
pub use server::Server;
pub use slow::SlowLink;
pub use sshd::free_port;
pub use state::State;

/// The top of the source tree.
pub fn root() -> PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in the tree").to_owned()
}

/// Says in a daemon's environment which server's it is, for `scripts/clean-test`.
const DAEMON_OF: &str = "SLIPWAY_BED_DAEMON";

/// Where the scripts keep what is expensive to make.
fn cache() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("SLIPWAY_CACHE").unwrap_or_else(|| set("HOME").expect("there is a HOME").join(".cache/slipway"))
}
