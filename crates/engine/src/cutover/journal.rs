//! The journal of a cut over: one JSON object a line, written by the script, read from any byte offset.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, by the server's clock; of a line of output, when it was said.
    #[serde(default, deserialize_with = "lenient")]
    pub t: Option<Timestamp>,
    /// The deployment's short id; empty in what `follow` says itself.
    #[serde(default)]
    pub id: String,
    /// The step it belongs to, by its snake_case name; none for what undoes, and for the end.
    #[serde(default)]
    pub step: Option<String>,
    /// What the script was doing: `clone`, `update`, `db_back`, …
    #[serde(default)]
    pub action: String,
    /// What happened.
    pub ev: Event,
    /// Output, a reason, a warning.
    #[serde(default)]
    pub text: String,
}

/// What a line of the journal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// An action begins. Of the action `commit`: the point of no return.
    Start,
    /// An action is done.
    Ok,
    /// An action failed; `text` says how.
    Fail,
    /// A line of Odoo's output.
    Line,
    /// Something that a person should know, and that stops nothing.
    Warn,
    /// The run died without a last word, and its guard noticed.
    Lost,
    /// End: the new release serves.
    Committed,
    /// End: the old release serves, data as it was.
    Reverted,
    /// End: the same, because somebody cancelled.
    Cancelled,
    /// End of an attempt: undoing failed, and can be tried again.
    RevertFailed,
    /// Said by `follow`, not in the journal: no end is recorded and no process is left.
    Dead,
    /// Said by a newer script.
    #[serde(other)]
    Unknown,
}

impl Entry {
    /// Reads one line; `None` for one that a power cut or a full disk left unfinished.
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line.trim_matches(['\0', ' ', '\n', '\r'])).ok()
    }

    fn is_undoing(&self) -> bool {
        self.step.is_none()
    }
}

/// How a cut over ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The new release serves.
    Committed,
    /// The old release serves, data as it was.
    Reverted {
        /// The step that failed, by its snake_case name.
        step: Option<String>,
        /// The action that failed.
        action: String,
        /// Why; `None` when nothing failed, but the run's process died.
        error: Option<String>,
    },
    /// Undoing failed; run `revert` again once the reason is gone.
    RevertFailed {
        /// The action that failed last.
        action: String,
        /// Why.
        error: String,
    },
    /// Cancelled before the commit, and undone.
    Cancelled,
    /// No end is recorded and no process is left: run `revert`.
    Dead,
}

/// Folds entries, in their order, into an [`Outcome`].
#[derive(Debug, Clone, Default)]
pub struct Fold {
    failed: Option<Entry>,
    undo_failed: Option<Entry>,
    doing: Option<(Option<String>, String)>,
    committing: bool,
    outcome: Option<Outcome>,
}

impl Fold {
    /// Takes the next entry.
    pub fn push(&mut self, entry: &Entry) {
        match entry.ev {
            Event::Start => {
                self.committing |= entry.action == "commit";
                // A dead cut over goes on: somebody reverts it.
                self.outcome = self
                    .outcome
                    .take()
                    .filter(|o| !matches!(o, Outcome::Dead | Outcome::RevertFailed { .. }));
                if !entry.is_undoing() {
                    self.doing = Some((entry.step.clone(), entry.action.clone()));
                }
            }
            Event::Fail if entry.is_undoing() => self.undo_failed = Some(entry.clone()),
            Event::Fail if !self.committing => {
                self.failed = self.failed.take().or_else(|| Some(entry.clone()))
            }
            Event::Committed => self.outcome = Some(Outcome::Committed),
            Event::Cancelled => self.outcome = Some(Outcome::Cancelled),
            Event::Dead => self.outcome = self.outcome.take().or(Some(Outcome::Dead)),
            Event::Reverted => self.outcome = Some(self.reverted()),
            Event::RevertFailed => {
                let (action, error) =
                    self.undo_failed.clone().map(|e| (e.action, e.text)).unwrap_or_default();
                self.outcome = Some(Outcome::RevertFailed { action, error });
            }
            _ => {}
        }
    }

