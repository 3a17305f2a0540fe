//! What of a Python file ends up in the database when its module is updated: everything but the bodies of ordinary
//! functions. Two files with the same [`Signature`] differ in code only, so a restart is enough for them.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::{Node, Parser, Tree, TreeCursor};

use super::literal;

/// What counts of a file, by a label in words ("field `due` of `Ticket`"), each with its text (comments and layout left
/// out).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    items: BTreeMap<String, Item>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Item {
    text: String,
    /// Counts only if something that is declared is declared with this name.
    only_if_used: Option<String>,
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
    /// Reads a file. `hooks` are the functions that the manifest names: their text counts. In `controllers`, classes
    /// are routes, which the database knows nothing of.
    pub fn read(bytes: &[u8], hooks: &[String], controllers: bool) -> Result<Self, Unparsable> {
        let text = literal::text(bytes).map_err(|e| Unparsable { line: e.line, what: e.what })?;
        let unparsable = |line| Unparsable { line, what: "this is not valid Python".to_owned() };
        let tree = tree(text).ok_or_else(|| unparsable(1))?;
        if let Some(line) = first_error(tree.root_node()) {
            return Err(unparsable(line));
        }
        let mut reading = Reading { text, hooks, controllers, signature: Self::default() };
        reading.block(tree.root_node(), None);
        Ok(reading.signature)
    }

    /// What differs from an older signature, in words. `is_used` says whether anything in the release is declared with a
    /// name.
    pub fn differences(&self, old: &Self, is_used: &dyn Fn(&str) -> bool) -> Vec<String> {
        let counts = |item: &Item| item.only_if_used.as_deref().is_none_or(is_used);
        let changed = self.items.iter().filter_map(|(label, item)| match old.items.get(label) {
            None if counts(item) => Some(format!("{label} added")),
            Some(was) if was != item && counts(item) => Some(format!("{label} changed")),
            _ => None,
        });
        let removed =
            old.items.iter().filter(|(label, item)| !self.items.contains_key(*label) && counts(item));
        changed.chain(removed.map(|(label, _)| format!("{label} removed"))).collect()
    }

    /// Adds all names that the things in this file are declared with.
    pub fn names_used(&self, into: &mut BTreeSet<String>) {
        let declared = self.items.values().filter(|item| !item.text.starts_with("def "));
        into.extend(declared.flat_map(|item| item.text.split(' ')).map(str::to_owned));
    }

    fn add(&mut self, label: String, text: String) {
        self.insert(label, Item { text, only_if_used: None });
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

/// Parses Python. tree-sitter never fails on text, but marks what it doesn't understand: see [`first_error`].
pub(super) fn tree(text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_python::LANGUAGE.into()).ok()?;
    parser.parse(text, None)
}

/// The line (from 1) of the first thing that is not Python.
pub(super) fn first_error(root: Node<'_>) -> Option<usize> {
    if !root.has_error() {
        return None;
    }
    let mut line = None;
    visit(root, &mut |node| {
        if line.is_none() && (node.is_error() || node.is_missing()) {
            line = Some(node.start_position().row + 1);
        }
        line.is_none()
    });
    line.or(Some(1))
}

/// Functions whose text decides what is in the database: run at install or update, or making the SQL of a view.
const RUN_AT_UPDATE: [&str; 6] =
    ["init", "_auto_init", "_register_hook", "pre_init_hook", "post_init_hook", "uninstall_hook"];
const MAKE_SQL: [&str; 8] =
    ["_select", "_from", "_where", "_group_by", "_order_by", "_query", "_with", "_sub_select"];

struct Reading<'a> {
    text: &'a str,
    hooks: &'a [String],
    controllers: bool,
    signature: Signature,
}

