//! From the journal of a cut over to the steps and lines that the user sees, each exactly once, also after a restart.

use std::collections::{BTreeMap, VecDeque};

use serde_json::json;

use super::cut_over::Ended;
use super::reading::Reading;
use super::words::told;
use crate::cutover::{Entry, Event};
use crate::cx::Cx;
use crate::error::EngineError;
use crate::model::{Level, Part, Step, StepStatus};
use crate::odoo;
use crate::store::LineFilter;

/// How far the journal was read, and what it said.
pub(crate) struct Progress {
    /// Bytes of the journal that are done with.
    offset: u64,
    current: Option<Step>,
    seen: BTreeMap<Step, bool>,
    /// Lines that an earlier run wrote already, in their order; ours stand between the journal's.
    written: VecDeque<String>,
    reading: Reading,
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
        Self { offset: 0, current: None, seen: BTreeMap::new(), written, reading: Reading::default() }
    }

    /// Where to go on reading.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// What the journal says as a whole.
    pub(crate) fn reading(&self) -> &Reading {
        &self.reading
    }

    /// Takes one entry; `end` is the journal's offset behind it.
    pub(crate) async fn take(&mut self, cx: &Cx, entry: &Entry, end: u64) -> Result<(), EngineError> {
        self.offset = self.offset.max(end);
        self.reading.push(entry);
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
        if step.part() != Part::CutOver {
            // The settling begins its step itself.
            return Ok(());
        }
        if let std::collections::btree_map::Entry::Vacant(new) = self.seen.entry(step) {
            new.insert(false);
            cx.claim().start_step(step).await?;
        }
        Ok(())
    }

    fn show(&mut self, cx: &Cx, entry: &Entry) {
        let level = match entry.ev {
            Event::Start => Level::Debug,
            Event::Ok | Event::Committed => Level::Info,
            Event::Fail | Event::RevertFailed => Level::Error,
            Event::Line => level_of(&entry.text),
            Event::Warn | Event::Lost | Event::Reverted | Event::Cancelled => Level::Warning,
            Event::Dead | Event::Unknown => return,
        };
        let text = told(entry);
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
                (Some(false), Ended::Committed) => cx.claim().finish_step(step, &json!(null)).await?,
                (Some(false), Ended::RolledBack(error, _)) if step == last => cx.fail(step, error).await?,
                (Some(false), Ended::Cancelled) if step == last => {
                    cx.claim().step(step, StepStatus::Cancelled, None, None).await?;
                }
                (Some(false), _) => cx.claim().finish_step(step, &json!(null)).await?,
                (None, Ended::Committed) => cx.claim().skip_step(step, "Nothing to do in this lane").await?,
                (None, _) => cx.claim().skip_step(step, "Not reached").await?,
            }
        }
        Ok(())
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

/// Odoo's lines carry their level and who speaks: `2026-01-02 03:04:05,678 1 ERROR db odoo.modules.loading: …`. What its own
/// parts say for information, a hundred lines each time modules are loaded, is for whoever looks closer; what a project's own
/// modules say is not.
fn level_of(line: &str) -> Level {
    let mut words = line.split_whitespace().skip(3);
    let (level, logger) = (words.next(), words.nth(1).unwrap_or_default());
    match level {
        Some("ERROR" | "CRITICAL") => Level::Error,
        Some("WARNING") => Level::Warning,
        Some("INFO") if is_of_a_projects_module(logger.trim_end_matches(':')) => Level::Info,
        _ => Level::Debug,
    }
}

/// Whether a logger is one of a module that Odoo doesn't bring along.
fn is_of_a_projects_module(logger: &str) -> bool {
    let module = logger.strip_prefix("odoo.addons.").and_then(|rest| rest.split('.').next());
    module.is_some_and(|module| !odoo::modules::is_odoos_own(module))
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
    fn odoos_routine_is_for_whoever_looks_closer() {
        let level = |rest: &str| level_of(&format!("2026-11-22 10:47:33,169 1 {rest}"));
        assert_eq!(level("INFO acme odoo.modules.loading: Module base loaded in 1.2s"), Level::Debug);
        assert_eq!(level("INFO acme odoo.addons.base.models.ir_module: ALLOW access"), Level::Debug);
        assert_eq!(level("INFO acme odoo.addons.acme_base.migrations: 12 tickets moved"), Level::Info);
        assert_eq!(level("WARNING acme odoo.modules.loading: missing"), Level::Warning);
        assert_eq!(level("ERROR acme odoo.addons.base.models: bad"), Level::Error);
        assert_eq!(level_of("  File \"/opt/x.py\", line 3, in f"), Level::Debug);
    }
}