    /// How it ended, if it did.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Whether the point of no return is behind.
    pub fn is_committing(&self) -> bool {
        self.committing
    }

    fn reverted(&self) -> Outcome {
        if let Some(Entry { step, action, text, .. }) = &self.failed {
            let error = Some(text.clone());
            return Outcome::Reverted { step: step.clone(), action: action.clone(), error };
        }
        let (step, action) = self.doing.clone().unwrap_or_default();
        Outcome::Reverted { step, action, error: None }
    }
}

/// A line that was said without a time, or with one that can't be read, is still a line.
fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(lines: &[&str]) -> Option<Outcome> {
        let mut fold = Fold::default();
        lines.iter().filter_map(|line| Entry::parse(line)).for_each(|entry| fold.push(&entry));
        fold.outcome().cloned()
    }

    #[test]
    fn reads_what_the_script_writes() {
        let entry = Entry::parse(
            r#"{"t":"2026-11-22T10:47:33.169475757Z","id":"0123456789ab","step":"initializing_database","action":"update","ev":"line","text":"a \"b\" \u00ff"}"#,
        )
        .unwrap();
        assert_eq!(entry.ev, Event::Line);
        assert_eq!(entry.text, "a \"b\" ÿ");
        assert_eq!(entry.t.unwrap().to_string(), "2026-11-22T10:47:33.169475757Z");
    }

    #[test]
    fn half_lines_and_new_events_are_tolerated() {
        assert_eq!(Entry::parse(r#"{"t":"2026","#), None);
        assert_eq!(Entry::parse(r#"{"t":"","ev":"sung"}"#).unwrap().ev, Event::Unknown);
        assert_eq!(Entry::parse("\0\0{\"ev\":\"dead\"}\n").unwrap().ev, Event::Dead);
    }

    #[test]
    fn the_first_failure_is_the_reason() {
        let outcome = fold(&[
            r#"{"step":"initializing_database","action":"update","ev":"start"}"#,
            r#"{"step":"initializing_database","action":"update","ev":"fail","text":"exit code 255"}"#,
            r#"{"action":"stop_new","ev":"fail","text":"docker is away"}"#,
            r#"{"action":"stop_new","ev":"ok"}"#,
            r#"{"action":"end","ev":"reverted"}"#,
        ]);
        let error = Some("exit code 255".to_owned());
        let step = Some("initializing_database".to_owned());
        assert_eq!(outcome, Some(Outcome::Reverted { step, action: "update".into(), error }));
    }

    #[test]
    fn a_dead_run_can_still_be_reverted() {
        let start = r#"{"step":"taking_snapshot","action":"clone","ev":"start"}"#;
        assert_eq!(fold(&[start]), None);
        assert_eq!(fold(&[start, r#"{"ev":"dead"}"#]), Some(Outcome::Dead));
        let revert = [start, r#"{"ev":"dead"}"#, r#"{"action":"revert","ev":"start"}"#];
        assert_eq!(fold(&revert), None);
        let end = [
            start,
            r#"{"ev":"dead"}"#,
            r#"{"action":"revert","ev":"start"}"#,
            r#"{"action":"end","ev":"reverted"}"#,
        ];
        assert!(
            matches!(fold(&end), Some(Outcome::Reverted { action, error: None, .. }) if action == "clone")
        );
    }

    #[test]
    fn a_failure_after_the_commit_undoes_nothing() {
        let outcome = fold(&[
            r#"{"step":"configuring_routing","action":"commit","ev":"start"}"#,
            r#"{"step":"configuring_routing","action":"dump_end","ev":"fail","text":"disk full"}"#,
            r#"{"action":"end","ev":"committed"}"#,
        ]);
        assert_eq!(outcome, Some(Outcome::Committed));
    }
}
