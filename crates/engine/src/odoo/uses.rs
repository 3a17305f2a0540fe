//! Which names of a release matter to its database: those that its models are declared with, and those of the code that an
//! update runs, each through all the functions and files between.

use std::collections::{BTreeMap, BTreeSet};

use super::content::{Content, Python};
use super::loads::Place;
use super::modules::Module;
use super::schema::rules::{OF_EVERY_MODEL, is_odoos_view, makes_sql, runs_at_update};
use super::schema::{Class, Item, Known, Signature, When, called, names, words};
use crate::git::GitError;

/// Words of code that calls what it doesn't name.
const MADE_UP: [&str; 4] = ["getattr", "globals", "eval", "exec"];
/// Words of code that reads whatever is in a folder.
const READS_FOLDERS: [&str; 6] = ["listdir", "glob", "iglob", "rglob", "walk", "iterdir"];

/// What matters in the Python of the installed modules.
pub(super) struct Uses {
    declared: BTreeSet<String>,
    /// What an update runs of each module: its own, and what modules that need it call.
    run: BTreeMap<String, BTreeSet<String>>,
    views: Views,
    /// Models with an `init()` of ours: what it calls may be in any class that extends them.
    initialized: BTreeSet<String>,
    /// Parts of paths that the code which an update runs has in its texts.
    named: BTreeSet<String>,
    /// The same of code that reads whatever is in a folder.
    folders: BTreeSet<String>,
}

/// What matters in one module.
pub(super) struct UsesIn<'a> {
    uses: &'a Uses,
    module: &'a Module,
}

impl Uses {
    pub(super) fn read(content: &Content<'_>) -> Result<Self, GitError> {
        let all = content.all_python()?;
        // A file that can't be read asks for an update by itself, wherever it changed.
        let readable: Vec<Read<'_>> = all.iter().filter_map(Read::of).collect();
        let mut uses = Self {
            declared: declared(&readable),
            run: BTreeMap::new(),
            views: Views::among(&readable),
            initialized: BTreeSet::new(),
            named: BTreeSet::new(),
            folders: BTreeSet::new(),
        };
        let index = index(&readable);
        let loads = content.loads()?;
        for class in readable.iter().flat_map(|read| read.signature.classes()).filter(|class| class.runs) {
            uses.initialized.extend(class.model.iter().chain(&class.inherits).cloned());
        }
        for &module in &content.installed {
            let scope = content.release.modules.with_needed(std::slice::from_ref(&module.name));
            // An update calls these each time.
            let by_data = loads.functions.get(&module.name).into_iter().flatten();
            let by_data = by_data.map(|name| Step { text: name, own: &[], file: None }).collect();
            let names = uses.follow(module, by_data, &readable, &index, &scope);
            for name in scope {
                uses.run.entry(name).or_default().extend(names.iter().cloned());
            }
        }
        Ok(uses)
    }

    /// The same for the code of one module.
    pub(super) fn within<'a>(&'a self, module: &'a Module) -> UsesIn<'a> {
        UsesIn { uses: self, module }
    }

    /// Whether code that runs at an update names this file.
    pub(super) fn reads(&self, place: &Place) -> bool {
        let path = String::from_utf8_lossy(&place.path);
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        self.named.contains(name) || folder.split('/').any(|part| self.folders.contains(part))
    }

    /// All names that the code which an update runs in a module leads to, in the modules in `scope`. `todo` is what it is
    /// begun by from outside of Python.
    fn follow<'r>(
        &mut self,
        module: &Module,
        mut todo: Vec<Step<'r>>,
        readable: &'r [Read<'_>],
        index: &Index<'r>,
        scope: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        for read in readable.iter().filter(|read| read.module.name == module.name) {
            for (item, class) in read.signature.items() {
                if self.starts(item, class, module) {
                    todo.push(Step::of(item, read.signature));
                } else if item.when == When::Declared {
                    // What is called to declare something is run then.
                    todo.extend(called(&item.text).map(|name| Step { text: name, own: &[], file: None }));
                }
            }
        }
        let mut led_to = BTreeSet::new();
        while let Some(Step { text, own, file }) = todo.pop() {
            let anything = words(text).any(|word| MADE_UP.contains(&word));
            let beside = file.filter(|_| anything).into_iter().flat_map(|file| file.items());
            let beside = beside.flat_map(|(item, _)| &item.names);
            let here: Vec<&str> = if anything { words(text).collect() } else { names(text) };
            let found: BTreeSet<&str> = here.into_iter().chain(beside.map(String::as_str)).collect();
            for name in found {
                // Its own name stands in its own text.
                if led_to.contains(name) || own.iter().any(|own| own == name) {
                    continue;
                }
                let items = index.get(name).into_iter().flatten().filter(|(of, _, _)| scope.contains(*of));
                let before = todo.len();
                todo.extend(items.map(|(_, item, file)| Step::of(item, file)));
                if todo.len() > before {
                    led_to.insert(name.to_owned());
                }
            }
            // A single name was only called.
            if text.contains(' ') {
                let parts = text.split(['"', '\'', '/']).filter(|part| !part.is_empty() && part.len() < 256);
                let parts: Vec<String> = parts.map(str::to_owned).collect();
                if words(text).any(|word| READS_FOLDERS.contains(&word)) {
                    self.folders.extend(parts.iter().cloned());
                }
                self.named.extend(parts);
            }
        }
        led_to
    }

    /// Whether an update begins with this. Of a model with an `init()` all methods count, but only `init()` is followed.
    fn starts(&self, item: &Item, class: Option<&Class>, module: &Module) -> bool {
        item.names.iter().any(|name| match class {
            Some(class) => {
                self.views.contain(class) || runs_at_update(name, true) || makes_sql(name, &item.text)
            }
            None => module.manifest.hooks.contains(name) || runs_at_update(name, false),
        })
    }
}

