//! Setting up and taking away in the real window, against a real server: nothing here is asked of the app but by what a person
//! sees and clicks. What came of it is looked at from outside.

// Tells clippy that the functions below, too, are tests: they may unwrap.
#![cfg(test)]

mod snapshots;

use std::time::Duration;

use serde_json::Value;
use slipway_tests::{Daemon, Data, Desktop, Journey, Options, Page, Server};

const SOON: Duration = Duration::from_secs(60);
/// A first deployment installs a database.
const LONG: Duration = Duration::from_secs(900);

/// From an empty home to a live Odoo, its next release, back to the one before, and to nothing again: one server, four
/// deployments.
#[test]
fn from_nothing_to_a_live_odoo_and_back_by_the_window_alone() {
    let Some(mut desktop) = Desktop::start() else { return };
    desktop.look_every(2);
    // On this computer's own address: whether a name such as *.localhost answers on another one isn't asked.
    let journey =
        Journey::from_nothing(Server::with(Options { daemon: Daemon::Suite, ..Options::default() }));
    let window = Page(desktop.open(journey.slipway.home(), &[]));
    first_run(&window, &journey);
    settings_are_edited_discarded_and_saved(&window, &journey);
    let before = what_is_pushed_is_deployed(&window, &journey);
    an_environment_without_a_server(&window, &journey);
    the_server_shows_what_it_bears(&window, &journey);
    snapshots::one_is_downloaded_restored_and_deleted(&window, &journey, &before);
    changed_settings_are_deployed(&window, &journey);
    what_does_not_answer_is_not_called_live(&desktop, &window, &journey);
    all_is_taken_away(&window, &journey);
}

fn first_run(window: &Page, journey: &Journey) {
    let server = &journey.server;
    window.find("[data-testid=first-run][data-step=\"1\"]");
    window.at("server-address").fill(&format!("{}@{}:{}", server.user(), server.address(), server.port()));
    window.at("server-name").fill("demo");
    window.at("server-more").click();
    window.at("server-key").fill(&server.key().display().to_string());
    window.at("server-http").fill(&server.http_port().to_string());
    window.at("server-https").fill(&server.https_port().to_string());
    window.at("server-connect").click();
    assert_eq!(window.at("fingerprint").text(), server.fingerprint());
    assert!(
        !journey.slipway.home().join("known_hosts").exists(),
        "nothing is trusted before it was compared"
    );
    window.at("trust-key").click();
    let report = window.at("server-report").text();
    assert!(report.contains("demo answers") && report.contains("Docker "), "{report}");
    window.at("server-add").click();

    window.find("[data-testid=first-run][data-step=\"2\"]");
    window.at("repository-url-0").fill("/nowhere");
    assert_eq!(window.value("project-name"), "nowhere", "the project is named after its repository");
    window.at("project-name").fill("No Name");
    window.says_wrong("project-name", "Use lower-case letters, digits and hyphens");
    window.refuses("first-next", "Use lower-case letters, digits and hyphens");
    window.at("repository-url-0").fill(&journey.sample.dir().display().to_string());
    window.at("project-name").fill(journey.project());
    window.at("first-branch").fill("live");
    window.at("first-modules").write("acme_base,acme_sla,");
    window.at("first-next").click();

    window.find("[data-testid=first-run][data-step=\"3\"]");
    assert_eq!(window.at("plan-lane").attribute("data-lane").as_deref(), Some("first"));
    window.at("first-deploy").click();
    window.is_environment(journey.project(), "production");
    window.is_live();
    journey.assert_serves("1.0");
    let known = journey.slipway.must(&["env", "list"]).result().clone();
    assert_eq!(known.as_array().unwrap().len(), 1, "{known:#}");
}

