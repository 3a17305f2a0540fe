//! What a failed `odoo -i`, `-u` or start was about: read from its log.

use serde::{Deserialize, Serialize};

mod cause;
mod log;

pub use cause::Cause;

/// What can be said of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The likely cause.
    pub cause: Cause,
    /// The module it happened in, if one can be named.
    pub module: Option<String>,
    /// The file it happened in: from the module's folder on (`acme_base/models/ticket.py`), or Odoo's own.
    pub file: Option<String>,
    /// The line in that file.
    pub line: Option<u32>,
    /// Whether Odoo said that it can't load its modules, so that no page of theirs can work.
    pub not_loaded: bool,
    /// The exception's last line, as Python prints it.
    pub exception: Option<String>,
    /// What happened, in one sentence.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

/// How the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ending {
    /// Its exit code.
    pub code: Option<i32>,
    /// Whether the kernel ended it for want of memory, as Docker reports it.
    pub out_of_memory: bool,
}

/// Reads a log. Odoo's words are all there is: this module is the one place that reads them.
pub fn diagnose(text: &str, ending: Ending) -> Failure {
    let log = log::Log::read(text);
    let cause =
        if ending.out_of_memory || ending.code == Some(137) { Cause::OutOfMemory } else { cause::of(&log) };
    let place = cause.place(&log).or_else(|| log.place());
    let module = place.as_ref().and_then(|p| p.module.clone()).or_else(|| log.loading.clone());
    let (file, line) = place.map_or((None, None), |p| (Some(p.file), p.line));
    let exception = log.exception.clone();
    let message = cause.message(module.as_deref(), file.as_deref(), line, exception.as_deref(), ending);
    let not_loaded = log.errors.iter().any(|e| e.contains("Failed to load registry"));
    Failure { hint: cause.hint(), not_loaded, cause, module, file, line, exception, message }
}

#[cfg(test)]
mod tests;
