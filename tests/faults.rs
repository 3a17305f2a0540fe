//! What goes wrong in the middle of a deployment, on the desktop or on the server: nothing is lost, the right release serves, and
//! the history tells it as it was.
#![expect(clippy::unwrap_used, reason = "a test tells what is wrong by panicking")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use slipway_tests::{Journey, Ran, Running, Script, Server, Slipway};

/// Longer than any part of a deployment takes on a busy machine.
const LONG: Duration = Duration::from_secs(300);

fn deploy(journey: &Journey, commit: &str) -> (Running, Script) {
    journey.sample.set_branch("live", commit);
    let script = Script::next(journey);
    (journey.slipway.start(&["deploy", &journey.env()]), script)
}

/// The newest deployment ended so: its status, and the code of its error.
fn assert_told(journey: &Journey, status: &str, code: Option<&str>) {
    let last = journey.last();
    assert_eq!(last["status"], status, "history tells how it ended: {last:#}");
    let said = journey.slipway.must(&["logs", &journey.env(), "--level", "debug"]);
    let end = said.lines.last().unwrap();
    assert_eq!(end["status"], status, "the log ends with the same: {end:#}");
    assert_eq!(end["error"]["code"].as_str(), code, "the reason is told: {end:#}");
}

fn events(journey: &Journey) -> Vec<Value> {
    journey.slipway.must(&["logs", &journey.env(), "--level", "debug"]).lines
}

