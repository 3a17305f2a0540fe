//! From the journal of a cut over to the steps and lines that the user sees, each exactly once, also after a restart.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::json;

use super::cut_over::Ended;
use crate::cutover::{Entry, Event};
use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::model::{Level, Part, Step, StepStatus};
use crate::odoo::traceback::{self, Cause, Ending};
use crate::store::LineFilter;

/// The last lines of Odoo's output that are kept to find out why it failed.
const TAIL: usize = 400;

/// How far the journal was read, and what it said.
pub(crate) struct Progress {
    /// Bytes of the journal that are done with.
    offset: u64,
    current: Option<Step>,
    seen: BTreeMap<Step, bool>,
    /// Lines that an earlier run wrote already, in their order; ours stand between the journal's.
    written: VecDeque<String>,
    tail: Vec<String>,
    gate_closed: Option<Timestamp>,
    pause_ms: i64,
    snapshot_at: Option<Timestamp>,
}

impl Progress {
    /// From the beginning, or from the step that an earlier run had reached.
    pub(crate) async fn resume(cx: &Cx) -> Result<Self, EngineError> {
        let store = cx.engine.store();
        let steps = store.steps(cx.deployment.id).await?;
        let mut progress = Self::new(VecDeque::new());
        // The pause and the snapshot's time are read again from the start; only what is shown must not be shown twice.
        for step in Step::all().filter(|s| s.part() == Part::CutOver) {
            progress.written.extend(written(cx, step).await?);
        }
        for record in
            steps.iter().filter(|s| s.step.part() == Part::CutOver && s.status != StepStatus::Pending)
        {
            progress.seen.insert(record.step, record.status.is_finished());
        }
        Ok(progress)
    }

    fn new(written: VecDeque<String>) -> Self {
        Self {
            offset: 0,
            current: None,
            seen: BTreeMap::new(),
            written,
            tail: vec![],
            gate_closed: None,
            pause_ms: 0,
            snapshot_at: None,
        }
    }

    /// Where to go on reading.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// How long requests were held.
    pub(crate) fn pause_ms(&self) -> i64 {
        self.pause_ms
    }

    /// The moment whose data the snapshot holds.
    pub(crate) fn snapshot_at(&self) -> Option<Timestamp> {
        self.snapshot_at
    }

    /// Takes one entry; `end` is the journal's offset behind it.
    pub(crate) async fn take(&mut self, cx: &Cx, entry: &Entry, end: u64) -> Result<(), EngineError> {
        self.offset = self.offset.max(end);
        self.measure(entry);
        if let Some(step) = entry.step.as_deref().and_then(|s| s.parse::<Step>().ok()) {
            self.enter(cx, step).await?;
        }
        self.show(cx, entry);
        Ok(())
    }

    async fn enter(&mut self, cx: &Cx, step: Step) -> Result<(), EngineError> {
        // Some actions of an earlier step come late in some lanes; what the user sees only goes forward.
        if self.current.is_some_and(|current| step <= current) {
            return Ok(());
        }
        if let Some(before) = self.current.replace(step)
            && self.seen.get(&before) == Some(&false)
        {
            self.seen.insert(before, true);
            cx.claim().finish_step(before, &json!(null)).await?;
        }
        cx.enter(step);
        if let std::collections::btree_map::Entry::Vacant(new) = self.seen.entry(step) {
            new.insert(false);
            cx.claim().start_step(step).await?;
        }
        Ok(())
    }

    fn measure(&mut self, entry: &Entry) {
        match (entry.action.as_str(), entry.ev) {
            ("gate_close", Event::Start) => self.gate_closed = entry.t,
            ("gate_open", Event::Ok) => {
                if let (Some(from), Some(to)) = (self.gate_closed, entry.t) {
                    self.pause_ms = (to.as_millisecond() - from.as_millisecond()).max(0);
                }
            }
            ("seal" | "dump_start" | "swap", Event::Start) => self.snapshot_at = entry.t,
            _ => {}
        }
    }

