//! What the app tells its window without being asked.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use slipway_engine::model::DeploymentId;
use tauri::ipc::Channel;

use crate::deep_link::Place;

/// Something the window should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, specta::Type)]
#[serde(tag = "signal", rename_all = "snake_case")]
pub(crate) enum Signal {
    /// Something that lists show has changed, by whichever process: ask for it anew.
    Changed,
    /// Go there. A deep link, the tray or a notification asked for it.
    Open {
        /// Where.
        place: Place,
    },
    /// The user wants to quit while deployments are under way here. Ask, then call `quit`.
    QuitAsked {
        /// What is being prepared, and would wait until Slipway runs again.
        preparing: Vec<DeploymentId>,
        /// What is being cut over, and goes on by itself on its server.
        cutting_over: Vec<DeploymentId>,
    },
}

/// The way to the window. What should not get lost waits until a page is there.
#[derive(Default)]
pub(crate) struct Signals {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    window: Option<Channel<Signal>>,
    waiting: Option<Signal>,
}

impl Signals {
    /// A page listens from now on, in place of any earlier one.
    pub(crate) fn attach(&self, window: Channel<Signal>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = inner.waiting.take() {
            send(&window, waiting);
        }
        inner.window = Some(window);
    }

    /// The page is gone.
    pub(crate) fn detach(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).window = None;
    }

    /// Tells the window. Without a page, the last place to open or question to ask waits for one.
    pub(crate) fn send(&self, signal: Signal) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        match &inner.window {
            Some(window) => send(window, signal),
            // A new page asks for everything anyway.
            None if signal == Signal::Changed => {}
            None => inner.waiting = Some(signal),
        }
    }
}

fn send(window: &Channel<Signal>, signal: Signal) {
    // A page that has just gone takes nothing; the next one asks for everything.
    let _ = window.send(signal);
}
