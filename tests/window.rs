//! The real window on a desktop that nobody sees.

// Tells clippy that the functions below, too, are tests: they may unwrap.
#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use slipway_tests::{Desktop, Journey, Page, Sample, Window, free_port};

const SOON: Duration = Duration::from_secs(60);
/// A first deployment installs a database.
const LONG: Duration = Duration::from_secs(900);
/// What WebDriver calls this key.
const ESCAPE: &str = "\u{E00C}";

/// A home with the environment `acme / production` of a sample project, on a server that nobody answers at: its deployments
/// fail within a second, in Connecting.
struct Unreachable {
    environment: String,
    _sample: Sample,
}

impl Unreachable {
    fn in_window(window: &Window, dir: &Path) -> Self {
        let sample = Sample::create(dir.join("repository"));
        let do_it = |command: &str, arguments: Value| {
            window.invoke(command, &arguments).unwrap_or_else(|error| panic!("{command}: {error}"))
        };
        let mut server = do_it("draft_server", json!({"local": false}));
        server["name"] = json!("nowhere");
        server["kind"]["destination"] = json!("127.0.0.1");
        server["kind"]["port"] = json!(1);
        do_it("add_server", json!({"id": wish(1), "server": server, "secrets": []}));
        let mut project = do_it("draft_project", json!({}));
        project["name"] = json!("acme");
        project["repositories"][0]["url"] = json!(sample.dir());
        do_it("add_project", json!({"id": wish(2), "project": project, "secrets": []}));
        let mut environment = do_it("draft_environment", json!({"project": project["id"]}));
        environment["server_id"] = server["id"].clone();
        environment["branch"] = json!("main");
        do_it("add_environment", json!({"id": wish(3), "environment": environment, "secrets": []}));
        Self { environment: environment["id"].as_str().unwrap().to_owned(), _sample: sample }
    }
}

fn wish(number: u32) -> String {
    format!("01890a5d-ac96-774b-bcce-{number:012}")
}

fn home(desktop: &Desktop) -> PathBuf {
    desktop.dir().join("slipway")
}

#[test]
fn an_empty_home_shows_the_first_run_and_its_window_comes_back_when_the_app_is_started_again() {
    let Some(desktop) = Desktop::start() else { return };
    let window = desktop.open(&home(&desktop), &[]);
    window.at("first-run");
    assert_eq!(desktop.windows(), ["Slipway"]);

    desktop.close_window();
    assert!(window.is_running(), "the app stays in the tray");

    desktop.start_again(&home(&desktop), &["slipway://settings"]);
    desktop.until(|| desktop.focused().as_deref() == Some("Slipway"), "the window is in front");
    desktop.until(|| window.place().starts_with("#/settings"), "the link was followed");

    desktop.start_again(&home(&desktop), &["slipway://environments/nonsense"]);
    assert!(window.place().starts_with("#/settings"), "a link that means nothing goes nowhere");
}

/// What needs no server: a deployment that failed has a log, too.
#[test]
fn the_palette_leads_to_a_log_that_is_copied_and_saved_and_the_theme_stays() {
    let Some(desktop) = Desktop::start() else { return };
    let home = home(&desktop);
    let window = Page(desktop.open(&home, &[]));
    let given = Unreachable::in_window(&window, desktop.dir());
    desktop.shell.wait_for_menu(SOON, |menu| menu.iter().any(|e| e.label.starts_with("acme / production")));
    deploy(&window, &given.environment);
    desktop.shell.wait_for("acme / production: deployment failed", SOON);

    let ask = |text: &str, entry: &str| {
        window.find("body").write("\u{E009}k\u{E000}");
        window.at("palette-input").write(text);
        let chosen = format!("[data-testid=palette] [aria-selected=true][data-testid=\"palette-{entry}\"]");
        window.find(&chosen);
        window.at("palette-input").write("\u{E007}");
        window.gone("[data-testid=palette]");
    };
    ask("servers", "place-servers");
    window.at("view-servers");
    ask("logs production", &format!("logs-{}", given.environment));
    window.is_at("logs");
    window.find("[data-testid=log] .line.error");
    window.at("log-save").click();
    let toast = "[data-testid=toast] p";
    let said = window.wait_for_text(toast, SOON, |text| text.starts_with("Saved as "));
    let saved = std::fs::read_to_string(said.trim_start_matches("Saved as ")).unwrap();
    let count = saved.lines().count();
    assert!(count > 3 && saved.contains("error   connecting "), "{saved}");
    window.at("log-copy").click();
    window.wait_for_text(toast, SOON, |text| text.contains(&format!("{count} lines")));
    window.at("log-search").write("\u{E009}v\u{E000}");
    window.until("what was copied is pasted", || window.value("log-search").contains("error   "));

    let theme = || window.script("return document.documentElement.dataset.theme");
    for (choice, word) in [("light", "light"), ("dark", "dark")] {
        window.at("place-settings").click();
        window.find(&format!("label:has([data-testid=theme-{choice}])")).click();
        window.until("the theme is on", || theme() == word);
        window.reload();
        window.find("[data-testid=view-settings]");
        window.until("it is still on after a reload", || theme() == word);
    }
    let kept = std::fs::read_to_string(home.join("settings.json")).unwrap();
    assert!(kept.contains("dark"), "{kept}");
}

