//! Python literals, as `ast.literal_eval` reads them: what a manifest is made of.

use tree_sitter::Node;

/// A literal's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// A string.
    Str(String),
    /// A list, tuple or set.
    List(Vec<Value>),
    /// A dictionary, in the order written.
    Dict(Vec<(Value, Value)>),
}

impl Value {
    /// A string's text.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Str(text) = self { Some(text) } else { None }
    }

    /// What Python's `bool()` says.
    pub fn is_true(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(value) => *value,
            Self::Number(text) => text.chars().any(|c| ('1'..='9').contains(&c)),
            Self::Str(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Dict(items) => !items.is_empty(),
        }
    }

    /// A dictionary's value; the last one where the key stands twice, as in Python.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let Self::Dict(items) = self else { return None };
        items.iter().rev().find(|(k, _)| k.as_str() == Some(key)).map(|(_, value)| value)
    }
}

/// Why a text is not one literal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct LiteralError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// Nested deeper than this, it's an attack on our stack.
const DEPTH_LIMIT: usize = 64;

/// Reads a file that is one literal and comments.
pub fn parse(bytes: &[u8]) -> Result<Value, LiteralError> {
    let text = text(bytes)?;
    let tree =
        super::schema::tree(text).ok_or_else(|| LiteralError { line: 1, what: "it can't be read".into() })?;
    let root = tree.root_node();
    if let Some(line) = super::schema::first_error(root) {
        return Err(LiteralError { line, what: "this is not valid Python".into() });
    }
    let mut cursor = root.walk();
    let mut statements = root.named_children(&mut cursor).filter(|node| node.kind() != "comment");
    let (first, second) = (statements.next(), statements.next());
    if let Some(extra) = second {
        return Err(fail(extra, "there is more than one statement"));
    }
    match first {
        Some(node) if node.kind() == "expression_statement" && node.named_child_count() >= 1 => {
            let mut cursor = node.walk();
            let parts: Vec<_> = node.named_children(&mut cursor).filter(|n| n.kind() != "comment").collect();
            match parts.as_slice() {
                [one] => value(*one, text, 0),
                _ => Err(fail(node, "there is more than one value")),
            }
        }
        Some(node) => Err(fail(node, "this is a statement, not a value")),
        None => Err(LiteralError { line: 1, what: "it is empty".into() }),
    }
}

/// Python files are UTF-8 unless they say otherwise, with or without a mark at their beginning.
pub(super) fn text(bytes: &[u8]) -> Result<&str, LiteralError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|e| LiteralError {
        line: bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1,
        what: "this is not UTF-8".into(),
    })
}

fn fail(node: Node<'_>, what: &str) -> LiteralError {
    LiteralError { line: node.start_position().row + 1, what: what.to_owned() }
}

fn value(node: Node<'_>, text: &str, depth: usize) -> Result<Value, LiteralError> {
    if depth > DEPTH_LIMIT {
        return Err(fail(node, "this is nested too deeply"));
    }
    let mut cursor = node.walk();
    let mut inside = node.named_children(&mut cursor).filter(|n| n.kind() != "comment");
    let raw = || text.get(node.byte_range()).unwrap_or_default();
    match node.kind() {
        "none" => Ok(Value::None),
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        "integer" | "float" => Ok(Value::Number(raw().to_owned())),
        "unary_operator" => match inside.next().map(|n| n.kind()) {
            Some("integer" | "float") => Ok(Value::Number(raw().to_owned())),
            _ => Err(fail(node, "only numbers can have a sign")),
        },
        "string" => string(node, text).map(Value::Str),
        "concatenated_string" => inside.map(|n| string(n, text)).collect::<Result<_, _>>().map(Value::Str),
        "list" | "tuple" | "set" => {
            inside.map(|n| value(n, text, depth + 1)).collect::<Result<_, _>>().map(Value::List)
        }
        "parenthesized_expression" => match inside.next() {
            Some(inner) => value(inner, text, depth + 1),
            None => Err(fail(node, "nothing is between the parentheses")),
        },
        "dictionary" => inside.map(|n| pair(n, text, depth)).collect::<Result<_, _>>().map(Value::Dict),
        _ => Err(fail(node, "only plain values can stand here, nothing that has to be computed")),
    }
}

