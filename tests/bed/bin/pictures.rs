//! Pictures of every screen, light and dark, from the real window over the fixtures: `bed-pictures ADDRESS FOLDER [NAME…]`, where
//! ADDRESS is that of `npm run screens`, and NAME a screen of the list below (all of them, when none is named).
#![expect(clippy::print_stderr, reason = "whoever looks at pictures wants to know why there are none")]

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use slipway_tests::{Desktop, Window};

/// A screen: its name, what stands after `?` and after `#`, and what is clicked to get there, by `data-testid`, or filled: `field=text`.
type Screen = (&'static str, &'static str, &'static str, &'static [&'static str]);

const SCREENS: &[Screen] = &[
    ("environments", "", "/environments", &[]),
    ("environments-down", "state=down", "/environments", &[]),
    ("environment-down", "state=down", "/environments/e4", &[]),
    ("environment-running", "", "/environments/e1", &[]),
    ("environment-calm", "", "/environments/e2", &[]),
    ("environment-rolled-back", "", "/environments/e3", &[]),
    ("environment-pending", "", "/environments/e7", &[]),
    ("deployments", "", "/environments/e1/deployments", &[]),
    ("log-running", "", "/environments/e1/logs", &[]),
    ("log-failed", "", "/environments/e3/logs/e3-d18", &[]),
    ("log-live", "", "/environments/e2/logs/live", &[]),
    ("snapshots", "", "/environments/e2/snapshots", &[]),
    ("snapshot-download", "", "/environments/e2/snapshots", &["download-11"]),
    (
        "snapshot-downloading",
        "state=slow",
        "/environments/e2/snapshots",
        &["download-11", "download-dialog-go"],
    ),
    ("snapshot-restore", "", "/environments/e2/snapshots", &["restore-11"]),
    ("snapshot-delete", "", "/environments/e2/snapshots", &["delete-11"]),
    ("snapshots-empty", "", "/environments/e5/snapshots", &[]),
    ("environment-settings", "", "/environments/e2/settings", &[]),
    (
        "environment-settings-changed",
        "",
        "/environments/e2/settings",
        &["setting-auto-deploy", "setting-deploy-on-push", "setting-notify"],
    ),
    ("environment-settings-options", "", "/environments/e2/settings", &["settings-jump-options"]),
    ("destroy", "", "/environments/e2/settings", &["destroy"]),
    ("project", "", "/environments/e2/settings", &["repositories"]),
    ("forget-project", "", "/environments/e2/settings", &["repositories", "project-forget"]),
    ("deploy", "", "/environments/e2", &["deploy"]),
    ("retry", "", "/environments/e3", &["error-retry"]),
    ("roll-back", "", "/environments/e2", &["roll-back"]),
    ("cancel", "", "/environments/e1", &["cancel"]),
    ("new-environment", "", "/environments", &["new-environment"]),
    ("palette", "", "/environments", &["palette-open"]),
    ("servers", "", "/servers", &[]),
    ("servers-empty", "state=empty", "/servers", &[]),
    ("server", "", "/servers/s1", &[]),
    ("server-offline", "", "/servers/s2", &[]),
    ("new-server", "", "/servers", &["new-server"]),
    ("new-server-key", "", "/servers", NEW_SERVER),
    ("server-without-docker", "state=no-docker", "/servers", &[]),
    ("docker-installation", "state=no-docker", "/servers", &["install-docker-go"]),
    ("forget-server", "", "/servers", &["server-forget"]),
    ("activity", "", "/activity", &[]),
    ("settings", "", "/settings", &[]),
    ("settings-api", "", "/settings", &["api-on", "api-token-new"]),
    ("unlock", "state=locked", "/environments", &[]),
    ("settings-no-keychain", "state=problem", "/settings", &[]),
    ("first-run", "state=empty", "/environments", &[]),
    ("first-run-repository", "state=server", "/environments", &[]),
    ("first-run-deploy", "state=ready", "/environments", &[]),
    ("quit", "state=quitting", "/environments", &[]),
    ("loading", "state=loading", "/environments", &[]),
    ("problem", "state=problem", "/environments", &[]),
];
/// Up to the question whether the server's key is the right one.
const NEW_SERVER: &[&str] = &["new-server", "server-address=deploy@fsn1.studio.example", "server-connect"];
const THEMES: [&str; 2] = ["light", "dark"];
/// Answers of fixtures take up to 300 ms, and then things come into place.
const IN_PLACE: Duration = Duration::from_millis(900);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, folder, names @ ..] = &arguments[..] else {
        eprintln!("usage: bed-pictures ADDRESS FOLDER [NAME…]");
        std::process::exit(2);
    };
    let folder = Path::new(folder);
    if let Err(error) = std::fs::create_dir_all(folder) {
        eprintln!("{}: {error}", folder.display());
        std::process::exit(1);
    }
    let Some(desktop) = Desktop::start() else { std::process::exit(1) };
    let window = desktop.open(&desktop.dir().join("slipway"), &[]);
    for theme in THEMES {
        for screen in SCREENS.iter().filter(|(name, ..)| names.is_empty() || names.iter().any(|n| n == name))
        {
            take(&desktop, &window, address, theme, screen, folder);
        }
    }
}

fn take(desktop: &Desktop, window: &Window, address: &str, theme: &str, screen: &Screen, folder: &Path) {
    let (name, query, place, clicks) = screen;
    // From nowhere: another place of the same address would only be scrolled to.
    window.visit("about:blank");
    window.visit(&format!("{address}/?theme={theme}&{query}#{place}"));
    window.find("main h1, main h2");
    for id in *clicks {
        match id.split_once('=') {
            Some((field, text)) => window.at(field).fill(text),
            None => window.at(id).click(),
        }
    }
    sleep(IN_PLACE);
    desktop.picture(&folder.join(format!("{name}-{theme}.png")));
}
