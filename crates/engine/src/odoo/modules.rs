//! The modules of a release: where they are, and whether they fit together.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::files::{Files, shown};
use super::manifest::Manifest;
use super::series::Series;
use crate::git::GitError;

/// Where to look for modules in one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddonsIn {
    /// The repository's name, which is its folder in the release.
    pub repository: String,
    /// Folders in it that hold modules, at any depth; empty: anywhere.
    pub paths: Vec<String>,
}

/// One module of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// Its technical name: its folder's.
    pub name: String,
    /// The repository it is in.
    pub repository: String,
    /// Its folder's path in the release.
    pub folder: Vec<u8>,
    /// Its manifest.
    pub manifest: Manifest,
}

/// All modules of a release that Odoo would see, by name.
#[derive(Debug, Clone, Default)]
pub struct Modules {
    /// The modules.
    pub by_name: BTreeMap<String, Module>,
}

/// Something about the modules that is wrong, or might be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Whether it stops the deployment.
    pub stops: bool,
    /// What kind.
    pub kind: ProblemKind,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

/// The kinds of [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// A manifest is broken.
    BrokenManifest,
    /// Two folders hold a module of the same name.
    Duplicate,
    /// A folder given for addons is not in the repository.
    NoSuchPath,
    /// A module's name or folder can't be used by Odoo.
    BadName,
    /// A module that is wanted exists nowhere.
    NoSuchModule,
    /// A module needs one that is neither here nor among Odoo's own as we know them.
    UnknownDependency,
    /// A module is for another series.
    WrongSeries,
    /// A module that is installed is gone from the repositories.
    RemovedModule,
    /// A Python file can't be read.
    BrokenPython,
    /// A module waits in the database to be uninstalled.
    WaitsForRemoval,
}

/// Odoo's own modules, of 14.0 and 19.0 together. Others (Enterprise, series between) may well exist in the image, so a
/// name that isn't here is only doubted, never refused.
pub fn is_odoos_own(name: &str) -> bool {
    include_str!("core_modules.txt").lines().any(|line| line == name)
}

