//! Following a deployment: what was recorded, then what is being recorded, in this process or another.

use super::{Changes, Store, events};
use crate::{
    error::EngineError,
    events::Event,
    model::{DeploymentId, Status},
};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

/// Events read at once.
const BATCH: usize = 1000;

impl Store {
    /// Everything recorded of a deployment after `from_seq` (0: from the beginning), each event once and in order; then
    /// everything as it comes, until the deployment has ended. However slow the follower is, it misses nothing; and it
    /// may go on later, or in another process, from the last `seq` that it saw.
    pub fn follow(&self, id: DeploymentId, from_seq: i64) -> BoxStream<'static, Result<Event, EngineError>> {
        let follower =
            Follower { store: self.clone(), changes: self.changes(), id, seq: from_seq, has_ended: false };
        stream::try_unfold(follower, Follower::next)
            .map_ok(|events| stream::iter(events.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }
}

struct Follower {
    store: Store,
    changes: Changes,
    id: DeploymentId,
    seq: i64,
    has_ended: bool,
}

impl Follower {
    async fn next(mut self) -> Result<Option<(Vec<Event>, Self)>, EngineError> {
        while !self.has_ended {
            // Marked before reading: a change while we read wakes us again.
            self.changes.mark();
            let (id, seq) = (self.id, self.seq);
            let (events, status) = self
                .store
                .read(move |c| {
                    let sql = "SELECT status FROM deployment WHERE id = ?1";
                    let status: Status = c.prepare_cached(sql)?.query_row([id], |row| row.get(0))?;
                    Ok((events::since(c, id, seq, BATCH)?, status))
                })
                .await?;
            self.has_ended = status.is_finished() && events.len() < BATCH;
            if let Some(last) = events.last() {
                self.seq = last.seq;
                return Ok(Some((events, self)));
            }
            if !self.has_ended {
                self.changes.changed().await;
            }
        }
        Ok(None)
    }
}
