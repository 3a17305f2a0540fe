//! The right to carry out one deployment, and everything that its holder records.

use super::{CLAIM_LIMIT, HEARTBEAT};
use crate::{
    error::{EngineError, ErrorCode},
    events::EventKind,
    model::{
        self, Deployment, DeploymentError, DeploymentId, Lane, Level, ReleaseRecord, SnapshotId, Status,
        Step, StepStatus,
    },
    redact::Redactor,
    store::{
        LogSink, Store, finish_all_steps, record, set_step,
        sql::{Json, Millis},
    },
};
use jiff::Timestamp;
use rusqlite::{ToSql, Transaction};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether somebody asked to cancel.
const LOOK_FOR_CANCEL: Duration = Duration::from_millis(500);

/// The right to carry out one deployment. A heartbeat keeps it until it is finished, released or dropped; dropped, another
/// process takes the deployment over after [`CLAIM_LIMIT`].
///
/// Whatever is recorded through it fails with [`ErrorCode::ClaimLost`] once another process holds the deployment.
#[derive(Debug)]
pub struct Claim {
    held: Held,
    deployment: Deployment,
    log: LogSink,
    cancel: CancellationToken,
    lost: CancellationToken,
    heart: JoinHandle<()>,
}

/// A deployment under the name of one claim.
#[derive(Clone, Debug)]
struct Held {
    store: Store,
    id: DeploymentId,
    name: String,
}

impl Claim {
    pub(super) fn new(store: Store, name: String, deployment: Deployment, redactor: Redactor) -> Self {
        let log = LogSink::new(store.clone(), deployment.id, redactor);
        let held = Held { store, id: deployment.id, name };
        let (cancel, lost) = (CancellationToken::new(), CancellationToken::new());
        let heart = tokio::spawn(beat(held.clone(), cancel.clone(), lost.clone()));
        Self { held, deployment, log, cancel, lost, heart }
    }

    /// The deployment as it was claimed. More than one attempt: it is being resumed, and its steps tell how far it got.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Its log.
    pub fn log(&self) -> &LogSink {
        &self.log
    }

    /// Ends when somebody asked to cancel the deployment.
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Ends when another process has taken the deployment over: stop at once, and leave everything as it is.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Records that a step begins.
    pub async fn start_step(&self, step: Step) -> Result<(), EngineError> {
        self.step(step, StepStatus::Running, None, None).await
    }

    /// Records that a step did its work, and what later steps and a resumed run need of it.
    pub async fn finish_step(&self, step: Step, output: &Value) -> Result<(), EngineError> {
        self.step(step, StepStatus::Done, None, Some(output.clone())).await
    }

    /// Records that a step has nothing to do, and why.
    pub async fn skip_step(&self, step: Step, why: &str) -> Result<(), EngineError> {
        self.step(step, StepStatus::Skipped, Some(why), None).await
    }

    /// Records any other change of a step. Its lines are in the store before.
    pub async fn step(
        &self,
        step: Step,
        status: StepStatus,
        message: Option<&str>,
        output: Option<Value>,
    ) -> Result<(), EngineError> {
        self.log.flush().await?;
        let message = message.map(|message| self.log.redactor().redact(message).into_owned());
        self.held
            .write(move |t, id, now| set_step(t, id, now, step, status, message.as_deref(), output.as_ref()))
            .await
    }

    /// Records which commits it brings, once they are known. `main` is the main repository's.
    pub async fn record_commits(
        &self,
        main: &str,
        commits: BTreeMap<String, String>,
        subject: Option<String>,
        author: Option<String>,
    ) -> Result<(), EngineError> {
        let sql =
            r#"UPDATE deployment SET "commit" = ?2, commits = ?3, subject = ?4, author = ?5 WHERE id = ?1"#;
        let main = main.to_owned();
        self.held.write(move |t, id, _| execute(t, sql, (id, main, Json(commits), subject, author))).await
    }

