//! Which way a deployment goes, by what its content asks for.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::changes::{Change, Comparison, Needs};
use super::content::{Cache, Content};
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
    let Some(database) = database else {
        choice.install = sorted(wanted.iter().cloned());
        choice.reasons.push("this environment has no database yet".to_owned());
        return Ok(choice);
    };
    let installed = database.installed;
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
        Some(live) => compare_all(live, new, database, &mut choice)?,
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
    database: Database<'_>,
    choice: &mut LaneChoice,
) -> Result<(), GitError> {
    let cache = Cache::default();
    let before = Content::new(live, database, &cache);
    let after = Content::new(new, database, &cache);
    let comparison = Comparison::new(&before, &after);
    for name in database.installed {
        match (live.modules.by_name.get(name), new.modules.by_name.get(name)) {
            (Some(was), Some(is)) => {
                let change = comparison.module(was, is, &mut choice.problems)?;
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
mod data_tests;
#[cfg(test)]
mod python_tests;
#[cfg(test)]
mod tests;