    fn show(&mut self, cx: &Cx, entry: &Entry) {
        let (level, text) = match entry.ev {
            Event::Start => (Level::Debug, format!("{} …", words(&entry.action))),
            Event::Ok if entry.text.is_empty() => (Level::Info, words(&entry.action)),
            Event::Ok => (Level::Info, format!("{}: {}", words(&entry.action), entry.text.trim_end())),
            Event::Fail => {
                (Level::Error, format!("{} failed: {}", words(&entry.action), entry.text.trim_end()))
            }
            Event::Line => {
                if self.tail.len() == TAIL {
                    self.tail.remove(0);
                }
                self.tail.push(entry.text.clone());
                (level_of(&entry.text), entry.text.clone())
            }
            Event::Warn | Event::Lost => (Level::Warning, entry.text.clone()),
            Event::Committed => (Level::Info, "Committed: the new release serves".into()),
            Event::Reverted => (Level::Warning, "Undone: what served before serves again".into()),
            Event::Cancelled => (Level::Warning, "Cancelled and undone".into()),
            Event::RevertFailed => (Level::Error, "Undoing failed".into()),
            Event::Dead | Event::Unknown => return,
        };
        let step = self.current.unwrap_or(Step::TakingSnapshot);
        for line in text.lines() {
            if !self.was_written(&cx.claim().log().shown(line)) {
                cx.say(step, level, line);
            }
        }
    }

    /// Whether an earlier run wrote the journal's next line. It wrote them in the journal's order, so the first one that it
    /// didn't write ends the search.
    fn was_written(&mut self, line: &str) -> bool {
        let place = self.written.iter().position(|w| w == line);
        let done = place.map_or(self.written.len(), |place| place + 1);
        self.written.drain(..done);
        place.is_some()
    }

    /// Gives every step of the cut over its last status.
    pub(crate) async fn end(&mut self, cx: &Cx, ended: &Ended) -> Result<(), EngineError> {
        let last = self.current.unwrap_or(Step::TakingSnapshot);
        for step in Step::all().filter(|s| s.part() == Part::CutOver) {
            match (self.seen.get(&step), ended) {
                (Some(true), _) => {}
                (Some(false), Ended::Committed(_)) => cx.claim().finish_step(step, &json!(null)).await?,
                (Some(false), Ended::RolledBack(error, _)) if step == last => cx.fail(step, error).await?,
                (Some(false), Ended::Cancelled(_)) if step == last => {
                    cx.claim().step(step, StepStatus::Cancelled, None, None).await?;
                }
                (Some(false), _) => cx.claim().finish_step(step, &json!(null)).await?,
                (None, Ended::Committed(_)) => {
                    cx.claim().skip_step(step, "Nothing to do in this lane").await?
                }
                (None, _) => cx.claim().skip_step(step, "Not reached").await?,
            }
        }
        Ok(())
    }

    /// What it means that the run died, by itself or with its server, while it did `action`.
    pub(crate) fn explain_death(&self, action: &str) -> EngineError {
        let message = format!(
            "The cut over's process on the server died in its action {action}; everything was put back."
        );
        EngineError::new(ErrorCode::CutOverFailed, message).hint(
            "The environment serves what it served before. See whether the server was restarted or ran out of memory, then \
             deploy again.",
        )
    }

    /// What the failure of an action means, with the likely cause out of Odoo's log.
    pub(crate) fn explain(&self, action: &str, said: &str) -> EngineError {
        let said = said.trim();
        let log =
            if self.tail.is_empty() { said.to_owned() } else { format!("{}\n{said}", self.tail.join("\n")) };
        let (code, message) = match action {
            "room" => (ErrorCode::DiskFull, "There is not enough room on the server's disk.".to_owned()),
            "update" => (ErrorCode::MigrationFailed, "Updating the database failed.".to_owned()),
            "start_new" => (ErrorCode::StartFailed, "The new container did not start.".to_owned()),
            "healthy" | "websocket" => {
                (ErrorCode::HealthCheckFailed, "The new release did not become healthy.".to_owned())
            }
            "proof" => {
                (ErrorCode::ProofFailed, "The new release runs, but is not what was planned.".to_owned())
            }
            "probe" => {
                (ErrorCode::RoutingFailed, "The new release does not answer through the proxy.".to_owned())
            }
            "clone" | "link" | "relink" | "dump_start" => {
                (ErrorCode::SnapshotFailed, "The snapshot could not be taken.".to_owned())
            }
            "swap" => {
                (ErrorCode::RestoreFailed, "The restored database could not take its place.".to_owned())
            }
            other => {
                (ErrorCode::CutOverFailed, format!("The cut over failed: {}.", words(other).to_lowercase()))
            }
        };
        let is_odoos = matches!(action, "update" | "start_new" | "healthy" | "websocket" | "proof");
        if !is_odoos {
            return EngineError::new(code, message).detail(said);
        }
        let found = traceback::diagnose(&log, Ending { code: None, out_of_memory: said.contains(" true") });
        let code = match (code, &found.cause) {
            (ErrorCode::HealthCheckFailed | ErrorCode::ProofFailed, _) if found.not_loaded => {
                ErrorCode::ModuleLoadFailed
            }
            (code, Cause::Unknown) => code,
            (ErrorCode::MigrationFailed, Cause::Migration) => code,
            (ErrorCode::MigrationFailed, _) => ErrorCode::ModuleLoadFailed,
            (code, _) => code,
        };
        EngineError::new(code, format!("{message} {}.", capitalised(&found.message)))
            .hint(found.hint)
            .detail(said)
    }
}

