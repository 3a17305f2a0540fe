//! Reading a file's tree into its [`Signature`].

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::rules::{self, counts_by_name};
use super::tokens::{tokens, visit};
use super::{Class, Item, Signature, When, words};
use crate::odoo::imports::{DYNAMIC, Imports};

/// Classes in classes deeper than this count as one statement, whatever is in them.
const DEPTH_LIMIT: usize = 32;

pub(super) fn read(root: Node<'_>, text: &str, controllers: bool) -> Signature {
    let mut reading = Reading { text, controllers, signature: Signature::default(), ours: BTreeSet::new() };
    reading.imports(root);
    reading.block(root, Around::default());
    reading.signature
}

struct Reading<'a> {
    text: &'a str,
    controllers: bool,
    signature: Signature,
    /// Names imported from other files of modules.
    ours: BTreeSet<String>,
}

/// The classes around a statement.
#[derive(Clone, Copy, Default)]
struct Around<'n> {
    /// The innermost one's name in words, `Outer.Inner`.
    name: Option<&'n str>,
    number: Option<usize>,
    depth: usize,
}

impl Around<'_> {
    fn label(&self, what: &str) -> String {
        match self.name {
            Some(class) => format!("{what} of `{class}`"),
            None => what.to_owned(),
        }
    }
}

