//! What of a Python file ends up in the database when its module is updated: everything that is declared, and the code
//! that an update runs. Two files with the same [`Signature`] differ in other code only, so a restart is enough for them.
//! The rules, and where in Odoo they come from, are in [`rules`].

use std::collections::BTreeMap;

use super::imports::Imports;
use super::literal;

mod reading;
pub mod rules;
mod tokens;

pub(super) use tokens::{called, first_error, names, tree, words};

/// What counts of a file, by a label in words ("field `due` of `Ticket`"), each with its text (comments and layout left
/// out).
#[derive(Debug, Clone, Default)]
pub struct Signature {
    items: BTreeMap<String, Item>,
    classes: Vec<Class>,
    /// What the file imports.
    pub(super) imports: Imports,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) text: String,
    pub(super) when: When,
    /// The names that others use it by.
    pub(super) names: Vec<String>,
    /// Its class's number in the file.
    pub(super) class: Option<usize>,
}

/// When an item of a file counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Always: it is declared.
    Declared,
    /// If something is declared with it, or what an update runs uses it: a function, constant or import of a file.
    Used,
    /// If an update runs it: a method.
    Run,
}

/// A class, as far as it matters to whom its methods count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Class {
    /// Its name in Python.
    pub(super) name: String,
    /// The names in its list of parents.
    pub(super) parents: Vec<String>,
    /// The model's name, when the class gives it one.
    pub(super) model: Option<String>,
    /// The models that it extends or copies.
    pub(super) inherits: Vec<String>,
    /// It makes an SQL view by itself (`_auto = False`, `_table_query`).
    pub(super) is_view: bool,
    /// All its methods count, whatever else is known.
    pub(super) runs: bool,
}

/// What is known of a whole release: which names matter.
pub trait Known {
    /// Whether anything is declared with this name.
    fn declares_with(&self, name: &str) -> bool;

    /// Whether an update runs what has this name: in a class, or (`None`) beside classes.
    fn runs(&self, name: &str, class: Option<&Class>) -> bool;

    /// Whether all methods of a class count.
    fn is_view(&self, class: &Class) -> bool;
}

/// Why a file has no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Unparsable {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl Signature {
    /// Reads a file. In `controllers`, classes are routes, which the database knows nothing of, unless they are models.
    pub fn read(bytes: &[u8], controllers: bool) -> Result<Self, Unparsable> {
        let text = literal::text(bytes).map_err(|e| Unparsable { line: e.line, what: e.what })?;
        let unparsable = |line| Unparsable { line, what: "this is not valid Python".to_owned() };
        let tree = tree(text).ok_or_else(|| unparsable(1))?;
        if let Some(line) = first_error(tree.root_node()) {
            return Err(unparsable(line));
        }
        Ok(reading::read(tree.root_node(), text, controllers))
    }

    /// What differs from an older signature, in words.
    pub fn differences(&self, old: &Self, known: &dyn Known) -> Vec<String> {
        let changed = self.items.iter().filter_map(|(label, item)| {
            let now = self.counts(item, known);
            match old.items.get(label) {
                None => now.then(|| format!("{label} added")),
                Some(was) if was.text == item.text && was.when == item.when => None,
                Some(was) => (now || old.counts(was, known)).then(|| format!("{label} changed")),
            }
        });
        let removed = old
            .items
            .iter()
            .filter(|(label, item)| !self.items.contains_key(*label) && old.counts(item, known));
        changed.chain(removed.map(|(label, _)| format!("{label} removed"))).collect()
    }

    /// All items, each with its class.
    pub(super) fn items(&self) -> impl Iterator<Item = (&Item, Option<&Class>)> {
        self.items.values().map(|item| (item, self.class_of(item)))
    }

    /// All classes that may be models.
    pub(super) fn classes(&self) -> &[Class] {
        &self.classes
    }

    fn class_of(&self, item: &Item) -> Option<&Class> {
        self.classes.get(item.class?)
    }

    fn counts(&self, item: &Item, known: &dyn Known) -> bool {
        let class = self.class_of(item);
        let runs = || item.names.iter().any(|name| known.runs(name, class));
        match item.when {
            When::Declared => true,
            When::Used => item.names.iter().any(|name| known.declares_with(name)) || runs(),
            When::Run => class.is_some_and(|class| class.runs || known.is_view(class)) || runs(),
        }
    }

    fn insert(&mut self, label: String, item: Item) {
        // A second thing of the same name must not hide the first.
        let mut key = label.clone();
        let mut count = 1;
        while self.items.contains_key(&key) {
            count += 1;
            key = format!("{label} ({count})");
        }
        self.items.insert(key, item);
    }
}

#[cfg(test)]
mod tests;
