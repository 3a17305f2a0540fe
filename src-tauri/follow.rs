//! What the window follows: journals, logs and figures, in batches through a channel.
//!
//! **Invariant:** a slow window costs no memory. Only so many batches are on their way at once; the next is read when
//! the window has acknowledged one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use slipway_engine::error::EngineError;
use tauri::ipc::Channel;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// Items in a batch at most.
const BATCH: usize = 200;
/// How long a batch waits for more items after its first one.
const LINGER: Duration = Duration::from_millis(50);
/// Batches that may be on their way, unacknowledged.
const IN_FLIGHT: usize = 8;

/// Names something that the window follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, specta::Type)]
#[serde(transparent)]
pub(crate) struct FollowId(u32);

/// Some items, in their order.
#[derive(Clone, Debug, Serialize, specta::Type)]
pub(crate) struct Batch<T> {
    /// What is followed: to be acknowledged.
    follow: FollowId,
    /// What came.
    items: Vec<T>,
    /// Whether nothing follows.
    ended: bool,
    /// Why it ended before its time.
    error: Option<EngineError>,
}

/// All that the window follows now.
#[derive(Default)]
pub(crate) struct Follows {
    next: AtomicU32,
    running: Arc<Mutex<HashMap<FollowId, Line>>>,
}

#[derive(Clone)]
struct Line {
    cancel: CancellationToken,
    credits: Arc<Semaphore>,
}

/// One of them, as the task that feeds it has it. It is over when this is dropped.
pub(crate) struct Follow {
    id: FollowId,
    line: Line,
    running: Arc<Mutex<HashMap<FollowId, Line>>>,
}

impl Follows {
    /// Begins one.
    pub(crate) fn begin(&self) -> Follow {
        let id = FollowId(self.next.fetch_add(1, Ordering::Relaxed));
        let line = Line { cancel: CancellationToken::new(), credits: Arc::new(Semaphore::new(IN_FLIGHT)) };
        lock(&self.running).insert(id, line.clone());
        Follow { id, line, running: Arc::clone(&self.running) }
    }

    /// The window has taken a batch. One that has ended meanwhile needs no answer.
    pub(crate) fn acknowledge(&self, id: FollowId) {
        if let Some(line) = lock(&self.running).get(&id)
            && line.credits.available_permits() < IN_FLIGHT
        {
            line.credits.add_permits(1);
        }
    }

    /// Ends one, if it hasn't ended.
    pub(crate) fn end(&self, id: FollowId) {
        if let Some(line) = lock(&self.running).get(&id) {
            line.cancel.cancel();
        }
    }

    /// Ends all: the page that followed them is gone.
    pub(crate) fn end_all(&self) {
        lock(&self.running).values().for_each(|line| line.cancel.cancel());
    }
}

impl Follow {
    /// Its name.
    pub(crate) fn id(&self) -> FollowId {
        self.id
    }

    /// Sends what the stream gives, to its end or until nobody follows any more.
    pub(crate) async fn pump<T: Serialize + Send>(
        self,
        mut from: BoxStream<'static, Result<T, EngineError>>,
        to: &Channel<Batch<T>>,
    ) {
        loop {
            let batch = tokio::select! {
                () = self.line.cancel.cancelled() => return,
                batch = self.next_batch(&mut from) => batch,
            };
            let ended = batch.ended;
            // A channel that takes nothing belongs to a page that is gone.
            if to.send(batch).is_err() || ended {
                return;
            }
        }
    }

    async fn next_batch<T>(&self, from: &mut BoxStream<'static, Result<T, EngineError>>) -> Batch<T> {
        // Asked for before reading: what isn't read costs nothing. It never closes.
        if let Ok(credit) = self.line.credits.acquire().await {
            credit.forget();
        }
        let mut batch = Batch { follow: self.id, items: Vec::new(), ended: false, error: None };
        let mut until = None;
        while batch.items.len() < BATCH {
            let next = match until {
                None => from.next().await,
                Some(until) => match timeout_at(until, from.next()).await {
                    Ok(next) => next,
                    Err(_) => return batch,
                },
            };
            match next {
                Some(Ok(item)) => batch.items.push(item),
                Some(Err(error)) => {
                    return Batch { ended: true, error: Some(error), ..batch };
                }
                None => return Batch { ended: true, ..batch },
            }
            until.get_or_insert_with(|| Instant::now() + LINGER);
        }
        batch
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        lock(&self.running).remove(&self.id);
    }
}

