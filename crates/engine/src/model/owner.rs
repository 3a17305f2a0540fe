//! Who carries a deployment out.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The process that holds a deployment, told apart from any later process that has its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Owner {
    /// The process's number.
    pub pid: u32,
    /// When the process began, as its operating system tells it; only ever compared. Empty where it can't be told.
    pub process_started: String,
    /// This boot of this machine, and the namespace that `pid` counts in. Empty where it can't be told.
    pub machine: String,
    /// The machine's name, for people.
    pub host: String,
    /// The queue handle within the process.
    pub instance: Uuid,
}