/// How often each step of the last deployment was begun.
fn begun(events: &[Value]) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for event in events.iter().filter(|e| e["event"] == "step_changed" && e["status"] == "running") {
        *count.entry(event["step"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    count
}

/// Panics unless every line of the journal is in the log exactly once.
fn assert_each_line_once(journey: &Journey, script: &Script) {
    let events = events(journey);
    let said: Vec<&str> = events.iter().filter_map(|e| e["text"].as_str()).collect();
    let journal = script.journal();
    let starts = journal.iter().filter(|e| e["ev"] == "start").count();
    let told = said.iter().filter(|text| text.ends_with(" …")).count();
    assert_eq!(told, starts, "every action of the cut over is told once");
    for line in journal.iter().filter(|e| e["ev"] == "line") {
        let text = line["text"].as_str().unwrap();
        let times = said.iter().filter(|said| **said == text).count();
        let there = journal.iter().filter(|e| e["ev"] == "line" && e["text"] == text).count();
        assert!(
            text.is_empty() || times == there,
            "{times} times in the log, {there} in the journal: {text}"
        );
    }
}

fn ends(running: Running, code: i32) -> Ran {
    let ran = running.wait(LONG);
    assert_eq!(ran.code, Some(code), "it ended otherwise: {}", ran.told());
    ran
}

#[test]
fn a_desktop_that_is_killed_is_carried_on() {
    let journey = Journey::start();

    // In prepare: what was finished isn't done again.
    let (mut running, script) = deploy(&journey, "initial");
    running.wait_for(LONG, |e| e["step"] == "generating_config" && e["status"] == "done");
    running.kill();
    let before = events(&journey);
    let done: Vec<&Value> = before
        .iter()
        .filter(|e| e["event"] == "step_changed" && e["status"] == "done" && e["step"] != "connecting")
        .map(|e| &e["step"])
        .collect();
    assert!(done.len() >= 6, "{done:?}");
    journey.slipway.must(&["work", "--until-idle"]);
    journey.assert_serves("1.0");
    assert_told(&journey, "success", None);
    let after = events(&journey);
    for step in &done {
        let step = step.as_str().unwrap();
        assert_eq!(begun(&after).get(step), begun(&before).get(step), "{step} is not run again");
        let lines =
            |events: &[Value]| events.iter().filter(|e| e["event"] == "line" && e["step"] == step).count();
        assert_eq!(lines(&after), lines(&before), "{step} says nothing more");
    }
    assert_each_line_once(&journey, &script);
    journey.make_ticket("kept");

    // In the cut over: the server finishes without us, and the next process finds that out.
    let (running, script) = deploy(&journey, "code-only");
    script.wait_for("start_new", "start", LONG);
    running.kill();
    script.wait_for("end", "committed", LONG);
    journey.assert_serves("1.1");
    assert_eq!(journey.last()["status"], "deploying", "nobody knows better yet");
    journey.slipway.must(&["work", "--until-idle"]);
    assert_told(&journey, "success", None);
    assert_each_line_once(&journey, &script);

    // And while it still runs: another process takes over in the middle of its output. A deployment of the same environment waits
    // for it and then has nothing left in its way.
    let (running, script) = deploy(&journey, "view-change");
    script.wait_for("update", "line", LONG);
    running.kill();
    assert!(script.is_running(), "the cut over goes on without us");
    let next = journey.slipway.run(&["deploy", &journey.env()]);
    assert_eq!(next.code, Some(0), "{}", next.told());
    journey.assert_serves("1.2");
    let history = journey.history();
    assert_eq!(history.len(), 4);
    assert!(history.iter().all(|d| d["status"] == "success"), "{history:#?}");
    assert_eq!(journey.tickets().iter().filter(|t| *t == "kept").count(), 1);
}

/// What a computer has of Slipway, as it was at a moment: what it wrote after that, a power cut took.
struct Kept(Vec<(PathBuf, Vec<u8>)>);

impl Kept {
    fn of(slipway: &Slipway) -> Self {
        let files = std::fs::read_dir(slipway.home()).unwrap().map(|entry| entry.unwrap().path());
        let store =
            files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("slipway.db"));
        Self(store.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect())
    }

    fn put_back(self, slipway: &Slipway) {
        for (path, _) in Self::of(slipway).0 {
            std::fs::remove_file(path).unwrap();
        }
        for (path, content) in self.0.into_iter().filter(|(path, _)| !path.ends_with("slipway.db-shm")) {
            std::fs::write(path, content).unwrap();
        }
    }
}

#[test]
fn a_desktop_that_forgets_what_it_began() {
    let journey = Journey::live();
    journey.make_ticket("kept");
    let inspect = |container: &str| {
        let asked = ["inspect", "--format", "{{.Id}} {{.State.Status}} {{.RestartCount}}", container];
        journey.server.docker().must(&asked)
    };
    for (step, commit, release) in
        [("installing_dependencies", "code-only", "1.1"), ("cloning_repositories", "view-change", "1.2")]
    {
        let (mut running, script) = deploy(&journey, commit);
        running.wait_for_step(step, LONG);
        let kept = running.stand_still(|| Kept::of(&journey.slipway));
        script.wait_for("end", "committed", LONG);
        running.kill();
        kept.put_back(&journey.slipway);
        assert_eq!(journey.last()["status"], "building", "it remembers nothing of the cut over");
        let live = journey.web();
        let before = inspect(&live);

        journey.slipway.must(&["work", "--until-idle"]);
        assert_eq!(inspect(&live), before, "{step}: what serves was not touched");
        journey.assert_serves(release);
        let last = journey.last();
        assert_eq!(last["status"], "success", "{step}: the server's journal tells how it ended: {last:#}");
    }
    assert!(journey.tickets().contains(&"kept".to_owned()));
    journey.deploy_back("initial");
}

#[test]
fn a_deployment_is_cancelled_where_that_is_safe() {
    let mut journey = Journey::live();
    journey.make_ticket("kept");
    let before = journey.data();
    let (slipway, env) = (journey.slipway.clone(), journey.env());
    let cancel = || slipway.must(&["cancel", &env]).result()["result"]["cancelled"].clone();

    let (mut running, script) = deploy(&journey, "view-change");
    running.wait_for_step("cloning_repositories", LONG);
    assert_eq!(cancel(), "requested");
    ends(running, 6);
    assert_eq!(script.journal(), Vec::<Value>::new(), "no cut over began");
    journey.assert_serves("1.0");
    before.assert_same(&journey.data());
    assert_told(&journey, "cancelled", Some("cancelled"));

    // In the cut over, while the server can't be told: it is told when it is back.
    let load = journey.load("1.0");
    let (mut running, script) = deploy(&journey, "view-change");
    script.wait_for("update", "line", LONG);
    script.stand_still(|| {
        journey.server.stop_sshd();
        assert_eq!(cancel(), "requested");
        running
            .wait_for(LONG, |e| e["text"].as_str().is_some_and(|text| text.contains("trying to reach it")));
        journey.server.start_sshd();
        running.wait_for(LONG, |e| e["text"].as_str().is_some_and(|text| text.starts_with("Cancelling: ")));
    });
    ends(running, 6);
    assert!(script.entry("end", "cancelled").is_some());
    load.stop().assert_none_failed();
    journey.assert_serves("1.0");
    before.assert_same(&journey.data());
    assert_told(&journey, "cancelled", Some("cancelled"));

    // After the commit it is too late, and that's what is said.
    let (running, script) = deploy(&journey, "code-only");
    script.wait_for("commit", "start", LONG);
    cancel();
    ends(running, 0);
    journey.assert_serves("1.1");
    assert!(journey.tickets().contains(&"kept".to_owned()));
    assert_told(&journey, "success", None);
}

/// Where the script is killed, and whether its guard dies with it.
const KILLS: [(&str, &str, bool); 6] = [
    ("view-change", "clone", false),
    ("view-change", "update", true),
    ("view-change", "healthy", false),
    ("code-only", "dump_start", true),
    ("code-only", "healthy", false),
    ("code-only", "websocket", true),
];

#[test]
fn a_script_that_is_killed_is_undone() {
    let journey = Journey::live();
    journey.make_ticket("kept");
    let before = journey.data();
    for (commit, action, with_guard) in KILLS {
        println!("killed in {action} of {commit}{}", if with_guard { ", with its guard" } else { "" });
        let load = journey.load("1.0");
        let (running, script) = deploy(&journey, commit);
        script.wait_for(action, "start", LONG);
        if with_guard {
            script.kill_group()
        } else {
            script.kill_run()
        }
        ends(running, 5);
        let report = load.stop();
        report.assert_none_failed();
        assert_eq!(report.releases.keys().collect::<Vec<_>>(), ["1.0"], "nobody saw what was undone");
        assert_eq!(script.entry("guard", "lost").is_some(), !with_guard, "who noticed");
        assert!(script.entry("end", "reverted").is_some());
        journey.assert_serves("1.0");
        before.assert_same(&journey.data());
        assert_told(&journey, "rolled_back", Some("cut_over_failed"));
        assert_each_line_once(&journey, &script);
        assert_eq!(journey.databases(), [journey.database()], "nothing is left beside the database");
    }

    // After the commit there is only forward.
    let load = journey.load("1.0");
    let (running, script) = deploy(&journey, "code-only");
    script.wait_for("gate_switch", "start", LONG);
    script.kill_group();
    ends(running, 0);
    load.stop().assert_none_failed();
    journey.assert_serves("1.1");
    assert!(journey.tickets().contains(&"kept".to_owned()));
    assert_told(&journey, "success", None);
}

#[test]
fn a_server_that_reboots_in_the_cut_over_is_put_back() {
    let mut journey = Journey::live();
    journey.make_ticket("kept");
    let before = journey.data();
    let (running, script) = deploy(&journey, "view-change");
    script.wait_for("update", "line", LONG);
    assert!(journey.server.crontab().contains("@reboot"), "somebody ends it after a reboot");
    journey.server.power_off();
    // Longer than an SSH connection takes to be given up.
    std::thread::sleep(Duration::from_secs(5));
    journey.server.power_on();
    ends(running, 5);
    assert!(script.entry("end", "reverted").is_some());
    journey.eventually("the old release serves", LONG, || journey.release().as_deref() == Some("1.0"));
    journey.assert_serves("1.0");
    before.assert_same(&journey.data());
    assert_told(&journey, "rolled_back", Some("cut_over_failed"));
    assert_eq!(journey.server.crontab().trim(), "", "the entry goes when it has done its work");
    journey.deploy_ends("view-change", 0);
    journey.assert_serves("1.2");
}

/// A disk of its own, not a large one, for an environment's database. The server's own root works on it.
struct Disk<'a> {
    server: &'a Server,
    at: String,
}

