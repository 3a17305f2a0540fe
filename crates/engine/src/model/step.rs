//! The 15 steps of a deployment, by the names the user sees.

use super::DeploymentId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

/// One of the steps that every deployment goes through, in this order.
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
#[expect(
    missing_docs,
    reason = "DESIGN's table of steps says what each does; the names are the user's words"
)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum Step {
    Initializing = 1,
    Connecting,
    CreatingNetwork,
    CreatingDatabase,
    CloningRepositories,
    PullingImage,
    GeneratingConfig,
    InstallingDependencies,
    VerifyingDns,
    TakingSnapshot,
    InitializingDatabase,
    StartingContainer,
    HealthCheck,
    ConfiguringRouting,
    Completed,
}

/// The three parts of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum Part {
    /// Touches nothing that is live; runs from the desktop; every step may be repeated.
    Prepare,
    /// One detached unit on the server, which finishes or undoes itself.
    CutOver,
    /// After the point of no return.
    Settle,
}

impl Step {
    /// How many there are.
    pub const COUNT: u8 = 15;

    /// All of them, in their order.
    pub fn all() -> impl Iterator<Item = Step> {
        Self::VARIANTS.iter().copied()
    }

    /// Its place, from 1 to 15.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The step at this place.
    pub fn from_number(number: u8) -> Option<Step> {
        Self::VARIANTS.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Its name as the user sees it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Initializing => "Initializing",
            Self::Connecting => "Connecting",
            Self::CreatingNetwork => "Creating Network",
            Self::CreatingDatabase => "Creating Database",
            Self::CloningRepositories => "Cloning Repositories",
            Self::PullingImage => "Pulling Image",
            Self::GeneratingConfig => "Generating Config",
            Self::InstallingDependencies => "Installing Dependencies",
            Self::VerifyingDns => "Verifying DNS",
            Self::TakingSnapshot => "Taking Snapshot",
            Self::InitializingDatabase => "Initializing Database",
            Self::StartingContainer => "Starting Container",
            Self::HealthCheck => "Health Check",
            Self::ConfiguringRouting => "Configuring Routing",
            Self::Completed => "Completed",
        }
    }

    /// The part it belongs to.
    pub fn part(self) -> Part {
        match self.number() {
            ..=9 => Part::Prepare,
            10..=14 => Part::CutOver,
            _ => Part::Settle,
        }
    }
}

/// How far a step got.
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
pub enum StepStatus {
    /// Not begun.
    Pending,
    /// Under way.
    Running,
    /// Did its work.
    Done,
    /// Ended the deployment.
    Failed,
    /// There was nothing to do, or the deployment ended before it.
    Skipped,
    /// Was under way when the deployment was cancelled.
    Cancelled,
}

impl StepStatus {
    /// Whether it is over, with or without work done.
    pub fn is_finished(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// What is known about one step of one deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct StepRecord {
    /// The deployment.
    pub deployment_id: DeploymentId,
    /// Which step.
    pub step: Step,
    /// How far it got.
    pub status: StepStatus,
    /// Its latest line.
    pub message: Option<String>,
    /// What it recorded when it was done: a run that resumes reads it instead of doing the work again.
    pub output: Option<serde_json::Value>,
    /// When it was first begun.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_from_1_to_15() {
        assert_eq!(Step::VARIANTS.len(), usize::from(Step::COUNT));
        for (i, step) in Step::all().enumerate() {
            assert_eq!(usize::from(step.number()), i + 1);
            assert_eq!(Step::from_number(step.number()), Some(step));
        }
        assert_eq!(Step::from_number(0), None);
        assert_eq!(Step::from_number(16), None);
    }

    #[test]
    fn a_title_is_the_stored_name_in_words() {
        for step in Step::all() {
            let words = step.title().to_lowercase().replace(' ', "_");
            assert_eq!(words, step.to_string());
            assert_eq!(serde_json::to_value(step).unwrap(), words);
        }
    }

    #[test]
    fn the_cut_over_begins_with_the_snapshot_and_ends_with_the_routing() {
        let parts: Vec<Part> = Step::all().map(Step::part).collect();
        assert_eq!(parts.iter().filter(|p| **p == Part::Prepare).count(), 9);
        assert_eq!(Step::TakingSnapshot.part(), Part::CutOver);
        assert_eq!(Step::ConfiguringRouting.part(), Part::CutOver);
        assert_eq!(Step::Completed.part(), Part::Settle);
    }
}
