//! Several at once: two environments, two deployments of one, two processes on one home, two desktops on one server.
#![expect(clippy::panic, reason = "a test tells what is wrong by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use slipway_tests::{Journey, Script, http};

const LONG: Duration = Duration::from_secs(900);

fn time(value: &Value) -> &str {
    // All are UTC in the same form: they compare as text.
    value.as_str().unwrap_or_else(|| panic!("{value} is a time"))
}

#[test]
fn environments_side_by_side_and_one_of_them_in_turn() {
    let journey = Journey::start();
    assert_eq!(journey.add_environment(&journey.slipway, "staging", &[]).code, Some(0));
    let (production, staging) = (journey.env(), journey.env_named("staging"));

    let one = journey.slipway.start(&["deploy", &production]);
    let two = journey.slipway.start(&["deploy", &staging]);
    let (one, two) = (one.wait(LONG), two.wait(LONG));
    assert_eq!((one.code, two.code), (Some(0), Some(0)), "{}\n{}", one.told(), two.told());
    let (one, two) = (&one.result()["deployment"], &two.result()["deployment"]);
    assert!(
        time(&one["started_at"]) < time(&two["finished_at"])
            && time(&two["started_at"]) < time(&one["finished_at"]),
        "side by side: {one:#}\n{two:#}"
    );
    journey.assert_serves("1.0");
    let staging_host = format!("{}-staging.localhost", journey.project());
    let answer = slipway_tests::http::get(journey.server.http(), &staging_host, "/acme/version").unwrap();
    assert!(answer.text().contains("\"1.0\""), "staging answers as well: {answer:?}");

    // Two of one environment, asked for by two processes on one home: one after the other, each carried out once.
    journey.sample.set_branch("live", "code-only");
    let mut first = journey.slipway.start(&["deploy", &production]);
    first.wait_for_step("initializing", LONG);
    let second = journey.slipway.start(&["deploy", &production]);
    let (first, second) = (first.wait(LONG), second.wait(LONG));
    assert_eq!((first.code, second.code), (Some(0), Some(0)), "{}\n{}", first.told(), second.told());
    let (one, two) = (&first.result()["deployment"], &second.result()["deployment"]);
    assert!(time(&one["finished_at"]) <= time(&two["started_at"]), "in turn: {one:#}\n{two:#}");
    for deployment in [one, two] {
        assert_eq!(deployment["attempts"], 1, "one process carried it out: {deployment:#}");
        let logs = journey.slipway.must(&["logs", deployment["id"].as_str().unwrap(), "--level", "debug"]);
        let starts = |step: &str| {
            let is_start = |line: &&Value| {
                line["step"] == step && line["event"] == "step_changed" && line["status"] == "running"
            };
            logs.lines.iter().filter(is_start).count()
        };
        for step in ["initializing", "connecting", "installing_dependencies"] {
            assert!(starts(step) <= 1, "{step} ran once: {}", starts(step));
        }
        let numbers: BTreeSet<i64> = logs.lines.iter().filter_map(|line| line["seq"].as_i64()).collect();
        assert_eq!(
            numbers.len(),
            logs.lines.iter().filter(|line| line["seq"].is_i64()).count(),
            "each line once"
        );
    }
    journey.assert_serves("1.1");
    let numbers: Vec<i64> = journey.history().iter().map(|d| d["number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [3, 2, 1], "history has all three");

    // A background process and this one: whoever claims it, it runs once.
    journey.sample.set_branch("live", "initial");
    let queued = journey.slipway.must(&["deploy", &production, "--back", "--detach"]);
    let id = queued.result()["id"].as_str().unwrap().to_owned();
    let work = journey.slipway.start(&["work", "--until-idle"]);
    let followed = journey.slipway.start(&["logs", &id, "-f"]).wait(LONG);
    assert_eq!(work.wait(LONG).code, Some(0));
    assert_eq!(followed.code, Some(0), "{}", followed.told());
    let last = journey.last();
    assert_eq!((&last["id"], &last["status"]), (&id.into(), &"success".into()), "{last:#}");
    journey.assert_serves("1.0");
}

#[test]
fn two_desktops() {
    let journey = Journey::start();
    let env = journey.env();
    let second = journey.desktop("bea");
    let first = journey.slipway.clone().env("USER", "ada");

    // The second one comes while the first one deploys.
    let mut deploying = first.start(&["deploy", &env]);
    deploying.wait_for_step("creating_database", LONG);
    let refused = second.run(&["deploy", &env]);
    assert_eq!((refused.code, refused.error()), (Some(3), "lock_held"), "{}", refused.told());
    assert!(refused.result().to_string().contains("ada@"), "it names who holds the lock: {}", refused.told());
    let waiting = second.start(&["deploy", &env, "--wait"]);
    let ran = deploying.wait(LONG);
    assert_eq!(ran.code, Some(0), "the first one went through: {}", ran.told());
    let waited = waiting.wait(LONG);
    assert_eq!(waited.code, Some(0), "the second one waited for it: {}", waited.told());
    let (one, two) = (&ran.result()["deployment"], &waited.result()["deployment"]);
    assert_eq!(two["lane"], "code", "it found on the server what the first one had deployed: {two:#}");
    assert!(time(&one["finished_at"]) < time(&two["finished_at"]));
    journey.assert_serves("1.0");

    // The second one's settings are to come with what is live. While they wait for the lock, that becomes another.
    journey.sample.set_branch("live", "code-only");
    let mut deploying = first.start(&["deploy", &env]);
    deploying.wait_for_step("creating_network", LONG);
    let saved = second.must(&["env", "set", &env, "--auto-deploy", "true", "--variable", "A=1"]);
    let id = saved.result()["deployment"]["id"].as_str().unwrap();
    assert_eq!(deploying.wait(LONG).code, Some(0));
    let followed = second.start(&["logs", id, "-f"]).wait(LONG);
    let refused = second.must(&["history", &env]).result()[0].clone();
    assert_eq!(refused["error"]["code"], "conflict", "nothing is undone: {}", followed.told());
    journey.assert_serves("1.1");
    let retried = second.run(&["retry", id]);
    assert_eq!(retried.code, Some(0), "{}", retried.told());
    journey.assert_serves("1.1");
    let printed = journey.server.docker().must(&["exec", &journey.web(), "printenv", "A"]);
    assert_eq!(printed, "1", "the settings came with what was live then");

    // A plan on the second desktop compares with what is live, whoever deployed it.
    journey.sample.set_branch("live", "new-field");
    let plan = second.must(&["plan", &env]).result().clone();
    assert_eq!(plan["repositories"]["main"]["old"], journey.sample.commit_of("code-only"), "{plan:#}");
    assert_eq!(
        (&plan["lane"], &plan["update"][0]["module"]),
        (&"update".into(), &"acme_base".into()),
        "{plan:#}"
    );
    assert_eq!(plan["commits"].as_array().unwrap().len(), 2, "view-change and new-field: {plan:#}");

    // A desktop that is gone for good: its lock can be taken over.
    let mut gone = first.start(&["deploy", &env]);
    gone.wait_for_step("creating_database", LONG);
    gone.kill();
    let refused = second.run(&["deploy", &env]);
    assert_eq!((refused.code, refused.error()), (Some(3), "lock_held"), "{}", refused.told());
    journey.assert_serves("1.1");
    let taken = second.run(&["deploy", &env, "--take-over"]);
    assert_eq!(taken.code, Some(0), "{}", taken.told());
    journey.assert_serves("1.3");
    let server_history = std::fs::read_to_string(journey.folder().join("history.jsonl")).unwrap();
    let who: Vec<String> = server_history
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["who"].as_str().unwrap().chars().take(3).collect()
        })
        .collect();
    assert_eq!(
        who,
        ["ada", "bea", "ada", "bea", "bea"],
        "the server's own history tells who: {server_history}"
    );
}

