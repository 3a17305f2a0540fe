//! What a desktop learns from the server's own history: what others deployed, and how cut overs ended that nobody watched.
#![expect(clippy::unwrap_used, reason = "a test tells what is wrong by panicking")]

use std::time::Duration;

use serde_json::Value;
use slipway_tests::{Journey, Script, Slipway};

/// Longer than any part of a deployment takes on a busy machine.
const LONG: Duration = Duration::from_secs(300);

fn history(slipway: &Slipway, journey: &Journey, more: &[&str]) -> Vec<Value> {
    let env = journey.env();
    slipway.must(&[&["history", &env], more].concat()).result().as_array().unwrap().clone()
}

fn ids(history: &[Value]) -> Vec<&str> {
    history.iter().map(|d| d["id"].as_str().unwrap()).collect()
}

#[test]
fn a_second_desktop_sees_what_the_first_one_did_and_goes_back_to_it() {
    let journey = Journey::start();
    let env = journey.env();
    let bea = journey.desktop("bea");
    let ada = journey.slipway.clone().env("USER", "ada");
    let deploy = |slipway: &Slipway, commit: &str| {
        journey.sample.set_branch("live", commit);
        let ran = slipway.run(&["deploy", &env]);
        assert_eq!(ran.code, Some(0), "{commit}: {}", ran.told());
        ran.result()["deployment"]["id"].as_str().unwrap().to_owned()
    };
    let first = deploy(&ada, "initial");
    journey.make_ticket("of the first release");
    let second = deploy(&ada, "new-field");

    assert_eq!(history(&bea, &journey, &[]).len(), 0, "nothing is known before anybody asks");
    let seen = history(&bea, &journey, &["--refresh"]);
    assert_eq!(ids(&seen), [&second, &first]);
    let own = ada.must(&["history", &env]).result().clone();
    for (theirs, ours) in seen.iter().zip(own.as_array().unwrap()) {
        for field in
            ["id", "status", "commit", "subject", "author", "lane", "who", "trigger", "queued_at", "pause_ms"]
        {
            assert_eq!(theirs[field], ours[field], "{field}");
        }
        assert_eq!((&theirs["elsewhere"], &ours["elsewhere"]), (&true.into(), &false.into()));
        assert!(theirs["who"].as_str().unwrap().starts_with("ada@"), "{theirs:#}");
    }
    assert_eq!(history(&bea, &journey, &["--refresh"]), seen, "asked twice, it is the same");
    let logs = bea.must(&["logs", &second]);
    assert!(logs.stdout.join("\n").contains("on another computer"), "its log is elsewhere, and that is told");

    // Back to what the other one deployed: its code, and then its data, from the snapshot that the other one took.
    journey.make_ticket("of the second release");
    let back = bea.run(&["rollback", &env, "--to", &first, "--yes"]);
    assert_eq!(back.code, Some(0), "{}", back.told());
    journey.assert_serves("1.0");
    let data = bea.run(&["rollback", &env, "--to", &first, "--data", "--yes"]);
    assert_eq!(data.code, Some(0), "{}", data.told());
    journey.assert_serves("1.0");
    assert!(!journey.tickets().contains(&"of the second release".to_owned()), "{:?}", journey.tickets());
    assert!(journey.tickets().contains(&"of the first release".to_owned()), "{:?}", journey.tickets());

    // By the way, while it deploys, the first one learns of these. What it knew stays as it was.
    let last = deploy(&ada, "code-only");
    let known = history(&ada, &journey, &[]);
    assert_eq!(known.len(), 5, "{known:#?}");
    assert_eq!(known[0]["id"], *last);
    assert_eq!(known[1]["rollback_of"], *first, "{:#}", known[1]);
    assert_eq!(known[1]["elsewhere"], true);
    assert_eq!(known[3..], own.as_array().unwrap()[..], "what it knew by itself is unchanged");
}

#[test]
fn an_end_that_nobody_saw_is_unknown_and_then_found() {
    let mut journey = Journey::live();
    let env = journey.env();
    journey.make_ticket("kept");
    let hasty = journey.slipway.clone().env("SLIPWAY_PATIENCE", "3");

    // The server goes on by itself while it can't be reached, and commits.
    journey.sample.set_branch("live", "new-field");
    let script = Script::next(&journey);
    let running = hasty.start(&["deploy", &env]);
    script.wait_for("clone", "start", LONG);
    journey.server.stop_sshd();
    let ran = running.wait(LONG);
    assert_eq!(ran.code, Some(1), "whether something live was touched is not known: {}", ran.told());
    assert_eq!(ran.error(), "outcome_unknown", "{}", ran.told());
    let away = journey.slipway.run(&["history", &env, "--refresh"]);
    assert_eq!(away.error(), "connection_refused", "still away: {}", away.told());
    assert_eq!(journey.last()["error"]["code"], "outcome_unknown");
    journey.eventually("the server commits by itself", LONG, || !script.is_running());
    journey.server.start_sshd();
    let found = history(&journey.slipway, &journey, &["--refresh"]);
    assert_eq!(
        (&found[0]["status"], &found[0]["error"]),
        (&"success".into(), &Value::Null),
        "{:#}",
        found[0]
    );
    assert!(found[0]["pause_ms"].as_i64().unwrap() > 0, "{:#}", found[0]);
    journey.assert_serves("1.3");
    let id = found[0]["id"].as_str().unwrap();
    let logs = journey.slipway.must(&["logs", id]).stdout.join("\n");
    assert!(logs.contains("Found out from the cut over's journal"), "the log says how it is known: {logs}");
    let told = std::fs::read_to_string(journey.folder().join("history.jsonl")).unwrap();
    assert!(told.lines().last().unwrap().contains(id), "other desktops are told, too: {told}");
    let clone = journey.slipway.must(&["snapshots", &env]).result().clone();
    assert_eq!((&clone[0]["deployment_id"], &clone[0]["kind"]), (&id.into(), &"clone".into()), "{clone:#}");

    // The same, and it is undone meanwhile. Now the next deployment finds out, and settles what nobody settled.
    journey.sample.set_branch("live", "migration-fails");
    let script = Script::next(&journey);
    let running = hasty.start(&["deploy", &env, "--wait"]);
    script.wait_for("clone", "start", LONG);
    journey.server.stop_sshd();
    let ran = running.wait(LONG);
    assert_eq!(ran.error(), "outcome_unknown", "{}", ran.told());
    journey.eventually("the server undoes it by itself", LONG, || !script.is_running());
    journey.server.start_sshd();
    journey.assert_serves("1.3");
    journey.sample.set_branch("live", "cron");
    let ran = journey.slipway.run(&["deploy", &env, "--wait"]);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    let history = journey.history();
    assert_eq!(history.len(), 4, "{history:#?}");
    assert_eq!(history[1]["status"], "rolled_back", "{:#}", history[1]);
    assert_eq!(history[1]["error"]["code"], "migration_failed", "{:#}", history[1]);
    assert_eq!(history[2]["status"], "success", "{:#}", history[2]);
    let snapshots = journey.slipway.must(&["snapshots", &env]).result().clone();
    let kinds: Vec<&Value> = snapshots.as_array().unwrap().iter().map(|s| &s["kind"]).collect();
    assert_eq!(kinds, ["dump", "dump"], "the clone that nobody settled was saved, too: {snapshots:#}");
    assert_eq!(journey.databases(), [journey.database()], "no clone is left");
    assert_eq!(journey.tickets().iter().filter(|t| *t == "kept").count(), 1);
}
