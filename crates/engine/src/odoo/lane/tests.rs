use super::*;
use crate::odoo::files::fake::Memory;
use crate::odoo::modules::AddonsIn;

fn sample() -> Memory {
    Memory::of(&[
        ("m/a/__manifest__.py", "{}"),
        ("m/a/models.py", "def f():\n    return 1\n"),
        ("m/b/__manifest__.py", "{'depends': ['a']}"),
        ("m/c/__manifest__.py", "{}"),
    ])
}

fn modules(files: &Memory) -> Modules {
    Modules::find(files, &[AddonsIn { repository: "m".into(), paths: vec![] }]).unwrap().0
}

fn lane(new: &Memory, installed: Option<&[&str]>, wanted: &[&str], live_known: bool) -> LaneChoice {
    let old = sample();
    let (before, after) = (modules(&old), modules(new));
    let installed: Option<BTreeSet<String>> =
        installed.map(|names| names.iter().map(|n| (*n).to_owned()).collect());
    let wanted: Vec<String> = wanted.iter().map(|n| (*n).to_owned()).collect();
    let live = live_known.then_some(Release { files: &old, modules: &before });
    let database = installed.as_ref().map(|installed| Database { installed, demo: true });
    choose(live, Release { files: new, modules: &after }, database, &wanted).unwrap()
}

#[test]
fn the_content_decides() {
    let first = lane(&sample(), None, &["b", "a"], false);
    assert_eq!((first.lane, first.install), (ContentLane::First, vec!["a".to_owned(), "b".to_owned()]));
    let same = lane(&sample(), Some(&["a", "b", "base"]), &["a"], true);
    assert_eq!((same.lane, same.changes), (ContentLane::Code, vec![]));
    let code =
        sample().with(&[("m/a/models.py", "def f():\n    return 2\n"), ("m/c/x.xml", "c isn't installed")]);
    let code = lane(&code, Some(&["a", "b"]), &[], true);
    assert_eq!((code.lane, code.changes.len()), (ContentLane::Code, 1));
    let update = lane(&sample().with(&[("m/b/x.xml", "x")]), Some(&["a", "b"]), &[], true);
    assert_eq!((update.lane, update.update), (ContentLane::Update, vec!["b".to_owned()]));
    assert_eq!(update.reasons, ["b: x.xml added"]);
    let install = lane(&sample(), Some(&["a"]), &["a", "c"], true);
    assert_eq!((install.lane, install.install), (ContentLane::Update, vec!["c".to_owned()]));
}

#[test]
fn what_is_not_known_is_updated_and_what_is_gone_stops() {
    let unknown = lane(&sample(), Some(&["a", "b", "base", "sale"]), &[], false);
    assert_eq!((unknown.lane, unknown.update), (ContentLane::Update, vec!["a".to_owned(), "b".to_owned()]));
    let gone = lane(&sample().without("m/b/__manifest__.py"), Some(&["a", "b"]), &[], true);
    assert!(gone.problems.iter().any(|p| p.stops && p.kind == ProblemKind::RemovedModule));
    let not_installed = lane(&sample().without("m/c/__manifest__.py"), Some(&["a", "b"]), &[], true);
    assert_eq!((not_installed.lane, not_installed.problems), (ContentLane::Code, vec![]));
}

/// The lane from one release to another, with these modules installed.
pub(super) fn lane_of(old: &Memory, new: &Memory, installed: &[&str], demo: bool) -> LaneChoice {
    let (before, after) = (modules(old), modules(new));
    let installed = installed.iter().map(|n| (*n).to_owned()).collect();
    let database = Database { installed: &installed, demo };
    let live = Release { files: old, modules: &before };
    choose(Some(live), Release { files: new, modules: &after }, Some(database), &[]).unwrap()
}

/// Two releases that differ in one file's last bytes, which mean nothing in Python and in data.
pub(super) fn changed(files: &Memory, path: &str) -> (Memory, Memory) {
    let old = files.0.get(path.as_bytes()).map(|b| String::from_utf8_lossy(b).into_owned());
    let old = old.unwrap_or_else(|| "x".to_owned());
    let was = files.with(&[(path, &old)]);
    let is = files.with(&[(path, &format!("{old}\n"))]);
    (was, is)
}

/// Files of a release, and the modules that are installed: what a change of one of them does.
pub(super) struct Case<'a> {
    files: Memory,
    installed: &'a [&'a str],
}

impl<'a> Case<'a> {
    pub(super) fn new(files: Memory, installed: &'a [&'a str]) -> Self {
        Self { files, installed }
    }

    pub(super) fn updates(&self, path: &str) -> Vec<String> {
        let (old, new) = changed(&self.files, path);
        lane_of(&old, &new, self.installed, true).update
    }

    pub(super) fn reasons(&self, path: &str) -> Vec<String> {
        let (old, new) = changed(&self.files, path);
        lane_of(&old, &new, self.installed, true).reasons
    }
}
