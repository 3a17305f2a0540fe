//! Deploying in the real window, against a real server: from the first plan to a rollback, one environment's story. What the window
//! shows is compared with what the command line knows and with what answers.

// Tells clippy that the functions below, too, are tests: they may unwrap.
#![cfg(test)]

mod again;
mod history;
mod logs;
mod page;

use std::time::Duration;

use serde_json::Value;
use slipway_tests::{Desktop, Journey, Window};

use self::page::number_in;

const SOON: Duration = Duration::from_secs(60);
/// A first deployment installs a database.
const LONG: Duration = Duration::from_secs(900);

const STEP: &str = "[data-testid=progress-step]";
const ERROR: &str = "[data-testid=deployment-error]";
const COUNT: &str = "[data-testid=log-count]";

struct Story {
    window: Window,
    journey: Journey,
    /// What notifications and dialogs call the environment.
    name: String,
    desktop: Desktop,
}

#[test]
fn the_whole_life_of_an_environments_deployments_in_the_window() {
    let Some(desktop) = Desktop::start() else { return };
    let journey = Journey::start();
    let window = desktop.open(journey.slipway.home(), &[]);
    let name = format!("{} / production", journey.project());
    let mut story = Story { window, journey, name, desktop };
    story.the_first_one_is_planned_and_watched();
    story.the_running_odoo_is_looked_at();
    story.a_broken_one_says_why_and_is_undone();
    story.one_that_failed_is_retried_when_its_cause_is_gone();
    story.one_is_cancelled_while_it_is_prepared();
    story.one_of_the_command_line_is_followed();
    story.the_history_tells_all_of_them();
    story.the_log_is_searched();
    story.it_goes_back_with_its_data();
}

impl Story {
    fn the_first_one_is_planned_and_watched(&self) {
        let Self { window, journey, .. } = self;
        window.at(&format!("environment-{}-production", journey.project())).click();
        window.at("tab-overview");
        assert_eq!(window.at("deploy").text(), "Deploy", "it was never deployed");
        for (button, id) in [("Roll back", "roll-back"), ("Open", "open")] {
            assert_eq!(window.at(id).attribute("aria-disabled").as_deref(), Some("true"), "{button}");
            assert_eq!(
                self.property(&format!("[data-testid={id}-reason]"), "textContent"),
                "Nothing is deployed yet"
            );
        }

        window.at("deploy").click();
        let plan = self.plan_is_that_of_the_command_line();
        assert_eq!(plan["lane"], "first");
        assert_eq!(plan["install"], serde_json::json!(["acme_base", "acme_sla", "base"]));
        window.at("deploy-go").click();
        self.wait_for_progress(|now| now["status"] == "building" && now["current"] != "");
        let id = journey.last()["id"].as_str().unwrap().to_owned();
        let told = journey.slipway.start(&["logs", &id, "--follow", "--level", "debug"]);
        let status = journey.slipway.must(&["status"]).result()[0].clone();
        assert_eq!(status["last"]["id"], id.as_str());
        assert!(status["status"] == "building" || status["status"] == "deploying", "{status:#}");

        let seen = self.watch_to_the_end("success");
        assert!(seen.len() > 3, "the progress moved: {seen:?}");
        let told = told.wait(LONG);
        assert_eq!(told.code, Some(0), "the command line followed it to its end: {}", told.told());
        assert_eq!(told.result()["status"], "success");
        assert_eq!(window.text(STEP), "Step 15 of 15");
        self.desktop.shell.wait_for(&format!("{} is deployed", self.name), SOON);
        journey.assert_serves("1.0");
        window.wait_for_text("[data-testid=deploy]", SOON, |text| text == "Redeploy");
        window.wait_for_text("[data-testid=environment-head]", SOON, |text| text.contains("Live"));
    }

    fn its_disk_is_counted(&self) {
        let Self { window, journey, .. } = self;
        let mebibytes = |container: &str, script: &str| {
            let said = journey.server.docker().must(&["exec", "-u", "0", container, "sh", "-c", script]);
            said.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
        };
        let files = mebibytes(&journey.web(), "du -sk /var/lib/odoo");
        let database = mebibytes(&journey.database_container(), "du -sk \"$PGDATA\"");
        let shown = window.wait_for_text("[data-testid=disk]", SOON, |text| text.contains(" MiB of "));
        let shown: f64 =
            shown.split(" MiB").next().unwrap().trim_start_matches("Disk").trim().parse().unwrap();
        // A release's sources are little beside them; PostgreSQL goes on writing.
        let whole = files + database;
        assert!(
            shown > whole * 0.8 && shown < whole * 1.2 + 10.0,
            "{shown} MiB shown of {files} and {database}"
        );
    }

