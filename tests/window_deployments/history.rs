//! What was deployed: the table, and the way back.

use serde_json::{Value, json};

use super::page::numbers;
use super::{SOON, Story};

/// The driver's names for keys.
const DOWN: &str = "\u{E015}";
const UP: &str = "\u{E013}";
const ENTER: &str = "\u{E007}";

impl Story {
    pub(crate) fn the_history_tells_all_of_them(&self) {
        let Self { window, journey, .. } = self;
        window.at("tab-deployments").click();
        self.is_at("/deployments");
        let rows =
            self.wait_for_rows(|rows| numbers(rows) == [6, 5, 4, 3, 2, 1] && rows[0]["serves"] == true);
        let history = journey.history();
        for (row, known) in rows.iter().zip(&history) {
            is_told(row, known);
        }
        let ends: Vec<&str> = history.iter().map(|d| d["status"].as_str().unwrap()).collect();
        assert_eq!(ends, ["success", "cancelled", "success", "failed", "rolled_back", "success"]);
        assert_eq!(rows[0]["snapshot"], true, "an update takes one");
        assert_eq!(window.text("[data-testid=deployments-total]"), "6 deployments");

        self.choose("deployments-filter-failed");
        self.wait_for_rows(|rows| numbers(rows) == [5, 3, 2]);
        window.at("deployments-search").fill("page.xml");
        self.wait_for_rows(|rows| numbers(rows) == [2]);
        self.choose("deployments-filter-success");
        self.desktop.until(|| window.look("[data-testid=deployments]").is_none(), "nothing fits both");
        self.choose("deployments-filter-all");
        self.wait_for_rows(|rows| numbers(rows) == [2]);
        window.at("deployments-search").fill(&journey.sample.commit_of("code-only")[..7]);
        self.wait_for_rows(|rows| numbers(rows) == [4]);
        window.at("deployments-search").write("\u{E00C}");
        self.wait_for_rows(|rows| rows.len() == 6);

        // By keyboard: down, down, up, and into the log.
        let is_on = |number: u64| {
            let row = "return document.activeElement?.dataset.testid";
            self.desktop.until(|| window.script(row) == format!("deployment-{number}"), "the keys go there");
        };
        window.at("deployment-6").write(DOWN);
        is_on(5);
        window.at("deployment-5").write(DOWN);
        is_on(4);
        window.at("deployment-4").write(UP);
        is_on(5);
        window.at("deployment-5").write(ENTER);
        self.is_at(&format!("/logs/{}", history[1]["id"].as_str().unwrap()));
        // And with the pointer.
        window.at("tab-deployments").click();
        self.is_at("/deployments");
        window.find("[data-testid=deployment-2] .subject").click();
        self.is_at(&format!("/logs/{}", history[4]["id"].as_str().unwrap()));
    }

    pub(crate) fn it_goes_back_with_its_data(&self) {
        let Self { window, journey, .. } = self;
        journey.make_ticket("made since");
        let (env, target) = (journey.env(), journey.history()[2].clone());
        let commit = &target["commit"].as_str().unwrap()[..7];
        window.at("tab-deployments").click();
        self.is_at("/deployments");
        self.wait_for_rows(|rows| rows.len() == 6);
        window.at("rollback-4").click();
        let dialog = "[data-testid=rollback-dialog]";
        let asked =
            window.wait_for_text(dialog, SOON, |text| text.contains("The older code runs on today's data."));
        assert!(asked.contains(&format!("Roll back {} to {commit}?", self.name)), "{asked}");
        let disabled = || window.at("rollback-go").attribute("aria-disabled");
        let updated = window.at("rollback-update").content();
        assert!(updated.contains("acme_base would be updated with the older code"), "{updated}");
        assert_eq!(disabled().as_deref(), Some("true"), "fields would go: the name isn't typed");
        window.at("rollback-type").fill("production");
        self.desktop.until(|| disabled().is_none(), "the code alone can go back");

        // With its data, it names what is lost, and wants to have the environment's name.
        self.choose("rollback-what-data");
        let refused =
            journey.slipway.run(&["rollback", &env, "--to", target["id"].as_str().unwrap(), "--data"]);
        assert_ne!(refused.code, Some(0), "nobody said yes");
        let preview = refused.lines.iter().find_map(|line| line.get("rollback")).expect("what would be lost");
        let lost = preview["losses"].as_array().unwrap();
        assert!(lost.iter().any(|row| row["model"] == "acme.ticket" && row["created"] == 1), "{preview:#}");
        let loss = window.at("rollback-loss").content();
        assert!(loss.contains("would be lost"), "{loss}");
        for row in lost.iter().take(12) {
            assert!(loss.contains(row["label"].as_str().unwrap()), "{row:#}: {loss}");
        }
        assert_eq!(disabled().as_deref(), Some("true"), "the name isn't typed for that");
        window.at("rollback-go").click();
        assert_eq!(journey.history().len(), 6, "it can't be pressed");
        window.at("rollback-type").fill("production");
        self.desktop.until(|| disabled().is_none(), "the name is typed");
        window.at("rollback-go").click();
        self.wait_for_progress(|now| now["title"] == "Deployment #7");
        self.watch_to_the_end("success");

        self.desktop.shell.wait_for(&format!("{} is back at {commit}", self.name), SOON);
        let rows = self.wait_for_rows(|rows| rows[0]["number"] == 7 && rows[0]["serves"] == true);
        assert!(rows[0]["who"].as_str().unwrap().starts_with("#7 · Rollback · "), "{rows:#?}");
        assert_eq!(rows[0]["commit"], commit);
        let last = journey.last();
        assert_eq!((&last["rollback_of"], &last["lane"]), (&target["id"], &json!("restore")));
        journey.assert_serves("1.1");
        assert!(!journey.tickets().contains(&"made since".to_owned()), "{:?}", journey.tickets());
        assert_eq!(self.desktop.shell.notifications().len(), 7, "one for each deployment");
    }
}