impl Reading<'_> {
    /// The statements of a file or of a class's body.
    fn block(&mut self, block: Node<'_>, around: Around<'_>) {
        let mut cursor = block.walk();
        for statement in block.named_children(&mut cursor) {
            self.statement(statement, around);
        }
    }

    fn statement(&mut self, statement: Node<'_>, around: Around<'_>) {
        let in_routes = self.controllers && around.name.is_none();
        match statement.kind() {
            "comment" | "pass_statement" | "future_import_statement" => {}
            "decorated_definition" => match statement.child_by_field_name("definition") {
                Some(inner) if inner.kind() == "class_definition" => self.class(statement, inner, around),
                Some(inner) => self.function(statement, inner, around),
                None => {}
            },
            "class_definition" => self.class(statement, statement, around),
            "function_definition" => self.function(statement, statement, around),
            "expression_statement" => self.expression(statement, around),
            "import_statement" | "import_from_statement" if in_routes => {}
            "import_statement" | "import_from_statement" => self.import(statement),
            kind => {
                let text = tokens(statement, self.text);
                if !in_routes || makes_models(&text) {
                    let kind = kind.trim_end_matches("_statement");
                    self.declare(around.label(&format!("`{kind}` block")), text, around);
                }
            }
        }
    }

    /// `whole` has the decorators, which may add fields.
    fn class(&mut self, whole: Node<'_>, node: Node<'_>, around: Around<'_>) {
        let name = self.field(node, "name");
        let Some(body) = node.child_by_field_name("body") else { return };
        let full = around.name.map_or(name.clone(), |outer| format!("{outer}.{name}"));
        let parents =
            node.child_by_field_name("superclasses").map(|n| tokens(n, self.text)).unwrap_or_default();
        let class = self.describe(name, &parents, body);
        let mut cursor = whole.walk();
        let decorators: Vec<String> = whole
            .named_children(&mut cursor)
            .filter(|n| n.kind() == "decorator")
            .map(|n| tokens(n, self.text))
            .collect();
        let plain = |parent: &str| rules::OF_NO_INTEREST.iter().any(|end| parent.trim().ends_with(end));
        let only_code = self.controllers
            || (!parents.is_empty() && parents.trim_matches(['(', ')', ' ']).split(',').all(plain));
        if only_code && !self.is_model(&parents, body) {
            return;
        }
        if around.depth >= DEPTH_LIMIT {
            self.declare(format!("class `{name}`", name = class.name), tokens(whole, self.text), around);
            return;
        }
        self.signature.classes.push(class);
        let inner = Around {
            name: Some(&full),
            number: Some(self.signature.classes.len() - 1),
            depth: around.depth + 1,
        };
        self.declare(format!("class `{full}`"), [decorators.concat(), parents].concat(), inner);
        self.block(body, inner);
    }

    /// Whether a class is, or adds to, a model: it may be one among routes.
    fn is_model(&self, parents: &str, body: Node<'_>) -> bool {
        let mut cursor = body.walk();
        let declared = body.named_children(&mut cursor).filter(|s| !is_function(*s));
        let mut names: Vec<String> = declared.map(|s| tokens(s, self.text)).collect();
        names.push(parents.to_owned());
        names.iter().any(|text| makes_models(text))
    }

    fn describe(&self, name: String, parents: &str, body: Node<'_>) -> Class {
        let parents: Vec<String> = words(parents).map(str::to_owned).collect();
        let mut class = Class { name, ..Class::default() };
        // A kind of field decides with its methods how its column looks.
        class.runs = parents.iter().any(|parent| parent == "fields");
        class.parents = parents;
        let mut cursor = body.walk();
        for statement in body.named_children(&mut cursor) {
            let Some((targets, value)) = self.assigned(statement) else {
                let inner = statement.child_by_field_name("definition").unwrap_or(statement);
                if is_function(inner) {
                    let name = self.field(inner, "name");
                    class.is_view |= name == "_table_query";
                    class.runs |= rules::MAKE_EVERY_METHOD_COUNT.contains(&name.as_str());
                } else {
                    // `if`, `with`, `for`: what they declare counts as it stands, but may be this.
                    class.is_view |=
                        words(&tokens(inner, self.text)).any(|word| rules::MAKE_A_VIEW.contains(&word));
                }
                continue;
            };
            let value = value.map(|v| tokens(v, self.text)).unwrap_or_default();
            for target in targets {
                match target.as_str() {
                    "_auto" => class.is_view |= value != "True",
                    "_table_query" => class.is_view |= value != "None",
                    "_name" | "_inherit" => match plain_strings(&value) {
                        Some(names) if target == "_name" => class.model = names.into_iter().next(),
                        Some(names) => class.inherits.extend(names),
                        // Which model it is can't be read here.
                        None => class.runs = true,
                    },
                    _ => {}
                }
            }
        }
        class.runs |= class.is_view;
        class
    }

    fn function(&mut self, whole: Node<'_>, node: Node<'_>, around: Around<'_>) {
        let name = self.field(node, "name");
        let in_class = around.name.is_some();
        let when = match (counts_by_name(&name, in_class), in_class) {
            (true, _) => When::Declared,
            (false, true) => When::Run,
            (false, false) => When::Used,
        };
        let label = around.label(&format!("`{name}()`"));
        // What decorates it (`@api.depends`) isn't in the database, unless the whole is.
        let text = tokens(if in_class { whole } else { node }, self.text);
        self.signature.insert(label, Item { text, when, names: vec![name], class: around.number });
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
            let mut item = Item { text: String::new(), when: When::Declared, names: Vec::new(), class: None };
            if from_addon(&from) {
                self.ours.extend(name.split(' ').next_back().map(str::to_owned));
                // Another name for it is a use of the first one, wherever it's used then.
                if name.contains(" as ") {
                    item.text = name;
                } else if !loads {
                    (item.when, item.names) = (When::Used, vec![name]);
                }
                self.signature.insert(format!("import of `{plain}` from `{from}`"), item);
            } else if from.is_empty() && from_addon(&plain) {
                self.signature.insert(format!("import of `{plain}`"), item);
            }
        }
    }

    fn expression(&mut self, statement: Node<'_>, around: Around<'_>) {
        let in_routes = self.controllers && around.name.is_none();
        let text = tokens(statement, self.text);
        let Some((targets, value)) = self.assigned(statement) else {
            let is_text = statement.named_child(0).is_some_and(|n| matches!(n.kind(), "string" | "ellipsis"));
            if !is_text && (!in_routes || makes_models(&text)) {
                self.declare(around.label("a call"), text, around);
            }
            return;
        };
        let value = value.map(|v| tokens(v, self.text)).unwrap_or_default();
        let kind = if around.name.is_some() && value.starts_with("fields .") { "field " } else { "" };
        let label = around.label(&format!("{kind}`{}`", targets.join("`, `")));
        if targets.iter().any(|target| target == "__all__") {
            match plain_strings(&value) {
                // `from . import *` imports these files.
                Some(names) => self.signature.imports.statements.push((".".to_owned(), names)),
                None => self.signature.imports.is_dynamic = true,
            }
        }
        let may_make_models = || {
            let plain = statement.named_child(0).is_some_and(|n| n.kind() == "assignment")
                && targets.iter().all(|target| is_name(target) && target != "__all__");
            !plain || makes_models(&value) || self.calls_ours(&value)
        };
        if around.name.is_some() || may_make_models() {
            self.declare(label, text, around);
        } else if !value.starts_with("logging . getLogger") {
            self.signature.insert(label, Item { text: value, when: When::Used, names: targets, class: None });
        }
    }

    /// Whether a value is made by a function of ours that may make classes.
    fn calls_ours(&self, value: &str) -> bool {
        let makes = |name: &str| {
            let mut items = self.signature.items.values().filter(|item| item.class.is_none());
            items.any(|item| item.names.iter().any(|n| n == name) && makes_models(&item.text))
        };
        super::called(value).any(|name| makes(name) || self.ours.contains(name))
    }

    /// The targets of an assignment (`a = b = 1` has two), and the value.
    fn assigned<'t>(&self, statement: Node<'t>) -> Option<(Vec<String>, Option<Node<'t>>)> {
        let mut node = statement.named_child(0).filter(|_| statement.kind() == "expression_statement")?;
        if !matches!(node.kind(), "assignment" | "augmented_assignment") {
            return None;
        }
        let mut targets = Vec::new();
        loop {
            let target = node.child_by_field_name("left").map(|n| self.node(n)).unwrap_or_default();
            targets.push(target.to_owned());
            match node.child_by_field_name("right") {
                Some(right) if right.kind() == "assignment" => node = right,
                right => return Some((targets, right)),
            }
        }
    }

    fn imports(&mut self, root: Node<'_>) {
        let mut found = Imports::default();
        visit(root, &mut |node| {
            match node.kind() {
                "import_from_statement" => {
                    let mut cursor = node.walk();
                    let names = node.children_by_field_name("name", &mut cursor);
                    let names = names.map(|n| self.field_or_whole(n)).collect();
                    found.statements.push((self.field(node, "module_name").replace(' ', ""), names));
                }
                "import_statement" => {
                    let mut cursor = node.walk();
                    for name in node.children_by_field_name("name", &mut cursor) {
                        found.statements.push((self.field_or_whole(name), Vec::new()));
                    }
                }
                "identifier" => found.is_dynamic |= DYNAMIC.contains(&self.node(node)),
                _ => {}
            }
            true
        });
        self.signature.imports = found;
    }

    /// `a.b as c` without its other name.
    fn field_or_whole(&self, node: Node<'_>) -> String {
        let name = node.child_by_field_name("name").unwrap_or(node);
        self.node(name).replace(' ', "")
    }

    fn declare(&mut self, label: String, text: String, around: Around<'_>) {
        let item = Item { text, when: When::Declared, names: Vec::new(), class: around.number };
        self.signature.insert(label, item);
    }

    fn field(&self, node: Node<'_>, field: &str) -> String {
        node.child_by_field_name(field).map(|n| self.node(n).to_owned()).unwrap_or_default()
    }

    fn node(&self, node: Node<'_>) -> &str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }
}

fn is_function(node: Node<'_>) -> bool {
    let inner = node.child_by_field_name("definition").unwrap_or(node);
    inner.kind() == "function_definition"
}

fn is_name(target: &str) -> bool {
    target.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether a text may make a model or a field.
fn makes_models(text: &str) -> bool {
    words(text).any(|word| rules::MAKE_MODELS.contains(&word))
}

/// The strings in a string or a list of strings; `None` when there is anything else in it.
fn plain_strings(value: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for token in value.split(' ') {
        match token {
            "[" | "]" | "(" | ")" | "," => {}
            _ if token.len() >= 2 && token.starts_with(['"', '\'']) => {
                found.push(token.trim_matches(['"', '\'']).to_owned());
            }
            _ => return None,
        }
    }
    Some(found)
}
