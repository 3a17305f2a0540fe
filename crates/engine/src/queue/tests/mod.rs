use super::{process, *};
use crate::{
    model::*,
    store::{
        LineFilter,
        sql::{Json, Millis},
        tests::Bed,
    },
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

mod race;

const LIMIT: Duration = Duration::from_secs(60);

fn queue(bed: &Bed) -> Queue {
    Queue::new(bed.store.clone())
}

async fn claim(queue: &Queue) -> Option<Claim> {
    queue.claim(Want::Any, &Redactor::new()).await.unwrap()
}

async fn status(bed: &Bed, id: DeploymentId) -> Status {
    bed.store.deployment(id).await.unwrap().status
}

/// Says that another owner holds a deployment, whose last heartbeat was so long ago.
async fn held_by(bed: &Bed, id: DeploymentId, owner: Owner, ago: SignedDuration) {
    bed.store
        .write(move |t| {
            let sql = "UPDATE deployment SET owner = ?2, heartbeat_at = ?3 WHERE id = ?1";
            Ok(t.execute(sql, (id, Json(owner), Millis(now() - ago)))?)
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn deployments_of_one_environment_run_in_order_one_after_another() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let queue = queue(&bed);
    let ids =
        [bed.enqueue(&environment).await, bed.enqueue(&environment).await, bed.enqueue(&environment).await];
    for (number, id) in (1..).zip(ids) {
        let claim = claim(&queue).await.unwrap();
        assert_eq!((claim.deployment().id, claim.deployment().number), (id, number));
        assert_eq!(claim.deployment().status, Status::Building);
        assert!(queue.claim(Want::Any, &Redactor::new()).await.unwrap().is_none());
        if let Some(next) = ids.get(number as usize) {
            let want = Want::Deployment(*next);
            assert!(queue.claim(want, &Redactor::new()).await.unwrap().is_none(), "out of turn");
        }
        claim.finish(Status::Failed, None).await.unwrap();
    }
    assert!(claim(&queue).await.is_none());
}

/// Whoever works until one has ended takes those before it, and none of those after it, also when it ends between two looks.
#[tokio::test]
async fn what_comes_after_the_one_that_is_waited_for_is_somebody_elses() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let queue = queue(&bed);
    let ids =
        [bed.enqueue(&environment).await, bed.enqueue(&environment).await, bed.enqueue(&environment).await];
    let redactor = Redactor::new();
    for id in &ids[..2] {
        let claim = queue.claim(Want::UpTo(ids[1]), &redactor).await.unwrap().unwrap();
        assert_eq!(claim.deployment().id, *id);
        claim.finish(Status::Failed, None).await.unwrap();
    }
    assert!(queue.claim(Want::UpTo(ids[1]), &redactor).await.unwrap().is_none());
    let claim = queue.claim(Want::UpTo(ids[2]), &redactor).await.unwrap().unwrap();
    assert_eq!((claim.deployment().id, claim.deployment().attempts), (ids[2], 1));
}

#[tokio::test]
async fn each_server_takes_so_many_side_by_side() {
    let bed = Bed::new().await;
    let (first, second) = (bed.server("first").await, bed.server("second").await);
    let project = bed.project("acme").await;
    for name in ["a", "b", "c"] {
        bed.enqueue(&bed.environment(&project, &first, name).await).await;
    }
    let elsewhere = bed.enqueue(&bed.environment(&project, &second, "d").await).await;
    let queue = queue(&bed);
    let (a, b) = (claim(&queue).await.unwrap(), claim(&queue).await.unwrap());
    assert_ne!(a.deployment().environment_id, b.deployment().environment_id);
    let d = claim(&queue).await.unwrap();
    assert_eq!(d.deployment().id, elsewhere, "the first server is full");
    assert!(claim(&queue).await.is_none());
    assert!(claim(&queue.clone().per_server(3)).await.is_some());
}

#[tokio::test]
async fn a_wish_made_twice_is_one_deployment() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let wish = || NewDeployment {
        idempotency_key: Some("click-1".into()),
        ..NewDeployment::new(environment.id, Trigger::Manual, "me")
    };
    let queue = queue(&bed);
    let (one, two) = tokio::join!(queue.enqueue(wish()), queue.enqueue(wish()));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.id, two.id);
    assert_ne!(one.is_new, two.is_new);
    let other =
        queue.enqueue(NewDeployment { idempotency_key: Some("click-2".into()), ..wish() }).await.unwrap();
    assert!(other.is_new);
}