fn settings_are_edited_discarded_and_saved(window: &Page, journey: &Journey) {
    let before = saved(journey, "production");
    window.tab("settings");
    window.choose("setting-kind", "staging");
    window.at("setting-branch").fill("main");
    window.at("setting-domain").fill("erp.example.com");
    window.choose("setting-tls", "internal");
    window.at("setting-modules").write("contacts,");
    window.pair("setting-options", "workers", "2");
    window.at("setting-notify").click();
    let mark = window.at("tab-settings-mark").attribute("title");
    assert_eq!(mark.as_deref(), Some("Unsaved changes"));
    window.refuses("deploy", "Unsaved changes: save or discard them first");
    window.tab("overview");
    let quick = |text: &str| text.starts_with("Unsaved changes");
    window.wait_for_text("[data-testid=unsaved]", SOON, quick);
    window.tab("settings");
    assert_eq!(window.value("setting-branch"), "main", "what was typed is still there");
    window.at("discard").click();
    window.gone("[data-testid=unsaved]");
    window.gone("[data-testid=tab-settings-mark]");
    assert_eq!(window.value("setting-branch"), "live");
    assert_eq!(saved(journey, "production"), before, "nothing was saved");

    window.at("setting-cpus").fill("1");
    window.at("setting-memory").fill("1024");
    window.pair("setting-variables", "GREETING", "hello");
    window.pair("setting-secrets", "TOKEN", "of the test");
    window.at("setting-deploy-on-push").click();
    window.at("quick-save").click();
    window.gone("[data-testid=unsaved]");
    window.gone("[data-testid=tab-settings-mark]");
    let after = saved(journey, "production");
    let environment = &after["environment"];
    assert_eq!((environment["cpus"].as_f64(), environment["memory_mb"].as_u64()), (Some(1.0), Some(1024)));
    assert!(!after.to_string().contains("of the test"), "a secret is in the keychain: {after:#}");
}

/// Nothing is clicked. Gives the data as they were just before it.
fn what_is_pushed_is_deployed(window: &Page, journey: &Journey) -> Data {
    journey.make_ticket("kept");
    let before = journey.data();
    let initial = journey.sample.commit_of("initial");
    journey.eventually("the app knows where the branch is", SOON, || {
        saved(journey, "production")["watched"]["heads"]["main"]["commit"] == initial
    });
    assert_eq!(journey.history().len(), 1, "what was there before isn't new");
    journey.sample.set_branch("live", "new-field");
    journey.eventually("the next release answers", LONG, || journey.release().as_deref() == Some("1.3"));
    window.is_live();
    window.tab("deployments");
    let row = window.find("[data-testid=deployment-2]").content();
    assert!(row.contains("Git push"), "{row}");
    let printed = journey.server.docker().must(&["exec", &journey.web(), "printenv", "GREETING"]);
    assert_eq!(printed, "hello", "the saved variable is there");
    before
}

/// By themselves, once that is chosen, with the release that is live and not the newest one of the branch.
fn changed_settings_are_deployed(window: &Page, journey: &Journey) {
    let (release, count) = (journey.release(), journey.history().len());
    let docker = journey.server.docker();
    let memory = || -> u64 {
        docker.must(&["inspect", "-f", "{{.HostConfig.Memory}}", &journey.web()]).parse().unwrap()
    };
    let before = memory();
    assert_ne!(release.as_deref(), Some("1.3"), "the branch is ahead of what is live");
    window.tab("settings");
    window.at("setting-auto-deploy").click();
    // The bar is transparent as it appears, and what can't be seen has no text.
    let save_says =
        |what: &str| window.wait_for_text("[data-testid=save]", SOON, |text| text.starts_with(what));
    save_says("Save changes");
    window.at("setting-memory").fill("1100");
    save_says("Save and deploy");
    window.at("save").click();
    let number = count + 1;
    window.find_text("[data-testid=toast] p", &format!("Settings saved. Deployment #{number} brings them."));
    window.tab("overview");
    journey.eventually("it is carried out", LONG, || journey.last()["status"] == "success");
    window.is_live();
    let last = journey.last();
    assert_eq!((&last["number"], &last["trigger"]), (&number.into(), &"auto_deploy".into()), "{last:#}");
    assert_eq!(journey.release(), release);
    assert!(memory() > before, "the container has more memory than before");
}

/// However well it was deployed.
fn what_does_not_answer_is_not_called_live(desktop: &Desktop, window: &Page, journey: &Journey) {
    let title = format!("{} / production", journey.project());
    let docker = journey.server.docker();
    let head = "[data-testid=environment-head]";
    let web = journey.web();
    docker.must(&["stop", &web]);
    window.wait_for_text(head, SOON, |text| text.contains("Not answering") && !text.contains("Live"));
    let told = window.at("down").content();
    assert!(told.contains("gave no answer within 15 s"), "it says what was seen: {told}");
    let entry = window.at(&format!("environment-{}-production", journey.project())).attribute("title");
    assert!(entry.is_some_and(|title| title.ends_with("Not answering")), "the list says so, too");
    let notice = desktop.shell.wait_for(&format!("{title} doesn't answer"), SOON);
    assert!(notice.body.contains("gave no answer"), "{notice:?}");
    window.at("place-servers").click();
    desktop.shell.click(&notice);
    window.is_environment(journey.project(), "production");
    docker.must(&["start", &web]);
    desktop.shell.wait_for(&format!("{title} answers again"), SOON);
    window.wait_for_text(head, SOON, |text| text.contains("Live"));
    window.gone("[data-testid=down]");
}

