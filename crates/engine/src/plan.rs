//! What a deployment would do, said before it does it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{DeploymentId, Lane};
use crate::server::Slot;

/// The plan of one deployment. Frozen in step 5; `slipway plan` and the app show it without touching anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Plan {
    /// How it is cut over.
    pub lane: Lane,
    /// Why this lane, in words.
    pub why: Vec<String>,
    /// What is live now.
    pub live: Option<Live>,
    /// Where it leads from what is live.
    #[serde(default)]
    pub direction: Direction,
    /// Old and new commit of each repository.
    pub repositories: BTreeMap<String, CommitChange>,
    /// Commits of the main repository since the live one, newest first, at most 100.
    pub commits: Vec<CommitLine>,
    /// Modules that `odoo -u` gets, with the reasons.
    pub update: Vec<ModuleReason>,
    /// Modules that `odoo -i` gets.
    pub install: Vec<String>,
    /// Modules whose content changed without needing an update.
    pub code_only: Vec<ModuleReason>,
    /// Requirements for pip: added and removed.
    pub pip: Difference,
    /// Debian packages: added and removed.
    pub apt: Difference,
    /// What the server's disk has to hold at most while it is cut over, in bytes.
    pub disk_needed: u64,
    /// What is free on it, in bytes.
    pub disk_free: u64,
    /// How long requests will probably be held, in milliseconds; zero in the code lane, nothing without experience.
    pub predicted_pause_ms: Option<i64>,
    /// Things to look at.
    pub warnings: Vec<String>,
}

/// Where a deployment leads from what is live, by the histories of its repositories; of several, the first of these that one goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To a commit that what is live has in its history.
    Back,
    /// To another line: neither has the other in its history.
    Aside,
    /// One of them isn't known here any more, or too little of their histories is.
    #[default]
    Unknown,
    /// To a commit that has what is live in its history; or nothing is live.
    Forward,
    /// Nowhere.
    Same,
}

/// What is live before a deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Live {
    /// The deployment that brought it.
    pub deployment: DeploymentId,
    /// Its place behind the proxy.
    pub slot: Slot,
    /// Its container.
    pub container: String,
    /// The commit of its main repository.
    pub commit: String,
}

/// A repository's commit before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct CommitChange {
    /// Before; nothing on a first deployment.
    pub old: Option<String>,
    /// After.
    pub new: String,
}

/// One commit in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct CommitLine {
    /// Forty hex digits.
    pub sha: String,
    /// First line of its message.
    pub subject: String,
    /// Who wrote it.
    pub author: String,
}

/// A module, and why something is done with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct ModuleReason {
    /// Its technical name.
    pub module: String,
    /// In words, one a change.
    pub reasons: Vec<String>,
}

/// What a list gains and loses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Difference {
    /// In the new list only.
    pub added: Vec<String>,
    /// In the old list only.
    pub removed: Vec<String>,
}

impl Difference {
    /// Compares two lists as sets, in their own order.
    pub fn between(old: &[String], new: &[String]) -> Self {
        let only = |a: &[String], b: &[String]| a.iter().filter(|x| !b.contains(x)).cloned().collect();
        Self { added: only(new, old), removed: only(old, new) }
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// Starting, proving and switching take about this long without any experience, in milliseconds.
const START_MS: i64 = 4_000;
/// An update of one module takes about this long without any experience, in milliseconds.
const UPDATE_MS: i64 = 8_000;
/// A database is cloned at about this many bytes a second (measured: 1.2 GB in 1.9 to 4.5 s).
const CLONE_BYTES_PER_S: u64 = 300_000_000;

/// How long requests will probably be held. `history` are the pauses of this environment's last deployments in the same
/// lane, each with the database's size then, newest first.
pub(crate) fn predict_pause(lane: Lane, db_bytes: Option<u64>, history: &[i64]) -> Option<i64> {
    match lane {
        Lane::First | Lane::Code => Some(0),
        Lane::Update | Lane::Restore if !history.is_empty() => {
            // The worse of the last few: a user plans with what it may be.
            history.iter().take(5).max().copied()
        }
        Lane::Update => {
            let clone = db_bytes.map_or(0, |b| b.saturating_mul(1000) / CLONE_BYTES_PER_S);
            Some(START_MS + UPDATE_MS + i64::try_from(clone).unwrap_or(i64::MAX / 2))
        }
        Lane::Restore => Some(START_MS),
    }
}

/// What the disk has to hold besides what it holds now: the clone with a fifth on top (as the room check of the cut over
/// wants), the new files, and a margin for logs and the journal.
pub(crate) fn disk_needed(lane: Lane, db_bytes: Option<u64>, source_bytes: u64) -> u64 {
    const MARGIN: u64 = 512 * 1024 * 1024;
    let db = db_bytes.unwrap_or(0);
    let clone = match lane {
        Lane::Update | Lane::Restore => db + db / 5,
        // The dump of a database is smaller than the database.
        Lane::Code => db / 2,
        Lane::First => 0,
    };
    clone + 2 * source_bytes + MARGIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_with_the_database_and_is_learnt() {
        assert_eq!(predict_pause(Lane::Code, Some(1 << 40), &[9]), Some(0));
        let small = predict_pause(Lane::Update, Some(0), &[]).unwrap();
        let large = predict_pause(Lane::Update, Some(30_000_000_000), &[]).unwrap();
        assert_eq!(large - small, 100_000);
        assert_eq!(predict_pause(Lane::Update, Some(0), &[5000, 7000, 6000]), Some(7000));
    }

    #[test]
    fn a_difference_names_both_sides() {
        let list = |s: &str| s.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let d = Difference::between(&list("a b"), &list("b c"));
        assert_eq!((d.added, d.removed), (list("c"), list("a")));
    }
}