#[tokio::test]
async fn without_a_server_nothing_is_queued() {
    let bed = Bed::new().await;
    let project = bed.project("acme").await;
    let environment = Environment::new(project.id, "production", "main");
    bed.store.add_environment(environment.clone()).await.unwrap();
    let new = NewDeployment::new(environment.id, Trigger::Manual, "me");
    assert_eq!(queue(&bed).enqueue(new).await.unwrap_err().code, ErrorCode::NoServer);
    let missing = NewDeployment::new(EnvironmentId::new(), Trigger::Manual, "me");
    assert_eq!(queue(&bed).enqueue(missing).await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(bed.store.deployments(Default::default()).await.unwrap().total, 0);
}

#[tokio::test]
async fn later_changes_of_settings_do_not_reach_what_is_queued() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let id = bed.enqueue(&environment).await;
    bed.store.update_environment(Environment { cpus: 8.0, ..environment }).await.unwrap();
    assert_eq!(bed.store.deployment(id).await.unwrap().settings.environment.cpus, 2.0);
}

#[tokio::test]
async fn cancelling_ends_what_waits_and_only_marks_what_runs() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let (running, waiting) = (bed.enqueue(&environment).await, bed.enqueue(&environment).await);
    let queue = queue(&bed);
    let claim = claim(&queue).await.unwrap();
    assert_eq!(queue.cancel(waiting, "me").await.unwrap(), Cancelled::AtOnce);
    assert_eq!(status(&bed, waiting).await, Status::Cancelled);
    assert_eq!(queue.cancel(waiting, "me").await.unwrap(), Cancelled::Ended { status: Status::Cancelled });

    assert!(!claim.cancel().is_cancelled());
    assert_eq!(queue.cancel(running, "me").await.unwrap(), Cancelled::Requested);
    assert_eq!(status(&bed, running).await, Status::Building);
    tokio::time::timeout(LIMIT, claim.cancel().cancelled()).await.unwrap();
    let lines = bed.store.lines(running, LineFilter::default()).await.unwrap();
    assert_eq!(lines[0].text, "me asked to cancel");
    claim.pass_point_of_no_return().await.unwrap();
    assert_eq!(queue.cancel(running, "me").await.unwrap(), Cancelled::TooLate);
    let asked_twice = bed.store.lines(running, LineFilter::default()).await.unwrap();
    assert_eq!(asked_twice.len(), 1);
    claim.finish(Status::Cancelled, None).await.unwrap();
    let ended = bed.store.deployment(running).await.unwrap();
    assert_eq!((ended.status, ended.owner), (Status::Cancelled, None));
    assert_eq!(queue.cancel(DeploymentId::new(), "me").await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn an_end_that_can_not_be_is_refused_and_changes_nothing() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let id = bed.enqueue(&environment).await;
    let claim = claim(&queue(&bed)).await.unwrap();
    claim.start_step(Step::Connecting).await.unwrap();
    let error = claim.finish(Status::Success, None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::IllegalTransition);
    assert_eq!(status(&bed, id).await, Status::Building);
    assert_eq!(bed.store.steps(id).await.unwrap()[1].status, StepStatus::Running);
}

#[tokio::test]
async fn retrying_makes_a_new_deployment_of_the_same_commits() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let id = bed.enqueue(&environment).await;
    let queue = queue(&bed);
    assert_eq!(queue.retry(id, "me", None).await.unwrap_err().code, ErrorCode::IllegalTransition);
    let claim = claim(&queue).await.unwrap();
    let commits = BTreeMap::from([("main".to_owned(), "a".repeat(40))]);
    claim.record_commits(&"a".repeat(40), commits.clone(), Some("Fix".into()), None).await.unwrap();
    let error = EngineError::new(ErrorCode::BuildFailed, "No.");
    claim
        .finish(Status::Failed, Some(DeploymentError::new(error, Some(Step::InstallingDependencies))))
        .await
        .unwrap();

    let again = queue.retry(id, "you", None).await.unwrap().id;
    let again = bed.store.deployment(again).await.unwrap();
    assert_eq!((again.retry_of, again.trigger, again.number), (Some(id), Trigger::Retry, 2));
    assert_eq!((again.commits, again.commit), (commits, Some("a".repeat(40))));
    let earlier = bed.store.deployment(id).await.unwrap();
    assert_eq!(earlier.error.unwrap().step, Some(Step::InstallingDependencies));
}