impl<'a> Disk<'a> {
    fn new(journey: &'a Journey) -> Self {
        let server = &journey.server;
        let disk = Self { server, at: server.scratch("disk").display().to_string() };
        let at = &disk.at;
        disk.run(&format!(
            "mkdir {at}/mounted && truncate -s 1100M {at}/image && mkfs.ext4 -q -m 0 {at}/image"
        ));
        disk.run(&format!("mount -o loop {at}/image {at}/mounted && mkdir {at}/mounted/data"));
        let (volume, env) = (journey.database_container(), format!("slipway.env={}", journey.slug()));
        let device = format!("device={at}/mounted/data");
        let mut args = vec!["volume", "create", "--label", "slipway.managed=1", "--label", &env];
        args.extend(["--opt", "type=none", "--opt", "o=bind", "--opt", &device, &volume]);
        server.docker().must(&args);
        disk
    }

    /// Leaves this many MiB free, by a file in the way.
    fn leave(&self, mib: u64) {
        let at = &self.at;
        let free = self.run(&format!("df --output=avail -BM {at}/mounted"));
        let free: u64 = free.lines().nth(1).unwrap().trim().trim_end_matches('M').parse().unwrap();
        self.run(&format!("fallocate -l {}M {at}/mounted/ballast", free - mib));
    }

