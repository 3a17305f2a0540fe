//! Texts in Odoo's data files (XML) that can name a file. Reads anything, well-formed or not: what is broken yields fewer
//! or odder texts, and Odoo refuses to load it anyway.

/// One attribute's value or one piece of text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'t> {
    /// The element whose attribute it is; empty for text between tags.
    pub(super) element: &'t str,
    /// The attribute's name; empty for text between tags.
    pub(super) attribute: &'t str,
    /// The value, entities as they stand.
    pub(super) text: &'t str,
    /// Where it stands.
    pub(super) within: Within,
}

/// What loading a file does with the texts at some place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// A record, a function call, a menu: may be read as a file's name.
    Record,
    /// A page, a view, an asset, or a field that holds an address: stored as it stands. The files that it names are read when
    /// somebody asks for them.
    Address,
}

/// Models whose records name files that are read when they are asked for: `odoo/addons/base/models/ir_asset.py`,
/// `ir_ui_view.py`, and the website's copies of them.
const BY_ADDRESS: [&str; 6] =
    ["ir.ui.view", "ir.asset", "theme.ir.ui.view", "theme.ir.asset", "website.page", "theme.website.page"];

/// Calls `found` with all pieces of a document.
pub(super) fn pieces<'t>(document: &'t str, found: &mut dyn FnMut(Piece<'t>)) {
    let mut open: Vec<(&str, Within)> = Vec::new();
    let mut rest = document;
    while let Some(at) = rest.find('<') {
        let within = open.last().map_or(Within::Record, |(_, within)| *within);
        found(Piece { element: "", attribute: "", text: &rest[..at], within });
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if let Some(data) = rest.strip_prefix("<![CDATA[") {
            let (text, after) = data.split_once("]]>").unwrap_or((data, ""));
            found(Piece { element: "", attribute: "", text, within });
            rest = after;
        } else if let Some(closing) = rest.strip_prefix("</") {
            let (name, after) = closing.split_once('>').unwrap_or((closing, ""));
            if let Some(depth) = open.iter().rposition(|(opened, _)| *opened == name.trim()) {
                open.truncate(depth);
            }
            rest = after;
        } else {
            let tag = Tag::read(&rest[1..]);
            let within = tag.within(within);
            for &(attribute, text) in &tag.attributes {
                found(Piece { element: tag.name, attribute, text, within });
            }
            if !tag.closed {
                open.push((tag.name, within));
            }
            rest = tag.after;
        }
    }
    let within = open.last().map_or(Within::Record, |(_, within)| *within);
    found(Piece { element: "", attribute: "", text: rest, within });
}

struct Tag<'t> {
    name: &'t str,
    attributes: Vec<(&'t str, &'t str)>,
    closed: bool,
    after: &'t str,
}

impl<'t> Tag<'t> {
    /// Reads a tag from behind its `<`. Of a declaration (`<!ENTITY … "file">`) each quoted text is an attribute.
    fn read(text: &'t str) -> Self {
        let blank = |c: char| c.is_whitespace() || matches!(c, '>' | '/' | '[');
        let (name, mut rest) = text.split_at(text.find(blank).unwrap_or(text.len()));
        let mut tag = Self { name, attributes: Vec::new(), closed: name.starts_with(['!', '?']), after: "" };
        let mut attribute = "";
        while let Some(at) = rest.find(['"', '\'', '>', '/', '=']) {
            let before = rest[..at].trim();
            if !before.is_empty() {
                attribute = before.rsplit(char::is_whitespace).next().unwrap_or(before);
            }
            let (mark, after) = rest[at..].split_at(1);
            match mark {
                ">" => {
                    tag.after = after;
                    return tag;
                }
                "/" => {
                    tag.closed |= after.starts_with('>');
                    rest = after;
                }
                "=" => rest = after,
                quote => {
                    let (value, after) = after.split_once(quote).unwrap_or((after, ""));
                    tag.attributes.push((attribute, value));
                    attribute = "";
                    rest = after;
                }
            }
        }
        tag
    }

    fn within(&self, outer: Within) -> Within {
        let is = |attribute: &str, values: &[&str]| {
            self.attributes.iter().any(|(name, value)| *name == attribute && values.contains(value))
        };
        match self.name {
            "template" => Within::Address,
            "record" if is("model", &BY_ADDRESS) => Within::Address,
            "field" if is("name", &["url"]) => Within::Address,
            _ => outer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(document: &str) -> Vec<(String, String, Within)> {
        let mut found = Vec::new();
        pieces(document, &mut |p| {
            if !p.text.trim().is_empty() {
                found.push((p.attribute.to_owned(), p.text.trim().to_owned(), p.within));
            }
        });
        found
    }

    #[test]
    fn attributes_and_texts_are_found() {
        let document = "<?xml version='1.0'?><!DOCTYPE odoo [<!ENTITY e SYSTEM \"x/y.txt\">]>\n<odoo><!-- file='no' -->\
            <field name = 'a'\n file=\"m/a > b.svg\" /><template><p title='t'>in</p></template>out<![CDATA[<b file='c'>]]></odoo>";
        let found = all(document);
        for (attribute, text, within) in [
            ("file", "m/a > b.svg", Within::Record),
            ("", "in", Within::Address),
            ("title", "t", Within::Address),
            ("", "out", Within::Record),
            ("", "<b file='c'>", Within::Record),
        ] {
            assert!(found.contains(&(attribute.into(), text.into(), within)), "{text}: {found:?}");
        }
        assert!(found.iter().any(|(_, text, _)| text == "x/y.txt"), "{found:?}");
        assert!(!found.iter().any(|(_, text, _)| text == "no"));
    }

    #[test]
    fn broken_documents_end() {
        for document in [
            "<",
            "<a",
            "<a b",
            "<a b=",
            "<a b='",
            "</",
            "<!--",
            "<![CDATA[",
            "<a/",
            "<a b='c'",
            "</a></b>",
            "<é ü='ö'",
        ] {
            all(document);
        }
    }
}