#[tokio::test]
async fn a_rollback_with_data_wants_no_modules_and_none_is_retried() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let then = bed.enqueue(&environment).await;
    claim(&queue(&bed)).await.unwrap().finish(Status::Failed, None).await.unwrap();
    let later = Environment { modules: vec!["added_since".into()], cpus: 0.5, ..environment.clone() };
    bed.store.update_environment(later.clone()).await.unwrap();
    let back = |restore: bool| NewDeployment {
        rollback_of: Some(then),
        restore: restore.then(|| Restore { snapshot_id: SnapshotId::new() }),
        ..NewDeployment::new(environment.id, Trigger::Rollback, "me")
    };
    let queue = queue(&bed);
    for (restore, modules) in [(true, &vec![]), (false, &later.modules)] {
        let id = queue.enqueue(back(restore)).await.unwrap().id;
        let settings = bed.store.deployment(id).await.unwrap().settings;
        assert_eq!((&settings.environment.modules, settings.environment.cpus), (modules, 0.5));
        claim(&queue).await.unwrap().finish(Status::Failed, None).await.unwrap();
        let again = queue.retry(id, "me", None).await.unwrap_err();
        assert_eq!(again.code, ErrorCode::Conflict, "nobody has seen what would be lost now");
    }
}

#[tokio::test]
async fn what_is_recorded_is_there_with_its_durations_and_without_secrets() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let id = bed.enqueue(&environment).await;
    let redactor = Redactor::new();
    redactor.register(&secrecy::SecretString::from("hunter2"));
    let claim = queue(&bed).claim(Want::Any, &redactor).await.unwrap().unwrap();
    claim.record_plan(&serde_json::json!({"modules": []}), Lane::Update).await.unwrap();
    claim.skip_step(Step::PullingImage, "there already, hunter2").await.unwrap();
    claim.start_deploying().await.unwrap();
    claim.start_deploying().await.unwrap();
    claim.record_pause(1234).await.unwrap();
    let release = ReleaseRecord {
        image: "slipway/x:1".into(),
        image_id: None,
        slot: "a".into(),
        modules: BTreeMap::new(),
    };
    claim.record_release(&release).await.unwrap();
    let snapshot = SnapshotId::new();
    claim.record_snapshot(snapshot).await.unwrap();
    claim.pass_point_of_no_return().await.unwrap();
    let error = EngineError::new(ErrorCode::Internal, "hunter2").detail("with hunter2");
    claim.finish(Status::Success, Some(DeploymentError::new(error, None))).await.unwrap();

    let deployment = bed.store.deployment(id).await.unwrap();
    assert_eq!(deployment.plan, Some(serde_json::json!({"modules": []})));
    assert_eq!((deployment.lane, deployment.pause_ms), (Some(Lane::Update), Some(1234)));
    assert_eq!((deployment.release, deployment.snapshot_id), (Some(release), Some(snapshot)));
    assert!(deployment.point_of_no_return && deployment.build_ms.is_some() && deployment.deploy_ms.is_some());
    let error = deployment.error.unwrap();
    assert_eq!((error.message.as_str(), error.cause.as_deref()), ("[secret]", Some("with [secret]")));
    let step = bed.store.steps(id).await.unwrap().remove(5);
    assert_eq!(step.message.as_deref(), Some("there already, [secret]"));
    assert_eq!(bed.store.pauses(environment.id, Lane::Update, 10).await.unwrap(), [1234]);
    assert_eq!(bed.store.pauses(environment.id, Lane::Code, 10).await.unwrap(), [0; 0]);
    let overview = bed.store.environments().await.unwrap().remove(0);
    assert_eq!(overview.live.unwrap().id, id);
}

#[tokio::test]
async fn a_holder_that_is_silent_is_replaced_and_can_write_no_more() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let id = bed.enqueue(&environment).await;
    let queue = queue(&bed);
    let first = claim(&queue).await.unwrap();
    first.start_step(Step::Connecting).await.unwrap();
    let elsewhere = Owner { machine: "another".into(), ..process::this() };

    let just_within = SignedDuration::from_secs(14);
    held_by(&bed, id, elsewhere.clone(), just_within).await;
    assert!(queue.take(Want::Any, now()).await.unwrap().is_none());
    let ahead = -SignedDuration::from_secs(60);
    for silent in [SignedDuration::from_secs(16), ahead] {
        held_by(&bed, id, elsewhere.clone(), silent).await;
        let (_, deployment) = queue.take(Want::Any, now()).await.unwrap().unwrap();
        assert_eq!(deployment.id, id);
    }
    assert_eq!(bed.store.deployment(id).await.unwrap().attempts, 3);
    assert_eq!(bed.store.steps(id).await.unwrap()[1].status, StepStatus::Running, "steps stay as they were");

    let lost = |result: Result<(), EngineError>| assert_eq!(result.unwrap_err().code, ErrorCode::ClaimLost);
    lost(first.finish_step(Step::Connecting, &serde_json::Value::Null).await);
    lost(first.start_deploying().await);
    tokio::time::timeout(LIMIT, first.lost().cancelled()).await.unwrap();
    lost(first.finish(Status::Failed, None).await);
    assert_eq!(status(&bed, id).await, Status::Building);
}

