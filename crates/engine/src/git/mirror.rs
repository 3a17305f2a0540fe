use std::fs;
use std::path::{Path, PathBuf};

use git2::{Repository, RepositoryOpenFlags};
use tokio_util::sync::CancellationToken;

use super::{Commit, Fetch, GitError, GitUrl, Progress, RemoteRef, fetch};

/// A bare repository on this computer that follows one far repository. Cheap to clone, usable from several threads and
/// processes at once (libgit2 locks each reference it writes).
#[derive(Debug, Clone)]
pub struct Mirror {
    dir: PathBuf,
    url: GitUrl,
}

impl Mirror {
    /// Opens the mirror of `url` in `dir`, making it if it isn't there.
    pub fn open(dir: &Path, url: &str) -> Result<Self, GitError> {
        let url = GitUrl::parse(url)?;
        fs::create_dir_all(dir).map_err(GitError::io(dir))?;
        // Also completes one that was left half made: initialising twice does no harm.
        if !dir.join("HEAD").exists() || self::open(dir).is_err() {
            Repository::init_bare(dir)?;
        }
        Ok(Self { dir: dir.to_owned(), url })
    }

    /// Brings a branch, tag or commit and returns the commit it is. Blocks; gives up as `request.limits` say.
    pub fn fetch(
        &self,
        request: &Fetch,
        on_progress: &mut dyn FnMut(Progress),
        cancel: &CancellationToken,
    ) -> Result<Commit, GitError> {
        if let Some(name) = &request.wanted {
            check_name(name)?;
        }
        let found = fetch::fetch(&self.dir, &self.url, request, on_progress, cancel)?;
        self.lookup(&found)
    }

    /// The branches and tags of the far repository, and `HEAD`.
    pub fn list(&self, request: &Fetch, cancel: &CancellationToken) -> Result<Vec<RemoteRef>, GitError> {
        fetch::list(&self.url, request, cancel)
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it mirrors.
    pub fn url(&self) -> &GitUrl {
        &self.url
    }

    pub(super) fn repository(&self) -> Result<Repository, GitError> {
        open(&self.dir)
    }
}

/// Opens a mirror's repository. Not by `open_bare`, which doesn't read where history was cut (libgit2 1.9), so that every
/// walk would end in an error.
pub(super) fn open(dir: &Path) -> Result<Repository, GitError> {
    let flags = RepositoryOpenFlags::BARE | RepositoryOpenFlags::NO_SEARCH;
    Ok(Repository::open_ext(dir, flags, std::iter::empty::<&Path>())?)
}

/// Refuses what Git refuses, and whatever would mean something else than a name in a refspec or on a command line.
fn check_name(name: &str) -> Result<(), GitError> {
    let valid = !name.starts_with('-') && git2::Reference::is_valid_name(&format!("refs/heads/{name}"));
    if valid { Ok(()) } else { Err(GitError::BadRef { name: name.to_owned() }) }
}
