//! The journal of a cut over, as it lies on the server.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use slipway_tests::Journey;

/// What happened in a cut over, and when.
#[derive(Debug)]
pub(crate) struct Journal {
    entries: Vec<Value>,
}

impl Journal {
    /// Of the newest deployment of a journey's environment.
    pub(crate) fn of_the_last(journey: &Journey) -> Self {
        let id = journey.last()["id"].as_str().expect("a deployment has an id").replace('-', "");
        let file = journey.folder().join("cutovers").join(&id[id.len() - 12..]).join("journal.jsonl");
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        Self { entries: text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect() }
    }

    /// When this came over an action for the first time: `start`, `ok`, `fail`, or an end such as `reverted`.
    pub(crate) fn at(&self, action: &str, event: &str) -> Timestamp {
        let found = self.entries.iter().find(|entry| entry["action"] == action && entry["ev"] == event);
        let found = found.unwrap_or_else(|| panic!("the journal says {action} {event}: {:#?}", self.entries));
        found["t"].as_str().and_then(|text| text.parse().ok()).expect("an entry has its time")
    }

    /// `room 0.21, look 0.10, …`: how many seconds each action took, in the order they ended.
    pub(crate) fn actions(&self) -> String {
        let ended = self.entries.iter().filter(|entry| entry["ev"] == "ok");
        let each = ended.filter_map(|entry| entry["action"].as_str()).filter(|action| {
            self.entries.iter().any(|entry| entry["action"] == *action && entry["ev"] == "start")
        });
        each.map(|action| format!("{action} {:.2}", self.took(action).as_secs_f64()))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// How long an action took.
    pub(crate) fn took(&self, action: &str) -> Duration {
        between(self.at(action, "start"), self.at(action, "ok"))
    }
}

/// The time from one to the other.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}
