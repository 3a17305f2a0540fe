//! What fails is tried again, what is under way is cancelled, and what another process does is seen.

use std::collections::BTreeSet;
use std::fs::{self, File};

use serde_json::{Value, json};
use slipway_tests::Script;

use super::page::number_in;
use super::{COUNT, ERROR, LONG, SOON, Story};

impl Story {
    /// The branch is gone when it is to be fetched, and there again when the person retries.
    pub(crate) fn one_that_failed_is_retried_when_its_cause_is_gone(&self) {
        let Self { window, journey, .. } = self;
        journey.sample.set_branch("live", "code-only");
        window.at("deploy").click();
        assert_eq!(self.plan_is_that_of_the_command_line()["lane"], "code");
        let script = Script::next(journey);
        journey.sample.checkout("main");
        journey.sample.git(&["branch", "--delete", "--force", "live"]);
        window.at("deploy-go").click();
        self.wait_for_progress(|now| now["title"] == "Deployment #3" && now["status"] == "failed");
        let failed = journey.last();
        assert_eq!(
            (&failed["status"], &failed["error"]["code"]),
            (&json!("failed"), &json!("git_ref_not_found"))
        );
        let told = window.wait_for_text(ERROR, SOON, |text| text.contains("\"live\""));
        for part in ["message", "hint"] {
            assert!(told.contains(failed["error"][part].as_str().unwrap()), "{part} of {failed:#}: {told}");
        }
        assert!(told.contains("Nothing live was touched."), "{told}");
        self.desktop.shell.wait_for(&format!("{}: deployment failed", self.name), SOON);
        assert_eq!(script.journal(), Vec::<Value>::new(), "no cut over began");
        journey.assert_serves("1.0");

        journey.sample.set_branch("live", "code-only");
        window.at("error-retry").click();
        window.at("plan-lane");
        window.at("deploy-go").click();
        self.wait_for_progress(|now| now["title"] == "Deployment #4");
        assert!(window.look(ERROR).is_none(), "what failed before isn't told of this one");
        self.watch_to_the_end("success");
        let retry = journey.last();
        assert_eq!((&retry["trigger"], &retry["retry_of"]), (&json!("retry"), &failed["id"]));
        assert_eq!(retry["commit"], journey.sample.commit_of("code-only"));
        journey.assert_serves("1.1");
    }

    pub(crate) fn one_is_cancelled_while_it_is_prepared(&self) {
        let Self { window, journey, .. } = self;
        journey.sample.set_branch("live", "view-change");
        let script = Script::next(journey);
        // It stays in prepare, where it would mend its site, for as long as somebody else has the proxy's lock.
        let proxy = journey.server.home().join(".slipway/caddy");
        let site = proxy.join(format!("sites/{}.caddy", journey.slug()));
        let changed = fs::read_to_string(&site).unwrap() + "\n";
        fs::write(&site, changed).unwrap();
        let lock = File::options().append(true).open(proxy.join("lock")).unwrap();
        lock.lock().unwrap();
        let dialog = "[data-testid=cancel-dialog]";
        window.at("deploy").click();
        window.at("plan-lane");
        window.at("deploy-go").click();
        let is_held = |now: &Value| now["title"] == "Deployment #5" && now["steps"][6]["status"] == "running";
        assert_eq!(self.wait_for_progress(is_held)["status"], "building");
        window.at("cancel").click();
        let asked = window.wait_for_text(dialog, SOON, |text| !text.is_empty());
        assert!(asked.contains(&format!("Cancel deployment #5 of {}?", self.name)), "{asked}");
        assert!(asked.contains("Nothing live was touched yet."), "{asked}");
        window.at("cancel-dialog-back").click();
        self.desktop.until(|| window.look(dialog).is_none(), "the dialog is gone");
        assert_eq!(journey.last()["cancel_requested_at"], Value::Null, "Back does nothing");
        window.at("cancel").click();
        window.at("cancel-dialog-go").click();
        self.desktop.until(|| !journey.last()["cancel_requested_at"].is_null(), "it is asked for");

        self.watch_to_the_end("cancelled");
        let told = self.desktop.shell.wait_for(&format!("{}: deployment cancelled", self.name), SOON);
        assert_eq!(told.body, "It serves what it served before.");
        assert_eq!(journey.last()["status"], "cancelled");
        drop(lock);
        let rows = self.wait_for_rows(|rows| rows[0]["status"] == "cancelled" && rows[1]["serves"] == true);
        assert_eq!((&rows[0]["badge"], &rows[0]["shape"]), (&json!("Cancelled"), &json!("stop")));
        assert!(window.look(ERROR).is_none(), "who cancels knows why it ended");
        assert!(window.look("[data-testid=cancel]").is_none(), "there is nothing to cancel any more");
        assert_eq!(script.journal(), Vec::<Value>::new(), "no cut over began");
        journey.assert_serves("1.1");
    }

    /// The window shows it as it happens, also when it is loaded anew in the middle: nothing twice, nothing left out.
    pub(crate) fn one_of_the_command_line_is_followed(&self) {
        let Self { window, journey, .. } = self;
        let deploying = journey.slipway.start(&["deploy", &journey.env()]);
        let began =
            self.wait_for_progress(|now| now["title"] == "Deployment #6" && now["status"] == "building");
        let went_on = self.wait_for_progress(|now| now["at"] != began["at"] && now["current"] != "");
        window.reload();
        let after = self.wait_for_progress(|now| now["title"] == "Deployment #6" && now["current"] != "");
        let steps = after["steps"].as_array().unwrap();
        let names: BTreeSet<&str> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
        assert_eq!((steps.len(), names.len()), (15, 15), "each step once: {after:#}");
        let place =
            |now: &Value| now["steps"].as_array().unwrap().iter().position(|s| s["status"] == "running");
        assert!(place(&after) >= place(&went_on), "it is where it was: {went_on:#}\n{after:#}");

        window.at("tab-logs").click();
        self.is_at("/logs");
        let count = || number_in(&window.text(COUNT));
        self.desktop.until(|| count() > 0, "the log is there");
        let before = count();
        assert_eq!(window.text("[data-testid=log-running]"), "Live");
        assert_eq!(window.at("log-follow").attribute("aria-pressed").as_deref(), Some("true"));
        self.desktop.until(|| count() > before, "the log grows");
        self.desktop.until(|| self.log_is_at_its_end(), "it is followed");
        let ran = deploying.wait(LONG);
        assert_eq!(ran.code, Some(0), "{}", ran.told());
        self.desktop.until(|| window.look("[data-testid=log-running]").is_none(), "the log has ended");
        let lines = self.lines(journey.last()["id"].as_str().unwrap(), "debug").len();
        self.desktop.until(|| count() == lines, &format!("each of {lines} lines is there once"));
        self.desktop.until(|| self.log_is_at_its_end(), "it was followed to its end");
        self.desktop.shell.wait_for(&format!("{} is deployed", self.name), SOON);
        journey.assert_serves("1.2");
    }
}
