use super::Source;

/// A file that differs between two releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its path in the release.
    pub path: Vec<u8>,
    /// How it differs.
    pub kind: ChangeKind,
}

/// How a file differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Only the new release has it.
    Added,
    /// Both have it, with another content or mode.
    Modified,
    /// Only the old release had it.
    Removed,
}

/// What differs between two releases, sorted by path. Without an old one, everything is added.
pub fn diff(old: Option<&Source>, new: &Source) -> Vec<Change> {
    let mut changes = Vec::new();
    for (path, entry) in new.entries() {
        let kind = match old.and_then(|old| old.entries().get(path)) {
            None => ChangeKind::Added,
            Some(was) if was.blob != entry.blob || was.mode != entry.mode => ChangeKind::Modified,
            Some(_) => continue,
        };
        changes.push(Change { path: path.clone(), kind });
    }
    let gone = old
        .into_iter()
        .flat_map(|old| old.entries().keys())
        .filter(|path| !new.entries().contains_key(*path));
    changes.extend(gone.map(|path| Change { path: path.clone(), kind: ChangeKind::Removed }));
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}
