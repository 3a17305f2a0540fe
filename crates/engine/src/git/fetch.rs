use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use git2::{AutotagOption, Direction, FetchOptions, ProxyOptions, Repository};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::url::Kind;
use super::watch::{Job, Shared, watch};
use super::{Credential, GitError, GitUrl, HostKeys, mirror, program};

/// What to fetch, and with which rights.
#[derive(Debug, Clone, Default)]
pub struct Fetch {
    /// A branch, a tag, or a commit's hexadecimal id (whole or at least 7 digits). `None`: the default branch.
    pub wanted: Option<String>,
    /// How to log in.
    pub credential: Credential,
    /// Which SSH hosts are trusted.
    pub host_keys: HostKeys,
    /// How long to wait.
    pub limits: Limits,
}

/// How long a fetch waits before it gives up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the start to the first sign of life.
    pub connect: Duration,
    /// Between two signs of life.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(30), silence: Duration::from_secs(60) }
    }
}

/// What a fetch tells on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The other side's own words ("Counting objects: …").
    Remote(String),
    /// Objects received so far.
    Objects {
        /// Received and indexed.
        received: usize,
        /// In the whole pack.
        total: usize,
        /// Bytes received.
        bytes: usize,
    },
}

/// A branch or tag of the far repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRef {
    /// Its full name, `refs/heads/main`.
    pub name: String,
    /// The object it points at, 40 hexadecimal digits.
    pub sha: String,
}

impl RemoteRef {
    /// `main` for `refs/heads/main`, `v1` for `refs/tags/v1`; `None` for anything else.
    pub fn short(&self) -> Option<&str> {
        self.name.strip_prefix("refs/heads/").or_else(|| self.name.strip_prefix("refs/tags/"))
    }
}

/// Commits of the past that the first fetch of a mirror brings, where the transport can cut history at all: enough to
/// show what a deployment brings, little enough to start soon.
const FIRST_DEPTH: i32 = 50;

/// Brings what is wanted into the mirror at `dir` and returns the name or id under which it can be found there.
pub(super) fn fetch(
    dir: &Path,
    url: &GitUrl,
    request: &Fetch,
    on_progress: &mut dyn FnMut(Progress),
    cancel: &CancellationToken,
) -> Result<String, GitError> {
    no_plain_token(url, request)?;
    let mut watched = |job: Job| watch(url, request.limits, on_progress, cancel, job);
    let task = Task { dir: dir.to_owned(), url: url.clone(), request: request.clone() };
    let by_libgit = task.clone();
    match watched(Box::new(move |shared| by_libgit.libgit(&shared))) {
        Err(error) if program::may_help(&task.url, &task.request.credential, &error) => {
            match watched(Box::new(move |shared| task.program(&shared))) {
                Err(GitError::Cancelled) => Err(GitError::Cancelled),
                // ssh's own failure says no more than libgit2's, which has a kind.
                Err(GitError::Unreachable { .. }) => Err(error),
                other => other,
            }
        }
        other => other,
    }
}

/// The branches and tags of the far repository.
pub(super) fn list(
    url: &GitUrl,
    request: &Fetch,
    cancel: &CancellationToken,
) -> Result<Vec<RemoteRef>, GitError> {
    no_plain_token(url, request)?;
    // Held by the thread that asks.
    let asking = Asking::begin(url)?;
    let found = Arc::new(Mutex::new(Vec::new()));
    let put = |into: &Arc<Mutex<Vec<RemoteRef>>>, refs| {
        *into.lock().unwrap_or_else(PoisonError::into_inner) = refs;
        Ok(String::new())
    };
    let watched = |job: Job| watch(url, request.limits, &mut |_| {}, cancel, job);
    let (into, url_, request_) = (Arc::clone(&found), url.clone(), request.clone());
    let by_libgit = move |shared: Shared| {
        let _asking = asking;
        let mut remote = git2::Remote::create_detached(url_.as_str())?;
        let callbacks = shared.callbacks(&url_, &request_);
        let connection = remote
            .connect_auth(Direction::Fetch, Some(callbacks), Some(proxy()))
            .map_err(|e| shared.classify(&url_, e))?;
        put(&into, refs_of(connection.list()?))
    };
    match watched(Box::new(by_libgit)) {
        Err(error) if program::may_help(url, &request.credential, &error) => {
            let (into, url_) = (Arc::clone(&found), url.clone());
            let listed = watched(Box::new(move |shared| put(&into, program::list(&url_, &shared.stop)?)));
            // As for a fetch: ssh's own failure says no more.
            listed.map_err(|e| if matches!(e, GitError::Unreachable { .. }) { error } else { e })?;
        }
        other => drop(other?),
    }
    let found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(found)
}

