//! What the app keeps on this computer and how it starts and ends, in the real window.

// Tells clippy that the functions below, too, are tests: they may unwrap.
#![cfg(test)]

use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};
use slipway_tests::{Desktop, Page};

const SOON: Duration = Duration::from_secs(60);

/// Where no Secret Service answers, secrets go into a file with a passphrase: chosen in the window, asked for at the next start.
#[test]
fn secrets_are_kept_in_an_encrypted_file_where_there_is_no_keychain() {
    const SECRET: &str = "of the server";
    let Some(desktop) = Desktop::without_keyring() else { return };
    let home = desktop.dir().join("slipway");
    let window = Page(desktop.open(&home, &[]));
    let mut server = window.invoke("draft_server", &json!({"local": false})).unwrap();
    server["name"] = json!("nowhere");
    server["kind"]["destination"] = json!("127.0.0.1");
    server["kind"]["port"] = json!(1);
    server["kind"]["password"] = json!(wish(7));
    let secrets = json!([{"name": wish(7), "value": SECRET}]);
    let add = |number| json!({"id": wish(number), "server": server, "secrets": secrets});
    let refused = window.invoke("add_server", &add(1)).unwrap_err();
    assert_eq!(refused["code"], "keychain_unavailable", "{refused:#}");
    assert!(refused["hint"].as_str().unwrap().contains("Settings → Secrets"), "{refused:#}");

    window.at("place-settings").click();
    window.find("[data-testid=view-settings]");
    window.at("secrets-passphrase").fill("a long passphrase");
    window.refuses("secrets-open", "Type the same passphrase twice");
    window.at("secrets-again").fill("a long passphrase");
    window.at("secrets-open").click();
    let card = "[data-testid=keychain]";
    window.wait_for_text(card, SOON, |text| text.contains("Kept in an encrypted file"));
    window.invoke("add_server", &add(2)).unwrap();
    desktop.shell.choose(&["Quit"]);
    desktop.until(|| !window.is_running(), "the app has ended");
    drop(window);
    for file in std::fs::read_dir(home.join("secrets")).unwrap().flatten() {
        let bytes = std::fs::read(file.path()).unwrap();
        assert!(
            !bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()),
            "{file:?} is readable"
        );
    }

    let window = Page(desktop.open(&home, &[]));
    let test = || window.invoke("test_server", &json!({"server": server, "secrets": []})).unwrap_err();
    window.at("unlock-passphrase");
    assert_eq!(test()["code"], "keychain_locked");
    window.at("unlock-passphrase").fill("another passphrase");
    window.at("unlock-dialog-go").click();
    window.find("[data-testid=unlock-dialog] [data-testid=banner]");
    window.at("unlock-dialog-back").click();
    window.at("place-settings").click();
    let told = window.wait_for_text(card, SOON, |text| text.contains("passphrase"));
    assert!(!told.contains("SLIPWAY_PASSPHRASE"), "a window sets no variables: {told}");
    window.at("secrets-passphrase").fill("a long passphrase");
    window.at("secrets-open").click();
    window.wait_for_text(card, SOON, |text| text.contains("Kept in an encrypted file"));
    assert_eq!(test()["code"], "connection_refused", "the password was had, and nobody answers");
}

/// Quit asks while something is prepared, and the next start goes on with it. Start at login writes what the desktop reads.
#[test]
fn quit_asks_while_a_deployment_is_prepared_and_start_at_login_is_written() {
    let Some(desktop) = Desktop::start() else { return };
    let home = desktop.dir().join("slipway");
    let window = Page(desktop.open(&home, &[]));
    window.at("place-settings").click();
    let entry = desktop.dir().join("home/.config/autostart/Slipway.desktop");
    assert!(!entry.exists());
    window.at("start-at-login").click();
    let says_what_to_start = || {
        let text = std::fs::read_to_string(&entry).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("Exec="));
        line.is_some_and(|line| line.contains("slipway-app") && line.ends_with(" --hidden"))
    };
    desktop.until(says_what_to_start, "the desktop is told what to start");
    window.reload();
    window.find("[data-testid=start-at-login]");
    window.until("it is shown as on", || window.is_checked("start-at-login"));
    window.at("start-at-login").click();
    desktop.until(|| !entry.exists(), "the desktop isn't told any more");
    window.until("it is shown as off", || !window.is_checked("start-at-login"));

    // A Git server that takes the connection and says nothing: the deployment is being prepared for as long as we like.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/acme.git", silent.local_addr().unwrap());
    let environment = being_prepared(&window, &url);
    desktop.shell.choose(&["Quit"]);
    for part in ["1 deployment is being prepared", "acme / production", "cut over that has begun goes on"] {
        window.until(&format!("it says {part:?}"), || window.at("quit-dialog").content().contains(part));
    }
    window.at("quit-dialog-back").click();
    window.gone("[data-testid=quit-dialog]");
    assert!(window.is_running());
    assert_eq!(status(&window, &environment), "building", "it was worked on meanwhile");
    desktop.close_window();
    desktop.shell.choose(&["Quit"]);
    desktop.until(|| desktop.focused().as_deref() == Some("Slipway"), "the window comes to ask");
    window.at("quit-dialog-go").click();
    desktop.until(|| !window.is_running(), "the app has ended");
    drop(window);

    let window = Page(desktop.open(&home, &[]));
    window.until("it goes on", || status(&window, &environment) == "building");
    drop(silent);
    window.until("nobody answers any more", || status(&window, &environment) == "failed");
    let page = window.invoke("deployments", &json!({"filter": {}})).unwrap();
    assert_eq!(page["total"], 1, "it is the same deployment");
}

/// An environment whose repository is there, with a deployment that fetches it.
fn being_prepared(window: &Page, url: &str) -> String {
    let do_it = |command: &str, arguments: Value| {
        window.invoke(command, &arguments).unwrap_or_else(|error| panic!("{command}: {error}"))
    };
    let mut server = do_it("draft_server", json!({"local": false}));
    server["name"] = json!("nowhere");
    server["kind"]["destination"] = json!("127.0.0.1");
    do_it("add_server", json!({"id": wish(1), "server": server, "secrets": []}));
    let mut project = do_it("draft_project", json!({}));
    project["name"] = json!("acme");
    project["repositories"][0]["url"] = json!(url);
    do_it("add_project", json!({"id": wish(2), "project": project, "secrets": []}));
    let mut environment = do_it("draft_environment", json!({"project": project["id"]}));
    environment["server_id"] = server["id"].clone();
    do_it("add_environment", json!({"id": wish(3), "environment": environment, "secrets": []}));
    let options = json!({"pull": false, "update": [], "wait": false, "take_over": false});
    let ask = json!({"id": wish(4), "environment": environment["id"], "reference": null, "options": options});
    do_it("deploy", ask);
    let id = environment["id"].as_str().unwrap().to_owned();
    window.until("it is being prepared", || status(window, &id) == "building");
    id
}

fn status(window: &Page, environment: &str) -> String {
    let filter = json!({"environment_id": environment});
    let page = window.invoke("deployments", &json!({ "filter": filter })).unwrap();
    page["items"][0]["status"].as_str().unwrap().to_owned()
}

fn wish(number: u32) -> String {
    format!("01890a5d-ac96-774b-bcce-{number:012}")
}
