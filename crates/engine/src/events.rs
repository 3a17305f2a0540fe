//! What followers of a deployment get: the same for the window, for the terminal and for `--json`.

use crate::model::{DeploymentError, DeploymentId, Level, LogLine, Status, Step, StepStatus};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that happened in a deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Event {
    /// Its place among everything recorded of the deployment, from 1 and without gaps. Whoever has seen an event
    /// goes on from its `seq`, across restarts and across processes.
    pub seq: i64,
    /// The deployment.
    pub deployment_id: DeploymentId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum EventKind {
    /// A line was said.
    Line {
        /// The step that was under way.
        step: Step,
        /// How much it matters.
        level: Level,
        /// What was said, with secrets taken out.
        text: String,
    },
    /// A step began or ended.
    StepChanged {
        /// Which.
        step: Step,
        /// How far it got.
        status: StepStatus,
        /// What it has to say, for instance why there was nothing to do.
        message: Option<String>,
    },
    /// The deployment went over to another status.
    StatusChanged {
        /// The new one.
        status: Status,
        /// Why, where it didn't succeed.
        error: Option<DeploymentError>,
    },
    /// More steps are over than before: `done` of `of`.
    Progress {
        /// Steps that are over.
        done: u8,
        /// All steps.
        of: u8,
    },
}

impl Event {
    /// Whether nothing follows: the deployment has ended.
    pub fn is_last(&self) -> bool {
        matches!(&self.kind, EventKind::StatusChanged { status, .. } if status.is_finished())
    }

    /// The line of the log that this is, if it is one.
    pub fn into_line(self) -> Option<LogLine> {
        let Self { seq, deployment_id, at, kind } = self;
        match kind {
            EventKind::Line { step, level, text } => {
                Some(LogLine { seq, deployment_id, step, level, at, text })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_are_flat_and_tagged_in_json() {
        let event = Event {
            seq: 7,
            deployment_id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            at: "2025-01-02T03:04:05.678Z".parse().unwrap(),
            kind: EventKind::StepChanged {
                step: Step::PullingImage,
                status: StepStatus::Skipped,
                message: Some("odoo:19.0 is there".into()),
            },
        };
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(
            json,
            json!({
                "seq": 7, "deployment_id": "01890a5d-ac96-774b-bcce-b302099a8057", "at": "2025-01-02T03:04:05.678Z",
                "event": "step_changed", "step": "pulling_image", "status": "skipped", "message": "odoo:19.0 is there",
            })
        );
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
    }

    #[test]
    fn the_last_event_is_a_finished_status() {
        let event = |status| Event {
            seq: 1,
            deployment_id: DeploymentId::new(),
            at: crate::model::now(),
            kind: EventKind::StatusChanged { status, error: None },
        };
        assert!(event(Status::RolledBack).is_last());
        assert!(!event(Status::Deploying).is_last());
    }
}
