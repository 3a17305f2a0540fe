//! What was measured, beside what was promised.

use std::fmt;
use std::time::Duration;

/// Rows of a Markdown table.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    what: String,
    measured: String,
    target: Option<(String, bool)>,
}

impl Table {
    /// A figure with a target, and whether it was met.
    pub(crate) fn target(&mut self, what: &str, measured: String, target: &str, met: bool) {
        eprintln!("{what}: {measured} ({target}: {})", if met { "met" } else { "missed" });
        self.rows.push(Row { what: what.to_owned(), measured, target: Some((target.to_owned(), met)) });
    }

    /// A figure without one.
    pub(crate) fn note(&mut self, what: &str, measured: String) {
        eprintln!("{what}: {measured}");
        self.rows.push(Row { what: what.to_owned(), measured, target: None });
    }

    /// Whether every target was met.
    pub(crate) fn all_met(&self) -> bool {
        self.rows.iter().all(|row| row.target.as_ref().is_none_or(|(_, met)| *met))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | measured | target | |\n|---|---|---|---|")?;
        for Row { what, measured, target } in &self.rows {
            let (target, mark) = match target {
                None => ("", ""),
                Some((target, true)) => (target.as_str(), "met"),
                Some((target, false)) => (target.as_str(), "**missed**"),
            };
            writeln!(f, "| {what} | {measured} | {target} | {mark} |")?;
        }
        Ok(())
    }
}

/// The one in the middle.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// `1.23 s`.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// Several times, in the order they were taken: `1.23, 1.31 s`.
pub(crate) fn all(times: &[Duration]) -> String {
    let each: Vec<String> = times.iter().map(|time| format!("{:.2}", time.as_secs_f64())).collect();
    format!("{} s", each.join(", "))
}

/// How often the second goes into the first.
pub(crate) fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64().max(f64::MIN_POSITIVE)
}
