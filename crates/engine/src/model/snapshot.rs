//! A snapshot: database and filestore together, as they were just before a deployment changed them.

use super::{DeploymentId, EnvironmentId, SnapshotId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Database and filestore of one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Snapshot {
    /// Its identity.
    pub id: SnapshotId,
    /// The environment whose data it holds.
    pub environment_id: EnvironmentId,
    /// The deployment that it was taken for.
    pub deployment_id: DeploymentId,
    /// The moment whose data it holds.
    pub created_at: Timestamp,
    /// How it is kept.
    pub kind: SnapshotKind,
    /// How much the database takes, in bytes.
    pub database_bytes: i64,
    /// How large its files are together, in bytes; those that the live filestore has as well take no room of their own.
    pub filestore_bytes: i64,
    /// Where it is on the server, in the words of whoever took it.
    pub location: serde_json::Value,
    /// When it may go; never, while nothing is set.
    pub kept_until: Option<Timestamp>,
    /// Whether it can be used.
    pub state: SnapshotState,
}

impl Snapshot {
    /// Whether it is there for good: a dump that is whole.
    pub fn is_lasting(&self) -> bool {
        self.state == SnapshotState::Ready && self.kind == SnapshotKind::Dump
    }
}

/// How a snapshot is kept.
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
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum SnapshotKind {
    /// A clone beside the live database.
    Clone,
    /// A compressed dump and a list of files.
    Dump,
}

/// Whether a snapshot can be used.
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
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum SnapshotState {
    /// Being made.
    Taking,
    /// Whole.
    Ready,
    /// Could not be made; there is nothing to restore.
    Failed,
    /// Gone, by retention or by hand.
    Removed,
}
