//! The logs: whose, which steps, which levels, and where a text stands in them.

use serde_json::Value;

use super::page::number_in;
use super::{COUNT, ERROR, SOON, Story};

/// The driver's names for keys.
const ENTER: &str = "\u{E007}";
const ESCAPE: &str = "\u{E00C}";

/// What stands in the marked line, and its time.
const MARKED: &str = "const line = document.querySelector('[data-marked]');
    return line ? [line.querySelector('.text').textContent, line.querySelector('time').dateTime] : null";

impl Story {
    /// The window shows the log of #2, which failed and was undone.
    pub(crate) fn the_log_is_searched(&self) {
        let Self { window, journey, .. } = self;
        let history = journey.history();
        let number = |n: u64| history.iter().find(|d| d["number"] == n).unwrap();
        let id = |n: u64| number(n)["id"].as_str().unwrap();
        let shows = |count: usize, what: &str| {
            window.wait_for_text(COUNT, SOON, |text| number_in(text) == count && text.contains(what));
        };
        let all = self.lines(id(2), "debug");
        shows(all.len(), "line");
        assert_eq!(self.property("[data-testid=log-deployment]", "value"), id(2));
        let why = &number(2)["error"];
        assert!(window.text(ERROR).contains(why["message"].as_str().unwrap()));
        window.at("log-step-initializing");

        self.choose("log-level-error");
        let errors = self.lines(id(2), "error");
        assert!(!errors.is_empty() && errors.len() < all.len(), "{} of {}", errors.len(), all.len());
        shows(errors.len(), "line");
        window.at(&format!("log-step-{}", why["step"].as_str().unwrap()));
        assert!(window.look("[data-testid=log-step-initializing]").is_none(), "it said no error");
        let others = "return document.querySelectorAll('[data-testid=log] .line:not(.error)').length";
        self.desktop.until(|| window.script(others) == 0, "errors only");

        self.choose("log-level-debug");
        shows(all.len(), "line");
        window.at("log-search").fill("NO.SUCH.model");
        let is_match = |line: &&Value| text_of(line).contains("no.such.model");
        let found: Vec<&Value> = all.iter().filter(is_match).collect();
        assert!(!found.is_empty(), "the reason is in the log");
        shows(found.len(), "match");
        self.from_match_to_match(&found);

        // The marked one among the lines around it.
        window.at("log").write(ENTER);
        shows(all.len(), "line");
        assert_eq!(self.property("[data-testid=log-search]", "value"), "", "all lines are shown again");
        self.desktop.until(|| self.marks(found[0]), "it is marked among the others");
        let lines = "return document.querySelectorAll('[data-testid=log-line]').length";
        assert!(window.script(lines).as_u64() > Some(found.len() as u64), "there are others around it");

        window.at("log-search").fill("nobody ever said this");
        window.wait_for_text("[data-testid=log-empty]", SOON, |text| text == "No line fits.");
        window.at("log-search").write(ESCAPE);
        shows(all.len(), "line");
        self.steps_are_folded_and_unfolded(id(4));
    }

    fn from_match_to_match(&self, found: &[&Value]) {
        let Self { window, .. } = self;
        let is_at = |n: usize| {
            window.wait_for_text(COUNT, SOON, |text| text.starts_with(&format!("{} of ", n + 1)));
            self.desktop.until(|| self.marks(found[n]), &format!("match {n} is marked"));
        };
        window.at("log-search").write(ENTER);
        is_at(0);
        window.at("log-next").click();
        is_at(1 % found.len());
        window.at("log-previous").click();
        is_at(0);
        window.at("log-previous").click();
        is_at(found.len() - 1);
        window.at("log-next").click();
        is_at(0);
    }

    /// Another deployment's log, by the list.
    fn steps_are_folded_and_unfolded(&self, id: &str) {
        let Self { window, .. } = self;
        window.find(&format!("[data-testid=log-deployment] option[value=\"{id}\"]")).click();
        self.is_at(&format!("/logs/{id}"));
        let lines = self.lines(id, "debug");
        window.wait_for_text(COUNT, SOON, |text| number_in(text) == lines.len());
        assert!(window.look(ERROR).is_none(), "that one went well");
        let mut steps: Vec<&str> = lines.iter().filter_map(|line| line["step"].as_str()).collect();
        let of_the_first = steps.iter().filter(|step| **step == "initializing").count();
        assert!(of_the_first > 0, "its first step said something");
        steps.sort_unstable();
        steps.dedup();
        let rows = |wanted: usize, what: &str| {
            let now = || self.property("[data-testid=log]", "dataset.rows");
            self.desktop.until(|| now() == wanted.to_string(), &format!("{what}: {wanted} rows"));
        };
        rows(lines.len() + steps.len(), "a heading for each step");
        window.at("log-step-initializing").click();
        rows(lines.len() + steps.len() - of_the_first, "the first step is folded");
        window.at("log-step-initializing").click();
        rows(lines.len() + steps.len(), "it is unfolded");
        window.at("log-fold-all").click();
        rows(steps.len(), "all are folded");
        window.at("log-fold-all").click();
        rows(lines.len() + steps.len(), "all are unfolded");
    }

    /// A deployment's lines as the command line tells them.
    pub(crate) fn lines(&self, id: &str, level: &str) -> Vec<Value> {
        let all = self.journey.slipway.must(&["logs", id, "--level", level]).lines;
        all.into_iter().filter(|line| line["event"] == "line").collect()
    }

    /// Whether the log is scrolled to its end.
    pub(crate) fn log_is_at_its_end(&self) -> bool {
        let script = "const log = document.querySelector('[data-testid=log]');
            return log.scrollHeight - log.clientHeight - log.scrollTop < 2";
        self.window.script(script) == true
    }

    fn marks(&self, line: &Value) -> bool {
        let marked = self.window.script(MARKED);
        marked[0].as_str() == Some(text_of(line)) && marked[1] == line["at"]
    }
}

fn text_of(line: &Value) -> &str {
    line["text"].as_str().unwrap()
}
