//! The two lanes under constant requests, and three releases that fail, each in its own way.
#![expect(
    clippy::print_stdout,
    reason = "a test tells what is wrong by panicking and what it measured by printing"
)]

use std::time::Duration;

use serde_json::Value;
use slipway_tests::{Journey, Ran};

/// The longest that anybody may wait for an answer while new code takes the place of old, beyond twice what the longest answer
/// takes while nothing goes on: the machine may have other work.
const CODE_LONGEST: Duration = Duration::from_secs(1);
/// How long to look at how it is while nothing goes on.
const CALM: Duration = Duration::from_secs(10);
/// The exit code of a deployment that was rolled back.
const ROLLED_BACK: i32 = 5;

/// A file name with what trips up shells, Git and tar.
const ODD: &str = "acme_base/static/a 'b' \"c\" $(d) `e` ; * é ü 漢\t-n\\.txt";

/// Deploys a commit of the sample while requests come, and panics when one of them fails. Gives the deployment, and the longest
/// wait beyond twice that of before.
fn deploy_under_load(journey: &Journey, from: &str, commit: &str, to: &str, lane: &str) -> (Value, Duration) {
    let load = journey.load(from);
    std::thread::sleep(CALM);
    let calm = load.stop().longest;
    let load = journey.load(from);
    let ran = journey.deploy_ends(commit, 0);
    assert!(load.saw(to, Duration::from_secs(30)), "{to} answers: {:#?}", load.so_far());
    let report = load.stop();
    report.assert_none_failed();
    let order: Vec<&str> = report.changes.iter().map(|(_, release)| release.as_str()).collect();
    assert_eq!(order.first(), Some(&from), "{order:?}");
    assert_eq!(order.last(), Some(&to), "{order:?}");
    let deployment = ran.result()["deployment"].clone();
    assert_eq!(
        (&deployment["lane"], &deployment["status"]),
        (&lane.into(), &"success".into()),
        "{deployment:#}"
    );
    println!(
        "{commit}: lane {lane}, {} requests, none failed, longest {:.2?} (before: {calm:.2?}), held for {} ms",
        report.requests, report.longest, deployment["pause_ms"]
    );
    (deployment, report.longest.saturating_sub(calm * 2))
}

#[test]
fn no_request_is_lost() {
    let mut journey = Journey::live();
    journey.assert_serves("1.0");

    // Code only. The commit also brings a file whose name is a trap.
    journey.sample.set_branch("live", "code-only");
    journey.sample.checkout("live");
    journey.sample.change("odd-names", ODD, "as it is\n");
    let (_, longest) = deploy_under_load(&journey, "1.0", "odd-names", "1.1", "code");
    assert!(longest < CODE_LONGEST, "nobody waits in the code lane: {longest:?}");
    journey.assert_serves("1.1");
    let path = format!("/opt/slipway/addons/main/{ODD}");
    assert_eq!(journey.server.docker().must(&["exec", &journey.web(), "cat", &path]), "as it is");

    // A new dependency, a field and a view: the image is built with pip, the database updated while requests are held.
    journey.make_ticket("from before");
    let plan = {
        journey.sample.set_branch("live", "new-dependency");
        journey.slipway.must(&["plan", &journey.env()]).result().clone()
    };
    assert_eq!(plan["pip"]["added"][0], "shortuuid==1.0.13", "{plan:#}");
    assert_eq!(
        (&plan["lane"], &plan["update"][0]["module"]),
        (&"update".into(), &"acme_base".into()),
        "{plan:#}"
    );
    let (deployment, longest) = deploy_under_load(&journey, "1.1", "new-dependency", "1.4", "update");
    let pause = deployment["pause_ms"].as_u64().unwrap();
    assert!(pause > 0, "an update holds requests, and says how long: {deployment:#}");
    assert!(
        longest < Duration::from_millis(pause) + Duration::from_secs(3),
        "the longest wait is what it says: {longest:?}, {pause} ms"
    );
    journey.assert_serves("1.4");
    assert!(journey.tickets().contains(&"from before".to_owned()), "the data is still there");
    assert_eq!(
        journey.sql("select count(*) from acme_ticket where priority is null"),
        "0",
        "the new field was filled"
    );
    let module = journey.sql("select latest_version from ir_module_module where name = 'acme_base'");
    assert_eq!(module, "19.0.1.3.0", "the database was updated");
}

/// Deploys what fails, under requests; panics unless everything is as before.
fn fails(journey: &Journey, commit: &str, lane: &str, code: &str, cause: &[&str]) -> Ran {
    let before = journey.data();
    let (web, databases) = (journey.web(), journey.databases());
    let load = journey.load("1.5");
    let ran = journey.deploy_ends(commit, ROLLED_BACK);
    let report = load.stop();
    report.assert_none_failed();
    assert_eq!(
        report.releases.keys().collect::<Vec<_>>(),
        ["1.5"],
        "{commit}: only the old version ever answered"
    );

    journey.assert_serves("1.5");
    assert_eq!(journey.web(), web, "{commit}: the container from before serves");
    before.assert_same(&journey.data());
    assert_eq!(journey.databases(), databases, "{commit}: no database was left");
    let last = journey.last();
    assert_eq!((&last["status"], &last["lane"]), (&"rolled_back".into(), &lane.into()), "{last:#}");
    assert_eq!(last["error"]["code"], code, "{commit}: {last:#}");
    let told = last["error"].to_string();
    for words in cause {
        assert!(told.contains(words), "{commit}: {words:?} is not in {told}");
    }
    assert_eq!(last["commit"], journey.sample.commit_of(commit));
    let held = last["pause_ms"].as_u64();
    println!(
        "{commit}: {} requests, none failed, longest {:.2?}, held for {held:?} ms",
        report.requests, report.longest
    );
    ran
}

#[test]
fn what_fails_is_rolled_back() {
    let journey = Journey::start();
    journey.deploy_ends("cron", 0);
    journey.make_ticket("kept");
    journey.assert_serves("1.5");

    fails(&journey, "migration-fails", "update", "migration_failed", &["acme_base", "post-close.py"]);
    fails(&journey, "load-fails", "code", "module_load_failed", &["acme_sla", "OFFICE_HOURS"]);
    fails(
        &journey,
        "health-fails",
        "code",
        "health_check_failed",
        &["the login page of this release is broken"],
    );

    // None of it stands in the way of what comes next.
    journey.deploy_back("code-only");
    journey.assert_serves("1.1");
    assert!(journey.tickets().contains(&"kept".to_owned()));
}