    fn the_running_odoo_is_looked_at(&self) {
        let Self { window, journey, .. } = self;
        let chart = |label: &str| {
            let find = "figcaption strong').textContent.split(' of ')";
            window.script(&format!(
                "const chart = [...document.querySelectorAll('[data-testid=chart]')].find((f) => f.textContent.includes('{label}')); \
                 return chart ? chart.querySelector('{find} : []"
            ))
        };
        // Asking for pages is what it uses the processor for.
        journey.eventually("the processor is used, of 1 that it may use", SOON, || {
            journey.get("/web/login").ok();
            let used = chart("CPU");
            used[0].as_str().is_some_and(|n| n.parse::<f64>().unwrap() > 0.0) && used[1] == "1"
        });
        let memory = chart("Memory");
        let may =
            journey.server.docker().must(&["inspect", "--format", "{{.HostConfig.Memory}}", &journey.web()]);
        let may = may.trim().parse::<u64>().unwrap() >> 20;
        assert_eq!(memory[1], format!("{may} MiB"), "what its container may use");
        let (used, unit) = memory[0].as_str().unwrap().split_once(' ').unwrap();
        assert!(unit == "MiB" && used.parse::<f64>().unwrap() > 20.0, "{memory}");
        self.its_disk_is_counted();

        window.at("tab-logs").click();
        window.find("[data-testid=log-deployment] option[value=live]").click();
        self.is_at("/logs/live");
        window.wait_for_text("[data-testid=log-running]", SOON, |text| text == "Live");
        window.at("log-search").fill("asked-by-a-person");
        window.wait_for_text("[data-testid=log-empty]", SOON, |text| text == "No line fits.");
        journey.get("/acme/version?asked-by-a-person").unwrap();
        window.wait_for_text(COUNT, SOON, |text| number_in(text) > 0);
        window.at("tab-overview").click();
    }

    fn a_broken_one_says_why_and_is_undone(&mut self) {
        self.journey.sample.set_branch("live", "view-change");
        self.journey.sample.checkout("live");
        let page = "<odoo><record id=\"page\" model=\"no.such.model\"><field name=\"name\">x</field></record></odoo>";
        self.journey.sample.change("broken", "acme_base/views/page.xml", page);
        let Self { window, journey, .. } = &*self;

        window.at("deploy").click();
        let plan = self.plan_is_that_of_the_command_line();
        assert_eq!(plan["lane"], "update");
        assert_eq!(plan["commits"].as_array().unwrap().len(), 3, "{plan:#}");
        assert!(plan["update"][0]["reasons"][0].is_string(), "{plan:#}");
        window.at("deploy-go").click();
        self.wait_for_progress(|now| now["title"] == "Deployment #2");
        self.watch_to_the_end("rolled_back");

        let last = journey.last();
        assert_eq!(last["status"], "rolled_back");
        let told = window.wait_for_text(ERROR, SOON, |text| !text.is_empty());
        for part in ["message", "hint"] {
            assert!(told.contains(last["error"][part].as_str().unwrap()), "{part} of {last:#}: {told}");
        }
        assert!(told.contains("It was undone by itself: the version before it serves again."), "{told}");
        assert!(!window.text("[data-testid=deployment-error-cause]").is_empty(), "{told}");
        window.at("progress-fold").click();
        let now = self.wait_for_progress(|now| now["steps"].as_array().unwrap().len() == 15);
        let failed: Vec<&Value> =
            now["steps"].as_array().unwrap().iter().filter(|step| step["status"] == "failed").collect();
        assert_eq!(failed.len(), 1, "{now:#}");
        assert_eq!((&failed[0]["step"], &failed[0]["shape"]), (&last["error"]["step"], &"cross".into()));
        self.desktop.shell.wait_for(&format!("{}: deployment failed and was undone", self.name), SOON);
        self.wait_for_rows(|rows| rows[0]["status"] == "rolled_back" && rows[1]["serves"] == true);
        journey.assert_serves("1.0");
    }

    /// Panics unless the plan in the dialog is the one that `slipway plan` makes. Gives that.
    fn plan_is_that_of_the_command_line(&self) -> Value {
        let Self { window, journey, .. } = self;
        let plan = journey.slipway.must(&["plan", &journey.env()]).result().clone();
        let lane = window.at("plan-lane").attribute("data-lane");
        assert_eq!(lane.as_deref(), plan["lane"].as_str());
        let shown = self.property("[data-testid=plan]", "innerText");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut wanted = vec![];
        for commit in plan["commits"].as_array().unwrap() {
            wanted.extend([
                text(&commit["sha"])[..7].to_owned(),
                text(&commit["subject"]),
                text(&commit["author"]),
            ]);
        }
        wanted.extend(plan["install"].as_array().unwrap().iter().map(text));
        for module in plan["update"].as_array().unwrap().iter().chain(plan["code_only"].as_array().unwrap()) {
            wanted.push(text(&module["module"]));
            wanted.extend(module["reasons"].as_array().unwrap().iter().map(text));
        }
        for part in wanted {
            assert!(shown.contains(&part), "{part:?} is in the plan: {shown}");
        }
        let pause = window.text("[data-testid=plan-pause]");
        let expected = match plan["predicted_pause_ms"].as_u64() {
            None => "Not known yet",
            Some(0) => "None",
            Some(_) => "About ",
        };
        assert!(pause.contains(expected), "{pause}: {plan:#}");
        let disk = window.text("[data-testid=plan-disk]");
        assert!(disk.contains("Needed") && disk.contains(" of ") && disk.ends_with(" free"), "{disk}");
        let commit = &journey.sample.git(&["rev-parse", "live"])[..7];
        assert!(window.text("[data-testid=deploy-go]").ends_with(commit), "the button names the commit");
        plan
    }
}