/// How many threads may wait for a far repository's names. One that is silent is given up on, but its thread lives on until the
/// system ends the connection, which may be never: whoever asks every minute must not have a thread more each time.
const ASKING: usize = 4;

/// The threads that wait now, by repository.
static THREADS: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

/// One of the threads that wait for a far repository's names.
struct Asking(GitUrl);

impl Asking {
    fn begin(url: &GitUrl) -> Result<Self, GitError> {
        let mut threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = threads.entry(url.as_str().to_owned()).or_default();
        if *waiting >= ASKING {
            let detail = format!("{waiting} earlier questions were never answered");
            return Err(GitError::Unreachable { host: url.host().to_owned(), detail });
        }
        *waiting += 1;
        Ok(Self(url.clone()))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = threads.get_mut(self.0.as_str()) {
            *waiting -= 1;
            if *waiting == 0 {
                threads.remove(self.0.as_str());
            }
        }
    }
}

/// A token isn't sent where everybody on the way can read it.
fn no_plain_token(url: &GitUrl, request: &Fetch) -> Result<(), GitError> {
    if matches!(request.credential, Credential::Token { .. })
        && url.kind() == Kind::Http
        && !url.is_loopback()
    {
        return Err(GitError::TokenOverPlainHttp { host: url.host().to_owned() });
    }
    Ok(())
}

#[derive(Clone)]
struct Task {
    dir: PathBuf,
    url: GitUrl,
    request: Fetch,
}

impl Task {
    fn libgit(&self, shared: &Shared) -> Result<String, GitError> {
        let classify = |e| shared.classify(&self.url, e);
        let repo = mirror::open(&self.dir)?;
        let mut remote = repo.remote_anonymous(self.url.as_str())?;
        let mut connection = remote
            .connect_auth(Direction::Fetch, Some(shared.callbacks(&self.url, &self.request)), Some(proxy()))
            .map_err(classify)?;
        let heads = refs_of(connection.list()?);
        let first = repo.references_glob("refs/slipway/*")?.next().is_none();
        let depth = if first && self.url.kind() != Kind::Local { FIRST_DEPTH } else { 0 };
        let mut get = |refspecs: &[String], depth: i32| {
            let mut options = FetchOptions::new();
            options.download_tags(AutotagOption::None).depth(depth).proxy_options(proxy());
            options.remote_callbacks(shared.callbacks(&self.url, &self.request));
            connection.remote().fetch(refspecs, Some(&mut options), None).map_err(classify)
        };
        bring(&repo, &self.url, self.request.wanted.as_deref(), &heads, &mut |specs| {
            match get(specs, depth) {
                // Some servers can't cut history; then it comes whole.
                Err(GitError::Git(_)) if depth > 0 => get(specs, 0),
                other => other,
            }
        })
    }

    fn program(&self, shared: &Shared) -> Result<String, GitError> {
        let repo = mirror::open(&self.dir)?;
        let heads = program::list(&self.url, &shared.stop)?;
        bring(&repo, &self.url, self.request.wanted.as_deref(), &heads, &mut |specs| {
            shared.say(Progress::Remote("libgit2 could not log in; asking the git program".to_owned()));
            program::fetch(&self.dir, &self.url, specs, &shared.stop, &mut |line| {
                shared.say(Progress::Remote(line))
            })
        })
    }
}