impl Modules {
    /// The names of the modules that each repository has, by its name.
    pub fn by_repository(&self) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for module in self.by_name.values() {
            all.entry(module.repository.clone()).or_default().push(module.name.clone());
        }
        all
    }

    /// Finds all modules below the given folders. A module inside of another is none to Odoo.
    pub fn find(files: &dyn Files, places: &[AddonsIn]) -> Result<(Self, Vec<Problem>), GitError> {
        let mut found = Self::default();
        let mut problems = Vec::new();
        for place in places {
            let mut folders = BTreeSet::new();
            for path in roots(place) {
                let files = files.under(&path);
                if files.is_empty() && !place.paths.is_empty() {
                    problems.push(no_such_path(&path, &place.repository));
                }
                folders.extend(files.into_keys().filter_map(module_folder).map(<[u8]>::to_vec));
            }
            let inside = |folder: &[u8]| {
                folders.iter().any(|f| folder.starts_with(f) && folder.get(f.len()) == Some(&b'/'))
            };
            for folder in folders.iter().filter(|f| !inside(f)) {
                found.add(files, folder, place, &mut problems)?;
            }
        }
        Ok((found, problems))
    }

    fn add(
        &mut self,
        files: &dyn Files,
        folder: &[u8],
        place: &AddonsIn,
        problems: &mut Vec<Problem>,
    ) -> Result<(), GitError> {
        let manifest_of = |name: &str| [folder, b"/", name.as_bytes()].concat();
        let here = files.under(folder);
        let path = ["__manifest__.py", "__openerp__.py"]
            .map(manifest_of)
            .into_iter()
            .find(|p| here.contains_key(p.as_slice()));
        let Some(path) = path else { return Ok(()) };
        let manifest = match Manifest::parse(&shown(&path), &files.read(&path)?) {
            Ok(manifest) => manifest,
            Err(error) => {
                problems.push(Problem {
                    stops: true,
                    kind: ProblemKind::BrokenManifest,
                    message: error.to_string(),
                    hint: "Correct the manifest: Odoo could not read it either.".to_owned(),
                });
                return Ok(());
            }
        };
        if !manifest.installable {
            return Ok(());
        }
        let last = folder.rsplit(|b| *b == b'/').next().unwrap_or_default();
        let name = match std::str::from_utf8(last) {
            Ok(name) if is_module_name(name) && is_plain(folder) => name.to_owned(),
            _ => {
                problems.push(bad_name(folder));
                return Ok(());
            }
        };
        if let Some(other) = self.by_name.get(&name) {
            problems.push(Problem {
                stops: true,
                kind: ProblemKind::Duplicate,
                message: format!(
                    "the module {name} exists twice: in {} and in {}",
                    shown(&other.folder),
                    shown(folder)
                ),
                hint: "Remove one of them, or limit a repository to the folders it is wanted for.".to_owned(),
            });
            return Ok(());
        }
        let module = Module {
            name: name.clone(),
            repository: place.repository.clone(),
            folder: folder.to_vec(),
            manifest,
        };
        self.by_name.insert(name, module);
        Ok(())
    }

    /// Checks the modules that are wanted and all that they need. `own` says which modules the image has; see
    /// [`is_odoos_own`].
    pub fn check(&self, wanted: &[String], series: Series, own: &dyn Fn(&str) -> bool) -> Vec<Problem> {
        let mut problems = Vec::new();
        for name in wanted.iter().filter(|name| !self.by_name.contains_key(*name) && !own(name)) {
            problems.push(self.no_such_module(name));
        }
        let needed = self.with_needed(wanted);
        for module in self.by_name.values() {
            let is_needed = needed.contains(&module.name);
            if let Some(named) = module.manifest.foreign_series(series) {
                problems.push(Problem {
                    stops: is_needed,
                    kind: ProblemKind::WrongSeries,
                    message: format!(
                        "{} is for Odoo {named}, this project is {series}: its version is {}",
                        module.name,
                        module.manifest.version.as_deref().unwrap_or_default()
                    ),
                    hint: format!("Use the module's branch for {series}, or change the project's series."),
                });
            }
            for missing in module
                .manifest
                .depends
                .iter()
                .filter(|d| is_needed && !self.by_name.contains_key(*d) && !own(d))
            {
                problems.push(Problem {
                    stops: false,
                    kind: ProblemKind::UnknownDependency,
                    message: format!(
                        "{} needs {missing}, which is neither in the repositories nor known as Odoo's own",
                        module.name
                    ),
                    hint: "Add the repository that holds it, unless your image brings it along.".to_owned(),
                });
            }
        }
        problems
    }

    /// The given modules and all of ours that they need, directly or not.
    pub fn with_needed(&self, wanted: &[String]) -> BTreeSet<String> {
        let mut todo: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let mut needed = BTreeSet::new();
        while let Some(name) = todo.pop() {
            let Some(module) = self.by_name.get(name) else { continue };
            if needed.insert(name.to_owned()) {
                todo.extend(module.manifest.depends.iter().map(String::as_str));
            }
        }
        needed
    }

    /// The folders that hold modules, by their path in the release, in the order of `places`: what `addons_path` lists.
    pub fn parents(&self, places: &[AddonsIn]) -> Vec<String> {
        let mut parents = Vec::new();
        for place in places {
            let here = self.by_name.values().filter(|m| m.repository == place.repository);
            let folders: BTreeSet<String> = here
                .filter_map(|m| Some(shown(&m.folder[..m.folder.iter().rposition(|b| *b == b'/')?])))
                .collect();
            parents.extend(folders);
        }
        parents
    }

    fn no_such_module(&self, name: &str) -> Problem {
        let known = self.by_name.keys().map(String::as_str).chain(include_str!("core_modules.txt").lines());
        let mut near: Vec<(f64, &str)> =
            known.map(|k| (strsim::jaro_winkler(k, name), k)).filter(|n| n.0 > 0.85).collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        let near: Vec<&str> = near.into_iter().take(3).map(|(_, k)| k).collect();
        let hint = match near.as_slice() {
            [] => "Check the name, and that its repository is part of the project.".to_owned(),
            near => format!("Did you mean {}?", near.join(", ")),
        };
        let message = format!("the module {name} is neither in the repositories nor among Odoo's own");
        Problem { stops: true, kind: ProblemKind::NoSuchModule, message, hint }
    }
}

fn roots(place: &AddonsIn) -> Vec<Vec<u8>> {
    if place.paths.is_empty() {
        return vec![place.repository.clone().into_bytes()];
    }
    let clean = |path: &String| path.trim_start_matches("./").trim_matches('/').to_owned();
    let join = |path: String| {
        if path.is_empty() || path == "." {
            place.repository.clone()
        } else {
            format!("{}/{path}", place.repository)
        }
    };
    place.paths.iter().map(clean).map(join).map(String::into_bytes).collect()
}

fn module_folder(path: &[u8]) -> Option<&[u8]> {
    path.strip_suffix(b"/__manifest__.py").or_else(|| path.strip_suffix(b"/__openerp__.py"))
}

/// A Python package's name: Odoo imports modules as such.
fn is_module_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `addons_path` is one line of names with commas between them.
fn is_plain(folder: &[u8]) -> bool {
    std::str::from_utf8(folder).is_ok_and(|f| !f.contains(|c: char| c == ',' || c.is_control()))
}

fn bad_name(folder: &[u8]) -> Problem {
    Problem {
        stops: false,
        kind: ProblemKind::BadName,
        message: format!(
            "{} holds a manifest, but Odoo can't load a module from a folder of that name",
            shown(folder)
        ),
        hint: "Use letters, digits and underscores for the module's folder, and no commas above it."
            .to_owned(),
    }
}

fn no_such_path(path: &[u8], repository: &str) -> Problem {
    Problem {
        stops: true,
        kind: ProblemKind::NoSuchPath,
        message: format!("the folder {} does not exist at this commit", shown(path)),
        hint: format!("Correct the addons folders of the repository {repository}."),
    }
}

#[cfg(test)]
mod tests;
