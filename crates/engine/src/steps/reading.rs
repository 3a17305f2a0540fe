//! What the journal of a cut over says as a whole: how long requests were held, which moment was saved, and why it failed.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::cutover::{Entry, Event};
use crate::error::{EngineError, ErrorCode};
use crate::odoo::traceback::{self, Cause, Ending};
use crate::steps::words::words;

/// The last lines of Odoo's output that are kept to find out why it failed.
const TAIL: usize = 400;

/// A journal, read entry by entry.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    tail: VecDeque<String>,
    gate_closed: Option<Timestamp>,
    pause_ms: i64,
    snapshot_at: Option<Timestamp>,
}

impl Reading {
    /// Takes the next entry.
    pub(crate) fn push(&mut self, entry: &Entry) {
        match (entry.action.as_str(), entry.ev) {
            (_, Event::Line) => {
                if self.tail.len() == TAIL {
                    self.tail.pop_front();
                }
                self.tail.push_back(entry.text.clone());
            }
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

    /// How long requests were held, in milliseconds.
    pub(crate) fn pause_ms(&self) -> i64 {
        self.pause_ms
    }

    /// The moment whose data the snapshot holds.
    pub(crate) fn snapshot_at(&self) -> Option<Timestamp> {
        self.snapshot_at
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
        let log = if self.tail.is_empty() {
            said.to_owned()
        } else {
            format!("{}\n{said}", Vec::from(self.tail.clone()).join("\n"))
        };
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
            "served" => {
                let first = said.lines().next().unwrap_or_default().trim_end_matches('.');
                (
                    ErrorCode::WrongContent,
                    format!("What the new release serves is not what was deployed: {first}."),
                )
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
                (ErrorCode::CutOverFailed, format!("The cutover failed: could not {}.", words(other).task))
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

fn capitalised(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_no_failure_of_what_was_under_way() {
        let reading = Reading::default();
        let error = reading.explain_death("update");
        assert_eq!(error.code, ErrorCode::CutOverFailed);
        assert_eq!(reading.explain("update", "exit code").code, ErrorCode::MigrationFailed);
    }

    #[test]
    fn what_is_served_and_was_not_deployed_is_named() {
        let said = "/acme/static/src/x.js in web.assets_frontend.min.js: has another content\nand more";
        let error = Reading::default().explain("served", said);
        assert_eq!(error.code, ErrorCode::WrongContent);
        assert_eq!(
            error.message,
            "What the new release serves is not what was deployed: /acme/static/src/x.js in web.assets_frontend.min.js: has \
             another content."
        );
        assert_eq!(error.detail.as_deref(), Some(said));
    }
}
