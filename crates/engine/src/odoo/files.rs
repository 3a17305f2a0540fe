//! The files of a release, wherever they come from.

use std::collections::BTreeMap;

use crate::git::{GitError, Mode, Reader};

/// Files over this size are never Python, manifests or anything else that is read here.
pub const READ_LIMIT: u64 = 4 << 20;

/// What a file's content is, for comparing only: equal ids are equal contents of equal kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId {
    blob: [u8; 20],
    link: bool,
}

/// The files of a release by their path in it (`<repository>/<path>`).
pub trait Files {
    /// All files of a folder and below (empty: all), with whole paths, sorted.
    fn under(&self, folder: &[u8]) -> BTreeMap<&[u8], FileId>;

    /// A file's content. Links and files over [`READ_LIMIT`] are refused.
    fn read(&self, path: &[u8]) -> Result<Vec<u8>, GitError>;
}

impl Files for Reader<'_> {
    fn under(&self, folder: &[u8]) -> BTreeMap<&[u8], FileId> {
        let id = |entry: &crate::git::Entry| {
            let mut blob = [0; 20];
            blob.copy_from_slice(&entry.blob.as_bytes()[..20]);
            FileId { blob, link: entry.mode == Mode::Symlink }
        };
        let prefix = [folder, b"/"].concat();
        let all = self.source().entries();
        let from = if folder.is_empty() { Vec::new() } else { prefix.clone() };
        all.range(from..)
            .take_while(|(path, _)| folder.is_empty() || path.starts_with(&prefix))
            .map(|(path, entry)| (path.as_slice(), id(entry)))
            .collect()
    }

    fn read(&self, path: &[u8]) -> Result<Vec<u8>, GitError> {
        match self.source().entries().get(path) {
            Some(entry) if entry.mode != Mode::Symlink => self.content(path, entry, READ_LIMIT),
            _ => Err(GitError::UnsafePath { path: shown(path) }),
        }
    }
}

/// A path for messages: odd bytes escaped.
pub fn shown(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => path.escape_ascii().to_string(),
    }
}

#[cfg(test)]
pub(crate) mod fake {
    use sha1::{Digest, Sha1};

    use super::*;

    /// Files in memory.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Memory(pub(crate) BTreeMap<Vec<u8>, Vec<u8>>);

    impl Memory {
        pub(crate) fn of(files: &[(&str, &str)]) -> Self {
            Self(
                files
                    .iter()
                    .map(|(path, text)| (path.as_bytes().to_vec(), text.as_bytes().to_vec()))
                    .collect(),
            )
        }

        /// The same files but for these.
        pub(crate) fn with(&self, files: &[(&str, &str)]) -> Self {
            let mut all = self.0.clone();
            all.extend(Self::of(files).0);
            Self(all)
        }

        pub(crate) fn without(&self, path: &str) -> Self {
            let mut all = self.0.clone();
            assert!(all.remove(path.as_bytes()).is_some(), "{path}");
            Self(all)
        }
    }

    impl Files for Memory {
        fn under(&self, folder: &[u8]) -> BTreeMap<&[u8], FileId> {
            let prefix = [folder, b"/"].concat();
            let inside = |path: &[u8]| folder.is_empty() || path.starts_with(&prefix);
            let id = |content: &[u8]| FileId { blob: Sha1::digest(content).into(), link: false };
            self.0.iter().filter(|(p, _)| inside(p)).map(|(p, c)| (p.as_slice(), id(c))).collect()
        }

        fn read(&self, path: &[u8]) -> Result<Vec<u8>, GitError> {
            let content = self.0.get(path).ok_or_else(|| GitError::UnsafePath { path: shown(path) })?;
            let size = content.len() as u64;
            if size > READ_LIMIT {
                return Err(GitError::FileTooLarge { path: shown(path), size, limit: READ_LIMIT });
            }
            Ok(content.clone())
        }
    }
}
