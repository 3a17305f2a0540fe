//! Python as tree-sitter reads it: trees, errors, and texts without layout.

use tree_sitter::{Node, Parser, Tree, TreeCursor};

/// Parses Python. tree-sitter never fails on text, but marks what it doesn't understand: see [`first_error`].
pub(in super::super) fn tree(text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_python::LANGUAGE.into()).ok()?;
    parser.parse(text, None)
}

/// The line (from 1) of the first thing that is not Python.
pub(in super::super) fn first_error(root: Node<'_>) -> Option<usize> {
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

/// A node's text without comments and layout: its smallest parts, one space between them. Strings stay whole.
pub(super) fn tokens(node: Node<'_>, text: &str) -> String {
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

/// All names in a text made by [`tokens`], in its strings, too: `f"{STATES}"`, `getattr(self, "_sql")`.
pub(in super::super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// The names in a text made by [`tokens`] that are names where they stand: those of the code, those that an f-string puts in, and
/// strings that are nothing but a name (`for name in ["_sql", "_rows"]`). Of other strings the words are none: the code of a
/// scheduled action, `"model.run()"`, isn't run by the one that writes it down.
pub(in super::super) fn names(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'']) {
        let code = rest[..at].trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let is_formatted = rest[code.len()..at].contains(['f', 'F', 't', 'T']);
        found.extend(words(code));
        let (inside, after) = string(&rest[at..]);
        if is_formatted || words(inside).eq([inside]) {
            found.extend(words(inside));
        }
        rest = after;
    }
    found.extend(words(rest));
    found
}

/// What is in the string that `text` begins with, and what comes after it.
fn string(text: &str) -> (&str, &str) {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let mark = if text.starts_with(&triple) { triple.as_str() } else { quote };
    let inside = &text[mark.len()..];
    let mut at = 0;
    while let Some(found) = inside[at..].find(['\\', '"', '\'']) {
        at += found;
        if inside[at..].starts_with(mark) {
            return (&inside[..at], &inside[at + mark.len()..]);
        }
        // What a backslash stands before ends nothing.
        let here = inside[at..].chars().take(if inside[at..].starts_with('\\') { 2 } else { 1 });
        at += here.map(char::len_utf8).sum::<usize>();
    }
    (inside, "")
}

/// The names in a text made by [`tokens`] that are called as they are, not as a part of something: `make()`, not `x.make()`.
pub(in super::super) fn called(text: &str) -> impl Iterator<Item = &str> {
    let mut before = "";
    let mut name = "";
    text.split(' ').filter_map(move |token| {
        let found = (token == "(" && before != "." && before != "def").then_some(name);
        (before, name) = (name, token);
        found.filter(|name| name.starts_with(|c: char| c.is_alphabetic() || c == '_'))
    })
}

/// Visits a node and all below it in order, without recursion: files can be nested as deeply as they like. `enter` says
/// whether to look inside.
pub(super) fn visit<'t>(root: Node<'t>, enter: &mut dyn FnMut(Node<'t>) -> bool) {
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
mod tests {
    use super::names;

    #[test]
    fn only_what_is_a_name_where_it_stands_is_one() {
        assert_eq!(names(r#"self . create ( { "code" : "model.run()" } )"#), ["self", "create", "code"]);
        assert_eq!(names(r#"for name in [ '_sql' , "_rows" ]"#), ["for", "name", "in", "_sql", "_rows"]);
        assert_eq!(names(r#"f"{ STATES } x" + y"#), ["STATES", "x", "y"]);
        assert_eq!(names("\"\"\"select \"a\" from b\"\"\" % self . _from ( )"), ["self", "_from"]);
        assert_eq!(names(r#"rb'a\'b c' + d"#), ["d"]);
        assert_eq!(names(r#"'é\é' + 'open"#), ["open"]);
        assert_eq!(names("'"), [""; 0]);
    }
}
