//! Scheduled actions and mail of a new container don't run before its commit: a revert couldn't take them back.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test tells what is wrong by panicking, and what it measured"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use slipway_tests::{Journey, Running, Script};

/// Longer than any part of a deployment takes on a busy machine.
const LONG: Duration = Duration::from_secs(300);
/// What the sample's job leaves: rows, and mails.
const MARKS: &str = "select coalesce(min(extract(epoch from created)), 0), count(*) from (\
    select create_date created from acme_watch where release = '{release}' union all \
    select m.create_date from mail_mail m join mail_message g on g.id = m.mail_message_id \
        where g.subject = 'Release {release} is at work') marks";

/// When the first job or mail of a release was, in seconds since the epoch, and how many there are.
fn marks(journey: &Journey, release: &str) -> (f64, u32) {
    let row = journey.sql(&MARKS.replace("{release}", release));
    let (first, count) = row.split_once('|').unwrap();
    (first.parse().unwrap(), count.parse().unwrap())
}

/// Wakes every cron thread several times a second for as long as `work` takes, with every job due.
fn with_jobs_due<T>(journey: &Journey, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    let (docker, container, database) =
        (journey.server.docker().clone(), journey.database_container(), journey.database());
    let notify = format!("notify cron_trigger, '{database}'");
    let due = "update ir_cron set nextcall = now() at time zone 'utc' - interval '1 hour' where id in \
        (select id from ir_cron where cron_name = 'Acme: watch' for update skip locked)";
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                for (database, sql) in [(database.as_str(), due), ("postgres", &notify)] {
                    // In the hold the database takes no connections.
                    docker.run(&[
                        "exec", &container, "psql", "-XAtq", "-U", "postgres", "-d", database, "-c", sql,
                    ]);
                }
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        let result = work();
        done.store(true, Ordering::SeqCst);
        result
    })
}

fn start(journey: &Journey) -> (Running, Script) {
    let script = Script::next(journey);
    (journey.slipway.start(&["deploy", &journey.env()]), script)
}

fn seconds(entry: &Value) -> f64 {
    let at = entry["t"].as_str().unwrap();
    let output = std::process::Command::new("date").args(["-u", "-d", at, "+%s.%N"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// Panics unless the release's jobs ran, and the first of them after its commit.
fn assert_only_after_commit(journey: &Journey, script: &Script, release: &str) {
    let commit = seconds(&script.entry("commit", "start").unwrap());
    with_jobs_due(journey, || {
        journey.eventually("the new release's jobs run", LONG, || marks(journey, release).1 >= 2);
    });
    let (first, count) = marks(journey, release);
    println!("{release}: {count} rows and mails, the first {:.2} s after the commit", first - commit);
    assert!(first > commit, "{release}'s first job or mail was {:.2} s before its commit", commit - first);
}

#[test]
fn no_job_and_no_mail_of_a_new_container_before_its_commit() {
    let mut journey = Journey::start();
    journey.set(&["--modules", "acme_base,acme_sla,acme_watch"]);
    journey.deploy_ends("cron", 0);
    let release = journey.release().unwrap();
    with_jobs_due(&journey, || {
        journey.eventually("the sample's jobs run at all", LONG, || marks(&journey, &release).1 >= 2);
    });

    println!("code beside code");
    journey.sample.checkout("live");
    journey.sample.release("2.0");
    let (running, script) = start(&journey);
    let ran = with_jobs_due(&journey, || running.wait(LONG));
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    assert_eq!(ran.result()["deployment"]["lane"], "code");
    journey.assert_serves("2.0");
    assert_only_after_commit(&journey, &script, "2.0");

    println!("with an update");
    journey.sample.release("3.0");
    let script = Script::next(&journey);
    let running = journey.slipway.start(&["deploy", &journey.env(), "--update", "acme_base"]);
    let ran = with_jobs_due(&journey, || running.wait(LONG));
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    assert_eq!(ran.result()["deployment"]["lane"], "update");
    journey.assert_serves("3.0");
    assert_only_after_commit(&journey, &script, "3.0");

    println!("a release that never becomes healthy, alive for half a minute with jobs due");
    let doomed = journey.sample.git(&["show", "health-fails:acme_base/release.py"]);
    let doomed = doomed.split('"').nth(1).unwrap().to_owned();
    assert!(!["2.0", "3.0", release.as_str()].contains(&doomed.as_str()), "{doomed}");
    journey.sample.set_branch("live", "health-fails");
    let (running, script) = start(&journey);
    let ran = with_jobs_due(&journey, || running.wait(LONG));
    assert_eq!(ran.code, Some(5), "{}", ran.told());
    let lived = seconds(&script.entry("healthy", "fail").unwrap())
        - seconds(&script.entry("start_new", "ok").unwrap());
    assert!(lived > 25.0, "it was given up after {lived:.1} s: too soon for its jobs to have had a chance");
    journey.assert_serves("3.0");
    assert_eq!(marks(&journey, &doomed).1, 0, "a release that was undone ran no job and wrote no mail");
    assert_eq!(journey.last()["status"], "rolled_back");
    let before = marks(&journey, "3.0").1;
    with_jobs_due(&journey, || {
        journey.eventually("the old release's jobs run again", LONG, || marks(&journey, "3.0").1 > before);
    });
}
