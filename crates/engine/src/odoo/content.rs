//! What Odoo does with the files of one release: which ones it loads into the database, and which Python it imports.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::files::{FileId, shown};
use super::imports;
use super::kind::{Kind, kind};
use super::lane::{Database, Release};
use super::loads::{Loads, Place};
use super::modules::Module;
use super::schema::{Signature, Unparsable};
use crate::git::GitError;

/// A Python file that was read, or why it can't be.
pub(super) type Python = Rc<Result<Signature, Unparsable>>;

/// The Python files that were read, by content: most are the same in both releases.
#[derive(Default)]
pub(super) struct Cache(RefCell<BTreeMap<(FileId, bool), Python>>);

/// A release and the modules of it that are installed.
pub(super) struct Content<'a> {
    pub(super) release: Release<'a>,
    /// Ours that are installed, by name.
    pub(super) installed: Vec<&'a Module>,
    /// Whether demo data may be there.
    pub(super) demo: bool,
    cache: &'a Cache,
    /// Of every module, installed or not, its files by their path in it.
    files: BTreeMap<&'a str, BTreeMap<&'a [u8], FileId>>,
    loads: OnceCell<Loads>,
    imported: OnceCell<BTreeSet<Vec<u8>>>,
}

impl<'a> Content<'a> {
    pub(super) fn new(release: Release<'a>, database: Database<'_>, cache: &'a Cache) -> Self {
        let installed =
            database.installed.iter().filter_map(|name| release.modules.by_name.get(name)).collect();
        let all = release.modules.by_name.values();
        Self {
            release,
            installed,
            demo: database.demo,
            cache,
            files: all.map(|module| (module.name.as_str(), files_of(release, module))).collect(),
            loads: OnceCell::new(),
            imported: OnceCell::new(),
        }
    }

    /// A module's files by their path in it.
    pub(super) fn files(&self, module: &str) -> &BTreeMap<&'a [u8], FileId> {
        self.files.get(module).unwrap_or(const { &BTreeMap::new() })
    }

    /// What is loaded at an update.
    pub(super) fn loads(&self) -> Result<&Loads, GitError> {
        if let Some(known) = self.loads.get() {
            return Ok(known);
        }
        let loads = Loads::read(self.release, &self.installed, self.demo)?;
        Ok(self.loads.get_or_init(|| loads))
    }

    /// Reads a Python file of a module.
    pub(super) fn python(&self, module: &Module, path: &[u8], id: FileId) -> Result<Python, GitError> {
        let controllers = path.split(|b| *b == b'/').any(|folder| folder == b"controllers");
        if let Some(known) = self.cache.0.borrow().get(&(id, controllers)) {
            return Ok(Rc::clone(known));
        }
        let whole = [module.folder.as_slice(), b"/", path].concat();
        let read = match self.release.files.read(&whole) {
            Ok(bytes) => Signature::read(&bytes, controllers),
            Err(GitError::FileTooLarge { .. } | GitError::UnsafePath { .. }) => {
                Err(Unparsable { line: 1, what: "a link, or too large to be Python".to_owned() })
            }
            Err(error) => return Err(error),
        };
        let read = Rc::new(read);
        self.cache.0.borrow_mut().insert((id, controllers), Rc::clone(&read));
        Ok(read)
    }

    /// All Python of the installed modules that may run in Odoo, with its module.
    pub(super) fn all_python(&self) -> Result<Vec<(&'a Module, Python)>, GitError> {
        let mut all = Vec::new();
        for &module in &self.installed {
            let files = self.files(&module.name);
            for (path, id) in files {
                let counts = match kind(path, &|other| files.contains_key(other)) {
                    Kind::Python => true,
                    Kind::IdlePython => self.imports(module, path)?,
                    Kind::Code | Kind::Data | Kind::Manifest => false,
                };
                if counts {
                    all.push((module, self.python(module, path, *id)?));
                }
            }
        }
        Ok(all)
    }

    /// Whether importing the installed modules imports this file.
    pub(super) fn imports(&self, module: &Module, path: &[u8]) -> Result<bool, GitError> {
        Ok(self.imported()?.contains(&Place::new(&module.name, path).joined()))
    }

    /// The paths of all Python files that are imported, with their modules' names in front.
    pub(super) fn imported(&self) -> Result<&BTreeSet<Vec<u8>>, GitError> {
        if let Some(known) = self.imported.get() {
            return Ok(known);
        }
        let mut todo: Vec<(&Module, Vec<u8>)> =
            self.installed.iter().map(|module| (*module, b"__init__.py".to_vec())).collect();
        let mut imported = BTreeSet::new();
        while let Some((module, path)) = todo.pop() {
            let files = self.files(&module.name);
            let Some(id) = files.get(path.as_slice()) else { continue };
            if !imported.insert(Place::new(&module.name, &path).joined()) {
                continue;
            }
            let python = self.python(module, &path, *id)?;
            let Ok(signature) = python.as_ref() else {
                tracing::debug!(path = %shown(&path), "all that it might import counts");
                todo.extend(imports::all(files).map(|path| (module, path)));
                continue;
            };
            if signature.imports.is_dynamic {
                todo.extend(imports::all(files).map(|path| (module, path)));
            }
            for place in signature.imports.places(&module.name, &path) {
                if let Some(other) = self.release.modules.by_name.get(&place.module) {
                    todo.push((other, place.path));
                }
            }
        }
        Ok(self.imported.get_or_init(|| imported))
    }
}

fn files_of<'a>(release: Release<'a>, module: &Module) -> BTreeMap<&'a [u8], FileId> {
    let cut = module.folder.len() + 1;
    let all = release.files.under(&module.folder);
    all.into_iter().filter_map(|(path, id)| Some((path.get(cut..)?, id))).collect()
}
