//! One line of the server's history.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use slipway_remote::Cmd;

use super::Verdict;
use crate::error::EngineError;
use crate::model::{Deployment, DeploymentError, DeploymentId, Lane, Snapshot, Status, Trigger};
use crate::redact::Redactor;
use crate::server::{Connection, Layout};

const WRITE: &str = include_str!("write.sh");
const READ: &str = r#"[ ! -e "$1/history.jsonl" ] || cat "$1/history.jsonl""#;

/// A deployment that ended, as the server's history tells it: `history.jsonl` of its environment, a line of JSON each.
/// What later versions add has a default, so that every version reads the lines of every other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The deployment.
    pub deployment: DeploymentId,
    /// How it ended.
    pub status: Status,
    /// How it was cut over, if it came so far.
    #[serde(default)]
    pub lane: Option<Lane>,
    /// What asked for it.
    pub trigger: Trigger,
    /// The branch, tag or commit that was asked for.
    #[serde(default)]
    pub git_ref: Option<String>,
    /// The main repository's commit.
    #[serde(default)]
    pub commit: Option<String>,
    /// The commit of each repository by its name.
    #[serde(default)]
    pub commits: BTreeMap<String, String>,
    /// The first line of the main commit's message.
    #[serde(default)]
    pub subject: Option<String>,
    /// Who wrote the main commit.
    #[serde(default)]
    pub author: Option<String>,
    /// User and computer that asked for it.
    pub who: String,
    /// When it was asked for.
    #[serde(default)]
    pub queued_at: Option<Timestamp>,
    /// When it was begun.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub at: Timestamp,
    /// How long requests were held, in milliseconds.
    #[serde(default)]
    pub pause_ms: Option<i64>,
    /// The deployment that it went back to.
    #[serde(default)]
    pub rollback_of: Option<DeploymentId>,
    /// The deployment that it tried again.
    #[serde(default)]
    pub retry_of: Option<DeploymentId>,
    /// Why it didn't succeed.
    #[serde(default, deserialize_with = "lenient")]
    pub error: Option<DeploymentError>,
    /// The snapshot that it took.
    #[serde(default, deserialize_with = "lenient")]
    pub snapshot: Option<Snapshot>,
    /// The place of its release among those of the environment, as the server counts them.
    #[serde(default)]
    pub release_number: Option<u64>,
}

impl HistoryEntry {
    /// What is told of a deployment that ended like this. It goes to a file that others read, so nothing secret is in it, and
    /// nothing long.
    pub(crate) fn of(
        deployment: &Deployment,
        verdict: &Verdict,
        release_number: Option<u64>,
        redactor: &Redactor,
    ) -> Self {
        let clean = |text: &str| redactor.redact(text).into_owned();
        let error = verdict.error.as_ref().map(|error| DeploymentError {
            message: clean(&error.message),
            hint: clean(&error.hint),
            cause: None,
            ..error.clone()
        });
        Self {
            deployment: deployment.id,
            status: verdict.status,
            lane: deployment.lane,
            trigger: deployment.trigger,
            git_ref: deployment.git_ref.clone(),
            commit: deployment.commit.clone(),
            commits: deployment.commits.clone(),
            subject: deployment.subject.as_deref().map(clean),
            author: deployment.author.clone(),
            who: deployment.who.clone(),
            queued_at: Some(deployment.queued_at),
            started_at: deployment.started_at,
            at: verdict.at,
            pause_ms: verdict.pause_ms,
            rollback_of: deployment.rollback_of,
            retry_of: deployment.retry_of,
            error,
            snapshot: verdict.snapshot.clone(),
            release_number,
        }
    }

    /// Reads one line; `None` for one that a full disk left unfinished, or that can't be understood.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let line = line.trim_matches(['\0', ' ', '\n', '\r']);
        if line.is_empty() {
            return None;
        }
        serde_json::from_str(line)
            .inspect_err(|error| tracing::warn!(%error, "a line of the server's history can't be read"))
            .ok()
            .filter(|entry: &Self| entry.status.is_finished())
    }

    /// Reads the whole history, oldest first.
    ///
    /// # Errors
    /// When the server can't be asked.
    pub(super) async fn read(connection: &Connection, layout: &Layout) -> Result<Vec<Self>, EngineError> {
        let out = connection.host.run_ok(Cmd::script(READ, [layout.dir()])).await?;
        Ok(out.stdout.lines().filter_map(Self::parse).collect())
    }

    /// Adds the line to the history, unless it tells of this deployment already.
    ///
    /// # Errors
    /// When the server can't be asked, or its disk is full.
    pub(crate) async fn write(&self, connection: &Connection, layout: &Layout) -> Result<(), EngineError> {
        let line = serde_json::to_string(self)
            .map_err(|e| EngineError::internal("A line of the history can't be written.").detail(e))?;
        let out = connection.script(WRITE, &[&layout.dir(), &self.deployment.to_string(), &line]).await?;
        out.ok("write the history")?;
        Ok(())
    }
}

/// What can't be understood is left out, and the rest of the line still counts.
fn lenient<'de, T: serde::de::DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn lines_of_earlier_and_later_versions_are_read() {
        let early = r#"{"at":"2026-11-22T10:00:00Z","commit":"abc","deployment":"01890a5d-ac96-774b-bcce-b302099a8057",
            "error":"health_check_failed","lane":"code","number":3,"status":"rolled_back","subject":"S","trigger":"manual",
            "who":"ada@laptop"}"#;
        let entry = HistoryEntry::parse(early).unwrap();
        assert_eq!((entry.status, entry.who.as_str()), (Status::RolledBack, "ada@laptop"));
        assert_eq!((entry.error, entry.commits.len()), (None, 0));
        let late = r#"{"at":"2026-11-22T10:00:00Z","deployment":"01890a5d-ac96-774b-bcce-b302099a8057","status":"failed",
            "trigger":"manual","who":"ada@laptop","error":{"code":"sung_badly"},"mood":"blue"}"#;
        assert_eq!(HistoryEntry::parse(late).unwrap().error, None);
        for bad in ["", "{\"at\":\"2026", "\0\0\0", &late.replace("failed", "building")] {
            assert_eq!(HistoryEntry::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_went_wrong_survives_without_its_output() {
        let mut entry = HistoryEntry::parse(
            r#"{"at":"2026-11-22T10:00:00Z","deployment":"01890a5d-ac96-774b-bcce-b302099a8057","status":"failed",
            "trigger":"manual","who":"ada@laptop"}"#,
        )
        .unwrap();
        let error = EngineError::new(ErrorCode::BuildFailed, "It failed.");
        entry.error = Some(DeploymentError::new(error, None));
        let line = serde_json::to_string(&entry).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(HistoryEntry::parse(&line), Some(entry));
    }
}