/// Panics unless a row of the table tells a deployment as the command line knows it.
fn is_told(row: &Value, known: &Value) {
    let told = format!("{row:#}\n{known:#}");
    let text = |key: &str| known[key].as_str().unwrap_or_default();
    let (badge, shape) = match text("status") {
        "success" => ("Success", "check"),
        "failed" => ("Failed", "cross"),
        "cancelled" => ("Cancelled", "stop"),
        "rolled_back" => ("Rolled back", "back"),
        other => panic!("{other}: {told}"),
    };
    assert_eq!((row["badge"].as_str(), row["shape"].as_str()), (Some(badge), Some(shape)), "{told}");
    if known["commit"].is_null() {
        assert_eq!((&row["commit"], &row["subject"]), (&Value::Null, &json!("No commit")), "{told}");
    } else {
        assert_eq!(
            (&row["commit"], &row["subject"]),
            (&json!(text("commit")[..7]), &known["subject"]),
            "{told}"
        );
    }

    let begun = text("started_at");
    let at = row["at"].as_str().unwrap();
    assert_eq!(at, begun, "{told}");
    let ago = row["ago"].as_str().unwrap();
    assert!(ago.ends_with("s ago") || ago.ends_with("m ago") || ago == "just now", "{told}");
    let exact = row["exact"].as_str().unwrap();
    // Whatever the time zone is.
    assert!(exact.contains(&begun[..4]) && exact.contains(&begun[16..19]), "{told}");
    assert_eq!(row["took"], json!([duration(&known["build_ms"]), duration(&known["deploy_ms"])]), "{told}");
    assert_eq!(row["snapshot"], !known["snapshot_id"].is_null(), "{told}");
    assert_eq!(row["serves"], known["number"] == 6, "{told}");

    let trigger = if text("trigger") == "retry" { "Retry" } else { "Manual" };
    let asked = format!("#{} · {trigger} · {}", known["number"], text("who"));
    assert!(row["who"].as_str().unwrap().starts_with(&asked), "{asked}: {told}");
    let why = known["error"]["message"].as_str().unwrap_or_default();
    match text("status") {
        "failed" => assert_eq!(row["message"], why, "{told}"),
        "rolled_back" => assert_eq!(row["message"], format!("Undone by itself: {why}"), "{told}"),
        _ => assert_eq!(row["message"], Value::Null, "{told}"),
    }
}

/// As the table says it; nothing took an hour.
fn duration(ms: &Value) -> String {
    match ms.as_u64() {
        None => "–".to_owned(),
        Some(ms) if ms < 1000 => format!("{ms}ms"),
        Some(ms) if ms < 9950 => format!("{}.{}s", (ms + 50) / 1000, (ms + 50) / 100 % 10),
        Some(ms) if ms < 59_500 => format!("{}s", (ms + 500) / 1000),
        Some(ms) => format!("{}m {:02}s", (ms + 500) / 60_000, (ms + 500) / 1000 % 60),
    }
}
