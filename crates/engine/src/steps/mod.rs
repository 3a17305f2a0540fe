//! The steps of the pipeline, one file each. Steps 10 to 14 are one unit on the server: `cut_over.rs` starts it and
//! follows it.

mod completed;
mod config;
mod connecting;
mod cut_over;
mod database;
mod dependencies;
mod dns;
mod file_times;
mod image;
mod initializing;
mod leftovers;
mod network;
mod progress;
mod reading;
mod repositories;
mod snapshot;
mod words;

pub(crate) use completed::{Completed, clean_up, write_history};
pub(crate) use config::{Config, GeneratingConfig};
pub(crate) use connecting::Connecting;
pub(crate) use cut_over::{Cut, CutOver, Ended};
pub(crate) use database::CreatingDatabase;
pub(crate) use dependencies::{InstallingDependencies, Release};
pub(crate) use dns::VerifyingDns;
pub(crate) use image::{BaseImage, PullingImage};
pub(crate) use initializing::Initializing;
pub(crate) use network::CreatingNetwork;
pub(crate) use reading::Reading;
pub(crate) use repositories::{CloningRepositories, Frozen, SourceOnServer};

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use crate::cx::Cx;
use crate::error::EngineError;
use crate::model::Step;

/// A step that the desktop carries out. `run` must be safe to repeat after any half-finished run of itself.
pub(crate) trait PrepareStep: Sync {
    /// Its place and name.
    const STEP: Step;
    /// How long it may take at most.
    const LIMIT: Duration;
    /// Whether it runs again when a deployment is resumed, instead of returning what it recorded.
    const REPEAT: bool = false;
    /// Whether a cancel ends it. After the commit nothing is cancelled any more.
    const CANCELLABLE: bool = true;
    /// What later steps, and a resumed run, need of it. Never a secret: it is stored.
    type Output: Serialize + DeserializeOwned + Send;

    /// Does the work.
    fn run(&self, cx: &Cx) -> impl Future<Output = Result<Self::Output, EngineError>> + Send;
}
