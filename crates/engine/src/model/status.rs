//! The status of a deployment, and which may follow which.

use serde::{Deserialize, Serialize};

/// How far a deployment got.
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
pub enum Status {
    /// Never deployed: what an environment without a deployment shows.
    Pending,
    /// Waiting for its turn.
    Queued,
    /// In its prepare part: nothing live is touched.
    Building,
    /// In its cut over or after it.
    Deploying,
    /// The environment runs it, proven.
    Success,
    /// Ended without changing what the environment serves, before the cut over; or found stuck.
    Failed,
    /// Ended because somebody asked for it; the environment serves what it served before.
    Cancelled,
    /// Failed in the cut over and was undone; the environment serves what it served before.
    RolledBack,
}

impl Status {
    /// Whether a deployment of this status may go over to `next`. The same pairs stand in the store as a trigger,
    /// and a test holds the two together.
    pub fn may_become(self, next: Status) -> bool {
        use Status::*;
        match self {
            Pending => matches!(next, Queued | Cancelled),
            Queued => matches!(next, Building | Failed | Cancelled),
            Building => matches!(next, Deploying | Failed | Cancelled),
            Deploying => matches!(next, Success | Failed | Cancelled | RolledBack),
            Success | Failed | Cancelled | RolledBack => false,
        }
    }

    /// Whether nothing follows any more.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Cancelled | Self::RolledBack)
    }

    /// Whether a process is carrying it out, so that it takes a place on its server.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Building | Self::Deploying)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::VariantArray;

    #[test]
    fn a_finished_one_stays_as_it_is_and_every_other_can_be_cancelled() {
        for &from in Status::VARIANTS {
            let goes_on = Status::VARIANTS.iter().any(|&to| from.may_become(to));
            assert_eq!(goes_on, !from.is_finished(), "{from}");
            assert_eq!(from.may_become(Status::Cancelled), !from.is_finished(), "{from}");
            assert!(!from.may_become(from), "{from}");
        }
    }

    #[test]
    fn success_comes_from_the_cut_over_alone() {
        for &from in Status::VARIANTS {
            assert_eq!(from.may_become(Status::Success), from == Status::Deploying, "{from}");
            assert_eq!(from.may_become(Status::RolledBack), from == Status::Deploying, "{from}");
        }
    }
}
