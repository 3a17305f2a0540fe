//! The modification times of a release's files.
//!
//! Odoo names a bundle of JavaScript or CSS after its files' times, never after their content, and serves what was made under that
//! name before: a file that changes must change its time, or browsers go on with what they have. Git knows no times, so these are made.

use git2::Oid;
use serde::{Deserialize, Serialize};

/// The rule that gives each file of a release its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileTimes {
    /// A time that follows from the content alone: equal content is an equal file, in each release and on each server.
    OfContent,
    /// This time, in seconds since 1970, for each file that is sent; the others keep theirs. It is later than any time in the
    /// releases before, so that a changed file is the newest one of whatever it is put together with, also when it changes back.
    Newest(u64),
}

/// 2 January 1980, from which on each archive format can tell a time, and some forty years. None of it is in the future.
const FIRST: u64 = 315_619_200;
const SPAN: u64 = 1_300_000_000;

impl FileTimes {
    /// The time of a file with this content, in seconds since 1970.
    pub fn of(self, blob: Oid) -> u64 {
        match self {
            Self::Newest(time) => time,
            Self::OfContent => {
                let mut first = [0; 8];
                first.copy_from_slice(&blob.as_bytes()[..8]);
                FIRST + u64::from_be_bytes(first) % SPAN
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_is_another_time() {
        let blob = |n: u32| Oid::hash_object(git2::ObjectType::Blob, &n.to_be_bytes()).unwrap();
        let mut times: Vec<u64> = (0..2000).map(|n| FileTimes::OfContent.of(blob(n))).collect();
        assert_eq!(times[7], FileTimes::OfContent.of(blob(7)), "the same each time");
        assert!(times.iter().all(|time| (FIRST..FIRST + SPAN).contains(time)));
        times.sort_unstable();
        times.dedup();
        assert_eq!(times.len(), 2000);
        assert_eq!(FileTimes::Newest(5).of(blob(1)), 5);
    }
}
