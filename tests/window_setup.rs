//! Setting up in the real window, against a real server: nothing here is asked of the app but by what a person
//! sees and clicks. What came of it is looked at from outside.

// Tells clippy that the functions below, too, are tests: they may unwrap.
#![cfg(test)]

use serde_json::Value;
use slipway_tests::{Desktop, Journey, Page, Server};

/// From an empty home to a live Odoo, and its settings.
#[test]
fn from_nothing_to_a_live_odoo_by_the_window_alone() {
    let Some(desktop) = Desktop::start() else { return };
    let journey = Journey::from_nothing(Server::start());
    let window = Page(desktop.open(journey.slipway.home(), &[]));
    first_run(&window, &journey);
    settings_are_edited_discarded_and_saved(&window, &journey);
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
    window.at("setting-auto-deploy").click();
    window.at("setting-notify").click();
    let mark = window.at("tab-settings-mark").attribute("title");
    assert_eq!(mark.as_deref(), Some("Unsaved changes"));
    window.refuses("deploy", "Unsaved changes: save or discard them first");
    window.tab("overview");
    assert!(window.at("unsaved").text().starts_with("Unsaved changes"), "in Quick actions on every tab");
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
    window.at("quick-save").click();
    window.gone("[data-testid=unsaved]");
    window.gone("[data-testid=tab-settings-mark]");
    let after = saved(journey, "production");
    let environment = &after["environment"];
    assert_eq!((environment["cpus"].as_f64(), environment["memory_mb"].as_u64()), (Some(1.0), Some(1024)));
    assert!(!after.to_string().contains("of the test"), "a secret is in the keychain: {after:#}");
}

/// Settings as the command line tells them.
fn saved(journey: &Journey, name: &str) -> Value {
    journey.slipway.must(&["env", "show", &journey.env_named(name)]).result().clone()
}
