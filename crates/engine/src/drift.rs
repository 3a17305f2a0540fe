//! What a deployment meets beside the project's own changes: another base image, repositories that the project no longer has,
//! modules that wait in the database, and modules that nothing deployed has a folder of.

use std::collections::BTreeSet;

use crate::base_image::{BaseImages, ImageModules, short};
use crate::cutover::is_module;
use crate::model::Settings;
use crate::odoo::modules::{Modules, Problem, ProblemKind, is_odoos_own};
use crate::odoo::series::Series;
use crate::server::{Facts, ReleaseManifest};

/// What is known before a deployment with a database.
pub(crate) struct Before<'a> {
    pub settings: &'a Settings,
    pub facts: &'a Facts,
    /// The record of the last release.
    pub last: Option<&'a ReleaseManifest>,
    /// Whether that release's files are known, and the modules compared.
    pub is_compared: bool,
    /// The modules of the repositories.
    pub modules: &'a Modules,
    pub images: &'a BaseImages,
    /// Whether pip may bring modules of Odoo's: what isn't found otherwise may come from there.
    pub has_pip_modules: bool,
}

/// What follows from it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Drift {
    /// Modules to update, each with the reason.
    pub update: Vec<(String, String)>,
    /// Why it goes the way it goes.
    pub why: Vec<String>,
    /// Things to look at.
    pub warnings: Vec<String>,
    /// What stops the deployment.
    pub problems: Vec<Problem>,
    /// Installed modules without a folder, that had none before.
    pub absent: Vec<String>,
}

/// Whether what is installed can be told to have a folder or not only by looking into the base image.
pub(crate) fn asks_for_image(facts: &Facts, modules: &Modules) -> bool {
    let names = facts.installed().chain(facts.waiting().map(|(name, _)| name));
    let mut unknown = names.filter(|name| !modules.by_name.contains_key(*name) && !is_odoos_own(name));
    unknown.any(|name| !has_no_folder_ever(facts, name))
}

