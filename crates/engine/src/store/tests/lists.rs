//! Lists, and the sizes that the store is made for.

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

#[tokio::test]
async fn many_deployments_and_lines_are_found_at_once() {
    // On a busy machine this may take long; it is here for what it finds.
    sizes(1_000, 20_000, 100).await;
}

#[tokio::test]
#[ignore = "takes half a minute"]
async fn twenty_thousand_deployments_and_a_million_lines_are_found_at_once() {
    sizes(20_000, 1_000_000, 1).await;
}

/// The limits are wide, for unoptimised builds, and `patience` makes them wider.
async fn sizes(deployments: i64, lines: i64, patience: u32) {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let id = bed.enqueue(&environment).await;
    let fill = std::time::Instant::now();
    bed.store
        .write(move |t| {
            t.execute(
                r#"WITH RECURSIVE n (i) AS (VALUES (2) UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                INSERT INTO deployment (id, environment_id, server_id, number, "trigger", status, commits, who, settings,
                        queued_at, progressed_at, finished_at, subject)
                    SELECT unhex(printf('0192a00000007000800000%010x', i)), environment_id, server_id, i, "trigger",
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
    eprintln!("filled in {:?}", fill.elapsed());

    let filter = DeploymentFilter::default;
    for (what, filter) in [
        ("all", filter()),
        (
            "middle",
            DeploymentFilter {
                before: Some(format!("0192a000-0000-7000-8000-{:012x}", deployments / 2).parse().unwrap()),
                ..filter()
            },
        ),
        ("environment", DeploymentFilter { environment_id: Some(environment.id), ..filter() }),
        ("failed", DeploymentFilter { statuses: vec![Status::Failed], ..filter() }),
        ("text", DeploymentFilter { text: Some(format!("change {}", deployments - 1)), ..filter() }),
    ] {
        let started = std::time::Instant::now();
        let page = bed.store.deployments(filter).await.unwrap();
        eprintln!("deployments, {what}: {} of {} in {:?}", page.items.len(), page.total, started.elapsed());
        assert!(!page.items.is_empty() && started.elapsed() < Duration::from_secs(1) * patience, "{what}");
    }
    let filter = LineFilter::default;
    for (what, filter, limit_ms) in [
        ("first", filter(), 100),
        ("middle", LineFilter { after: lines / 2, ..filter() }, 100),
        ("last", LineFilter { from_end: true, ..filter() }, 100),
        ("step", LineFilter { step: Some(Step::HealthCheck), ..filter() }, 100),
        ("end of step", LineFilter { step: Some(Step::Connecting), from_end: true, ..filter() }, 100),
        ("warnings", LineFilter { level: Some(Level::Warning), ..filter() }, 100),
        ("text", LineFilter { text: Some(format!("NUMBER {lines}")), ..filter() }, 5000),
    ] {
        let started = std::time::Instant::now();
        let lines = bed.store.lines(id, filter).await.unwrap();
        eprintln!("lines, {what}: {} in {:?}", lines.len(), started.elapsed());
        assert!(
            !lines.is_empty() && started.elapsed() < Duration::from_millis(limit_ms) * patience,
            "{what}"
        );
    }
    let started = std::time::Instant::now();
    assert_eq!(bed.store.environments().await.unwrap()[0].live.as_ref().unwrap().number, deployments - 1);
    let queue = Queue::new(bed.store.clone());
    assert!(queue.claim(Want::Any, &Redactor::new()).await.unwrap().is_some());
    eprintln!("overview and claim in {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(1) * patience);

    let sink = LogSink::new(bed.store.clone(), id, Redactor::new());
    let started = std::time::Instant::now();
    for i in 0..lines / 50 {
        sink.line(Step::Completed, Level::Info, &format!("one more line {i}"));
    }
    sink.flush().await.unwrap();
    eprintln!("{} lines more in {:?}", lines / 50, started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(10) * patience);
}