fn an_environment_without_a_server(window: &Page, journey: &Journey) {
    window.at("place-environments").click();
    window.at("new-environment").click();
    let problem = "Use lower-case letters, digits and hyphens";
    for (typed, problem) in [
        ("Test!", problem.to_owned()),
        ("production", format!("{} has one named production", journey.project())),
        (&"a".repeat(35), format!("Together with {} it is too long", journey.project())),
    ] {
        window.at("environment-name").fill(typed);
        window.says_wrong("environment-name", &problem);
        window.refuses("environment-add", &problem);
    }
    window.at("environment-name").fill("staging");
    window.at("environment-branch").fill("live");
    window.choose("environment-server", "");
    window.at("environment-add").click();
    window.is_environment(journey.project(), "staging");
    let none = "No server assigned: choose one in Settings → Resources";
    window.refuses("deploy", none);
    assert_eq!(window.at("reason").text(), none, "the reason stands beside it");
    window.at("deploy").click();
    assert!(window.look("[data-testid=deploy-dialog]").is_none(), "it can't be pressed");

    // More than any server has: the numbers are said, and neither saving nor deploying is possible.
    window.tab("settings");
    let server = window.option("setting-server", "demo");
    window.choose("setting-server", &server);
    window.at("setting-cpus").fill("0.5");
    window.at("setting-memory").fill("99000000");
    let told = window.wait_for_text("[data-testid=capacity]", SOON, |text| !text.is_empty());
    assert!(told.contains("99000000") || told.contains("99,000,000"), "the banner says how much: {told}");
    for button in ["deploy", "quick-save", "save"] {
        let off = || window.at(button).attribute("aria-disabled").as_deref() == Some("true");
        journey.eventually(&format!("{button} is off"), SOON, off);
    }
    window.at("save").click();
    assert_eq!(saved(journey, "staging")["environment"]["server_id"], Value::Null, "nothing was saved");
    window.at("setting-memory").fill("512");
    window.gone("[data-testid=capacity]");
    window.at("save").click();
    window.gone("[data-testid=save-bar]");
    window.allows("deploy");

    window.at("destroy").click();
    window.refuses("destroy-dialog-go", "Type “staging” first");
    window.at("destroy-dialog-type").fill("staging");
    window.at("destroy-dialog-go").click();
    window.gone(&format!("[data-testid=environment-{}-staging]", journey.project()));
    assert_eq!(journey.slipway.must(&["env", "list"]).result().as_array().unwrap().len(), 1);
    journey.assert_serves("1.3");
}

fn the_server_shows_what_it_bears(window: &Page, journey: &Journey) {
    window.at("place-servers").click();
    let state = "[data-testid=server-demo] [data-testid=server-state]";
    window.wait_for_text(state, SOON, |text| text.starts_with("Reachable"));
    let card = window.at("server-demo").content();
    let name = format!("{} / production", journey.project());
    let docker = journey.server.docker().must(&["version", "--format", "{{.Server.Version}}"]);
    for part in [&name, "1 cores · 1 GiB", "1 of ", "1 GiB of ", &journey.server.fingerprint(), &docker] {
        assert!(card.contains(part), "the card says {part:?}: {card}");
    }
}

fn all_is_taken_away(window: &Page, journey: &Journey) {
    window.at(&format!("environment-{}-production", journey.project())).click();
    window.is_environment(journey.project(), "production");
    window.tab("settings");
    window.at("destroy").click();
    window.at("destroy-dialog-type").fill("productio");
    window.refuses("destroy-dialog-go", "Type “production” first");
    window.at("destroy-dialog-type").fill("production");
    window.at("destroy-dialog-go").click();
    window.gone(&format!("[data-testid=environment-{}-production]", journey.project()));
    let label = format!("label=slipway.env={}", journey.slug());
    let docker = journey.server.docker();
    assert_eq!(docker.lines(&["ps", "-aq", "--filter", &label]), Vec::<String>::new(), "containers are left");
    for kind in ["network", "volume", "image"] {
        let left = docker.lines(&[kind, "ls", "-q", "--filter", &label]);
        assert_eq!(left, Vec::<String>::new(), "{kind}s are left");
    }
    assert!(!journey.folder().exists(), "its folder on the server is left");
}

/// Settings as the command line tells them.
fn saved(journey: &Journey, name: &str) -> Value {
    journey.slipway.must(&["env", "show", &journey.env_named(name)]).result().clone()
}
