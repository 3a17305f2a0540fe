//! What is learnt from a server's history.

use super::*;
use crate::{
    error::EngineError,
    history::{HistoryEntry, Verdict},
    model::{
        DeploymentError, Lane, Level, Snapshot, SnapshotId, SnapshotKind, SnapshotState, Step, StepStatus,
    },
    queue::Want,
    store::LineFilter,
};

fn entry(status: Status) -> HistoryEntry {
    let text = format!(
        r#"{{"at":"2026-11-22T10:00:00Z","deployment":"{}","status":"{status}","trigger":"manual","who":"ada@laptop",
            "lane":"update","commit":"{}","commits":{{"main":"{0}"}},"subject":"Sell more","pause_ms":1200}}"#,
        DeploymentId::new(),
        "a".repeat(40)
    );
    HistoryEntry::parse(&text).unwrap()
}

fn snapshot(deployment: DeploymentId) -> Snapshot {
    Snapshot {
        id: SnapshotId::new(),
        environment_id: EnvironmentId::new(),
        deployment_id: deployment,
        created_at: "2026-11-22T09:59:00Z".parse().unwrap(),
        kind: SnapshotKind::Dump,
        database_bytes: 5,
        filestore_bytes: 7,
        location: serde_json::json!({}),
        kept_until: None,
        state: SnapshotState::Ready,
    }
}

#[tokio::test]
async fn what_others_deployed_is_added_once() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let own = bed.enqueue(&environment).await;
    let mut theirs = entry(Status::Success);
    theirs.snapshot = Some(snapshot(theirs.deployment));
    let failed = HistoryEntry {
        error: Some(DeploymentError::new(
            EngineError::new(ErrorCode::MigrationFailed, "No."),
            Some(Step::HealthCheck),
        )),
        ..entry(Status::RolledBack)
    };
    let told = vec![theirs.clone(), failed.clone()];
    let imported = bed.store.import(environment.id, told.clone()).await.unwrap();
    assert_eq!(imported, [theirs.deployment, failed.deployment]);
    assert_eq!(bed.store.import(environment.id, told).await.unwrap(), []);

    let deployment = bed.store.deployment(theirs.deployment).await.unwrap();
    assert!(deployment.elsewhere && deployment.point_of_no_return);
    assert_eq!((deployment.status, deployment.who.as_str()), (Status::Success, "ada@laptop"));
    assert_eq!((deployment.lane, deployment.pause_ms), (Some(Lane::Update), Some(1200)));
    assert_eq!(deployment.commits, theirs.commits);
    assert_eq!(deployment.finished_at, Some(theirs.at));
    let snapshots = bed.store.snapshots(environment.id).await.unwrap();
    assert_eq!((snapshots.len(), snapshots[0].deployment_id), (1, theirs.deployment));
    assert_eq!(snapshots[0].environment_id, environment.id, "the environment as it is known here");
    assert_eq!(bed.store.deployment(failed.deployment).await.unwrap().error, failed.error);
    // Neither is anybody's to carry out, and what is queued here is still next.
    let claim = Queue::new(bed.store.clone()).claim(Want::Any, &Redactor::new()).await.unwrap().unwrap();
    assert_eq!(claim.deployment().id, own);
    assert!(!bed.store.deployment(own).await.unwrap().elsewhere);
}

#[tokio::test]
async fn what_is_known_here_is_not_overwritten() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let id = bed.enqueue(&environment).await;
    bed.claim().await.finish(Status::Failed, None).await.unwrap();
    let before = bed.store.deployment(id).await.unwrap();
    let lie = HistoryEntry { deployment: id, ..entry(Status::Success) };
    assert_eq!(bed.store.import(environment.id, vec![lie.clone()]).await.unwrap(), []);
    let verdict = Verdict::told(&lie);
    bed.store.correct(&before, verdict).await.unwrap();
    assert_eq!(bed.store.deployment(id).await.unwrap(), before, "its end was known");
    assert_eq!(bed.store.unknown_ends(environment.id).await.unwrap(), []);
}

#[tokio::test]
async fn an_end_that_was_not_known_is_corrected_once() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let id = bed.enqueue(&environment).await;
    let claim = bed.claim().await;
    let release =
        serde_json::json!({"image": "slipway/acme-production:x", "image_id": "sha256:1", "slot": "b"});
    claim.finish_step(Step::InstallingDependencies, &release).await.unwrap();
    claim.start_deploying().await.unwrap();
    claim.start_step(Step::TakingSnapshot).await.unwrap();
    let error = EngineError::new(ErrorCode::OutcomeUnknown, "Who knows.");
    claim.finish(Status::Failed, Some(DeploymentError::new(error, None))).await.unwrap();

    let [unknown] = bed.store.unknown_ends(environment.id).await.unwrap().try_into().unwrap();
    assert_eq!(unknown.id, id);
    let told = HistoryEntry { deployment: id, snapshot: Some(snapshot(id)), ..entry(Status::Success) };
    for _ in 0..2 {
        bed.store.correct(&unknown, Verdict::told(&told)).await.unwrap();
    }
    let found = bed.store.deployment(id).await.unwrap();
    assert_eq!((found.status, &found.error, found.pause_ms), (Status::Success, &None, Some(1200)));
    assert_eq!(found.release.unwrap().slot, "b");
    assert_eq!(found.snapshot_id, Some(bed.store.snapshots(environment.id).await.unwrap()[0].id));
    let steps = bed.store.steps(id).await.unwrap();
    let of = |step: Step| steps.iter().find(|s| s.step == step).unwrap().status;
    assert_eq!(
        (of(Step::TakingSnapshot), of(Step::ConfiguringRouting)),
        (StepStatus::Done, StepStatus::Done)
    );
    assert_eq!(of(Step::Completed), StepStatus::Skipped, "nobody settled it");
    let filter = LineFilter { level: Some(Level::Info), ..LineFilter::default() };
    let lines = bed.store.lines(id, filter).await.unwrap();
    assert_eq!(lines.iter().filter(|l| l.text.contains("Found out from the server's history")).count(), 1);
    assert_eq!(bed.store.unknown_ends(environment.id).await.unwrap(), []);
}

#[tokio::test]
async fn one_that_was_undone_says_where() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let id = bed.enqueue(&environment).await;
    let claim = bed.claim().await;
    claim.start_deploying().await.unwrap();
    let unknown = EngineError::new(ErrorCode::OutcomeUnknown, "Who knows.");
    claim.finish(Status::Failed, Some(DeploymentError::new(unknown, None))).await.unwrap();
    let error = EngineError::new(ErrorCode::MigrationFailed, "Updating the database failed.");
    let error = Some(DeploymentError::new(error, Some(Step::InitializingDatabase)));
    let told = HistoryEntry { deployment: id, error: error.clone(), ..entry(Status::RolledBack) };
    let deployment = bed.store.deployment(id).await.unwrap();
    bed.store.correct(&deployment, Verdict::told(&told)).await.unwrap();
    let found = bed.store.deployment(id).await.unwrap();
    assert_eq!((found.status, found.error), (Status::RolledBack, error));
    let steps = bed.store.steps(id).await.unwrap();
    let statuses: Vec<StepStatus> =
        steps.iter().filter(|s| s.step.part() == crate::model::Part::CutOver).map(|s| s.status).collect();
    use StepStatus::{Done, Failed, Skipped};
    assert_eq!(statuses, [Done, Failed, Skipped, Skipped, Skipped]);
}
