use super::*;

const TICKET: &str = r#"
# Copyright
"""A ticket."""
import logging
from odoo import api, fields, models
from . import common

_logger = logging.getLogger(__name__)
STATES = [("a", "A")]

class Ticket(models.Model):
    """Doc."""
    _name = "acme.ticket"
    name = fields.Char(required=True)

    @api.depends("name")
    def _compute(self):
        return 1

class Partner(models.Model):
    _inherit = "res.partner"

    def init(self):
        self.env.cr.execute("x")

def hook(env):
    pass
"#;

fn differences(from: &str, to: &str) -> Vec<String> {
    let new = TICKET.replace(from, to);
    assert_ne!(new, TICKET, "{from} is not in it");
    let read = |text: &str| Signature::read(text.as_bytes(), false).unwrap();
    read(&new).differences(&read(TICKET), &Names)
}

/// A release in which models are declared with `STATES` and `used`, and the manifest names `hook`.
struct Names;

impl Known for Names {
    fn declares_with(&self, name: &str) -> bool {
        matches!(name, "STATES" | "used")
    }

    fn runs(&self, name: &str, class: Option<&Class>) -> bool {
        class.is_none() && name == "hook"
    }

    fn is_view(&self, _: &Class) -> bool {
        false
    }
}

#[test]
fn code_layout_and_words_do_not_count() {
    for (from, to) in [
        ("return 1", "x = 2\n        return x"),
        ("# Copyright", "# Copyright 2\n\n"),
        ("A ticket.", "Another text"),
        ("Doc.", "Other doc."),
        ("@api.depends(\"name\")", "@api.depends(\"name\", \"id\")"),
        ("def _compute(self)", "def _compute_more(self, x=1)"),
        ("import logging", "import logging\nimport base64"),
        ("from odoo import api, fields", "from odoo import _, api, fields"),
        ("from . import common", "from . import (  # all\n    common,\n)"),
        ("fields.Char(required=True)", "fields.Char(\n        required=True,  # yes\n    )"),
        ("[(\"a\", \"A\")]", "[\n    (\"a\", \"A\"),\n]"),
        ("\ndef hook", "\ndef other():\n    return 1\n\ndef hook"),
        ("_logger =", "log ="),
        ("STATES = [", "VERSION = 2\nSTATES = ["),
        ("from . import common", "from . import common\nfrom .release import VERSION"),
    ] {
        assert_eq!(differences(from, to), [""; 0], "{from} -> {to}");
    }
}

#[test]
fn what_the_database_knows_counts_and_is_named() {
    for (from, to, reason) in [
        ("    @api", "    due = fields.Date()\n    @api", "field `due` of `Ticket` added"),
        ("required=True", "required=False", "field `name` of `Ticket` changed"),
        ("    name = fields.Char(required=True)\n", "", "field `name` of `Ticket` removed"),
        ("\"acme.ticket\"", "\"acme.task\"", "`_name` of `Ticket` changed"),
        ("(\"a\", \"A\")", "(\"a\", \"B\")", "`STATES` changed"),
        ("models.Model", "models.TransientModel", "class `Ticket` changed"),
        ("execute(\"x\")", "execute(\"y\")", "`init()` of `Partner` changed"),
        ("(env):\n    pass", "(env):\n    env.x()", "`hook()` changed"),
        ("from . import common", "from . import common, more", "import of `more` from `.` added"),
        ("\ndef hook", "\nif STATES:\n    STATES += 1\n\ndef hook", "`if` block added"),
        (
            "from . import common",
            "from . import common\nfrom .x import used",
            "import of `used` from `.x` added",
        ),
        (
            "from . import common",
            "from . import common\nfrom .x import a as b",
            "import of `a as b` from `.x` added",
        ),
        ("\ndef hook", "\ndef used():\n    pass\ndef hook", "`used()` added"),
        ("\ndef hook", "\nregister(1)\ndef hook", "a call added"),
    ] {
        let found = differences(from, to);
        assert!(found.contains(&reason.to_owned()), "{reason}: {found:?}");
    }
}

#[test]
fn controllers_and_exceptions_are_code() {
    let routes = b"from odoo import http\nclass Web(http.Controller):\n    limit = 20\n    def x(self):\n        pass\n";
    let reasons = |text: &[u8], controllers| {
        Signature::read(text, controllers).unwrap().differences(&Signature::default(), &Names)
    };
    assert_eq!(reasons(routes, false), [""; 0]);
    let inherited = b"class Shop(WebsiteSale):\n    x = 1\n";
    assert_eq!(reasons(inherited, true), [""; 0]);
    assert_eq!(reasons(inherited, false).len(), 2);
    let model = b"class Web(http.Controller):\n    _inherit = 'x'\n";
    assert_eq!(reasons(model, true).len(), 2);
}

#[test]
fn broken_files_are_told_with_their_line() {
    for bad in ["x = 1\ndef f(:\n    pass\n", "x = 1\nclass\n", "x = 1\n\"\"\"open\n"] {
        let error = Signature::read(bad.as_bytes(), false).unwrap_err();
        assert!(error.line >= 1, "{error}");
    }
    assert_eq!(Signature::read(b"a = 1\nb = '\xff'\n", false).unwrap_err().line, 2);
}

/// Each row of the table: what it says asks for an update, does.
#[test]
fn each_rule_is_kept() {
    use rules::{Asks, Part, TABLE};
    for rule in &TABLE {
        for name in rule.names {
            let text = |value: &str| match rule.part {
                Part::FieldParameter => format!("class A(models.Model):\n    x = fields.X({name}={value})\n"),
                Part::Attribute => format!("class A(models.Model):\n    {name} = '{value}'\n"),
                Part::TableObject => format!("class A(models.Model):\n    _x = models.{name}('{value}')\n"),
                Part::Method if name.starts_with('@') => {
                    format!("class A(models.Model):\n    {name}('{value}')\n    def f(self):\n        pass\n")
                }
                Part::Method => {
                    let name = name.replace('*', "x");
                    format!("class A(models.Model):\n    def {name}(self):\n        return {value}\n")
                }
                Part::Hook => format!("def {name}(env):\n    return {value}\n"),
            };
            let read = |value: &str| Signature::read(text(value).as_bytes(), false).unwrap();
            let counts = !read("2").differences(&read("1"), &Names).is_empty();
            assert_eq!(counts, rule.asks != Asks::Restart, "{name}: {}", rule.reaches);
            assert!(rule.series.0 <= rule.series.1 && !rule.source.is_empty());
        }
    }
}

/// On a stack as small as a thread's may be: depth must cost none of it.
#[test]
fn nested_classes_need_no_stack() {
    let nested = |depth: usize| -> String {
        let classes = (0..depth).map(|n| format!("{}class A:\n", " ".repeat(n)));
        classes.chain([format!("{}x = 1\n", " ".repeat(depth))]).collect()
    };
    let read = |depth: usize| {
        let text = nested(depth);
        let thread = std::thread::Builder::new().stack_size(256 << 10);
        let read = thread.spawn(move || Signature::read(text.as_bytes(), false)).unwrap();
        read.join().unwrap()
    };
    let (shallow, deep) = (read(3).unwrap(), read(400).unwrap());
    assert!(shallow.items.contains_key("`x` of `A.A.A`"), "{:?}", shallow.items.keys());
    assert!(deep.items.len() < 40, "what is deeper counts as one: {}", deep.items.len());
    // Deeper than the parser itself goes, it's an error.
    assert!(read(3000).is_err());
}
