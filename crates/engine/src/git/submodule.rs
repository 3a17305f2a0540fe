use std::path::{Path, PathBuf};

use git2::{Config, ObjectType, Repository};
use tokio_util::sync::CancellationToken;

use super::source::{DEPTH_LIMIT, shown};
use super::url::Kind;
use super::{Commit, Credential, Fetch, GitError, GitUrl, Mirror, Part, Progress, history};

/// The folder that holds all mirrors of this computer.
#[derive(Debug, Clone)]
pub struct Repositories {
    dir: PathBuf,
}

/// A repository of a project, fetched: its commit, and all parts (itself and its submodules) for a
/// [`super::Source`].
#[derive(Debug, Clone)]
pub struct Checkout {
    /// The commit that was wanted.
    pub commit: Commit,
    /// The mirror it is in.
    pub mirror: Mirror,
    /// The repository itself, then its submodules.
    pub parts: Vec<Part>,
}

/// Submodules within submodules: deeper than this, somebody has made a circle.
const LEVELS: usize = 8;

impl Repositories {
    /// Mirrors are kept in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The mirror of one address.
    pub fn mirror(&self, url: &str) -> Result<Mirror, GitError> {
        Mirror::open(&self.dir.join(GitUrl::parse(url)?.mirror_name()), url)
    }

    /// Fetches a repository as `request` says and, when asked to, its submodules at the commits it pins. `name` becomes
    /// the folder in the release.
    pub fn checkout(
        &self,
        name: &str,
        url: &str,
        request: &Fetch,
        with_submodules: bool,
        on_progress: &mut dyn FnMut(Progress),
        cancel: &CancellationToken,
    ) -> Result<Checkout, GitError> {
        let mirror = self.mirror(url)?;
        let commit = mirror.fetch(request, on_progress, cancel)?;
        let mut parts = Vec::new();
        self.collect(&mirror, &commit.sha, name.as_bytes(), &mut parts, 0, &mut |mirror, sha, parent| {
            if !with_submodules {
                return Ok(false);
            }
            let wanted = Some(sha.to_owned());
            let request =
                Fetch { wanted, credential: for_submodule(request, parent, mirror.url()), ..request.clone() };
            if mirror.resolve(sha).is_err() {
                mirror.fetch(&request, on_progress, cancel)?;
            }
            Ok(true)
        })?;
        Ok(Checkout { commit, mirror, parts })
    }

    /// The parts of a commit that was fetched before, without asking the network. Fails if any is missing here.
    pub fn parts(
        &self,
        name: &str,
        url: &str,
        sha: &str,
        with_submodules: bool,
    ) -> Result<Vec<Part>, GitError> {
        let mirror = self.mirror(url)?;
        let mut parts = Vec::new();
        self.collect(&mirror, sha, name.as_bytes(), &mut parts, 0, &mut |mirror, sha, _| {
            if with_submodules { mirror.resolve(sha).map(|_| true) } else { Ok(false) }
        })?;
        Ok(parts)
    }

    /// `bring` sees to it that a submodule's commit is in its mirror, or says that it is not wanted.
    fn collect(
        &self,
        mirror: &Mirror,
        sha: &str,
        prefix: &[u8],
        parts: &mut Vec<Part>,
        level: usize,
        bring: &mut dyn FnMut(&Mirror, &str, &GitUrl) -> Result<bool, GitError>,
    ) -> Result<(), GitError> {
        let repo = mirror.repository()?;
        let commit = history::commit(&repo, sha)?;
        parts.push(Part { prefix: prefix.to_vec(), mirror: mirror.dir().to_owned(), commit: commit.id() });
        for Pinned { path, sha, url } in pinned(&repo, &commit)? {
            if level >= LEVELS {
                return Err(GitError::BadSubmodule { path, why: "there are too many levels of submodules" });
            }
            let within = |source| GitError::Submodule { path: path.clone(), source: Box::new(source) };
            let address = resolve(mirror.url(), url.as_deref(), &path)?;
            let sub =
                Mirror::open(&self.dir.join(address.mirror_name()), address.as_str()).map_err(within)?;
            if bring(&sub, &sha, mirror.url()).map_err(within)? {
                let folder = [prefix, b"/", path.as_bytes()].concat();
                self.collect(&sub, &sha, &folder, parts, level + 1, bring).map_err(within)?;
            }
        }
        Ok(())
    }
}