impl Before<'_> {
    /// Decides. `update` says which modules are updated anyway, and whether any are installed.
    pub(crate) fn decide(&self, updates: bool) -> Drift {
        let mut drift = Drift::default();
        if let Some(problem) = self.series() {
            drift.problems.push(problem);
            return drift;
        }
        self.base_image(&mut drift);
        self.places(&mut drift);
        self.waiting(updates, &mut drift);
        drift
    }

    /// A database is of one series, and no update brings it to another.
    fn series(&self) -> Option<Problem> {
        let wanted: Series = self.settings.project.series.parse().ok()?;
        let database = self
            .facts
            .database_version
            .as_deref()
            .map(|version| version.split('.').take(2).collect::<Vec<_>>().join("."));
        let is = database.or_else(|| self.last.map(|last| last.series.clone()))?;
        let image = self.images.new.as_ref().map(|modules| modules.series.as_str());
        let wrong = |message: String, hint: &str| {
            Some(Problem { stops: true, kind: ProblemKind::WrongSeries, message, hint: hint.to_owned() })
        };
        match image {
            _ if is != wanted.to_string() => wrong(
                format!("The database is one of Odoo {is}, and the project is set to {wanted}"),
                "Set the project's series back. A new series needs an upgraded database: deploy it as an environment of its own.",
            ),
            Some(image) if image != is => wrong(
                format!("The database is one of Odoo {is}, and the image {} holds {image}", self.images.name),
                "Set another image, or none for the series' own.",
            ),
            _ => None,
        }
    }

    fn base_image(&self, drift: &mut Drift) {
        let BaseImages { name, now, new, old } = self.images;
        let Some(last) = self.last else {
            let reason = "which image it ran on is not known, so all modules are updated".to_owned();
            drift.why.push(reason.clone());
            drift.update.push(("base".to_owned(), reason));
            return;
        };
        let Some(now) = now else {
            drift.warnings.push(format!(
                "The image {name} is not on the server: it is pulled first, and what it changes is planned then."
            ));
            return;
        };
        if last.base_id == *now {
            return;
        }
        let what = format!("the base image changed ({name}: {} → {})", short(&last.base_id), short(now));
        let all = |why: &str| ("base".to_owned(), format!("{what}{why}, so all modules are updated"));
        let (Some(old), Some(new)) = (old, new) else {
            let update = all(" and can't be compared");
            drift.why.push(update.1.clone());
            drift.update.push(update);
            return;
        };
        if old.odoo != new.odoo {
            let update = all(", and Odoo itself in it");
            drift.why.push(update.1.clone());
            drift.update.push(update);
            return;
        }
        let changed: Vec<&str> = self.facts.installed().filter(|name| self.differs(name, old, new)).collect();
        match changed[..] {
            [] => drift.why.push(format!("{what}, but no installed module in it")),
            _ => drift.why.push(format!("{what}, and in it {}", changed.join(", "))),
        }
        drift.update.extend(changed.iter().map(|name| ((*name).to_owned(), what.clone())));
    }

    /// Whether a module that comes from the base image isn't what it was.
    fn differs(&self, name: &str, old: &ImageModules, new: &ImageModules) -> bool {
        let is = new.by_name.get(name);
        !self.modules.by_name.contains_key(name) && is.is_some() && old.by_name.get(name) != is
    }

    /// Finds what is installed and has no folder in what is deployed.
    fn places(&self, drift: &mut Drift) {
        for name in self.facts.installed() {
            if self.modules.by_name.contains_key(name) {
                continue;
            }
            if has_no_folder_ever(self.facts, name) {
                self.leave(name, drift);
            } else if self.has_folder(name) {
                self.took_over(name, drift);
            } else if let Some(problem) = self.lost(name) {
                drift.problems.push(problem);
            } else if self.images.new.is_some() && !self.has_pip_modules {
                self.leave(name, drift);
                drift.warnings.push(format!(
                    "{name} is installed, and neither the repositories nor {} has it: it stays as it is.",
                    self.images.name
                ));
            }
        }
    }

    /// A module that one of the repositories had, and Odoo's own image has: other code, so other data.
    fn took_over(&self, name: &str, drift: &mut Drift) {
        if let Some(repository) = self.came_from(name).filter(|repository| !self.has_repository(repository)) {
            let reason = format!("it came from {repository}, and now from {}", self.images.name);
            drift.why.push(format!("{name}: {reason}"));
            drift.update.push((name.to_owned(), reason));
        }
    }

    /// Why a module that has no folder any more had one before, if it had.
    fn lost(&self, name: &str) -> Option<Problem> {
        let removed = |message: String, hint: &str| {
            Some(Problem { stops: true, kind: ProblemKind::RemovedModule, message, hint: hint.to_owned() })
        };
        let uninstall = "Uninstall it in Odoo first, or give the project that repository again.";
        if let Some(repository) = self.came_from(name) {
            return match self.has_repository(repository) {
                // Found by comparing the repository with what it was.
                true if self.is_compared => None,
                true => removed(
                    format!("{name} is installed in the database, but {repository} has it no more"),
                    "Uninstall it in Odoo first, or bring it back into the repository.",
                ),
                false => removed(
                    format!(
                        "{name} is installed in the database, but the project no longer has {repository}, which brought it"
                    ),
                    uninstall,
                ),
            };
        }
        let BaseImages { name: image, now, new, old } = self.images;
        new.as_ref()?;
        if self.has_pip_modules {
            return None;
        }
        if old.as_ref().is_some_and(|old| old.by_name.contains_key(name)) {
            return removed(
                format!("{name} is installed in the database, but the image {image} has it no more"),
                "Uninstall it in Odoo first, or go back to an image that has it.",
            );
        }
        let last = self.last?;
        // What older versions of Slipway recorded doesn't say which module came from where.
        let gone = last.commits.keys().find(|repository| !self.has_repository(repository));
        if let (true, Some(repository)) = (last.modules.is_empty(), gone) {
            return removed(
                format!(
                    "{name} is installed in the database, but nothing that is deployed has it, and the project no longer has {repository}"
                ),
                uninstall,
            );
        }
        if old.is_none() && now.as_ref().is_some_and(|now| *now != last.base_id) {
            return removed(
                format!(
                    "{name} is installed in the database, but nothing that is deployed has it, and the image {image} is another than before"
                ),
                "Uninstall it in Odoo first, or go back to an image that has it.",
            );
        }
        None
    }

    /// Decides about what waits in the database.
    fn waiting(&self, updates: bool, drift: &mut Drift) {
        const LEFT: &str = "Odoo runs no scheduled action while a module waits: cancel that in Odoo's Apps.";
        let upgrades = |name: &str| !has_no_folder_ever(self.facts, name) && self.has_folder(name);
        for (name, _) in self.facts.waiting().filter(|(name, state)| *state == "to upgrade" && upgrades(name))
        {
            drift.why.push(format!("{name} waits for an upgrade in Odoo, so it is updated"));
            drift.update.push((name.to_owned(), "it waits for an upgrade in Odoo".to_owned()));
        }
        let updates = updates || !drift.update.is_empty();
        for (name, state) in self.facts.waiting() {
            match state {
                "to upgrade" if upgrades(name) => {}
                "to remove" if updates => drift.problems.push(Problem {
                    stops: true,
                    kind: ProblemKind::WaitsForRemoval,
                    message: format!(
                        "{name} waits to be uninstalled in Odoo, and this deployment's update would do that, with all its data"
                    ),
                    hint: "Cancel the uninstallation in Odoo's Apps, or finish it there; then deploy again.".to_owned(),
                }),
                "to install" if updates && upgrades(name) => drift.warnings.push(format!(
                    "{name} waits to be installed in Odoo: the update of this deployment installs it."
                )),
                "to upgrade" => drift.warnings.push(format!(
                    "{name} waits for an upgrade in Odoo, and nothing that is deployed has it: it stays so. {LEFT}"
                )),
                _ => drift
                    .warnings
                    .push(format!("{name} waits in Odoo ({state}) since before this deployment: it stays so. {LEFT}")),
            }
        }
    }

    fn leave(&self, name: &str, drift: &mut Drift) {
        // What waits is left as it waits; and no folder that Odoo could load has another name.
        let waits: BTreeSet<&str> = self.facts.waiting().map(|(name, _)| name).collect();
        if !waits.contains(name) && is_module(name) {
            drift.absent.push(name.to_owned());
        }
    }

    fn has_folder(&self, name: &str) -> bool {
        self.modules.by_name.contains_key(name)
            || match &self.images.new {
                Some(modules) => modules.by_name.contains_key(name),
                None => is_odoos_own(name),
            }
    }

    fn came_from(&self, name: &str) -> Option<&String> {
        let mut all = self.last?.modules.iter();
        all.find(|(_, modules)| modules.iter().any(|module| module == name)).map(|(repository, _)| repository)
    }

    fn has_repository(&self, name: &str) -> bool {
        self.settings.project.repositories.iter().any(|repository| repository.name == name)
    }
}

/// Modules that are in the database alone: imported in Apps, and Studio's, which Odoo itself makes an exception of.
fn has_no_folder_ever(facts: &Facts, name: &str) -> bool {
    facts.imported.contains(name) || name == "studio_customization"
}

#[cfg(test)]
mod tests;
