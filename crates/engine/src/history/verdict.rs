//! How a deployment ended: as its own desktop saw it, as another one tells it, or as its journal says afterwards.

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::HistoryEntry;
use crate::cutover::{CutOver, Fold, Outcome};
use crate::error::{EngineError, ErrorCode};
use crate::model::{
    Deployment, DeploymentError, Lane, Snapshot, SnapshotId, SnapshotKind, SnapshotState, Status, Step,
};
use crate::redact::Redactor;
use crate::server::{Facts, Layout};
use crate::steps::Reading;

/// How a deployment ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    /// The status that it has for good.
    pub status: Status,
    /// Why it didn't succeed.
    pub error: Option<DeploymentError>,
    /// When it ended.
    pub at: Timestamp,
    /// How long requests were held, in milliseconds.
    pub pause_ms: Option<i64>,
    /// The snapshot that it took.
    pub snapshot: Option<Snapshot>,
    /// Where this is known from, for the log.
    pub source: &'static str,
}

impl Verdict {
    /// As another desktop found it.
    pub(crate) fn told(entry: &HistoryEntry) -> Self {
        Self {
            status: entry.status,
            error: entry.error.clone(),
            at: entry.at,
            pause_ms: entry.pause_ms,
            snapshot: entry.snapshot.clone(),
            source: "the server's history",
        }
    }

    /// Without secrets, which Odoo may have printed.
    pub(super) fn redacted(mut self, redactor: &Redactor) -> Self {
        if let Some(error) = &mut self.error {
            for text in
                [Some(&mut error.message), Some(&mut error.hint), error.cause.as_mut()].into_iter().flatten()
            {
                *text = redactor.redact(text).into_owned();
            }
        }
        self
    }

    /// There is no journal: nothing live was touched.
    pub(super) fn never_began() -> Self {
        let error = EngineError::new(
            ErrorCode::ConnectionLost,
            "The server could not be reached when the cut over was to begin: it never began.",
        )
        .hint("The environment serves what it served before. Deploy again.");
        Self::failed(Status::Failed, error, Some(Step::TakingSnapshot))
    }

    /// As its journal tells; nothing while that has no end.
    ///
    /// # Errors
    /// When the server can't be asked.
    pub(super) async fn read(
        unit: &CutOver,
        deployment: &Deployment,
        layout: &Layout,
        facts: &Facts,
    ) -> Result<Option<Self>, EngineError> {
        let (mut fold, mut reading, mut at) = (Fold::default(), Reading::default(), None);
        let mut on_entry = |entry: crate::cutover::Entry, _| {
            fold.push(&entry);
            reading.push(&entry);
            at = entry.t.or(at);
        };
        unit.follow(0, &mut on_entry, &CancellationToken::new()).await?;
        let Some(outcome) = fold.outcome() else { return Ok(None) };
        let verdict = Self::of(outcome, &reading, deployment, layout, facts);
        Ok(verdict.map(|verdict| Self { at: at.unwrap_or(verdict.at), ..verdict }))
    }

    fn of(
        outcome: &Outcome,
        reading: &Reading,
        deployment: &Deployment,
        layout: &Layout,
        facts: &Facts,
    ) -> Option<Self> {
        // A first deployment has nothing to go back to.
        let undone = if deployment.lane == Some(Lane::First) { Status::Failed } else { Status::RolledBack };
        match outcome {
            Outcome::Committed => Some(Self {
                status: Status::Success,
                error: None,
                at: crate::model::now(),
                pause_ms: Some(reading.pause_ms()),
                snapshot: snapshot(reading, deployment, layout, facts),
                source: JOURNAL,
            }),
            Outcome::Reverted { step, action, error } => {
                let why = match error {
                    Some(said) => reading.explain(action, said),
                    None => reading.explain_death(action),
                };
                Some(Self::failed(undone, why, step.as_deref().and_then(|s| s.parse().ok())))
            }
            Outcome::Cancelled => {
                let error = EngineError::new(ErrorCode::Cancelled, "The deployment was cancelled.");
                Some(Self::failed(Status::Cancelled, error, None))
            }
            Outcome::Dead | Outcome::RevertFailed { .. } => None,
        }
    }

    fn failed(status: Status, error: EngineError, step: Option<Step>) -> Self {
        Self {
            status,
            error: Some(DeploymentError::new(error, step)),
            at: crate::model::now(),
            pause_ms: None,
            snapshot: None,
            source: JOURNAL,
        }
    }
}

const JOURNAL: &str = "the cut over's journal";

/// The snapshot of a deployment that nobody settled: a dump where the cut over made one, else the clone, which the next
/// deployment's settling turns into a dump.
fn snapshot(reading: &Reading, deployment: &Deployment, layout: &Layout, facts: &Facts) -> Option<Snapshot> {
    if matches!(deployment.lane, None | Some(Lane::First)) {
        return None;
    }
    let short = deployment.id.short();
    let dump = facts.snapshots.get(&short).copied();
    let created_at = reading.snapshot_at()?;
    let days = i64::from(deployment.settings.environment.retention.snapshot_days);
    let files = format!("before_{short}");
    Some(Snapshot {
        id: SnapshotId::new(),
        environment_id: deployment.environment_id,
        deployment_id: deployment.id,
        created_at,
        kind: if dump.is_some() { SnapshotKind::Dump } else { SnapshotKind::Clone },
        database_bytes: dump.and_then(|bytes| bytes.try_into().ok()).unwrap_or(0),
        filestore_bytes: 0,
        location: match dump {
            Some(_) => {
                serde_json::json!({ "dump": format!("{}/dump", layout.snapshot(deployment.id)), "filestore": files })
            }
            None => serde_json::json!({ "clone": files, "filestore": files }),
        },
        kept_until: Some(created_at + SignedDuration::from_hours(24 * days)),
        state: SnapshotState::Ready,
    })
}
