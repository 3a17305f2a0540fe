//! Several processes that want the same deployments.

use super::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Child, Command, Stdio},
    time::Instant,
};

/// Four handles, each as a process of its own would have it, race for a thousand deployments of many environments.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_races_have_one_winner_each() {
    const ENVIRONMENTS: usize = 20;
    const EACH: usize = 50;
    let bed = Bed::new().await;
    let (server, project) = (bed.server("web").await, bed.project("acme").await);
    for i in 0..ENVIRONMENTS {
        let environment = bed.environment(&project, &server, &format!("e{i}")).await;
        for _ in 0..EACH {
            bed.enqueue(&environment).await;
        }
    }
    let mut racers = Vec::new();
    for _ in 0..4 {
        let store = Store::open(bed.home.path()).await.unwrap();
        let queue = Queue::new(store.clone()).per_server(8);
        racers.push(tokio::spawn(async move {
            let mut won = Vec::new();
            let mut idle_since = Instant::now();
            while idle_since.elapsed() < Duration::from_millis(500) {
                let Some((name, deployment)) = queue.take(Want::Any, now()).await.unwrap() else { continue };
                idle_since = Instant::now();
                let id = deployment.id;
                won.push((deployment.environment_id, deployment.number));
                // Ended under the name of the claim, so a second holder would be found out here too.
                let ended = store
                    .write(move |t| {
                        let mine = t.execute(
                            "UPDATE deployment SET attempts = attempts WHERE id = ?1 AND claim = ?2",
                            (id, name),
                        )?;
                        claim::end(t, id, now(), Status::Failed, None)?;
                        Ok(mine)
                    })
                    .await
                    .unwrap();
                assert_eq!(ended, 1);
            }
            won
        }));
    }
    let mut all = BTreeSet::new();
    let mut winners = 0;
    for racer in racers {
        let won = racer.await.unwrap();
        winners += usize::from(!won.is_empty());
        let mut last = BTreeMap::new();
        for (environment, number) in won {
            assert!(last.insert(environment, number).is_none_or(|before| before < number), "out of order");
            assert!(all.insert((environment, number)), "held twice");
        }
    }
    assert_eq!(all.len(), ENVIRONMENTS * EACH);
    assert!(winners > 1, "nobody raced");
}

/// Runs this test binary again as another process that claims what it can and says so.
fn other_process(bed: &Bed) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "queue::tests::race::child_claims_and_waits", "--ignored", "--nocapture"])
        .env("SLIPWAY_TEST_HOME", bed.home.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
#[ignore = "run by a_killed_process_is_replaced_at_once"]
async fn child_claims_and_waits() {
    let home = std::env::var_os("SLIPWAY_TEST_HOME").unwrap();
    let store = Store::open(home.as_ref()).await.unwrap();
    let claim = claim(&Queue::new(store)).await.unwrap();
    claim.start_step(Step::Initializing).await.unwrap();
    claim.finish_step(Step::Initializing, &serde_json::json!("from the child")).await.unwrap();
    claim.start_step(Step::Connecting).await.unwrap();
    tokio::time::sleep(LIMIT).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_killed_process_is_replaced_at_once() {
    let bed = Bed::new().await;
    let id = bed.enqueue(&bed.one().await).await;
    let mut child = other_process(&bed);
    let started = Instant::now();
    while bed.store.steps(id).await.unwrap()[1].status != StepStatus::Running {
        assert!(started.elapsed() < LIMIT && child.try_wait().unwrap().is_none());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let queue = queue(&bed);
    assert_eq!(bed.store.deployment(id).await.unwrap().owner.unwrap().pid, child.id());
    assert!(claim(&queue).await.is_none(), "it lives");
    child.kill().unwrap();
    let killed = Instant::now();
    let claim = queue.next(Want::Any, &Redactor::new(), &CancellationToken::new()).await.unwrap().unwrap();
    assert!(killed.elapsed() < Duration::from_secs(5), "it waited for the heartbeat: {:?}", killed.elapsed());
    assert_eq!((claim.deployment().id, claim.deployment().attempts), (id, 2));
    let steps = bed.store.steps(id).await.unwrap();
    assert_eq!(
        (steps[0].status, &steps[0].output),
        (StepStatus::Done, &Some(serde_json::json!("from the child")))
    );
    child.wait().unwrap();
}
