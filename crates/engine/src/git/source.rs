use std::collections::BTreeMap;
use std::path::PathBuf;

use git2::{ObjectType, Oid, Repository};

use super::{GitError, history, mirror};

/// Everything of one release: the files of each repository (and submodule) at its commit, by their path in the release's
/// `src/` folder. Knows names and blob ids; contents are read through a [`Reader`].
#[derive(Debug, Clone)]
pub struct Source {
    parts: Vec<Part>,
    entries: BTreeMap<Vec<u8>, Entry>,
}

/// One commit of one mirror, and where in the release its files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The folder in the release, without slashes at its ends: `main`, or `main/vendor/oca` for a submodule.
    pub prefix: Vec<u8>,
    /// The mirror's folder.
    pub mirror: PathBuf,
    /// The commit.
    pub commit: Oid,
}

/// A file of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What kind of file.
    pub mode: Mode,
    /// The content's id: equal ids are equal contents.
    pub blob: Oid,
    part: usize,
}

/// The kinds of files that Git knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// An ordinary file.
    File,
    /// A file with its executable bit set.
    Executable,
    /// A symbolic link; the content is its target.
    Symlink,
}

/// Deeper trees than this are an attack, not a project.
pub(super) const DEPTH_LIMIT: usize = 100;

impl Source {
    /// Reads the file lists of `parts`. Fails on paths that must not be written to a disk.
    pub fn read(parts: Vec<Part>) -> Result<Self, GitError> {
        let mut entries = BTreeMap::new();
        for (at, part) in parts.iter().enumerate() {
            let repo = mirror::open(&part.mirror)?;
            let tree = history::commit(&repo, &part.commit.to_string())?.tree()?;
            walk(&repo, &tree, &part.prefix, at, 0, &mut entries)?;
        }
        refuse_file_that_is_a_folder(&entries)?;
        Ok(Self { parts, entries })
    }

    /// The parts it is made of.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// All files, by path, sorted.
    pub fn entries(&self) -> &BTreeMap<Vec<u8>, Entry> {
        &self.entries
    }

    /// The files in a folder and below, with whole paths. `folder` without a slash at its end; empty: all.
    pub fn under<'a>(&'a self, folder: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a Entry)> {
        let mut from = folder.to_vec();
        if !from.is_empty() {
            from.push(b'/');
        }
        let prefix = from.clone();
        self.entries
            .range(from..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .map(|(p, e)| (p.as_slice(), e))
    }

    /// Opens the mirrors to read contents.
    pub fn reader(&self) -> Result<Reader<'_>, GitError> {
        let open = |part: &Part| mirror::open(&part.mirror);
        Ok(Reader { source: self, repositories: self.parts.iter().map(open).collect::<Result<_, _>>()? })
    }
}

/// Reads contents of a [`Source`]; for one thread.
pub struct Reader<'s> {
    source: &'s Source,
    repositories: Vec<Repository>,
}

impl<'s> Reader<'s> {
    /// The source being read.
    pub fn source(&self) -> &'s Source {
        self.source
    }

    /// The size of a file in bytes, without reading it.
    pub fn size(&self, entry: &Entry) -> Result<u64, GitError> {
        let (size, _) = self.repository(entry)?.odb()?.read_header(entry.blob)?;
        Ok(size as u64)
    }

    /// The content of a file; refuses one over `limit` bytes. libgit2 can't stream from a pack, so this is in memory.
    pub fn content(&self, path: &[u8], entry: &Entry, limit: u64) -> Result<Vec<u8>, GitError> {
        let size = self.size(entry)?;
        if size > limit {
            return Err(GitError::FileTooLarge { path: shown(path), size, limit });
        }
        Ok(self.repository(entry)?.find_blob(entry.blob)?.content().to_vec())
    }

    fn repository(&self, entry: &Entry) -> Result<&Repository, GitError> {
        self.repositories
            .get(entry.part)
            .ok_or_else(|| GitError::CommitNotFound { sha: entry.blob.to_string() })
    }
}

/// A path for messages: odd bytes escaped.
pub(super) fn shown(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => path.escape_ascii().to_string(),
    }
}

fn walk(
    repo: &Repository,
    tree: &git2::Tree<'_>,
    folder: &[u8],
    part: usize,
    depth: usize,
    into: &mut BTreeMap<Vec<u8>, Entry>,
) -> Result<(), GitError> {
    for item in tree {
        let path = [folder, b"/", item.name_bytes()].concat();
        if !is_safe_name(item.name_bytes()) || depth > DEPTH_LIMIT {
            return Err(GitError::UnsafePath { path: shown(&path) });
        }
        match item.kind() {
            Some(ObjectType::Tree) => walk(repo, &repo.find_tree(item.id())?, &path, part, depth + 1, into)?,
            Some(ObjectType::Blob) => {
                let mode = match item.filemode() {
                    0o120000 => Mode::Symlink,
                    mode if mode & 0o111 != 0 => Mode::Executable,
                    _ => Mode::File,
                };
                into.insert(path, Entry { mode, blob: item.id(), part });
            }
            // A submodule is a part of its own.
            _ => {}
        }
    }
    Ok(())
}

/// Git refuses these names when it checks a tree out; a tree made by hand can hold them nevertheless.
fn is_safe_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name != b"."
        && name != b".."
        && !name.eq_ignore_ascii_case(b".git")
        && !name.contains(&b'/')
        && !name.contains(&0)
}

/// A path that is a link in one place and a folder in another would let a release write outside of itself.
fn refuse_file_that_is_a_folder(entries: &BTreeMap<Vec<u8>, Entry>) -> Result<(), GitError> {
    for path in entries.keys() {
        let from = [path.as_slice(), b"/"].concat();
        if entries.range(from.clone()..).next().is_some_and(|(next, _)| next.starts_with(&from)) {
            return Err(GitError::UnsafePath { path: shown(path) });
        }
    }
    Ok(())
}