fn lock(running: &Mutex<HashMap<FollowId, Line>>) -> std::sync::MutexGuard<'_, HashMap<FollowId, Line>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::stream;
    use serde_json::Value;
    use tauri::ipc::InvokeResponseBody;

    use super::*;

    /// A window that keeps all batches it gets.
    fn window() -> (Channel<Batch<u32>>, mpsc::Receiver<Value>) {
        let (sender, receiver) = mpsc::channel();
        let channel = Channel::new(move |body| {
            let InvokeResponseBody::Json(text) = body else { return Ok(()) };
            sender.send(serde_json::from_str(&text)?).ok();
            Ok(())
        });
        (channel, receiver)
    }

    fn numbers(batch: &Value) -> Vec<u64> {
        batch["items"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
    }

    fn upto(end: u32) -> BoxStream<'static, Result<u32, EngineError>> {
        stream::iter((0..end).map(Ok)).boxed()
    }

    #[tokio::test]
    async fn everything_comes_once_in_order_and_the_end_is_said() {
        let (follows, (channel, batches)) = (Follows::default(), window());
        follows.begin().pump(upto(1001), &channel).await;
        let batches: Vec<Value> = batches.try_iter().collect();
        let all: Vec<u64> = batches.iter().flat_map(numbers).collect();
        assert_eq!(all, (0..1001).collect::<Vec<u64>>());
        assert_eq!(batches.len(), 6);
        let ended: Vec<bool> = batches.iter().map(|b| b["ended"].as_bool().unwrap()).collect();
        assert_eq!(ended, [false, false, false, false, false, true]);
    }

    /// Lets everything run that can.
    async fn settle() {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_slow_window_holds_the_stream_back() {
        let (follows, (channel, batches)) = (Follows::default(), window());
        let follow = follows.begin();
        let id = follow.id();
        let pump = tokio::spawn(async move { follow.pump(upto(1_000_000), &channel).await });
        settle().await;
        assert_eq!(batches.try_iter().count(), IN_FLIGHT);
        follows.acknowledge(id);
        follows.acknowledge(id);
        settle().await;
        assert_eq!(batches.try_iter().count(), 2);
        follows.end(id);
        pump.await.unwrap();
        assert_eq!(batches.try_iter().count(), 0);
    }

    #[tokio::test]
    async fn a_window_can_not_make_credit() {
        let follows = Follows::default();
        let follow = follows.begin();
        (0..100).for_each(|_| follows.acknowledge(follow.id()));
        assert_eq!(follow.line.credits.available_permits(), IN_FLIGHT);
    }

    #[tokio::test]
    async fn a_batch_does_not_wait_until_it_is_full() {
        let (follows, (channel, batches)) = (Follows::default(), window());
        let follow = follows.begin();
        let id = follow.id();
        let drops = upto(3).chain(stream::pending()).boxed();
        let pump = tokio::spawn(async move { follow.pump(drops, &channel).await });
        let first = tokio::task::spawn_blocking(move || batches.recv_timeout(Duration::from_secs(10)));
        assert_eq!(numbers(&first.await.unwrap().unwrap()), [0, 1, 2]);
        follows.end(id);
        pump.await.unwrap();
    }

    #[tokio::test]
    async fn an_error_comes_after_what_came_before_it() {
        let (follows, (channel, batches)) = (Follows::default(), window());
        let broken = stream::iter([Ok(1), Err(EngineError::bad_input("No."))]).boxed();
        follows.begin().pump(broken, &channel).await;
        let batch = batches.try_recv().unwrap();
        assert_eq!(numbers(&batch), [1]);
        assert_eq!((&batch["ended"], &batch["error"]["code"]), (&true.into(), &"bad_input".into()));
    }

    #[tokio::test]
    async fn a_page_that_is_gone_ends_all_that_it_followed() {
        let (follows, (channel, _batches)) = (Follows::default(), window());
        let follow = follows.begin();
        let never = stream::pending().boxed();
        let pump = tokio::spawn(async move { follow.pump(never, &channel).await });
        tokio::task::yield_now().await;
        follows.end_all();
        pump.await.unwrap();
        assert!(lock(&follows.running).is_empty());
    }
}
