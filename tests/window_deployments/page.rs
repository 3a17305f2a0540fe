//! What stands on the page, all of one moment, and waiting for it.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{LONG, SOON, Story};

/// Between two looks.
const BREATH: Duration = Duration::from_millis(30);

/// What the progress shows, all of one moment.
const PROGRESS: &str = "
    const all = document.querySelector('[data-testid=progress]');
    const text = (of, css) => of?.querySelector(css)?.textContent.trim() ?? '';
    const row = (li) => ({
        step: li.dataset.testid.slice(5), status: li.dataset.status, shape: li.querySelector('svg').dataset.shape,
        title: text(li, '.title'), message: text(li, '.message'), open: li.querySelector('[role=log]') !== null,
    });
    return {
        title: text(all, 'h2'), status: all?.dataset.status, at: text(all, '[data-testid=progress-step]'),
        current: text(all, '[data-testid=progress-current]'),
        steps: [...(all?.querySelectorAll('li[data-testid^=step-]') ?? [])].map(row),
    };";

/// The rows of the table of deployments.
const ROWS: &str = "
    const text = (of, css) => of.querySelector(css)?.textContent.replace(/\\s+/g, ' ').trim() ?? null;
    return [...document.querySelectorAll('[data-testid=deployments] tr[data-row]')].map((row) => ({
        number: Number(row.dataset.testid.slice(11)), status: row.dataset.status, badge: text(row, '[data-testid=status]'),
        shape: row.querySelector('[data-testid=status] svg').dataset.shape,
        commit: text(row, '[data-testid=commit]'), subject: text(row, '.subject'), who: text(row, '.who'),
        ago: text(row, 'time'), exact: row.querySelector('time')?.title, at: row.querySelector('time')?.dateTime,
        took: [...row.querySelectorAll('td.number')].map((cell) => cell.textContent.trim()),
        message: text(row, '[data-testid=message]'),
        snapshot: row.querySelector('td.center svg') !== null, serves: text(row, '[data-testid=live]') !== null,
    }));";

impl Story {
    /// Watches the deployment until it ends so. Panics when the progress contradicts itself or goes back. Gives the steps that
    /// were seen under way, open and saying something.
    pub(crate) fn watch_to_the_end(&self, status: &str) -> Vec<String> {
        let mut seen: Vec<String> = vec![];
        let mut at = 0;
        self.wait_for_progress_within(LONG, |now| {
            if ["success", "failed", "cancelled", "rolled_back"].iter().any(|end| now["status"] == *end) {
                assert_eq!(now["status"], status, "{now:#}\n{:#}", self.journey.last());
                return now["steps"].as_array().unwrap().is_empty();
            }
            for step in now["steps"].as_array().unwrap() {
                let shape = match step["status"].as_str().unwrap() {
                    "done" => "check",
                    "running" => "spin",
                    "skipped" => "skip",
                    "failed" => "cross",
                    "cancelled" => "stop",
                    _ => "circle",
                };
                assert_eq!(step["shape"], shape, "{now:#}");
            }
            let Some(place) =
                now["steps"].as_array().unwrap().iter().position(|step| step["status"] == "running")
            else {
                return false;
            };
            let step = &now["steps"][place];
            let told = now["current"].as_str().unwrap();
            assert_eq!(now["at"], format!("Step {} of 15", place + 1), "{now:#}");
            assert!(told.starts_with(step["title"].as_str().unwrap()), "{now:#}");
            let message = step["message"].as_str().unwrap();
            assert!(told.ends_with(message), "{now:#}");
            let name = step["step"].as_str().unwrap().to_owned();
            // A connection that was lost is made anew, wherever it is.
            if name != "connecting" {
                assert!(place >= at, "it goes back: {now:#}");
                at = place;
            }
            if seen.last() != Some(&name) && !message.is_empty() && step["open"] == true {
                seen.push(name);
            }
            false
        });
        let unfolded = self.window.at("progress-fold").attribute("aria-expanded");
        assert_eq!(unfolded.as_deref(), Some("false"), "the steps are closed when it has ended");
        seen
    }

    pub(crate) fn wait_for_progress(&self, is_it: impl FnMut(&Value) -> bool) -> Value {
        self.wait_for_progress_within(SOON, is_it)
    }

    pub(crate) fn wait_for_progress_within(
        &self,
        limit: Duration,
        mut is_it: impl FnMut(&Value) -> bool,
    ) -> Value {
        let until = Instant::now() + limit;
        loop {
            let now = self.window.script(PROGRESS);
            if is_it(&now) {
                return now;
            }
            thread::sleep(BREATH);
            assert!(Instant::now() < until, "the progress never was as wanted: {now:#}");
        }
    }

    pub(crate) fn wait_for_rows(&self, is_it: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let until = Instant::now() + SOON;
        loop {
            let rows = self.window.script(ROWS).as_array().unwrap().clone();
            if is_it(&rows) {
                return rows;
            }
            thread::sleep(BREATH);
            assert!(Instant::now() < until, "the deployments never were as wanted: {rows:#?}");
        }
    }

    /// Waits until the window is at a place that ends so.
    pub(crate) fn is_at(&self, end: &str) {
        self.desktop.until(|| self.window.place().ends_with(end), &format!("the window is at {end}"));
    }

    /// Chooses one of a row of choices: what can be clicked is its label.
    pub(crate) fn choose(&self, id: &str) {
        self.window.find(&format!("label:has(> [data-testid={id}])")).click();
    }

    pub(crate) fn property(&self, css: &str, name: &str) -> String {
        let value = self.window.script(&format!("return document.querySelector({css:?})?.{name}"));
        value.as_str().unwrap_or_default().trim().to_owned()
    }
}

/// Their numbers, in the order of the table.
pub(crate) fn numbers(rows: &[Value]) -> Vec<u64> {
    rows.iter().filter_map(|row| row["number"].as_u64()).collect()
}

/// `1,204 lines` → 1204.
pub(crate) fn number_in(text: &str) -> usize {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_default()
}
