//! A Git repository made by hand, for tests.

use std::path::{Path, PathBuf};

use git2::{Oid, Repository, Signature, Time};

/// A repository in a temporary folder.
pub(crate) struct Repo {
    pub(crate) dir: tempfile::TempDir,
    repo: Repository,
}

/// A file for [`Repo::commit`].
pub(crate) type File<'a> = (&'a [u8], i32, &'a [u8]);

pub(crate) const FILE: i32 = 0o100644;
pub(crate) const EXEC: i32 = 0o100755;
pub(crate) const LINK: i32 = 0o120000;
/// The "content" is the hexadecimal id of a submodule's commit.
pub(crate) const SUBMODULE: i32 = 0o160000;

impl Repo {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repo = Repository::init_bare(dir.path()).unwrap();
        repo.set_head("refs/heads/main").unwrap();
        Self { dir, repo }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.dir.path().display())
    }

    /// A commit on `branch` holding just these files.
    pub(crate) fn commit(&self, branch: &str, message: &str, files: &[File<'_>]) -> String {
        let tree = self.tree(files);
        let tree = self.repo.find_tree(tree).unwrap();
        let name = format!("refs/heads/{branch}");
        let parent = self.repo.find_reference(&name).ok().map(|r| r.peel_to_commit().unwrap());
        let at = 1_700_000_000 + parent.as_ref().map_or(0, |p| p.time().seconds() - 1_700_000_000 + 60);
        let who = Signature::new("Ada", "ada@example.com", &Time::new(at, 0)).unwrap();
        let parents: Vec<_> = parent.iter().collect();
        self.repo.commit(Some(&name), &who, &who, message, &tree, &parents).unwrap().to_string()
    }

    pub(crate) fn tag(&self, name: &str, sha: &str) {
        let target = self.repo.find_object(Oid::from_str(sha).unwrap(), None).unwrap();
        let who = Signature::new("Ada", "ada@example.com", &Time::new(1_700_000_000, 0)).unwrap();
        self.repo.tag(name, &target, &who, "a release", false).unwrap();
    }

    pub(crate) fn delete_branch(&self, name: &str) {
        self.repo.find_reference(&format!("refs/heads/{name}")).unwrap().delete().unwrap();
    }

    fn tree(&self, files: &[File<'_>]) -> Oid {
        let mut builder = self.repo.treebuilder(None).unwrap();
        let mut folders: Vec<(&[u8], Vec<File<'_>>)> = Vec::new();
        for (path, mode, content) in files {
            match path.iter().position(|b| *b == b'/') {
                Some(at) => {
                    let file = (&path[at + 1..], *mode, *content);
                    match folders.iter_mut().find(|(name, _)| *name == &path[..at]) {
                        Some((_, inside)) => inside.push(file),
                        None => folders.push((&path[..at], vec![file])),
                    }
                }
                None if *mode == SUBMODULE => {
                    let id = Oid::from_str(std::str::from_utf8(content).unwrap()).unwrap();
                    builder.insert(*path, id, *mode).unwrap();
                }
                None => {
                    builder.insert(*path, self.repo.blob(content).unwrap(), *mode).unwrap();
                }
            }
        }
        for (name, inside) in folders {
            let id = self.tree(&inside);
            builder.insert(name, id, 0o040000).unwrap();
        }
        builder.write().unwrap()
    }
}

/// A part of a release straight from a repository, without a mirror.
pub(crate) fn part(prefix: &str, repo: &Repo, sha: &str) -> super::Part {
    super::Part {
        prefix: prefix.into(),
        mirror: PathBuf::from(repo.path()),
        commit: Oid::from_str(sha).unwrap(),
    }
}
