//! Lists.

use super::*;

#[tokio::test]
async fn pages_of_deployments_hang_together_and_filters_narrow_them() {
    let bed = Bed::new().await;
    let (server, project) = (bed.server("web").await, bed.project("acme").await);
    let one = bed.environment(&project, &server, "one").await;
    let two = bed.environment(&project, &server, "two").await;
    let queue = Queue::new(bed.store.clone());
    let mut ids = Vec::new();
    for i in 0..12 {
        let environment = if i % 3 == 0 { &two } else { &one };
        let trigger = if i % 2 == 0 { Trigger::Webhook } else { Trigger::Manual };
        let git_ref = Some(format!("feature/{i}_%"));
        let new = NewDeployment { git_ref, ..NewDeployment::new(environment.id, trigger, "me@laptop") };
        ids.push(queue.enqueue(new).await.unwrap().id);
    }
    ids.reverse();
    queue.cancel(ids[0], "me").await.unwrap();

    let mut filter = DeploymentFilter { limit: Some(5), ..Default::default() };
    let mut seen = Vec::new();
    loop {
        let page = bed.store.deployments(filter.clone()).await.unwrap();
        assert_eq!(page.total, 12);
        seen.extend(page.items.iter().map(|d| d.id));
        filter.before = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);

    let count = async |filter: DeploymentFilter| bed.store.deployments(filter).await.unwrap().total;
    let all = DeploymentFilter::default;
    assert_eq!(count(DeploymentFilter { environment_id: Some(two.id), ..all() }).await, 4);
    assert_eq!(count(DeploymentFilter { project_id: Some(project.id), ..all() }).await, 12);
    assert_eq!(count(DeploymentFilter { project_id: Some(ProjectId::new()), ..all() }).await, 0);
    assert_eq!(count(DeploymentFilter { server_id: Some(server.id), ..all() }).await, 12);
    assert_eq!(
        count(DeploymentFilter { statuses: vec![Status::Cancelled, Status::Failed], ..all() }).await,
        1
    );
    assert_eq!(count(DeploymentFilter { triggers: vec![Trigger::Webhook], ..all() }).await, 6);
    assert_eq!(count(DeploymentFilter { text: Some("RE/7_%".into()), ..all() }).await, 1);
    assert_eq!(count(DeploymentFilter { text: Some("laptop".into()), ..all() }).await, 12);
}

/// What it takes in the sizes that the store is made for, the bench measures; here it is about what is found.
#[tokio::test]
async fn among_many_deployments_and_lines_those_that_fit_are_found() {
    let (deployments, lines) = (1_000, 20_000);
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let id = bed.enqueue(&environment).await;
    bed.store
        .write(move |t| {
            t.execute(
                r#"WITH RECURSIVE n (i) AS (VALUES (2) UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                INSERT INTO deployment (id, environment_id, server_id, number, "trigger", status, commits, who, settings,
                        queued_at, progressed_at, finished_at, subject)
                    SELECT unhex(printf('f192a00000007000800000%010x', i)), environment_id, server_id, i, "trigger",
                        iif(i % 50, 'success', 'failed'), commits, who, settings, i, i, i, 'change ' || i
                    FROM deployment, n"#,
                [deployments],
            )?;
            t.execute(
                "WITH RECURSIVE n (i) AS (VALUES (2) UNION ALL SELECT i + 1 FROM n WHERE i <= ?2)
                INSERT INTO event SELECT ?1, i, i, 'line', 1 + i * 15 / (?2 + 2), iif(i % 1000, 1, 2),
                        'a line as long as those that pip and docker say in the middle of a build, number ' || i FROM n",
                (id, lines),
            )?;
            Ok(())
        })
        .await
        .unwrap();

    let filter = DeploymentFilter::default;
    let id_of = |number: i64| format!("f192a000-0000-7000-8000-{number:012x}").parse().unwrap();
    for (what, filter, first, total) in [
        ("all", filter(), deployments, deployments),
        (
            "middle",
            DeploymentFilter { before: Some(id_of(deployments / 2)), ..filter() },
            deployments / 2 - 1,
            deployments,
        ),
        (
            "environment",
            DeploymentFilter { environment_id: Some(environment.id), ..filter() },
            deployments,
            deployments,
        ),
        ("failed", DeploymentFilter { statuses: vec![Status::Failed], ..filter() }, deployments, 20),
        ("text", DeploymentFilter { text: Some("change 999".into()), ..filter() }, 999, 1),
    ] {
        let page = bed.store.deployments(filter).await.unwrap();
        assert_eq!((page.items[0].number, page.total.cast_signed()), (first, total), "{what}");
    }
    let filter = LineFilter::default;
    // The first line has seq 2. A step has a fifteenth of them.
    for (what, filter, first, last) in [
        ("first", filter(), 2, 201),
        ("middle", LineFilter { after: lines / 2, ..filter() }, lines / 2 + 1, lines / 2 + 200),
        ("last", LineFilter { from_end: true, ..filter() }, lines - 198, lines + 1),
        ("step", LineFilter { step: Some(Step::HealthCheck), limit: Some(1), ..filter() }, 16_002, 16_002),
        (
            "end of step",
            LineFilter { step: Some(Step::Connecting), from_end: true, limit: Some(1), ..filter() },
            2_666,
            2_666,
        ),
        ("warnings", LineFilter { level: Some(Level::Warning), ..filter() }, 1_000, 20_000),
        ("text", LineFilter { text: Some("NUMBER 19999".into()), ..filter() }, 19_999, 19_999),
    ] {
        let found = bed.store.lines(id, filter).await.unwrap();
        let ends = (found.first().unwrap().seq, found.last().unwrap().seq);
        assert_eq!(ends, (first, last), "{what}");
    }
    assert_eq!(bed.store.environments().await.unwrap()[0].live.as_ref().unwrap().number, deployments - 1);
    let queue = Queue::new(bed.store.clone());
    assert!(queue.claim(Want::Any, &Redactor::new()).await.unwrap().is_some());

    let sink = LogSink::new(bed.store.clone(), id, Redactor::new());
    for i in 0..400 {
        sink.line(Step::Completed, Level::Info, &format!("one more line {i}"));
    }
    sink.flush().await.unwrap();
    let last = bed.store.lines(id, LineFilter { from_end: true, limit: Some(1), ..filter() }).await.unwrap();
    assert_eq!(last[0].text, "one more line 399");
}
