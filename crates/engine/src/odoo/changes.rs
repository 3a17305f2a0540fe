//! What the files that changed ask of each module: nothing, a restart, or `odoo -u`.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::content::{Content, Python};
use super::files::{FileId, shown};
use super::kind::{Kind, kind};
use super::loads::{By, DEMO_KEYS, Loads, Place};
use super::manifest::Manifest;
use super::modules::{Module, Problem, ProblemKind};
use super::schema::Signature;
use super::uses::Uses;
use crate::git::GitError;

/// What one module's changes ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The module.
    pub module: String,
    /// What its changes ask for.
    pub needs: Needs,
    /// Why, in words, by file: "models/ticket.py: field `due` of `Ticket` added".
    pub reasons: Vec<String>,
}

/// What a change asks for. Where in doubt, it's the larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    /// Nothing changed.
    Nothing,
    /// The new code has to run; the database stays as it is.
    Restart,
    /// The module has to be updated (`-u`).
    Update,
}

/// Two releases, to be compared module by module.
pub(super) struct Comparison<'a> {
    live: &'a Content<'a>,
    new: &'a Content<'a>,
    uses: OnceCell<Uses>,
    python_changed: bool,
}

/// One module on both sides.
struct Pair<'a> {
    was: &'a Module,
    is: &'a Module,
    before: &'a BTreeMap<&'a [u8], FileId>,
    after: &'a BTreeMap<&'a [u8], FileId>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(live: &'a Content<'a>, new: &'a Content<'a>) -> Self {
        let python = |content: &Content<'a>, module: &Module| -> Vec<(Vec<u8>, FileId)> {
            let files = content.files(&module.name).iter();
            files.filter(|(path, _)| path.ends_with(b".py")).map(|(path, id)| (path.to_vec(), *id)).collect()
        };
        let python_changed = new.installed.iter().any(|module| python(live, module) != python(new, module));
        Self { live, new, uses: OnceCell::new(), python_changed }
    }

    /// Compares a module as it is live with how it will be. Broken Python is told as a problem too.
    pub(super) fn module(
        &self,
        was: &Module,
        is: &Module,
        problems: &mut Vec<Problem>,
    ) -> Result<Change, GitError> {
        let pair = Pair { was, is, before: self.live.files(&is.name), after: self.new.files(&is.name) };
        let mut change = Change { module: is.name.clone(), needs: Needs::Nothing, reasons: Vec::new() };
        let mut take = |(needs, reasons): (Needs, Vec<String>)| {
            change.needs = change.needs.max(needs);
            if needs == Needs::Update {
                change.reasons.extend(reasons);
            }
        };
        let paths: BTreeSet<&[u8]> = pair.before.keys().chain(pair.after.keys()).copied().collect();
        for path in paths {
            if pair.before.get(path) != pair.after.get(path) {
                take(self.file(&pair, path, problems)?);
            } else if path.ends_with(b".py") && self.python_changed {
                take(self.imported_now(&pair, path)?);
            }
        }
        take(self.files_of_others(is)?);
        if change.needs == Needs::Restart {
            change.reasons.push("only code changed".to_owned());
        }
        Ok(change)
    }

    /// What a file that changed asks for.
    fn file(
        &self,
        pair: &Pair<'_>,
        path: &[u8],
        problems: &mut Vec<Problem>,
    ) -> Result<(Needs, Vec<String>), GitError> {
        let verb = match (pair.before.contains_key(path), pair.after.contains_key(path)) {
            (false, _) => "added",
            (_, false) => "removed",
            _ => "changed",
        };
        let update = |what: String| Ok((Needs::Update, vec![what]));
        let name = shown(path);
        let place = Place::new(&pair.is.name, path);
        let (before, after) = (self.live.loads()?, self.new.loads()?);
        let loaded = |loads: &Loads| loads.files.get(&place)?.get(&pair.is.name).cloned();
        match loaded(after).or_else(|| loaded(before)) {
            Some(By::Manifest) => return update(format!("{name} {verb}")),
            Some(By::File(by)) => return update(format!("{name}, which {by} loads, {verb}")),
            None => {}
        }
        let exists = |other: &[u8]| pair.after.contains_key(other) || pair.before.contains_key(other);
        let kind = kind(path, &exists);
        let is_demo = before.unused_demo.contains(&place) || after.unused_demo.contains(&place);
        let imported =
            || Ok::<bool, GitError>(self.live.imports(pair.was, path)? || self.new.imports(pair.is, path)?);
        match kind {
            Kind::Manifest => Ok(self.manifest(pair)),
            Kind::Python => self.python(pair, path, problems),
            Kind::IdlePython if imported()? => self.python(pair, path, problems),
            Kind::Data if !is_demo => update(format!("{name} {verb}")),
            Kind::Data | Kind::IdlePython | Kind::Code => {
                if let Some(by) = after.unread.get(&pair.is.name).or_else(|| before.unread.get(&pair.is.name))
                {
                    return update(format!(
                        "{name} {verb}, and {by} can't be read to see whether it loads it"
                    ));
                }
                if self.uses()?.reads(&place) {
                    return update(format!("{name}, which code that runs at an update reads, {verb}"));
                }
                Ok((Needs::Restart, Vec::new()))
            }
        }
    }

    fn manifest(&self, pair: &Pair<'_>) -> (Needs, Vec<String>) {
        let mut keys = Manifest::differences(&pair.is.manifest, &pair.was.manifest);
        if !self.new.demo {
            keys.retain(|key| !DEMO_KEYS.contains(&key.as_str()));
        }
        if keys.is_empty() {
            return (Needs::Restart, Vec::new());
        }
        (Needs::Update, keys.into_iter().map(|key| format!("__manifest__.py: \"{key}\" changed")).collect())
    }

    fn python(
        &self,
        pair: &Pair<'_>,
        path: &[u8],
        problems: &mut Vec<Problem>,
    ) -> Result<(Needs, Vec<String>), GitError> {
        let name = shown(path);
        let read = |content: &Content<'_>, module: &Module, id: Option<&FileId>| match id {
            Some(id) => content.python(module, path, *id),
            None => Ok(Rc::new(Ok(Signature::default()))),
        };
        let mut before = read(self.live, pair.was, pair.before.get(path))?;
        let mut after = read(self.new, pair.is, pair.after.get(path))?;
        if let Err(error) = after.as_ref() {
            problems.push(Problem {
                stops: false,
                kind: ProblemKind::BrokenPython,
                message: format!("{}/{name}, {error}", shown(&pair.is.folder)),
                hint: "Odoo will most likely fail to load this module: correct the file.".to_owned(),
            });
        }
        // What isn't imported on one side, and is on the other, is as if it weren't there.
        match (self.live.imports(pair.was, path)?, self.new.imports(pair.is, path)?) {
            (false, true) => before = Rc::new(Ok(Signature::default())),
            (true, false) => after = Rc::new(Ok(Signature::default())),
            _ => {}
        }
        self.differences(pair, path, &before, &after)
    }

    /// A file that didn't change, but that something begins or ceases to import.
    fn imported_now(&self, pair: &Pair<'_>, path: &[u8]) -> Result<(Needs, Vec<String>), GitError> {
        let Some(id) = pair.after.get(path) else { return Ok((Needs::Nothing, Vec::new())) };
        let nothing: Python = Rc::new(Ok(Signature::default()));
        match (self.live.imports(pair.was, path)?, self.new.imports(pair.is, path)?) {
            (false, true) => self.differences(pair, path, &nothing, &self.new.python(pair.is, path, *id)?),
            (true, false) => self.differences(pair, path, &self.live.python(pair.was, path, *id)?, &nothing),
            _ => Ok((Needs::Nothing, Vec::new())),
        }
    }

    fn differences(
        &self,
        pair: &Pair<'_>,
        path: &[u8],
        before: &Python,
        after: &Python,
    ) -> Result<(Needs, Vec<String>), GitError> {
        let name = shown(path);
        let (Ok(before), Ok(after)) = (before.as_ref(), after.as_ref()) else {
            return Ok((Needs::Update, vec![format!("{name} changed, and can't be read to see how")]));
        };
        let reasons: Vec<String> = after
            .differences(before, &self.uses()?.within(pair.is))
            .into_iter()
            .map(|why| format!("{name}: {why}"))
            .collect();
        Ok((if reasons.is_empty() { Needs::Restart } else { Needs::Update }, reasons))
    }

    /// Files of other modules that this one loads.
    fn files_of_others(&self, module: &Module) -> Result<(Needs, Vec<String>), GitError> {
        let mut reasons = BTreeSet::new();
        for loads in [self.live.loads()?, self.new.loads()?] {
            for (place, by) in &loads.files {
                let Some(by) = by.get(&module.name).filter(|_| place.module != module.name) else { continue };
                let path = place.path.as_slice();
                let file = |content: &Content<'a>| content.files(&place.module).get(path).copied();
                if file(self.live) != file(self.new) {
                    let name = shown(&place.joined());
                    reasons.insert(match by {
                        By::Manifest => format!("{name} changed"),
                        By::File(by) => format!("{name}, which {by} loads, changed"),
                    });
                }
            }
        }
        let needs = if reasons.is_empty() { Needs::Nothing } else { Needs::Update };
        Ok((needs, reasons.into_iter().collect()))
    }

    /// Read when first asked for, because it means reading all Python of the modules.
    fn uses(&self) -> Result<&Uses, GitError> {
        if let Some(known) = self.uses.get() {
            return Ok(known);
        }
        let uses = Uses::read(self.new)?;
        Ok(self.uses.get_or_init(|| uses))
    }
}

#[cfg(test)]
mod tests;
