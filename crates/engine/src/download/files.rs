//! The list of a snapshot's files: SHA-1 of the content, size and path, a line a file, with tabs between.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};

use super::feed::Feed;
use crate::error::EngineError;

/// What a tar stream adds to each file; it also fills a file's end up to that.
const TAR_BLOCK: u64 = 512;

/// Files that are still wanted, and how many were had.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FileList {
    wanted: BTreeMap<String, String>,
    had: u64,
    sent: u64,
}

impl FileList {
    /// Reads it.
    pub(super) fn read(from: Feed) -> Result<Self, EngineError> {
        Self::parse(BufReader::new(from))
    }

    fn parse(from: impl BufRead) -> Result<Self, EngineError> {
        let mut list = Self::default();
        for line in from.lines() {
            let line = line?;
            let mut words = line.splitn(3, '\t');
            if let (Some(sum), Some(size), Some(path)) = (words.next(), words.next(), words.next())
                && is_below(path)
            {
                list.wanted.insert(path.to_owned(), sum.to_owned());
                let size: u64 = size.parse().unwrap_or_default();
                list.sent += TAR_BLOCK + size.next_multiple_of(TAR_BLOCK);
            }
        }
        Ok(list)
    }

    /// The SHA-1 that a file has to have, if it is wanted.
    pub(super) fn sum_of(&self, path: &str) -> Option<&str> {
        self.wanted.get(path).map(String::as_str)
    }

    /// A file was had as it has to be.
    pub(super) fn have(&mut self, path: &str) {
        self.had += u64::from(self.wanted.remove(path).is_some());
    }

    /// How many bytes all of them take on their way.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Whether none is wanted any more.
    pub(super) fn is_complete(&self) -> bool {
        self.wanted.is_empty()
    }

    /// What is still wanted, a line each.
    pub(super) fn names(&self) -> Vec<u8> {
        self.wanted.keys().flat_map(|path| path.bytes().chain([b'\n'])).collect()
    }

    /// How many were had, and which are still wanted.
    pub(super) fn into_parts(self) -> (u64, Vec<String>) {
        (self.had, self.wanted.into_keys().collect())
    }
}

/// Whether a path stays in the folder that it is relative to: it becomes a name in an archive that others unpack, on Windows too,
/// where a backslash parts folders and a colon ends the name of a drive.
fn is_below(path: &str) -> bool {
    !path.contains(['\\', ':']) && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_had_is_no_longer_wanted() {
        let text = "sum1\t3\tab/abcd\nsum2\t0\tnotes of mine.txt\nsum3\t1\t../outside\nsum4\t1\t/etc/passwd\nsum5\t1\t..\\up\nsum6\t1\tC:up\n";
        let mut list = FileList::parse(text.as_bytes()).unwrap();
        assert_eq!(list.names(), b"ab/abcd\nnotes of mine.txt\n");
        assert_eq!(list.sent(), 512 + 512 + 512, "two heads, and one file that isn't empty");
        assert_eq!(list.sum_of("ab/abcd"), Some("sum1"));
        list.have("ab/abcd");
        list.have("ab/abcd");
        assert!(!list.is_complete());
        assert_eq!(list.into_parts(), (1, vec!["notes of mine.txt".to_owned()]));
    }
}
