use git2::{Oid, Repository, Sort};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{GitError, Mirror};

/// A commit, as shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// 40 hexadecimal digits.
    pub sha: String,
    /// The message's first line.
    pub subject: String,
    /// The author's name.
    pub author: String,
    /// When it was committed.
    pub time: Timestamp,
}

impl Mirror {
    /// Finds a commit that is in the mirror by its id (whole, or at least 7 digits).
    pub fn resolve(&self, id: &str) -> Result<Commit, GitError> {
        if !(7..=40).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(GitError::BadRef { name: id.to_owned() });
        }
        self.lookup(id)
    }

    /// The commits that `new` has and `old` has not, newest first, at most `limit`. A shallow mirror tells what it has.
    pub fn log_between(&self, old: &str, new: &str, limit: usize) -> Result<Vec<Commit>, GitError> {
        let repo = self.repository()?;
        let mut walk = repo.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
        walk.push(commit(&repo, new)?.id())?;
        // The old commit may have been removed by a force push; then the new one's history is all there is to tell.
        if let Ok(old) = commit(&repo, old) {
            walk.hide(old.id())?;
        }
        let mut found = Vec::new();
        for id in walk.take(limit) {
            found.push(describe(&repo.find_commit(id?)?));
        }
        Ok(found)
    }

    /// Whether `newer` has `older` in its history. Nothing when that can't be known: one of them isn't in the mirror, or what is there of
    /// the newer one's history ends before the older one.
    pub fn has_ancestor(&self, newer: &str, older: &str) -> Result<Option<bool>, GitError> {
        let repo = self.repository()?;
        let (Ok(newer), Ok(older)) = (commit(&repo, newer), commit(&repo, older)) else { return Ok(None) };
        match repo.graph_descendant_of(newer.id(), older.id())? {
            true => Ok(Some(true)),
            false if repo.is_shallow() => Ok(None),
            false => Ok(Some(false)),
        }
    }

    /// Keeps a deployed commit (and all it refers to) in the mirror under `refs/slipway/keep/<name>`, whatever is force
    /// pushed later. Replaces what was kept under that name.
    pub fn keep(&self, name: &str, sha: &str) -> Result<(), GitError> {
        let repo = self.repository()?;
        let id = commit(&repo, sha)?.id();
        repo.reference(&kept_name(name)?, id, true, "deployed")?;
        Ok(())
    }

    /// Ends what [`Mirror::keep`] began. Fine if there is nothing under that name.
    pub fn let_go(&self, name: &str) -> Result<(), GitError> {
        match self.repository()?.find_reference(&kept_name(name)?) {
            Ok(mut reference) => Ok(reference.delete()?),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn lookup(&self, name: &str) -> Result<Commit, GitError> {
        Ok(describe(&commit(&self.repository()?, name)?))
    }
}

pub(super) fn commit<'r>(repo: &'r Repository, name: &str) -> Result<git2::Commit<'r>, GitError> {
    let missing = |_| GitError::CommitNotFound { sha: name.to_owned() };
    match Oid::from_str(name) {
        Ok(id) if name.len() == 40 => repo.find_object(id, None),
        _ => repo.revparse_single(name),
    }
    .and_then(|object| object.peel_to_commit())
    .map_err(missing)
}

fn kept_name(name: &str) -> Result<String, GitError> {
    let full = format!("refs/slipway/keep/{name}");
    if git2::Reference::is_valid_name(&full) {
        Ok(full)
    } else {
        Err(GitError::BadRef { name: name.to_owned() })
    }
}

fn describe(commit: &git2::Commit<'_>) -> Commit {
    let first_line = commit.summary_bytes().unwrap_or_default();
    Commit {
        sha: commit.id().to_string(),
        subject: String::from_utf8_lossy(first_line).into_owned(),
        author: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
        time: Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH),
    }
}