    fn clear(&self) {
        self.run(&format!("rm {}/mounted/ballast", self.at));
    }

    fn run(&self, command: &str) -> String {
        let output = self.server.ssh(command);
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        self.server.ssh(&format!("umount -l {}/mounted", self.at));
    }
}

/// The disk under PostgreSQL. (That of the dumps and releases has the same check, and is the server's own here.)
#[test]
fn a_full_disk_costs_nothing() {
    let journey = Journey::start();
    if journey.server.user() != "root" {
        eprintln!("skipped: mounting a disk needs root");
        return;
    }
    let disk = Disk::new(&journey);
    journey.deploy_ends("initial", 0);
    journey.make_ticket("kept");
    let before = journey.data();

    println!("known before: nobody waits");
    disk.leave(200);
    let load = journey.load("1.0");
    let (running, script) = deploy(&journey, "view-change");
    ends(running, 5);
    load.stop().assert_none_failed();
    assert!(script.entry("room", "fail").is_some() && script.entry("gate_close", "start").is_none());
    journey.assert_serves("1.0");
    before.assert_same(&journey.data());
    assert_told(&journey, "rolled_back", Some("disk_full"));
    disk.clear();

    println!("filled by somebody else in the middle");
    let load = journey.load("1.0");
    let (running, script) = deploy(&journey, "view-change");
    script.wait_for("room", "ok", LONG);
    // PostgreSQL has room for its log, but not for a clone, which would otherwise begin while the disk is being filled.
    script.stand_still(|| disk.leave(20));
    ends(running, 5);
    load.stop().assert_none_failed();
    assert!(script.entry("clone", "fail").is_some(), "{:#?}", script.journal());
    journey.assert_serves("1.0");
    before.assert_same(&journey.data());
    assert_told(&journey, "rolled_back", Some("snapshot_failed"));
    assert_eq!(journey.databases(), [journey.database()], "no half clone is left");

    disk.clear();
    journey.deploy_ends("view-change", 0);
    journey.assert_serves("1.2");
    assert!(journey.tickets().contains(&"kept".to_owned()));
}