/// A credential is only ever shown to the host it was given for.
fn for_submodule(request: &Fetch, parent: &GitUrl, sub: &GitUrl) -> Credential {
    let same = parent.host() == sub.host() && parent.kind() == sub.kind() && parent.port() == sub.port();
    if same { request.credential.clone() } else { Credential::Auto }
}

/// A submodule as a tree pins it.
struct Pinned {
    path: String,
    sha: String,
    url: Option<String>,
}

fn resolve(parent: &GitUrl, url: Option<&str>, path: &str) -> Result<GitUrl, GitError> {
    let bad = |why| GitError::BadSubmodule { path: path.to_owned(), why };
    let url = url.ok_or_else(|| bad(".gitmodules has no address for it"))?;
    let url =
        parent.join(url).map_err(|e| GitError::Submodule { path: path.to_owned(), source: Box::new(e) })?;
    // A repository from the network must not make us read this computer's folders.
    if url.kind() == Kind::Local && parent.kind() != Kind::Local {
        return Err(bad("its address is a folder of this computer"));
    }
    Ok(url)
}

fn pinned(repo: &Repository, commit: &git2::Commit<'_>) -> Result<Vec<Pinned>, GitError> {
    let tree = commit.tree()?;
    let links = find_links(repo, &tree)?;
    if links.is_empty() {
        return Ok(Vec::new());
    }
    let urls = match tree.get_path(Path::new(".gitmodules")) {
        Ok(item) => read_gitmodules(repo.find_blob(item.id())?.content())?,
        Err(_) => Vec::new(),
    };
    let url_of = |path: &str| urls.iter().find(|(p, _)| p == path).map(|(_, url)| url.clone());
    Ok(links.into_iter().map(|(path, sha)| Pinned { url: url_of(&path), path, sha }).collect())
}

/// The submodules' paths and commits. Without recursion: how deep the folders are is somebody else's choice.
fn find_links(repo: &Repository, tree: &git2::Tree<'_>) -> Result<Vec<(String, String)>, GitError> {
    let mut links = Vec::new();
    let mut open = vec![(String::new(), tree.id(), 0)];
    while let Some((folder, tree, depth)) = open.pop() {
        if depth > DEPTH_LIMIT {
            return Err(GitError::UnsafePath { path: folder });
        }
        for item in &repo.find_tree(tree)? {
            let path = format!("{folder}{}", shown(item.name_bytes()));
            match item.kind() {
                Some(ObjectType::Commit) => links.push((path, item.id().to_string())),
                Some(ObjectType::Tree) => open.push((format!("{path}/"), item.id(), depth + 1)),
                _ => {}
            }
        }
    }
    links.sort();
    Ok(links)
}

/// Path and address of each submodule. The file has the format of Git's configuration, which libgit2 reads from files
/// only.
fn read_gitmodules(text: &[u8]) -> Result<Vec<(String, String)>, GitError> {
    let file = tempfile::NamedTempFile::new().map_err(GitError::io(".gitmodules"))?;
    std::fs::write(file.path(), text).map_err(GitError::io(file.path()))?;
    let config = Config::open(file.path())?;
    let mut found: Vec<(String, Option<String>, Option<String>)> = Vec::new();
    let mut entries = config.entries(Some("^submodule\\..*\\.(path|url)$"))?;
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let (Ok(name), Ok(value)) = (entry.name(), entry.value()) else { continue };
        let Some((section, key)) = name.rsplit_once('.') else { continue };
        let at = found.iter().position(|f| f.0 == section).unwrap_or_else(|| {
            found.push((section.to_owned(), None, None));
            found.len() - 1
        });
        let slot = if key == "path" { &mut found[at].1 } else { &mut found[at].2 };
        *slot = Some(value.to_owned());
    }
    Ok(found
        .into_iter()
        .filter_map(|(_, path, url)| Some((path?.trim_end_matches('/').to_owned(), url?)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_never_end_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let repo = Repository::init_bare(dir.path()).unwrap();
        let mut tree = repo.treebuilder(None).unwrap().write().unwrap();
        for _ in 0..20_000 {
            let mut around = repo.treebuilder(None).unwrap();
            around.insert("d", tree, 0o040_000).unwrap();
            tree = around.write().unwrap();
        }
        let author = git2::Signature::new("a", "a@example.com", &git2::Time::new(0, 0)).unwrap();
        let commit =
            repo.commit(None, &author, &author, "deep", &repo.find_tree(tree).unwrap(), &[]).unwrap();
        let found = pinned(&repo, &repo.find_commit(commit).unwrap()).map(|found| found.len());
        assert!(matches!(found, Err(GitError::UnsafePath { .. })), "{found:?}");
    }
}