impl Known for UsesIn<'_> {
    fn declares_with(&self, name: &str) -> bool {
        self.uses.declared.contains(name)
    }

    fn runs(&self, name: &str, class: Option<&Class>) -> bool {
        let hook = class.is_none() && self.module.manifest.hooks.iter().any(|hook| hook == name);
        let near = self.uses.run.get(&self.module.name).is_some_and(|names| names.contains(name));
        let extends = class.is_some_and(|class| {
            class.model.iter().chain(&class.inherits).any(|model| self.uses.initialized.contains(model))
        });
        let shared = class.is_some() && OF_EVERY_MODEL.contains(&name);
        hook || (!shared && (near || (extends && self.uses.run.values().any(|names| names.contains(name)))))
    }

    fn is_view(&self, class: &Class) -> bool {
        self.uses.views.contain(class)
    }
}

/// A piece of code to follow: its text, the names that are its own, and its file.
struct Step<'r> {
    text: &'r str,
    own: &'r [String],
    file: Option<&'r Signature>,
}

impl<'r> Step<'r> {
    fn of(item: &'r Item, file: &'r Signature) -> Self {
        Self { text: &item.text, own: &item.names, file: Some(file) }
    }
}

struct Read<'a> {
    module: &'a Module,
    signature: &'a Signature,
}

impl<'a> Read<'a> {
    fn of((module, python): &'a (&'a Module, Python)) -> Option<Self> {
        Some(Self { module, signature: python.as_ref().as_ref().ok()? })
    }
}

/// What others can use, by name: the module that has it, itself, and its file.
type Index<'r> = BTreeMap<&'r str, Vec<(&'r str, &'r Item, &'r Signature)>>;

fn index<'r>(readable: &'r [Read<'_>]) -> Index<'r> {
    let mut index = Index::new();
    for read in readable {
        for (item, class) in read.signature.items().filter(|(item, _)| item.when != When::Declared) {
            for name in &item.names {
                if class.is_none() || !OF_EVERY_MODEL.contains(&name.as_str()) {
                    index.entry(name).or_default().push((&read.module.name, item, read.signature));
                }
            }
        }
    }
    index
}

/// Names that something is declared with, through functions and constants.
fn declared(all: &[Read<'_>]) -> BTreeSet<String> {
    let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut todo: Vec<&str> = Vec::new();
    for (item, class) in all.iter().flat_map(|read| read.signature.items()) {
        match item.when {
            // Code that counts is followed as code.
            When::Declared if !item.names.is_empty() => {}
            When::Declared => todo.push(&item.text),
            When::Used if class.is_none() => {
                for name in &item.names {
                    by_name.entry(name).or_default().push(&item.text);
                }
            }
            When::Used | When::Run => {}
        }
    }
    let mut names = BTreeSet::new();
    while let Some(text) = todo.pop() {
        for name in words(text) {
            if let Some(texts) = by_name.get(name)
                && names.insert(name.to_owned())
            {
                todo.extend(texts);
            }
        }
    }
    names
}

/// The SQL views of a release, and what they are put together from.
#[derive(Default)]
struct Views {
    models: BTreeSet<String>,
    classes: BTreeSet<String>,
    ours: BTreeSet<String>,
}

impl Views {
    fn among(all: &[Read<'_>]) -> Self {
        let classes: Vec<&Class> = all.iter().flat_map(|read| read.signature.classes()).collect();
        let mut views = Self::default();
        views.ours.extend(classes.iter().filter_map(|class| class.model.clone()));
        loop {
            let before = views.models.len() + views.classes.len();
            for class in &classes {
                if class.is_view || views.contain(class) {
                    views.add(class);
                }
            }
            if views.models.len() + views.classes.len() == before {
                return views;
            }
        }
    }

    /// A view's parents are parts of it, in Python and among models.
    fn add(&mut self, class: &Class) {
        self.models.extend(class.model.iter().chain(&class.inherits).cloned());
        self.classes.insert(class.name.clone());
        let of_odoo = |parent: &&String| {
            matches!(parent.as_str(), "models" | "Model" | "AbstractModel" | "TransientModel")
        };
        self.classes.extend(class.parents.iter().filter(|parent| !of_odoo(parent)).cloned());
    }

    fn contain(&self, class: &Class) -> bool {
        let mut models = class.model.iter().chain(&class.inherits);
        let is_view = |model: &String| {
            self.models.contains(model) || (!self.ours.contains(model) && is_odoos_view(model))
        };
        class.is_view
            || models.any(is_view)
            || class.parents.iter().any(|parent| self.classes.contains(parent))
            || self.is_parent(class)
    }

    fn is_parent(&self, class: &Class) -> bool {
        class.model.is_none() && class.inherits.is_empty() && self.classes.contains(&class.name)
    }
}
