//! Downloads that are under way, so that they can be cancelled.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::once::WishId;

/// Those of this process, by the wishes that began them.
#[derive(Default)]
pub(crate) struct Downloads {
    running: Mutex<BTreeMap<WishId, CancellationToken>>,
}

/// One of them. It is over when this is dropped.
pub(crate) struct Download<'a> {
    all: &'a Downloads,
    wish: WishId,
    /// Ends it.
    pub(crate) cancel: CancellationToken,
}

impl Downloads {
    /// Begins one, which also ends when the app does.
    pub(crate) fn begin(&self, wish: WishId, app: &CancellationToken) -> Download<'_> {
        let cancel = app.child_token();
        self.running().insert(wish, cancel.clone());
        Download { all: self, wish, cancel }
    }

    /// Cancels one. It may have ended by itself.
    pub(crate) fn cancel(&self, wish: WishId) {
        if let Some(cancel) = self.running().get(&wish) {
            cancel.cancel();
        }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<WishId, CancellationToken>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Download<'_> {
    fn drop(&mut self) {
        self.all.running().remove(&self.wish);
    }
}
