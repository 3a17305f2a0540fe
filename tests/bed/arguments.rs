//! What stands in the argument lists of all processes of this machine, which is both sides of a test, the desktop and the server.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::process::pids;

/// How often it looks.
const EVERY: Duration = Duration::from_millis(20);

/// Looks at the argument lists all the time, as any user of a server can.
#[derive(Debug)]
pub struct Arguments {
    is_over: Arc<AtomicBool>,
    watcher: JoinHandle<BTreeSet<String>>,
}

impl Arguments {
    /// Begins to look.
    pub fn watch() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let watcher = thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !ends.load(Ordering::Relaxed) {
                seen.extend(pids().filter_map(arguments));
                thread::sleep(EVERY);
            }
            seen
        });
        Self { is_over, watcher }
    }

    /// Ends it. Panics unless it saw `docker` called, and no argument list held one of these secrets.
    pub fn assert_without(self, secrets: &[&str]) {
        self.is_over.store(true, Ordering::Relaxed);
        let seen = self.watcher.join().unwrap();
        assert!(
            seen.iter().any(|list| list.contains("docker ")),
            "{} argument lists, none of docker's",
            seen.len()
        );
        for secret in secrets {
            assert!(secret.len() >= 8, "too short to be looked for");
            let holder = seen.iter().find(|list| list.contains(secret));
            assert_eq!(holder, None, "a secret in an argument list");
        }
    }
}

fn arguments(pid: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok().filter(|bytes| !bytes.is_empty())?;
    Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
}