    /// Records the plan and the lane that follows from it.
    pub async fn record_plan(&self, plan: &Value, lane: Lane) -> Result<(), EngineError> {
        let plan = Json(plan.clone());
        let sql = "UPDATE deployment SET plan = ?2, lane = ?3 WHERE id = ?1";
        self.held.write(move |t, id, _| execute(t, sql, (id, plan, lane))).await
    }

    /// Records the snapshot that was taken.
    pub async fn record_snapshot(&self, snapshot: SnapshotId) -> Result<(), EngineError> {
        self.set("UPDATE deployment SET snapshot_id = ?2 WHERE id = ?1", snapshot).await
    }

    /// Records what runs because of it.
    pub async fn record_release(&self, release: &ReleaseRecord) -> Result<(), EngineError> {
        self.set(r#"UPDATE deployment SET "release" = ?2 WHERE id = ?1"#, Json(release.clone())).await
    }

    /// Records how long requests were held, in milliseconds.
    pub async fn record_pause(&self, pause_ms: i64) -> Result<(), EngineError> {
        self.set("UPDATE deployment SET pause_ms = ?2 WHERE id = ?1", pause_ms.max(0)).await
    }

    /// Records the number that the server gave its release.
    pub async fn record_release_number(&self, number: u64) -> Result<(), EngineError> {
        self.set("UPDATE deployment SET release_number = ?2 WHERE id = ?1", number.cast_signed()).await
    }

    /// Records that the cut over was committed: from here on it only goes forward.
    pub async fn pass_point_of_no_return(&self) -> Result<(), EngineError> {
        self.set("UPDATE deployment SET point_of_no_return = ?2 WHERE id = ?1", true).await
    }

    /// Makes sure that the deployment is still this process's, before something is removed for it.
    ///
    /// # Errors
    /// [`ErrorCode::ClaimLost`] when another process has taken it over.
    pub async fn confirm(&self) -> Result<(), EngineError> {
        self.held.write(|_, _, _| Ok(())).await
    }

    /// Records that the cut over begins, and all that was recorded before, so that a power cut of this computer leaves it. Nothing
    /// happens if it has begun before, in an earlier attempt.
    pub async fn start_deploying(&self) -> Result<(), EngineError> {
        self.held
            .write_durably(|t, id, now| {
                let sql = "UPDATE deployment SET status = 'deploying', deploying_at = ?2
                    WHERE id = ?1 AND status <> 'deploying'";
                if t.prepare_cached(sql)?.execute((id, Millis(now)))? == 0 {
                    return Ok(());
                }
                record(t, id, now, &EventKind::StatusChanged { status: Status::Deploying, error: None })
            })
            .await
    }

    /// Ends the deployment. Its lines are in the store before, and nothing is recorded after.
    ///
    /// # Errors
    /// [`ErrorCode::IllegalTransition`] when its status can't go over to this one.
    pub async fn finish(self, status: Status, error: Option<DeploymentError>) -> Result<(), EngineError> {
        // A log that can't be written mustn't keep the end from being recorded.
        if let Err(error) = self.log.flush().await {
            tracing::warn!(%error, deployment = %self.held.id, "the end of the log could not be written");
        }
        let error = error.map(|error| redacted(error, self.log.redactor()));
        self.held.write(move |t, id, now| end(t, id, now, status, error.as_ref())).await
    }

    /// Gives the deployment back as it is, for another process to take over at once: for a process that ends in good order.
    pub async fn release(self) -> Result<(), EngineError> {
        if let Err(error) = self.log.flush().await {
            tracing::warn!(%error, deployment = %self.held.id, "the end of the log could not be written");
        }
        self.heart.abort();
        self.set("UPDATE deployment SET heartbeat_at = ?2 WHERE id = ?1", 0).await
    }

    /// Says something in the log.
    pub fn line(&self, step: Step, level: Level, text: &str) {
        self.log.line(step, level, text);
    }

    async fn set(&self, sql: &'static str, value: impl ToSql + Send + 'static) -> Result<(), EngineError> {
        self.held.write(move |t, id, _| execute(t, sql, (id, value))).await
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.heart.abort();
    }
}

impl Held {
    /// Writes as the holder of the claim, or fails.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>, DeploymentId, Timestamp) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.store.write(self.as_holder(work)).await
    }

