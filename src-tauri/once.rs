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
    /// Does `work` unless it was begun for the same wish before; then waits for that one's answer. What failed was not done, so
    /// whoever asks for it again, such as a dialog whose fields were corrected, has it tried again.
    ///
    /// # Errors
    /// Those of the work; `bad_input` for an id that was used for something else.
    pub(crate) fn run<'a, T: Clone + Send + Sync + 'static>(
        &'a self,
        wish: WishId,
        work: impl Future<Output = Result<T, EngineError>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, EngineError>> {
        // Boxed at once: it is large, and each future around it, Tauri's too, would hold it again on the thread's small stack.
        let work = work.map_ok(|value| Box::new(value) as Box<dyn Any + Send + Sync>).boxed();
        async move {
            let cell = self.cell(wish);
            match cell.get_or_init(|| work).await {
                Ok(value) => value.downcast_ref::<T>().cloned().ok_or_else(|| {
                    EngineError::bad_input("This id was used for another wish.")
                        .hint("Make a new one for each.")
                }),
                Err(error) => {
                    self.forget(wish, &cell);
                    Err(error.clone())
                }
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

    /// Forgets an answer, unless the wish was begun anew since.
    fn forget(&self, wish: WishId, cell: &Arc<OnceCell<Answer>>) {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        if wishes.get(&wish).is_some_and(|kept| Arc::ptr_eq(kept, cell)) {
            wishes.remove(&wish);
        }
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
    async fn what_failed_is_tried_again_and_once_for_all_who_wait() {
        let (once, tries, wish) = (Once::default(), AtomicU32::new(0), wish());
        let work = async |fails: bool| {
            let nth = tries.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            if fails { Err(EngineError::bad_input("No.")) } else { Ok(nth) }
        };
        let (one, two) = tokio::join!(once.run(wish, work(true)), once.run(wish, work(true)));
        assert_eq!((one, two), (Err(EngineError::bad_input("No.")), Err(EngineError::bad_input("No."))));
        assert_eq!(tries.load(Ordering::Relaxed), 1, "at the same time it is one try");
        assert_eq!(once.run(wish, work(false)).await, Ok(1));
        assert_eq!(once.run(wish, work(false)).await, Ok(1), "done is done");
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
