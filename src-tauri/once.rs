//! Mutations happen once. The window makes an id for each wish; a command that it sends again, because a page was
//! reloaded or a button pressed twice, finds the first one's answer.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, FutureExt, TryFutureExt};
use serde::{Deserialize, Serialize};
use slipway_engine::error::EngineError;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Answers kept at most. A repetition comes within seconds.
const KEPT: usize = 1000;

/// Names one wish of the user: a UUID of version 7, made by the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, specta::Type)]
#[serde(transparent)]
pub(crate) struct WishId(Uuid);

impl std::fmt::Display for WishId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

type Answer = Result<Box<dyn Any + Send + Sync>, EngineError>;

/// The wishes of this process.
#[derive(Default)]
pub(crate) struct Once {
    wishes: Mutex<BTreeMap<WishId, Arc<OnceCell<Answer>>>>,
}

impl Once {
    /// Does `work` unless it was begun for the same wish before; then waits for that one's answer.
    ///
    /// # Errors
    /// Those of the work, repeated like its success; `bad_input` for an id that was used for something else.
    pub(crate) fn run<'a, T: Clone + Send + Sync + 'static>(
        &'a self,
        wish: WishId,
        work: impl Future<Output = Result<T, EngineError>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, EngineError>> {
        // Boxed at once: it is large, and each future around it, Tauri's too, would hold it again on the thread's small stack.
        let work = work.map_ok(|value| Box::new(value) as Box<dyn Any + Send + Sync>).boxed();
        async move {
            match self.cell(wish).get_or_init(|| work).await {
                Ok(value) => value.downcast_ref::<T>().cloned().ok_or_else(|| {
                    EngineError::bad_input("This id was used for another wish.")
                        .hint("Make a new one for each.")
                }),
                Err(error) => Err(error.clone()),
            }
        }
        .boxed()
    }

    fn cell(&self, wish: WishId) -> Arc<OnceCell<Answer>> {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = Arc::clone(wishes.entry(wish).or_default());
        if wishes.len() > KEPT {
            // They are ordered by the time they were made.
            wishes.pop_first();
        }
        cell
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn wish() -> WishId {
        WishId(Uuid::now_v7())
    }

    #[tokio::test]
    async fn what_is_asked_twice_is_done_once_also_at_the_same_time() {
        let (once, done, wish) = (Once::default(), AtomicU32::new(0), wish());
        let work = async || {
            tokio::task::yield_now().await;
            Ok(done.fetch_add(1, Ordering::Relaxed))
        };
        let answers = tokio::join!(once.run(wish, work()), once.run(wish, work()));
        assert_eq!(answers, (Ok(0), Ok(0)));
        assert_eq!(once.run(wish, work()).await, Ok(0));
        assert_eq!(once.run(super::tests::wish(), work()).await, Ok(1));
    }

    #[tokio::test]
    async fn a_failure_is_repeated_too() {
        let (once, wish) = (Once::default(), wish());
        let failed: Result<(), _> = once.run(wish, async { Err(EngineError::bad_input("No.")) }).await;
        let again: Result<(), _> = once.run(wish, async { Ok(()) }).await;
        assert_eq!(failed, again);
    }

    #[tokio::test]
    async fn an_id_stands_for_one_kind_of_wish() {
        let (once, wish) = (Once::default(), wish());
        once.run(wish, async { Ok(1_u8) }).await.unwrap();
        assert!(once.run(wish, async { Ok("one") }).await.is_err());
    }

    #[tokio::test]
    async fn old_answers_are_forgotten() {
        let once = Once::default();
        for _ in 0..KEPT + 10 {
            once.run(wish(), async { Ok(()) }).await.unwrap();
        }
        assert_eq!(once.wishes.lock().unwrap().len(), KEPT);
    }
}