    /// The same, and on the disk when it returns.
    async fn write_durably<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>, DeploymentId, Timestamp) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.store.write_durably(self.as_holder(work)).await
    }

    fn as_holder<T, W>(
        &self,
        work: W,
    ) -> impl FnOnce(&Transaction<'_>) -> Result<T, EngineError> + Send + 'static + use<T, W>
    where
        W: FnOnce(&Transaction<'_>, DeploymentId, Timestamp) -> Result<T, EngineError> + Send + 'static,
    {
        let (id, name) = (self.id, self.name.clone());
        move |t| {
            let sql = "SELECT EXISTS (SELECT 1 FROM deployment WHERE id = ?1 AND claim = ?2)";
            if !t.prepare_cached(sql)?.query_row((id, name), |row| row.get(0))? {
                return Err(EngineError::new(
                    ErrorCode::ClaimLost,
                    "This deployment isn't this process's any more.",
                ));
            }
            work(t, id, model::now())
        }
    }
}

/// Ends a deployment in a transaction that has made sure that it may.
pub(super) fn end(
    t: &Transaction<'_>,
    id: DeploymentId,
    now: Timestamp,
    status: Status,
    error: Option<&DeploymentError>,
) -> Result<(), EngineError> {
    if !status.is_finished() {
        return Err(EngineError::internal(format!("A deployment can't end as {status}.")));
    }
    finish_all_steps(t, id, now, status)?;
    execute(
        t,
        "UPDATE deployment SET status = ?2, error = ?3, finished_at = ?4, claim = NULL, owner = NULL, heartbeat_at = NULL
            WHERE id = ?1",
        (id, status, error.map(Json), Millis(now)),
    )?;
    record(t, id, now, &EventKind::StatusChanged { status, error: error.cloned() })
}

fn execute(t: &Transaction<'_>, sql: &str, values: impl rusqlite::Params) -> Result<(), EngineError> {
    t.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn redacted(error: DeploymentError, redactor: &Redactor) -> DeploymentError {
    let clean = |text: String| redactor.redact(&text).into_owned();
    DeploymentError {
        message: clean(error.message),
        hint: clean(error.hint),
        cause: error.cause.map(clean),
        ..error
    }
}

/// Keeps a claim alive, and tells of a wish to cancel and of a claim that is lost.
async fn beat(held: Held, cancel: CancellationToken, lost: CancellationToken) {
    let mut since_beat = HEARTBEAT;
    loop {
        let sql = "SELECT cancel_requested_at IS NOT NULL FROM deployment WHERE id = ?1";
        let id = held.id;
        let asked =
            held.store.read(move |c| Ok(c.prepare_cached(sql)?.query_row([id], |row| row.get(0))?)).await;
        match asked {
            Ok(true) => cancel.cancel(),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, deployment = %id, "could not look for a wish to cancel"),
        }
        if since_beat >= HEARTBEAT {
            since_beat = Duration::ZERO;
            let sql = "UPDATE deployment SET heartbeat_at = ?2 WHERE id = ?1";
            match held.write(move |t, id, now| execute(t, sql, (id, Millis(now)))).await {
                Ok(()) => {}
                Err(error) if error.code == ErrorCode::ClaimLost => return lost.cancel(),
                // Tried again soon. If it stays so for longer than CLAIM_LIMIT, another process takes over.
                Err(error) => {
                    tracing::warn!(%error, deployment = %id, limit = ?CLAIM_LIMIT, "a heartbeat could not be written");
                }
            }
        }
        tokio::time::sleep(LOOK_FOR_CANCEL).await;
        since_beat += LOOK_FOR_CANCEL;
    }
}
