//! The cut over: the one part of a deployment that touches what is live.
//!
//! It is a POSIX shell script ([`script`]) that runs on the server in a session of its own, reads its variables from a
//! rendered [`Plan`], and writes a [`journal`] that a desktop follows from a byte offset. It finishes or undoes itself
//! whether or not a desktop is there. [`call`] holds the few calls that a desktop makes.
//!
//! The order of every lane, forward and back, stands in `script/ways.sh`, on one screen.

pub mod call;
pub mod journal;
pub mod plan;
pub mod script;

pub use call::{CallError, Cancel, CutOver, Status};
pub use journal::{Entry, Event, Fold, Outcome};
pub(crate) use plan::is_module;
pub use plan::{Limits, Live, Plan, PlanError, StaticFile};

pub use crate::model::Lane;
pub use crate::server::Slot;
