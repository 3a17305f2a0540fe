//! A deployment as it goes on: a live view on a terminal, plain lines elsewhere, JSON lines when asked for.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use slipway_engine::events::{Event, EventKind};
use slipway_engine::model::{Level, Step, StepStatus};

use crate::output::{Output, duration, shown};

/// Shows events one after another.
pub(crate) struct View {
    out: Output,
    least: Level,
    bar: Option<ProgressBar>,
    step: Option<(Step, Timestamp)>,
}

impl View {
    /// A view that shows lines of `least` and above; the live view shows all of them, one at a time.
    pub(crate) fn new(out: Output, least: Level) -> Self {
        let bar = out.is_live().then(|| {
            let bar = ProgressBar::new(u64::from(Step::COUNT));
            if let Ok(style) = ProgressStyle::with_template(
                "{spinner:.blue} Step {pos} of {len}  {bar:30.blue/dim}  {elapsed}  {prefix:.bold}\n  {wide_msg:.dim}",
            ) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { out, least, bar, step: None }
    }

    /// Shows one event.
    pub(crate) fn show(&mut self, event: &Event) {
        if self.out.is_json() {
            self.out.json_line(event);
            return;
        }
        match &event.kind {
            EventKind::Line { step, level, text } => self.show_line(*step, *level, text),
            EventKind::StepChanged { step, status, message } => {
                self.show_step(*step, *status, message.as_deref(), event.at);
            }
            EventKind::StatusChanged { status, .. } if self.bar.is_none() => {
                self.out.line(&format!("== {status}"))
            }
            EventKind::StatusChanged { .. } | EventKind::Progress { .. } => {}
        }
    }

    /// Takes the live view off the terminal.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn show_line(&self, step: Step, level: Level, text: &str) {
        match &self.bar {
            Some(bar) => {
                if level >= Level::Warning {
                    bar.println(shown(&format!("  {} {text}", mark_of(level))));
                }
                bar.set_message(shown(text).into_owned());
            }
            None if level >= self.least => {
                self.out.line(&format!("[{:2}/{}] {} {text}", step.number(), Step::COUNT, mark_of(level)));
            }
            None => {}
        }
    }

    fn show_step(&mut self, step: Step, status: StepStatus, message: Option<&str>, at: Timestamp) {
        let took = match (status, self.step) {
            (StepStatus::Running, _) => {
                self.step = Some((step, at));
                None
            }
            (_, Some((running, since))) if running == step => {
                Some(at.as_millisecond() - since.as_millisecond())
            }
            _ => None,
        };
        match &self.bar {
            Some(bar) if status == StepStatus::Running => {
                bar.set_position(u64::from(step.number()));
                bar.set_prefix(step.title());
                bar.set_message(String::new());
            }
            Some(bar) => {
                let line = format!("{} {:24} {}", mark(status), step.title(), ending(status, message, took));
                bar.println(shown(&line));
            }
            None if status == StepStatus::Running => {
                self.out.line(&format!("[{:2}/{}] {}", step.number(), Step::COUNT, step.title()));
            }
            None => {
                let end = ending(status, message, took);
                self.out.line(&format!("[{:2}/{}] {} {}", step.number(), Step::COUNT, mark(status), end));
            }
        }
    }
}

fn ending(status: StepStatus, message: Option<&str>, took: Option<i64>) -> String {
    let mut words = vec![];
    if status != StepStatus::Done {
        words.push(status.to_string());
    }
    words.extend(took.map(duration));
    if status != StepStatus::Done {
        words.extend(message.map(str::to_owned));
    }
    words.join("  ")
}

/// A step's status by shape, as well as by word.
pub(crate) fn mark(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "○",
        StepStatus::Running => "◌",
        StepStatus::Done => "✓",
        StepStatus::Failed => "✗",
        StepStatus::Skipped => "–",
        StepStatus::Cancelled => "⊘",
    }
}

fn mark_of(level: Level) -> &'static str {
    match level {
        Level::Debug => "·",
        Level::Info => " ",
        Level::Warning => "!",
        Level::Error => "✗",
    }
}
