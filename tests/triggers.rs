//! What deploys an environment by itself: new commits and changed settings.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use slipway_tests::Journey;

const SOON: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(900);

#[test]
fn new_commits_and_changed_settings_are_deployed_by_themselves() {
    let journey = Journey::live();
    let env = journey.env();
    let shown = || journey.slipway.must(&["env", "show", &env]).result().clone();
    let seen = |name: &str| shown()["watched"]["heads"]["main"]["commit"] == *journey.sample.commit_of(name);
    let ended = |number: u64| {
        let last = journey.last();
        last["number"] == number
            && !["queued", "building", "deploying"].map(Value::from).contains(&last["status"])
    };

    // What watches is what works in the background, too.
    journey.set(&["--deploy-on-push", "true"]);
    let watching = journey.slipway.start(&["work", "--look-every", "1"]);
    journey.eventually("the branch is looked at", SOON, || seen("initial"));
    let quiet = journey.slipway.must(&["env", "set", &env, "--auto-deploy", "true", "--keep-releases", "3"]);
    assert_eq!(quiet.result()["deployment"], Value::Null, "nothing of what is live has changed");
    assert_eq!(journey.history().len(), 1, "nothing was pushed since");
    journey.sample.set_branch("live", "code-only");
    journey.eventually("what was pushed is deployed", LONG, || ended(2));
    let pushed = journey.last();
    assert_eq!(
        (&pushed["status"], &pushed["trigger"]),
        (&"success".into(), &"git_push".into()),
        "{pushed:#}"
    );
    assert_eq!(pushed["commit"], journey.sample.commit_of("code-only"));
    journey.assert_serves("1.1");

    // Its repository is away, and comes back with more.
    let away = journey.sample.dir().with_extension("away");
    fs::rename(journey.sample.dir(), &away).unwrap();
    journey
        .eventually("it is said that nothing can be seen", SOON, || !shown()["watched"]["problem"].is_null());
    assert!(seen("code-only"), "what was seen last is still known");
    fs::rename(&away, journey.sample.dir()).unwrap();
    journey.sample.set_branch("live", "load-fails");
    journey.eventually("what was pushed meanwhile is deployed", LONG, || ended(3));
    let broken = journey.last();
    assert_eq!(
        (&broken["status"], &broken["trigger"]),
        (&"rolled_back".into(), &"git_push".into()),
        "{broken:#}"
    );
    assert_eq!(shown()["watched"]["problem"], Value::Null);
    journey.assert_serves("1.1");

    // Changed settings come with the code that is live, not with what is on the branch.
    let saved = journey.slipway.must(&["env", "set", &env, "--variable", "GREETING=hello"]);
    assert_eq!(saved.result()["deployment"]["trigger"], "auto_deploy");
    journey.eventually("the settings are deployed", LONG, || ended(4));
    let settings = journey.last();
    assert_eq!(settings["status"], "success", "{settings:#}");
    assert_eq!(settings["commit"], journey.sample.commit_of("code-only"));
    journey.assert_serves("1.1");
    let printed = journey.server.docker().must(&["exec", &journey.web(), "printenv", "GREETING"]);
    assert_eq!(printed, "hello");

    journey.set(&["--deploy-on-push", "false", "--auto-deploy", "false"]);
    journey.sample.set_branch("live", "new-field");
    journey.set(&["--variable", "GREETING=no"]);
    // Some looks later.
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(journey.history().len(), 4, "nothing is deployed by itself any more: {:#?}", journey.last());
    watching.interrupt();
    assert_eq!(watching.wait(SOON).code, Some(0));
}
