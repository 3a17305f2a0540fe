//! Notices that the store was changed: by this process at once, by others within 100 ms, or 300 ms after a quiet time.

use super::Changes;
use crate::error::EngineError;
use rusqlite::Connection;
use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How often the file is looked at while anybody wants to know.
const POLL: Duration = Duration::from_millis(100);
/// How often when nothing has changed for [`QUIET`]: an app that waits for a day's work shall cost nothing.
const POLL_QUIETLY: Duration = Duration::from_millis(300);
/// After so long without a change the next one isn't expected soon.
const QUIET: Duration = Duration::from_secs(10);

/// Counts changes. A thread of it looks for those of other processes, and sleeps while nobody wants to know.
pub(super) struct Watcher {
    generation: Arc<watch::Sender<u64>>,
    audience: Arc<Audience>,
}

/// Somebody who wants to know.
#[derive(Debug)]
pub(super) struct Watch(Arc<Audience>);

#[derive(Debug)]
struct Audience {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    watches: usize,
    closed: bool,
}

impl Watcher {
    /// Starts the thread. SQLite's `data_version` is read on a connection of its own: it tells of the changes by all others.
    pub(super) fn start(connection: Connection) -> Result<Self, EngineError> {
        let generation = Arc::new(watch::Sender::new(0));
        let state = Mutex::new(State { watches: 0, closed: false });
        let audience = Arc::new(Audience { state, changed: Condvar::new() });
        let (told, asked) = (generation.clone(), audience.clone());
        thread::Builder::new().name("store-watcher".into()).spawn(move || {
            let mut seen = None;
            let mut changed = Instant::now();
            while asked.wait(if changed.elapsed() < QUIET { POLL } else { POLL_QUIETLY }) {
                // An error here is met again, and told, by whoever then reads.
                let version =
                    connection.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0)).ok();
                if version != seen {
                    seen = version;
                    changed = Instant::now();
                    told.send_modify(|generation| *generation += 1);
                }
            }
        })?;
        Ok(Self { generation, audience })
    }

    /// To be called after each change by this process.
    pub(super) fn changed(&self) -> impl Fn() + Send + use<> {
        let generation = self.generation.clone();
        move || generation.send_modify(|generation| *generation += 1)
    }

    pub(super) fn subscribe(&self) -> Changes {
        self.audience.update(|state| state.watches += 1);
        Changes { generation: self.generation.subscribe(), _watch: Watch(self.audience.clone()) }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.audience.update(|state| state.closed = true);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.update(|state| state.watches -= 1);
    }
}

impl Audience {
    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Waits for somebody to watch and then one interval. False: the store is closed.
    fn wait(&self, interval: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self
            .changed
            .wait_while(state, |state| state.watches == 0 && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let (state, _) = self
            .changed
            .wait_timeout_while(state, interval, |state| !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        !state.closed
    }
}