/// Finds the wanted thing among `heads`, fetches it by `get`, and returns where the mirror has it.
fn bring(
    repo: &Repository,
    url: &GitUrl,
    wanted: Option<&str>,
    heads: &[RemoteRef],
    get: &mut dyn FnMut(&[String]) -> Result<(), GitError>,
) -> Result<String, GitError> {
    let branches = || heads.iter().filter(|h| h.name.starts_with("refs/heads/"));
    if branches().next().is_none() {
        return Err(GitError::Empty { url: url.to_string() });
    }
    let named = |name: &str| heads.iter().find(|h| h.name == name);
    let found = match wanted {
        None => {
            let head = named("HEAD").map(|h| h.sha.as_str());
            let at_head = || branches().filter(|b| Some(b.sha.as_str()) == head);
            let main = |b: &&RemoteRef| matches!(b.short(), Some("main" | "master"));
            at_head().find(main).or_else(|| at_head().next()).or_else(|| branches().next())
        }
        Some(name) => named(&format!("refs/heads/{name}")).or_else(|| named(&format!("refs/tags/{name}"))),
    };
    if let Some(head) = found {
        // Not under the same name: `a` may become `a/b` one day, and some disks can't tell `Main` from `main`.
        let own =
            format!("refs/slipway/fetched/{}", hex::encode(&Sha256::digest(head.name.as_bytes())[..10]));
        get(&[format!("+{}:{own}", head.name)])?;
        return Ok(own);
    }
    let name = wanted.unwrap_or_default();
    let is_id = (7..=40).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id {
        if let Some(sha) = commit_in(repo, name) {
            return Ok(sha);
        }
        if name.len() == 40
            && get(&[format!("+{name}:refs/slipway/fetched/{name}")]).is_ok()
            && let Some(sha) = commit_in(repo, name)
        {
            return Ok(sha);
        }
        // A server that doesn't hand out single commits, or an abbreviated id: look through all branches and tags.
        let all = heads.iter().filter(|h| h.short().is_some() && !h.name.ends_with("^{}")).map(|h| {
            format!(
                "+{}:refs/slipway/fetched/{}",
                h.name,
                hex::encode(&Sha256::digest(h.name.as_bytes())[..10])
            )
        });
        get(&all.collect::<Vec<_>>())?;
        if let Some(sha) = commit_in(repo, name) {
            return Ok(sha);
        }
    }
    Err(GitError::RefNotFound { url: url.to_string(), name: name.to_owned(), near: near(name, heads) })
}

fn commit_in(repo: &Repository, id: &str) -> Option<String> {
    Some(repo.revparse_single(id).ok()?.peel_to_commit().ok()?.id().to_string())
}

/// The names most like `name`, at most three.
fn near(name: &str, heads: &[RemoteRef]) -> Vec<String> {
    let lower = name.to_lowercase();
    let mut scored: Vec<(f64, &str)> = heads
        .iter()
        .filter_map(RemoteRef::short)
        .filter(|short| !short.ends_with("^{}"))
        .map(|short| {
            let other = short.to_lowercase();
            let part = other.contains(&lower) || lower.contains(&other);
            (strsim::jaro_winkler(&lower, &other) + if part { 0.3 } else { 0.0 }, short)
        })
        .filter(|(score, _)| *score > 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(3).map(|(_, short)| short.to_owned()).collect()
}

fn refs_of(heads: &[git2::RemoteHead<'_>]) -> Vec<RemoteRef> {
    heads.iter().map(|h| RemoteRef { name: h.name().to_owned(), sha: h.oid().to_string() }).collect()
}

fn proxy() -> ProxyOptions<'static> {
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    proxy
}

#[cfg(test)]
mod tests;