#[test]
fn a_desktop_that_comes_back_late() {
    let journey = Journey::live();
    let env = journey.env();
    let second = journey.desktop("bea");
    journey.sample.set_branch("live", "code-only");
    let script = Script::next(&journey);
    let running = journey.slipway.start(&["deploy", &env]);
    // The lid is closed in the middle, and the server goes on.
    script.wait_for("start_new", "start", LONG);
    running.kill();
    script.wait_for("end", "committed", LONG);

    // Somebody else deploys since, with another address.
    let site = || {
        std::fs::read_to_string(
            journey.server.home().join(".slipway/caddy/sites").join(format!("{}.caddy", journey.slug())),
        )
    };
    let before = site().unwrap();
    let domain = format!("later.{}", journey.host());
    second.must(&["env", "set", &env, "--domain", &domain]);
    let taken = second.run(&["deploy", &env, "--take-over"]);
    assert_eq!(taken.code, Some(0), "{}", taken.told());
    let (live, newer) = (journey.web(), site().unwrap());
    assert!(before != newer, "the address is another");

    assert_eq!(journey.last()["status"], "deploying", "the first one knows nothing of it");
    journey.slipway.must(&["work", "--until-idle"]);
    assert!(site().unwrap() == newer, "the first one puts no older site over it");
    assert_eq!(journey.web(), live, "and what serves stays");
    assert_eq!(journey.last()["status"], "success", "what it began was committed");
    let answer = http::get(journey.server.http(), &domain, "/web/login").unwrap();
    assert_eq!(answer.status, 200, "the new address answers");
}

#[test]
fn the_order_of_releases_is_the_servers() {
    let journey = Journey::live();
    let env = journey.env();
    let second = journey.desktop("bea");
    let name_is = |name: &str| journey.sql(&format!("update res_company set name = '{name}' where id = 1"));
    let name = || journey.sql("select name from res_company where id = 1");

    // The first desktop's deployment is asked for while the second one deploys. It waits, and its desktop goes away.
    journey.sample.set_branch("live", "code-only");
    let mut deploying = second.start(&["deploy", &env]);
    deploying.wait_for_step("creating_network", LONG);
    let later = journey.sample.commit_of("new-field").to_owned();
    let mut waiting = journey.slipway.start(&["deploy", &env, "--ref", &later, "--wait"]);
    waiting.wait_for_step("connecting", LONG);
    waiting.kill();
    let queued = journey.last()["id"].as_str().unwrap().to_owned();
    let ran = deploying.wait(LONG);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    let target = ran.result()["deployment"]["id"].as_str().unwrap().to_owned();
    name_is("as the target left it");

    // The second one deploys again, and only then the first one comes back.
    journey.sample.set_branch("live", "view-change");
    second.must(&["deploy", &env]);
    journey.assert_serves("1.2");
    name_is("as the next one left it");
    journey.slipway.must(&["work", "--until-idle"]);
    journey.assert_serves("1.3");

    // Both desktops know which one is live.
    for desktop in [&journey.slipway, &second] {
        desktop.must(&["status", "--refresh"]);
        let status = desktop.must(&["status"]);
        let live = status.result()[0]["live"]["id"].clone();
        assert_eq!(live, queued.as_str(), "{}", status.told());
    }

    // And the data of a release are those that the next one found, whichever was asked for first.
    let back = journey.slipway.run(&["rollback", &env, "--to", &target, "--data", "--yes"]);
    assert_eq!(back.code, Some(0), "{}", back.told());
    journey.assert_serves("1.1");
    assert_eq!(name(), "as the target left it");
}