#[test]
fn the_tray_deploys_and_a_notification_tells_the_end_and_opens_it() {
    let Some(desktop) = Desktop::start() else { return };
    let window = desktop.open(&home(&desktop), &[]);
    let given = Unreachable::in_window(&window, desktop.dir());
    desktop.close_window();

    let menu = desktop
        .shell
        .wait_for_menu(SOON, |menu| menu.iter().any(|e| e.label.starts_with("acme / production")));
    let labels: Vec<&str> = menu.iter().map(|e| e.label.as_str()).collect();
    assert_eq!(labels, ["acme / production – pending", "Open Slipway", "Quit"]);
    desktop.shell.choose(&["acme / production", "Deploy"]);
    desktop.until(|| desktop.focused().as_deref() == Some("Slipway"), "the window is in front");
    window.at("deploy-dialog");
    let nothing = window.invoke("deployments", &json!({"filter": {}})).unwrap();
    assert_eq!(nothing["total"], 0, "the tray asks, and deploys nothing");
    deploy(&window, &given.environment);
    desktop.close_window();

    let told = desktop.shell.wait_for("acme / production: deployment failed", SOON);
    assert!(!told.body.is_empty());
    desktop.shell.wait_for_menu(SOON, |menu| menu[0].label == "acme / production – failed");
    assert_eq!(desktop.windows(), Vec::<String>::new(), "nothing comes up by itself");

    desktop.shell.click(&told);
    desktop.until(|| desktop.focused().as_deref() == Some("Slipway"), "the window is in front");
    let filter = json!({"environment_id": given.environment});
    let page = window.invoke("deployments", &json!({ "filter": filter })).unwrap();
    let deployment = page["items"][0]["id"].as_str().unwrap();
    desktop.until(|| window.place().contains(deployment), "the deployment is opened");
    assert_eq!(desktop.shell.notifications().len(), 1, "one for each deployment");
}

/// What the dialog asks for when it is confirmed.
fn deploy(window: &Window, environment: &str) {
    let options = json!({"pull": false, "update": [], "wait": false, "take_over": false});
    let ask = json!({"id": wish(8), "environment": environment, "reference": null, "options": options});
    window.invoke("deploy", &ask).unwrap();
}

#[test]
fn what_is_asked_twice_is_done_once_also_after_a_reload() {
    let Some(desktop) = Desktop::start() else { return };
    let window = desktop.open(&home(&desktop), &[]);
    let given = Unreachable::in_window(&window, desktop.dir());
    let options = json!({"pull": false, "update": [], "wait": false, "take_over": false});
    let ask = json!({"id": wish(9), "environment": given.environment, "reference": null, "options": options});
    let first = window.invoke("deploy", &ask).unwrap();
    window.reload();
    let again = window.invoke("deploy", &ask).unwrap();
    assert_eq!(first["id"], again["id"]);
    let page = window.invoke("deployments", &json!({"filter": {}})).unwrap();
    assert_eq!(page["total"], 1);
}

#[test]
fn quit_ends_the_app_and_the_next_start_is_where_it_was() {
    let Some(desktop) = Desktop::start() else { return };
    let window = desktop.open(&home(&desktop), &[]);
    window.find("body *");
    desktop.shell.wait_for_menu(SOON, |menu| !menu.is_empty());
    desktop.move_window(120, 90, 1100, 700);
    let place = desktop.place_of_window();
    desktop.shell.choose(&["Quit"]);
    desktop.until(|| !window.is_running(), "the app has ended");
    drop(window);

    let window = desktop.open(&home(&desktop), &[]);
    window.find("body *");
    desktop.until(|| desktop.place_of_window() == place, "the window is where it was");
}