#[tokio::test]
async fn a_claim_given_back_is_taken_at_once() {
    let bed = Bed::new().await;
    bed.enqueue(&bed.one().await).await;
    let queue = queue(&bed);
    claim(&queue).await.unwrap().release().await.unwrap();
    assert_eq!(claim(&queue).await.unwrap().deployment().attempts, 2);
}

#[tokio::test]
async fn a_heartbeat_keeps_a_claim() {
    let bed = Bed::new().await;
    let id = bed.enqueue(&bed.one().await).await;
    let claim = claim(&queue(&bed)).await.unwrap();
    held_by(&bed, id, process::this(), SignedDuration::from_secs(14)).await;
    tokio::time::sleep(HEARTBEAT + Duration::from_secs(1)).await;
    let later = now() + SignedDuration::from_secs(10);
    assert!(queue(&bed).take(Want::Any, later).await.unwrap().is_none());
    assert!(!claim.lost().is_cancelled());
}

#[tokio::test]
async fn no_progress_for_half_an_hour_ends_a_deployment() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let (id, waiting) = (bed.enqueue(&environment).await, bed.enqueue(&environment).await);
    let queue = queue(&bed);
    let claim = claim(&queue).await.unwrap();
    claim.start_step(Step::PullingImage).await.unwrap();
    assert_eq!(queue.end_stuck(now() + SignedDuration::from_mins(29)).await.unwrap(), []);
    // A line is progress.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let before: Timestamp = now();
    claim.line(Step::PullingImage, Level::Info, "still at it");
    claim.log().flush().await.unwrap();
    assert_eq!(queue.end_stuck(before - Duration::from_millis(1) + STUCK_AFTER).await.unwrap(), []);

    let later = now() + STUCK_AFTER;
    assert_eq!(queue.end_stuck(later).await.unwrap(), [], "its holder is gone: it is taken over, not ended");
    held_by(&bed, id, process::this(), -STUCK_AFTER).await;
    let ended = queue.end_stuck(later).await.unwrap();
    assert_eq!(ended, [Stuck { id, step: Step::PullingImage }]);
    let deployment = bed.store.deployment(id).await.unwrap();
    assert_eq!((deployment.status, deployment.error.unwrap().code), (Status::Failed, ErrorCode::Stuck));
    assert_eq!(bed.store.steps(id).await.unwrap()[5].status, StepStatus::Failed);
    assert_eq!(status(&bed, waiting).await, Status::Queued, "waiting is not being stuck");
    let error = claim.start_step(Step::GeneratingConfig).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::ClaimLost);
}

#[tokio::test]
async fn a_cut_over_is_never_ended_as_stuck() {
    let bed = Bed::new().await;
    let id = bed.enqueue(&bed.one().await).await;
    let queue = queue(&bed);
    let claim = claim(&queue).await.unwrap();
    claim.start_deploying().await.unwrap();
    held_by(&bed, id, process::this(), -STUCK_AFTER).await;
    assert_eq!(queue.end_stuck(now() + STUCK_AFTER).await.unwrap(), []);
    claim.finish(Status::Success, None).await.unwrap();
}

#[tokio::test]
async fn waiting_for_a_turn_ends_when_it_comes_or_can_not_come() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let (_, second) = (bed.enqueue(&environment).await, bed.enqueue(&environment).await);
    let third = bed.enqueue(&environment).await;
    let first = claim(&queue(&bed)).await.unwrap();
    let wait = |id| {
        let queue = queue(&bed);
        let stop = CancellationToken::new();
        tokio::spawn(async move { queue.next(Want::Deployment(id), &Redactor::new(), &stop).await.unwrap() })
    };
    let (waits, in_vain) = (wait(second), wait(third));
    tokio::time::sleep(Duration::from_millis(50)).await;
    queue(&bed).cancel(third, "me").await.unwrap();
    first.finish(Status::Failed, None).await.unwrap();
    let claim = tokio::time::timeout(LIMIT, waits).await.unwrap().unwrap();
    assert_eq!(claim.unwrap().deployment().id, second);
    assert!(tokio::time::timeout(LIMIT, in_vain).await.unwrap().unwrap().is_none());

    let stop = CancellationToken::new();
    stop.cancel();
    assert!(queue(&bed).next(Want::Any, &Redactor::new(), &stop).await.unwrap().is_none());
}