/// All lines of a step that are in the store.
async fn written(cx: &Cx, step: Step) -> Result<Vec<String>, EngineError> {
    const PAGE: u32 = 5000;
    let (mut all, mut after) = (vec![], 0);
    loop {
        let filter = LineFilter { step: Some(step), after, limit: Some(PAGE), ..LineFilter::default() };
        let page = cx.engine.store().lines(cx.deployment.id, filter).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = last.seq;
        all.extend(page.into_iter().map(|line| line.text));
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Odoo's lines carry their level: `2026-01-02 03:04:05,678 1 ERROR db odoo.modules: …`.
fn level_of(line: &str) -> Level {
    match line.split_whitespace().nth(3) {
        Some("ERROR" | "CRITICAL") => Level::Error,
        Some("WARNING") => Level::Warning,
        Some("INFO") => Level::Info,
        _ => Level::Debug,
    }
}

/// What an action is to a person.
fn words(action: &str) -> String {
    let text = match action {
        "begin" => "Cut over begins",
        "room" => "Room on the disk",
        "look" => "What serves now",
        "boot_entry" => "Recovery after a reboot is arranged",
        "gate_close" => "Requests are held",
        "drain" => "Requests in flight have finished",
        "stop_old" => "The old container is told to stop",
        "seal" => "The database is sealed",
        "stopped" => "The old container has stopped",
        "clone" => "The database is cloned",
        "link" => "The filestore is linked",
        "relink" => "Files since then are linked",
        "unseal" => "The database is open again",
        "dump_start" => "The database's dump has begun",
        "create_db" => "The database is created",
        "swap" => "The restored data took its place",
        "update" => "The database is updated",
        "hold_crons" => "Scheduled actions are held",
        "start_new" => "The new container is started",
        "healthy" => "The new release answers",
        "websocket" => "Its websocket answers",
        "proof" => "It is what was planned",
        "probe" => "It answers through the proxy",
        "keep" => "It will be kept running",
        "commit" => "Commit",
        "release_crons" => "Scheduled actions run again",
        "gate_open" => "Requests go on",
        "gate_switch" => "Requests go to the new release",
        "drain_old" => "The old release has finished its requests",
        "retire_old" => "The old container is retired",
        "dump_end" => "The database's dump is complete",
        other => return other.replace('_', " "),
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_run_wrote_is_not_written_again() {
        // Between the journal's lines stand some of our own, and the journal says some things twice.
        let earlier = ["a", "The server is back", "b", "b", "me asked to cancel", "c"];
        let mut progress = Progress::new(earlier.map(str::to_owned).into());
        let journal = ["a", "b", "b", "c", "b", "a", "d"];
        let new: Vec<&str> = journal.into_iter().filter(|line| !progress.was_written(line)).collect();
        assert_eq!(new, ["b", "a", "d"]);
    }

    #[test]
    fn a_death_is_no_failure_of_what_was_under_way() {
        let progress = Progress::new(VecDeque::new());
        let error = progress.explain_death("update");
        assert_eq!(error.code, ErrorCode::CutOverFailed);
        assert_eq!(progress.explain("update", "exit code").code, ErrorCode::MigrationFailed);
    }
}
