//! Which way a deployment goes, by what its content asks for.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::changes::{Change, Needs, Side, Uses, compare};
use super::files::Files;
use super::modules::{Modules, Problem, ProblemKind};
use crate::git::GitError;

/// The way a deployment goes. (A fourth one, `restore`, is never a matter of content.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentLane {
    /// There is no database yet: create it and install.
    First,
    /// New beside old; no request waits.
    Code,
    /// Requests are held while `odoo -u` and `-i` run on the database.
    Update,
}

/// What is decided, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneChoice {
    /// The way.
    pub lane: ContentLane,
    /// Modules for `-u`, sorted.
    pub update: Vec<String>,
    /// Modules for `-i`, sorted.
    pub install: Vec<String>,
    /// Why, in words.
    pub reasons: Vec<String>,
    /// What each module's changes ask for, unchanged ones left out.
    pub changes: Vec<Change>,
    /// What is wrong, or might be.
    pub problems: Vec<Problem>,
}

impl LaneChoice {
    /// What is decided when a release comes with the data that it left: it has its modules, as they are in that release. An
    /// update would only write over what people changed in them; and what is installed now says nothing.
    pub fn of_a_restore() -> Self {
        Self {
            lane: ContentLane::Code,
            update: Vec::new(),
            install: Vec::new(),
            reasons: vec![
                "the data comes back as this version left it, so no module has to be updated".to_owned(),
            ],
            changes: Vec::new(),
            problems: Vec::new(),
        }
    }
}

/// A release: its files and its modules.
#[derive(Clone, Copy)]
pub struct Release<'a> {
    /// The files.
    pub files: &'a dyn Files,
    /// The modules found among them.
    pub modules: &'a Modules,
}

/// What is known of the environment's database.
#[derive(Clone, Copy)]
pub struct Database<'a> {
    /// The modules that are installed in it.
    pub installed: &'a BTreeSet<String>,
    /// Whether one of them may have its demo data; what isn't known is taken for yes.
    pub demo: bool,
}

/// Decides for an environment. `live` is the release it runs (`None`: its files aren't known any more), `database` what
/// its data are (`None`: there is no database), `wanted` the modules that it should have.
pub fn choose(
    live: Option<Release<'_>>,
    new: Release<'_>,
    database: Option<Database<'_>>,
    wanted: &[String],
) -> Result<LaneChoice, GitError> {
    let mut choice = LaneChoice {
        lane: ContentLane::First,
        update: Vec::new(),
        install: Vec::new(),
        reasons: Vec::new(),
        changes: Vec::new(),
        problems: Vec::new(),
    };
    let Some(Database { installed, .. }) = database else {
        choice.install = sorted(wanted.iter().cloned());
        choice.reasons.push("this environment has no database yet".to_owned());
        return Ok(choice);
    };
    choice.install = sorted(wanted.iter().filter(|name| !installed.contains(*name)).cloned());
    choice.reasons.extend(choice.install.iter().map(|name| format!("{name} is to be installed")));
    match live {
        None => {
            choice.update =
                sorted(installed.iter().filter(|name| new.modules.by_name.contains_key(*name)).cloned());
            if !choice.update.is_empty() {
                choice.reasons.push("what runs now is not known, so every module is updated".to_owned());
            }
        }
        Some(live) => compare_all(live, new, installed, &mut choice)?,
    }
    choice.lane = match (choice.update.is_empty(), choice.install.is_empty()) {
        (true, true) => ContentLane::Code,
        _ => ContentLane::Update,
    };
    if choice.lane == ContentLane::Code {
        choice.reasons.push("no installed module changed in a way that the database would notice".to_owned());
    }
    Ok(choice)
}

fn compare_all(
    live: Release<'_>,
    new: Release<'_>,
    installed: &BTreeSet<String>,
    choice: &mut LaneChoice,
) -> Result<(), GitError> {
    let ours = || installed.iter().filter_map(|name| new.modules.by_name.get(name));
    let uses = Uses::new(new.files, ours().collect());
    for name in installed {
        match (live.modules.by_name.get(name), new.modules.by_name.get(name)) {
            (Some(was), Some(is)) => {
                let before = Side { files: live.files, module: was };
                let after = Side { files: new.files, module: is };
                let change = compare(before, after, &uses, &mut choice.problems)?;
                if change.needs == Needs::Update {
                    choice.update.push(name.clone());
                    choice.reasons.extend(change.reasons.iter().map(|why| format!("{name}: {why}")));
                }
                if change.needs != Needs::Nothing {
                    choice.changes.push(change);
                }
            }
            (Some(was), None) => choice.problems.push(removed(name, &was.repository)),
            // It was Odoo's own, and now a repository has it: other code, so other data.
            (None, Some(_)) => {
                choice.update.push(name.clone());
                choice.reasons.push(format!("{name} is new in the repositories"));
            }
            (None, None) => {}
        }
    }
    Ok(())
}

fn removed(name: &str, repository: &str) -> Problem {
    Problem {
        stops: true,
        kind: ProblemKind::RemovedModule,
        message: format!("{name} is installed in the database, but {repository} has it no more"),
        hint: "Uninstall it in Odoo first, or bring it back into the repository.".to_owned(),
    }
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
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
        let code = sample()
            .with(&[("m/a/models.py", "def f():\n    return 2\n"), ("m/c/x.xml", "c isn't installed")]);
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
        assert_eq!(
            (unknown.lane, unknown.update),
            (ContentLane::Update, vec!["a".to_owned(), "b".to_owned()])
        );
        let gone = lane(&sample().without("m/b/__manifest__.py"), Some(&["a", "b"]), &[], true);
        assert!(gone.problems.iter().any(|p| p.stops && p.kind == ProblemKind::RemovedModule));
        let not_installed = lane(&sample().without("m/c/__manifest__.py"), Some(&["a", "b"]), &[], true);
        assert_eq!((not_installed.lane, not_installed.problems), (ContentLane::Code, vec![]));
    }
}
