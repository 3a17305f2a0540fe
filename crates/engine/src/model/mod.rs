//! What Slipway knows about: servers, projects, environments and their deployments. Plain data, one file a thing.
//!
//! **Invariant:** nothing here touches a file, a socket or the store; and no secret is in here, only a
//! [`SecretRef`] to one.

mod deployment;
mod environment;
mod ids;
mod log;
pub(crate) mod names;
mod owner;
mod project;
mod secret;
mod server;
mod snapshot;
mod status;
mod step;

pub use deployment::{
    DeployOptions, Deployment, DeploymentError, DeploymentSummary, Lane, ReleaseRecord, Restore, Settings,
    Trigger,
};
pub use environment::{Environment, EnvironmentKind, Retention, Tls};
pub use ids::{DeploymentId, EnvironmentId, ProjectId, ServerId, SnapshotId};
pub use log::{Level, LogLine};
pub use names::{database_name, slug};
pub use owner::Owner;
pub use project::{GitCredential, Project, Repository};
pub use secret::{SecretBearer, SecretRef};
pub use server::{Server, ServerKind};
pub use snapshot::{Snapshot, SnapshotKind, SnapshotState};
pub use status::Status;
pub use step::{Part, Step, StepRecord, StepStatus};

/// Now, to the millisecond: as exact as times are stored, so that what was written is equal to what is read.
pub fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
