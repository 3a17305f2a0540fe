use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use git2::{Repository, RepositoryOpenFlags};
use tokio_util::sync::CancellationToken;

use super::{Commit, Fetch, GitError, GitUrl, Progress, RemoteRef, fetch};

/// How long to wait for another thread or process that makes the mirror or fetches into it. A first fetch of a large
/// repository takes as long as its line does.
const TURN_LIMIT: Duration = Duration::from_secs(3600);
const TURN_POLL: Duration = Duration::from_millis(50);

/// A bare repository on this computer that follows one far repository. Cheap to clone, usable from several threads and
/// processes at once: whoever writes waits for its turn, since libgit2 fails where two write one file.
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
        let is_made = || dir.join("HEAD").exists() && self::open(dir).is_ok();
        if !is_made() {
            let _turn = turn(dir, &CancellationToken::new())?;
            // Also completes one that was left half made: initialising twice does no harm.
            if !is_made() {
                Repository::init_bare(dir)?;
            }
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
        let _turn = turn(&self.dir, cancel)?;
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

/// Waits until nobody else writes to the mirror. Others wait for as long as the file is held; it goes with its process.
fn turn(dir: &Path, cancel: &CancellationToken) -> Result<File, GitError> {
    let path = dir.join("slipway.lock");
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(GitError::io(&path))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if cancel.is_cancelled() => return Err(GitError::Cancelled),
            Err(TryLockError::WouldBlock) if begun.elapsed() < TURN_LIMIT => thread::sleep(TURN_POLL),
            Err(TryLockError::WouldBlock) => {
                return Err(GitError::io(&path)(io::Error::from(io::ErrorKind::TimedOut)));
            }
            Err(TryLockError::Error(error)) => return Err(GitError::io(&path)(error)),
        }
    }
}

/// Refuses what Git refuses, and whatever would mean something else than a name in a refspec or on a command line.
fn check_name(name: &str) -> Result<(), GitError> {
    let valid = !name.starts_with('-') && git2::Reference::is_valid_name(&format!("refs/heads/{name}"));
    if valid { Ok(()) } else { Err(GitError::BadRef { name: name.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::{FILE, Repo};

    #[test]
    fn many_make_and_fill_one_mirror_at_once() {
        let far = Repo::new();
        far.commit("main", "first", &[(b"a", FILE, b"1")]);
        let home = tempfile::tempdir().unwrap();
        let (dir, url) = (home.path().join("mirror"), far.url());
        let request = Fetch { wanted: Some("main".into()), ..Fetch::default() };
        thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let mirror = Mirror::open(&dir, &url)?;
                        mirror.fetch(&request, &mut |_| (), &CancellationToken::new())
                    })
                })
                .collect();
            for one in all {
                one.join().unwrap().unwrap();
            }
        });
    }

    #[test]
    fn waiting_for_a_turn_can_be_cancelled() {
        let dir = tempfile::tempdir().unwrap();
        let _held = turn(dir.path(), &CancellationToken::new()).unwrap();
        let cancel = CancellationToken::new();
        cancel.cancel();
        assert!(matches!(turn(dir.path(), &cancel), Err(GitError::Cancelled)));
    }
}