fn pair(node: Node<'_>, text: &str, depth: usize) -> Result<(Value, Value), LiteralError> {
    match (node.child_by_field_name("key"), node.child_by_field_name("value")) {
        (Some(key), Some(of)) if node.kind() == "pair" => {
            Ok((value(key, text, depth + 1)?, value(of, text, depth + 1)?))
        }
        _ => Err(fail(node, "only plain values can stand here, nothing that has to be computed")),
    }
}

fn string(node: Node<'_>, text: &str) -> Result<String, LiteralError> {
    let bad = |what| Err(fail(node, what));
    let raw = text.get(node.byte_range()).unwrap_or_default();
    let Some(quote) = raw.find(['\'', '"']) else { return bad("this is not a string") };
    let (prefix, rest) = raw.split_at(quote);
    if prefix.contains(['f', 'F', 'b', 'B', 't', 'T']) {
        return bad("only plain strings can stand here");
    }
    let mark = &rest[..1];
    let triple = rest.len() >= 6 && rest.starts_with(&mark.repeat(3));
    let width = if triple { 3 } else { 1 };
    let Some(inner) = rest.get(width..rest.len().saturating_sub(width)) else {
        return bad("this string has no end");
    };
    if prefix.contains(['r', 'R']) {
        return Ok(inner.to_owned());
    }
    unescape(inner).ok_or_else(|| fail(node, "this string holds an escape that means nothing"))
}

/// Python's escapes; `None` where Python would fail. `\N{…}` is kept as it stands: no manifest was ever seen to use it.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let escape = rest.next()?;
        let digits = |rest: &mut std::iter::Peekable<std::str::Chars<'_>>, count: usize| {
            let digits: String = (0..count).map_while(|_| rest.next_if(char::is_ascii_hexdigit)).collect();
            if digits.len() == count { char::from_u32(u32::from_str_radix(&digits, 16).ok()?) } else { None }
        };
        match escape {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(escape),
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'f' => out.push('\x0c'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\x0b'),
            'x' => out.push(digits(&mut rest, 2)?),
            'u' => out.push(digits(&mut rest, 4)?),
            'U' => out.push(digits(&mut rest, 8)?),
            '0'..='7' => {
                let mut code = escape.to_digit(8)?;
                for _ in 0..2 {
                    let Some(digit) = rest.next_if(|c| c.is_digit(8)).and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    code = code * 8 + digit;
                }
                out.push(char::from_u32(code)?);
            }
            other => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(source: &str) -> Result<String, LiteralError> {
        Ok(parse(source.as_bytes())?.as_str().unwrap_or("not a string").to_owned())
    }

    #[test]
    fn strings_as_python_reads_them() {
        for (source, want) in [
            (r"'a' 'b' # c", "ab"),
            ("('a'\n  \"b\")", "ab"),
            (r"'\x41\u00e9\101\t\q\''", "A\u{e9}A\t\\q'"),
            ("\"\"\"a\n'b'\\\nc\"\"\"", "a\n'b'c"),
            (r"r'\n'", r"\n"),
            ("u''", ""),
            ("''''''", ""),
        ] {
            assert_eq!(text_of(source).as_deref(), Ok(want), "{source}");
        }
        for bad in [
            "f'{x}'",
            "b'x'",
            "'a' + 'b'",
            "'a",
            r"'\xg'",
            "",
            "# only",
            "x",
            "1, 2 ; 3",
            "open('x')",
            "{**a}",
            "[x for x in y]",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn collections_and_lines() {
        let value = parse(b"\xef\xbb\xbf# -*- coding: utf-8 -*-\n{'a': [1, -2.5, ('x',), None], 'b': {'c': True,}, 'a': False}\n").unwrap();
        assert_eq!(value.get("a"), Some(&Value::Bool(false)), "the last one counts");
        assert!(value.get("b").unwrap().get("c").unwrap().is_true());
        let error = parse(b"{\n 'a': 1,\n 'b': foo(),\n}").unwrap_err();
        assert_eq!(error.line, 3);
        assert_eq!(parse(b"{\n\n 'a': '\xff'}").unwrap_err().line, 3);
        assert_eq!(parse(b"{}\nimport os").unwrap_err().line, 2);
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_crash() {
        for open in ["[", "(", "{'a':", "-", "not ", "lambda:"] {
            assert!(parse(open.repeat(20_000).as_bytes()).is_err());
        }
        let closed = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
        assert!(parse(closed.as_bytes()).unwrap_err().what.contains("deeply"));
    }
}
