use super::*;
use crate::events::{Event, EventKind};
use futures::StreamExt;
use secrecy::SecretString;

#[tokio::test]
async fn lines_are_in_the_store_in_order_without_secrets_and_counted() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let id = bed.enqueue(&environment).await;
    let redactor = Redactor::new();
    redactor.register(&SecretString::from("hunter2"));
    let sink = LogSink::new(bed.store.clone(), id, redactor);
    for i in 0..450 {
        let level = if i % 100 == 7 { Level::Warning } else { Level::Info };
        let step = if i < 300 { Step::CloningRepositories } else { Step::InstallingDependencies };
        sink.line(step, level, &format!("line {i} hunter2"));
    }
    sink.line(Step::InstallingDependencies, Level::Error, "two\nlines\n");
    sink.flush().await.unwrap();

    let all = bed.store.lines(id, LineFilter { limit: Some(1000), ..Default::default() }).await.unwrap();
    assert_eq!(all.len(), 452);
    assert!(all.is_sorted_by(|a, b| a.seq < b.seq));
    assert_eq!(all[3].text, "line 3 [secret]");
    assert_eq!((all[450].text.as_str(), all[451].text.as_str()), ("two", "lines"));

    let page = async |filter: LineFilter| bed.store.lines(id, filter).await.unwrap();
    let any = LineFilter::default;
    let warnings = page(LineFilter { level: Some(Level::Warning), ..any() }).await;
    assert_eq!(warnings.len(), 5 + 2);
    let errors = page(LineFilter { level: Some(Level::Error), ..any() }).await;
    assert_eq!(errors.len(), 2);
    let found =
        page(LineFilter { text: Some("LINE 30".into()), step: Some(Step::InstallingDependencies), ..any() })
            .await;
    assert_eq!(found.len(), 10, "300 to 309, and not 30");
    let last = page(LineFilter { from_end: true, limit: Some(3), ..any() }).await;
    assert_eq!(last, all[449..]);
    let earlier =
        page(LineFilter { from_end: true, before: Some(last[0].seq), limit: Some(2), ..any() }).await;
    assert_eq!(earlier, all[447..449]);
    let later = page(LineFilter { after: all[9].seq, limit: Some(1), ..any() }).await;
    assert_eq!(later, all[10..11]);
    let skipped = page(LineFilter { skip: 100, limit: Some(2), ..any() }).await;
    assert_eq!(skipped, all[100..102]);
    let skipped = page(LineFilter { from_end: true, skip: 100, limit: Some(2), ..any() }).await;
    assert_eq!(skipped, all[350..352]);
    let step = Some(Step::InstallingDependencies);
    assert_eq!(page(LineFilter { step, skip: 5, limit: Some(1), ..any() }).await, all[305..306]);

    let count = async |filter: LineFilter| bed.store.count_lines(id, filter).await.unwrap();
    let sum = |counts: &[LineCount]| counts.iter().map(|c| c.lines).sum::<u64>();
    assert_eq!(sum(&count(any()).await), 452);
    assert_eq!(sum(&count(LineFilter { level: Some(Level::Warning), ..any() }).await), 7);
    assert_eq!(sum(&count(LineFilter { step, ..any() }).await), 152);
    let text = Some("line 30".to_owned());
    let found = count(LineFilter { text: text.clone(), ..any() }).await;
    assert_eq!(sum(&found), 11, "30, and 300 to 309");
    assert_eq!(found.len(), 3, "two steps, and a warning: {found:?}");
    let found = count(LineFilter { text: text.clone(), level: Some(Level::Warning), ..any() }).await;
    assert_eq!(found, [LineCount { step: Step::InstallingDependencies, level: Level::Warning, lines: 1 }]);
    // How many stand before a line, or behind it.
    let (before, after) = (Some(all[310].seq), all[310].seq);
    assert_eq!(sum(&count(LineFilter { step, before, ..any() }).await), 10);
    assert_eq!(sum(&count(LineFilter { step, after, ..any() }).await), 141);
    assert_eq!(sum(&count(LineFilter { before, ..any() }).await), 310);
    assert_eq!(sum(&count(LineFilter { before, text, ..any() }).await), 11);

    let counts = bed.store.line_counts(id).await.unwrap();
    assert_eq!(counts.iter().map(|c| c.lines).sum::<u64>(), 452);
    let expected = LineCount { step: Step::CloningRepositories, level: Level::Warning, lines: 3 };
    assert!(counts.contains(&expected), "{counts:?}");
    let steps = bed.store.steps(id).await.unwrap();
    assert_eq!(steps[7].message.as_deref(), Some("lines"));
}

#[tokio::test]
async fn lines_that_can_not_be_written_are_told_of_at_the_next_flush() {
    let bed = Bed::new().await;
    let sink = LogSink::new(bed.store.clone(), DeploymentId::new(), Redactor::new());
    sink.line(Step::Initializing, Level::Info, "of no deployment");
    assert!(sink.flush().await.is_err());
    sink.flush().await.unwrap();
}