/// On the real server: two clicks and a reload later Odoo answers; the tray brings the next release; what fails says why; a
/// program brings the one after.
#[test]
fn a_deployment_from_the_window_goes_live_and_the_tray_and_a_program_bring_the_next_ones() {
    let Some(desktop) = Desktop::start() else { return };
    let journey = Journey::start();
    let window = desktop.open(journey.slipway.home(), &[]);
    let name = format!("{} / production", journey.project());

    window.at(&format!("environment-{}-production", journey.project())).click();
    window.at("deploy").click();
    window.at("plan-lane");
    window.at("deploy-go").click();
    let step = "[data-testid=progress-step]";
    window.wait_for_text(step, LONG, |text| text.starts_with("Step ") && text.ends_with(" of 15"));
    desktop.shell.wait_for_menu(SOON, |menu| menu[0].label.starts_with(&format!("{name}: step ")));
    window.reload();
    window.wait_for_text(step, SOON, |text| text.starts_with("Step "));
    let told = desktop.shell.wait_for(&format!("{name} is deployed"), LONG);
    assert!(told.body.contains(' '), "the commit and its subject: {told:?}");
    journey.assert_serves("1.0");

    journey.sample.set_branch("live", "code-only");
    desktop.close_window();
    desktop.shell.wait_for_menu(SOON, |menu| menu[0].label == format!("{name} – success"));
    redeploy_by_tray(&desktop, &window, &name);
    desktop.until_long(LONG, || desktop.shell.notifications().len() == 2, "the second end is told");
    let told = desktop.shell.notifications().remove(1);
    assert_eq!(told.summary, format!("{name} is deployed"));
    assert_ne!(journey.release().as_deref(), Some("1.0"));

    journey.sample.set_branch("live", "load-fails");
    redeploy_by_tray(&desktop, &window, &name);
    let told = desktop.shell.wait_for(&format!("{name}: deployment failed and was undone"), LONG);
    let failed = journey.last();
    assert_eq!(failed["status"], "rolled_back");
    desktop.shell.click(&told);
    let id = failed["id"].as_str().unwrap();
    desktop
        .until(|| window.place().ends_with(&format!("/logs/{id}")), "the deployment that failed is opened");
    let error = "[data-testid=deployment-error]";
    let said = failed["error"]["message"].as_str().unwrap();
    window.wait_for_text(error, SOON, |text| text.contains(said));
    window.at("error-retry").click();
    let tried = window.at("earlier-tries").content();
    assert!(tried.contains(said), "{tried}");
    window.find("body").write(ESCAPE);
    desktop.until(|| window.look("[data-testid=deploy-dialog]").is_none(), "nothing was asked for");

    journey.sample.set_branch("live", "code-only");
    a_program_deploys(&window, &journey);
    desktop.until_long(SOON, || desktop.shell.notifications().len() == 4, "its end is told");
    assert_eq!(desktop.shell.notifications().remove(3).summary, format!("{name} is deployed"));
}

/// The tray leads to the plan, where it is confirmed as anywhere else.
fn redeploy_by_tray(desktop: &Desktop, window: &Window, name: &str) {
    desktop.shell.choose(&[name, "Redeploy"]);
    window.at("plan-lane");
    window.at("deploy-go").click();
    desktop.until(|| window.look("[data-testid=deploy-dialog]").is_none(), "it is asked for");
    desktop.close_window();
}

/// What stands in Settings as an example does what it says, by the token that stands there once.
fn a_program_deploys(window: &Window, journey: &Journey) {
    window.at("place-settings").click();
    let port = free_port();
    let address = format!("http://127.0.0.1:{port}");
    window.at("api-port").fill(&port.to_string());
    window.at("api-on").click();
    window.wait_for_text("[data-testid=api]", SOON, |text| text.contains(&format!("Answers at {address}")));
    window.at("api-token-new").click();
    let token = window.find("[data-testid=api-token] code").content();
    let example = window.find("[data-testid=api-example] .command code").content();
    let (before, count) = (journey.release(), journey.history().len());

    let refused = answer(&example, "slipway_guessed");
    assert_eq!(refused["code"], "unauthorized", "{refused}");
    assert_eq!(journey.history().len(), count, "nothing was asked for");
    let queued = answer(&example, &token);
    assert_eq!((&queued["finished"], &queued["trigger"]), (&json!(false), &json!("api")), "{queued}");
    let id = queued["id"].as_str().unwrap();
    let look = format!("curl -sH \"Authorization: Bearer $SLIPWAY_TOKEN\" {address}/v1/deployments/{id}");
    journey.eventually("the program sees its end", LONG, || answer(&look, &token)["finished"] == true);
    let ended = answer(&look, &token);
    assert_eq!(ended["status"], "success", "{ended}");
    assert_eq!(ended["steps"].as_array().unwrap().len(), 15);
    assert_eq!((journey.last()["id"].as_str(), journey.release()), (Some(id), before));

    window.at(&format!("environment-{}-production", journey.project())).click();
    window.at("tab-deployments").click();
    let row = format!("[data-testid=deployment-{}]", ended["number"]);
    journey
        .eventually("it stands there with its trigger", SOON, || window.find(&row).content().contains("API"));
    window.at("place-settings").click();
    window.at("api-token-replace").click();
    assert!(window.look("[data-testid=api-token]").is_none(), "it is shown once");
    window.at("replace-token-dialog-go").click();
    window.at("api-token");
    assert_eq!(answer(&look, &token)["code"], "unauthorized", "the old one is good for nothing");
    assert!(!is_kept(journey.slipway.home(), &token), "it is in no file");
    window.at("api-on").click();
    window.wait_for_text("[data-testid=api]", SOON, |text| !text.contains("Answers at"));
    let gone = Command::new("curl").args(["-s", &address]).status().unwrap();
    assert_eq!(gone.code(), Some(7), "nobody listens");
}

/// What a line for the shell says, as JSON.
fn answer(line: &str, token: &str) -> Value {
    let ran = Command::new("bash").args(["-c", line]).env("SLIPWAY_TOKEN", token).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    serde_json::from_str(&said).unwrap_or_else(|_| panic!("{line}: {said:?}"))
}

/// Whether a text stands in any file below a folder.
fn is_kept(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_kept(&path, text);
        }
        std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
    })
}