impl Reading<'_> {
    /// The statements of a module (`class` is `None`) or of a class's body.
    fn block(&mut self, block: Node<'_>, class: Option<&str>) {
        let mut cursor = block.walk();
        for statement in block.named_children(&mut cursor) {
            self.statement(statement, class);
        }
    }

    fn statement(&mut self, statement: Node<'_>, class: Option<&str>) {
        match statement.kind() {
            "comment" | "pass_statement" | "future_import_statement" => {}
            "decorated_definition" => match statement.child_by_field_name("definition") {
                Some(inner) if inner.kind() == "class_definition" => self.class(inner, class),
                Some(inner) => self.function(inner, class),
                None => {}
            },
            "class_definition" => self.class(statement, class),
            "function_definition" => self.function(statement, class),
            "expression_statement"
                if !self.controllers || class.is_some() || assignment(statement).is_some() =>
            {
                self.expression(statement, class);
            }
            _ if self.controllers && class.is_none() => {}
            "import_statement" | "import_from_statement" => self.import(statement),
            _ => {
                let label =
                    within(&format!("`{}` block", statement.kind().trim_end_matches("_statement")), class);
                self.signature.add(label, tokens(statement, self.text));
            }
        }
    }

    fn class(&mut self, node: Node<'_>, outer: Option<&str>) {
        let name = self.field(node, "name");
        let bases =
            node.child_by_field_name("superclasses").map(|n| tokens(n, self.text)).unwrap_or_default();
        let Some(body) = node.child_by_field_name("body") else { return };
        let is_model = || {
            let mut cursor = body.walk();
            body.named_children(&mut cursor).any(|s| {
                let target = assignment(s).and_then(|a| a.child_by_field_name("left"));
                target.is_some_and(|t| matches!(self.node(t), "_name" | "_inherit" | "_inherits"))
            })
        };
        let of_no_interest = ["Controller", "Exception", "Error", "TestCase", "TransactionCase", "HttpCase"];
        let plain = |base: &str| of_no_interest.iter().any(|end| base.trim().ends_with(end));
        let only_code = self.controllers
            || (!bases.is_empty() && bases.trim_matches(['(', ')', ' ']).split(',').all(plain));
        if only_code && !is_model() {
            return;
        }
        let name = outer.map_or(name.clone(), |outer| format!("{outer}.{name}"));
        self.signature.add(format!("class `{name}`"), bases);
        self.block(body, Some(&name));
    }

    fn function(&mut self, node: Node<'_>, class: Option<&str>) {
        let name = self.field(node, "name");
        let counts = RUN_AT_UPDATE.contains(&name.as_str())
            || self.hooks.contains(&name)
            || (class.is_some() && MAKE_SQL.iter().any(|start| name.starts_with(start)));
        let label = within(&format!("`{name}()`"), class);
        if counts {
            self.signature.add(label, tokens(node, self.text));
        } else if class.is_none() {
            // `selection=states()`
            let item = Item { text: tokens(node, self.text), only_if_used: Some(name) };
            self.signature.insert(label, item);
        }
    }

    /// What comes from Odoo or a library can't change what a model is. Importing a file of our own can, because that is how
    /// its models get loaded; importing a name, only if something is declared with it.
    fn import(&mut self, node: Node<'_>) {
        let from = self.field(node, "module_name");
        let from_addon = |name: &str| {
            name.starts_with('.') || name.starts_with("odoo.addons") || name.starts_with("openerp.addons")
        };
        let mut cursor = node.walk();
        let names: Vec<_> =
            node.children_by_field_name("name", &mut cursor).map(|n| tokens(n, self.text)).collect();
        for name in if names.is_empty() { vec!["*".to_owned()] } else { names } {
            let plain = name.replace(" . ", ".");
            let loads = from.trim_matches('.').is_empty() || name == "*";
            if from_addon(&from) {
                // Another name for it is a use of the first one, wherever it's used then.
                let renamed = name.contains(" as ");
                let only_if_used = (!loads && !renamed).then(|| name.clone());
                let text = if renamed { name } else { String::new() };
                self.signature
                    .insert(format!("import of `{plain}` from `{from}`"), Item { text, only_if_used });
            } else if from.is_empty() && from_addon(&plain) {
                self.signature.add(format!("import of `{plain}`"), String::new());
            }
        }
    }

    fn expression(&mut self, statement: Node<'_>, class: Option<&str>) {
        let Some(assigned) = assignment(statement) else {
            let is_text = statement.named_child(0).is_some_and(|n| matches!(n.kind(), "string" | "ellipsis"));
            if !is_text {
                self.signature.add(within("a call", class), tokens(statement, self.text));
            }
            return;
        };
        let (Some(left), right) =
            (assigned.child_by_field_name("left"), assigned.child_by_field_name("right"))
        else {
            return;
        };
        let value = right.map(|r| tokens(r, self.text)).unwrap_or_default();
        if class.is_none() && (value.starts_with("logging . getLogger") || self.node(left) == "__all__") {
            return;
        }
        if class.is_none() && assigned.kind() == "assignment" && left.kind() == "identifier" {
            let name = self.node(left).to_owned();
            self.signature.insert(format!("`{name}`"), Item { text: value, only_if_used: Some(name) });
            return;
        }
        let kind = if value.starts_with("fields .") { "field " } else { "" };
        self.signature
            .add(within(&format!("{kind}`{}`", self.node(left)), class), tokens(assigned, self.text));
    }

    fn field(&self, node: Node<'_>, field: &str) -> String {
        node.child_by_field_name(field).map(|n| self.node(n).to_owned()).unwrap_or_default()
    }

    fn node(&self, node: Node<'_>) -> &str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }
}

fn within(what: &str, class: Option<&str>) -> String {
    match class {
        Some(class) => format!("{what} of `{class}`"),
        None => what.to_owned(),
    }
}

fn assignment(statement: Node<'_>) -> Option<Node<'_>> {
    statement.named_child(0).filter(|n| matches!(n.kind(), "assignment" | "augmented_assignment"))
}

/// A node's text without comments and layout: its smallest parts, one space between them. Strings stay whole.
fn tokens(node: Node<'_>, text: &str) -> String {
    let mut out = String::new();
    visit(node, &mut |node| {
        let whole = node.kind() == "string";
        if node.kind() == "comment" {
            return false;
        }
        if whole || node.child_count() == 0 {
            let part = text.get(node.byte_range()).unwrap_or_default();
            // A trailing comma is layout; `)` after it closes what would mean the same without it.
            if matches!(part, ")" | "]" | "}") && out.ends_with(',') && !out.ends_with("( ,") {
                out.truncate(out.len() - 1);
                out.truncate(out.trim_end().len());
            }
            if !out.is_empty() && !part.is_empty() {
                out.push(' ');
            }
            out.push_str(part);
        }
        !whole
    });
    out
}

/// Visits a node and all below it in order, without recursion: files can be nested as deeply as they like. `enter` says
/// whether to look inside.
fn visit<'t>(root: Node<'t>, enter: &mut dyn FnMut(Node<'t>) -> bool) {
    let mut cursor: TreeCursor<'t> = root.walk();
    loop {
        if enter(cursor.node()) && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
