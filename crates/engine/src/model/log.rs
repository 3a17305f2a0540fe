//! Lines of a deployment's log.

use super::{DeploymentId, Step};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How much a line matters.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
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
pub enum Level {
    /// For whoever looks closer.
    Debug,
    /// What happens.
    Info,
    /// Something to look at; the deployment goes on.
    Warning,
    /// Why it failed.
    Error,
}

/// One line of a deployment's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct LogLine {
    /// Its place among everything recorded of this deployment, from 1. Lines share the count with the other
    /// [events](crate::events::Event), so there are gaps between lines.
    pub seq: i64,
    /// The deployment.
    pub deployment_id: DeploymentId,
    /// The step that was under way.
    pub step: Step,
    /// How much it matters.
    pub level: Level,
    /// When it was said.
    pub at: Timestamp,
    /// What was said, with secrets taken out.
    pub text: String,
}
