//! The script of a cut over, as an onlooker on the server sees it: its journal and its processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::Journey;
use crate::process::{descendants, signal, until};

/// The next cut over of an environment. It need not have begun.
#[derive(Debug)]
pub struct Script {
    cutovers: PathBuf,
    known: Vec<PathBuf>,
}

impl Script {
    /// The cut over that comes after those that there are now.
    pub fn next(journey: &Journey) -> Self {
        let cutovers = journey.folder().join("cutovers");
        Self { known: journals(&cutovers), cutovers }
    }

    /// What its journal says so far.
    pub fn journal(&self) -> Vec<Value> {
        let text = self.file().and_then(|file| fs::read(file).ok()).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The journal's entry of an action, if it is there: `("update", "start")`.
    pub fn entry(&self, action: &str, event: &str) -> Option<Value> {
        self.journal().into_iter().find(|entry| entry["action"] == action && entry["ev"] == event)
    }

    /// Waits until the journal has it. Panics when it never does.
    pub fn wait_for(&self, action: &str, event: &str, limit: Duration) -> Value {
        until(limit, || self.entry(action, event)).unwrap_or_else(|| {
            let said: Vec<String> =
                self.journal().iter().map(|e| format!("{} {}", e["action"], e["ev"])).collect();
            panic!("the cut over did not come to {action} {event} within {limit:?}: {said:?}")
        })
    }

    /// Kills the process that does the work, and what it started. Its guard lives.
    pub fn kill_run(&self) {
        let found = self.processes("_run");
        assert!(!found.is_empty(), "a cut over runs");
        let mut all = found.clone();
        all.extend(found.iter().flat_map(|pid| descendants(*pid)));
        signal("KILL", &all);
    }

    /// Does something while the process that does the work stands still.
    pub fn stand_still<T>(&self, act: impl FnOnce() -> T) -> T {
        let found = self.processes("_run");
        assert!(!found.is_empty(), "a cut over runs");
        signal("STOP", &found);
        let done = act();
        signal("CONT", &found);
        done
    }

    /// Kills its whole process group at once: the work, what it started, and the guard.
    pub fn kill_group(&self) {
        let mut all: Vec<u32> = ["guard", "_run"].iter().flat_map(|mode| self.processes(mode)).collect();
        assert!(!all.is_empty(), "a cut over runs");
        // All at once: a guard that saw the work die would begin to undo it.
        signal("STOP", &all);
        let more: Vec<u32> = all.iter().flat_map(|pid| descendants(*pid)).collect();
        all.extend(more);
        signal("KILL", &all);
        let gone = || ["guard", "_run"].iter().all(|mode| self.processes(mode).is_empty()).then_some(());
        assert!(until(Duration::from_secs(10), gone).is_some(), "a cut over's processes end when killed");
    }

    /// Whether anything of it still runs.
    pub fn is_running(&self) -> bool {
        ["guard", "_run", "revert", "boot"].iter().any(|mode| !self.processes(mode).is_empty())
    }

    fn file(&self) -> Option<PathBuf> {
        journals(&self.cutovers).into_iter().find(|file| !self.known.contains(file))
    }

    /// The shells that run the script in this mode.
    fn processes(&self, mode: &str) -> Vec<u32> {
        let Some(plan) = self.file().map(|file| file.with_file_name("plan.sh")) else { return Vec::new() };
        let is_ours = |pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
            words.len() > 3 && words[2] == mode && Path::new(words[3].as_ref()) == plan
        };
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours).collect()
    }
}

fn journals(cutovers: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cutovers).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path().join("journal.jsonl"));
    files.filter(|file| fs::metadata(file).is_ok_and(|file| file.len() > 0)).collect()
}