fn text(event: &Event) -> String {
    match &event.kind {
        EventKind::Line { text, .. } => text.clone(),
        EventKind::StepChanged { step, status, .. } => format!("{step} {status}"),
        EventKind::StatusChanged { status, .. } => status.to_string(),
        EventKind::Progress { done, of } => format!("{done}/{of}"),
    }
}

#[tokio::test]
async fn what_is_read_of_one_moment_is_followed_on_without_a_gap() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let earlier = bed.enqueue(&environment).await;
    let claim = bed.claim().await;
    claim.start_deploying().await.unwrap();
    claim.finish(Status::Success, None).await.unwrap();

    let id = bed.enqueue(&environment).await;
    let claim = bed.claim().await;
    claim.start_step(Step::Initializing).await.unwrap();
    claim.line(Step::Initializing, Level::Info, "before");
    claim.log().flush().await.unwrap();
    let progress = bed.store.progress(id).await.unwrap();
    assert_eq!(progress.deployment.status, Status::Building);
    assert_eq!(progress.steps[0].message.as_deref(), Some("before"));
    assert_eq!(progress.counts.len(), 1);
    let took = bed.store.summary(earlier).await.unwrap();
    assert_eq!(progress.expected_ms, Some(took.build_ms.unwrap() + took.deploy_ms.unwrap()));

    claim.line(Step::Initializing, Level::Info, "after");
    claim.log().flush().await.unwrap();
    let next = bed.store.follow(id, progress.seq).next().await.unwrap().unwrap();
    assert_eq!(text(&next), "after");
    assert_eq!(bed.store.progress(DeploymentId::new()).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_follower_gets_everything_in_order_and_ends_with_the_deployment() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let id = bed.enqueue(&environment).await;
    let early = tokio::spawn(bed.store.follow(id, 0).map(|event| text(&event.unwrap())).collect::<Vec<_>>());
    let claim = bed.claim().await;
    claim.start_step(Step::Initializing).await.unwrap();
    claim.line(Step::Initializing, Level::Info, "hello");
    claim.finish_step(Step::Initializing, &serde_json::json!({"a": 1})).await.unwrap();
    claim.start_deploying().await.unwrap();
    claim.start_step(Step::HealthCheck).await.unwrap();
    claim.finish(Status::RolledBack, None).await.unwrap();

    let expected: Vec<&str> =
        "queued,building,initializing running,hello,initializing done,1/15,deploying,health_check running,\
        health_check failed,connecting skipped"
            .split(',')
            .collect();
    let got = tokio::time::timeout(Duration::from_secs(10), early).await.unwrap().unwrap();
    assert_eq!(got[..expected.len()], expected[..]);
    assert_eq!(got.last().map(String::as_str), Some("rolled_back"));

    let late: Vec<Event> = bed.store.follow(id, 0).map(Result::unwrap).collect().await;
    assert_eq!(late.iter().map(text).collect::<Vec<_>>(), got);
    assert_eq!(late.iter().map(|e| e.seq).collect::<Vec<_>>(), (1..=got.len() as i64).collect::<Vec<_>>());
    let rest: Vec<Event> = bed.store.follow(id, 4).map(Result::unwrap).collect().await;
    assert_eq!(rest, late[4..]);
    let nothing: Vec<Event> = bed.store.follow(id, 10_000).map(Result::unwrap).collect().await;
    assert!(nothing.is_empty());

    let steps = bed.store.steps(id).await.unwrap();
    assert_eq!(steps[0].output, Some(serde_json::json!({"a": 1})));
    assert_eq!(steps[12].status, StepStatus::Failed);
    assert_eq!(steps[1].status, StepStatus::Skipped);
    let missing = bed.store.follow(DeploymentId::new(), 0).next().await.unwrap();
    assert_eq!(missing.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_slow_follower_through_another_handle_misses_nothing_and_sees_nothing_twice() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let id = bed.enqueue(&environment).await;
    let claim = bed.claim().await;
    // A handle of its own: what it learns comes through the file, as between processes.
    let other = Store::open(bed.home.path()).await.unwrap();
    let follower = tokio::spawn(async move {
        let mut events = other.follow(id, 0);
        let mut got = Vec::new();
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            if event.seq % 997 == 0 {
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
            got.push(event.seq);
        }
        got
    });
    for i in 0..20_000 {
        claim.line(Step::Connecting, Level::Info, &i.to_string());
        if i % 500 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    claim.finish(Status::Failed, None).await.unwrap();
    let got = tokio::time::timeout(Duration::from_secs(60), follower).await.unwrap().unwrap();
    assert!(got.len() > 20_000);
    assert_eq!(got, (1..=got.len() as i64).collect::<Vec<_>>());
}
