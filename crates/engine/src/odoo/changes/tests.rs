use super::*;
use crate::odoo::content::Cache;
use crate::odoo::files::fake::Memory;
use crate::odoo::lane::{Database, Release};
use crate::odoo::modules::{AddonsIn, Modules};

fn acme() -> Memory {
    Memory::of(&[
        (
            "m/acme/__manifest__.py",
            "{'name': 'Acme', 'version': '1.0', 'data': ['views/x.xml'], 'post_init_hook': 'go'}",
        ),
        ("m/acme/__init__.py", "from . import models\ndef go(env):\n    pass\n"),
        ("m/acme/models/__init__.py", "from . import ticket\n"),
        (
            "m/acme/models/ticket.py",
            "from odoo import fields, models\nclass Ticket(models.Model):\n    _name = 'a'\n    name = fields.Char()\n    def f(self):\n        return 1\n",
        ),
        ("m/acme/controllers/main.py", "from odoo import http\nclass Web(http.Controller):\n    pass\n"),
        ("m/acme/views/x.xml", "<odoo/>"),
        ("m/acme/i18n/de.po", ""),
        ("m/acme/i18n/acme.pot", ""),
        ("m/acme/static/src/x.js", ""),
        ("m/acme/README.rst", ""),
    ])
}

fn change(new: &Memory) -> (Change, Vec<Problem>) {
    change_from(&acme(), new)
}

fn change_from(old: &Memory, new: &Memory) -> (Change, Vec<Problem>) {
    let places = [AddonsIn { repository: "m".into(), paths: vec![] }];
    let (before, _) = Modules::find(old, &places).unwrap();
    let (after, _) = Modules::find(new, &places).unwrap();
    let mut problems = Vec::new();
    let installed = after.by_name.keys().cloned().collect();
    let database = Database { installed: &installed, demo: true };
    let cache = Cache::default();
    let live = Content::new(Release { files: old, modules: &before }, database, &cache);
    let new = Content::new(Release { files: new, modules: &after }, database, &cache);
    let (was, is) = (&before.by_name["acme"], &after.by_name["acme"]);
    (Comparison::new(&live, &new).module(was, is, &mut problems).unwrap(), problems)
}

#[test]
fn what_runs_from_files_needs_a_restart() {
    assert_eq!(change(&acme()).0.needs, Needs::Nothing);
    let ticket = String::from_utf8(acme().0[b"m/acme/models/ticket.py".as_slice()].clone()).unwrap();
    for (path, text) in [
        ("m/acme/static/src/x.js", "x"),
        ("m/acme/static/src/x.xml", "<t/>"),
        ("m/acme/tests/data/x.csv", "x"),
        ("m/acme/README.rst", "x"),
        ("m/acme/readme/USAGE.md", "x"),
        ("m/acme/i18n/acme.pot", "x"),
        ("m/acme/.gitignore", "x"),
        ("m/acme/requirements.txt", "x"),
        ("m/acme/models/ticket.py", ticket.replace("return 1", "return 2").as_str()),
        ("m/acme/controllers/main.py", "from odoo import http\nclass Web(http.Controller):\n    x = 1\n"),
        ("m/acme/release.py", "RELEASE = 2\n"),
        ("m/acme/models/tools.py", "import re\ndef f():\n    pass\n"),
        (
            "m/acme/__manifest__.py",
            "{'name': 'Acme', 'version': '1.0', 'data': ['views/x.xml'], 'post_init_hook': 'go', 'assets': {}}",
        ),
    ] {
        let (change, problems) = change(&acme().with(&[(path, text)]));
        assert_eq!((change.needs, problems.len()), (Needs::Restart, 0), "{path}: {:?}", change.reasons);
    }
}

#[test]
fn what_is_loaded_into_the_database_needs_an_update() {
    let ticket = String::from_utf8(acme().0[b"m/acme/models/ticket.py".as_slice()].clone()).unwrap();
    for (path, text, reason) in [
        ("m/acme/views/x.xml", "<odoo></odoo>", "views/x.xml changed"),
        ("m/acme/security/ir.model.access.csv", "x", "security/ir.model.access.csv added"),
        ("m/acme/i18n/de.po", "x", "i18n/de.po changed"),
        ("m/acme/migrations/1.1/post-x.py", "x = 1", "migrations/1.1/post-x.py added"),
        ("m/acme/data/x.bin", "x", "data/x.bin added"),
        (
            "m/acme/models/ticket.py",
            &format!("{ticket}    due = fields.Date()\n"),
            "models/ticket.py: field `due` of `Ticket` added",
        ),
        (
            "m/acme/models/__init__.py",
            "from . import ticket, more\n",
            "models/__init__.py: import of `more` from `.` added",
        ),
        (
            "m/acme/__init__.py",
            "from . import models\ndef go(env):\n    env.x()\n",
            "__init__.py: `go()` changed",
        ),
        (
            "m/acme/__manifest__.py",
            "{'name': 'Acme', 'version': '1.1', 'data': ['views/x.xml'], 'post_init_hook': 'go'}",
            "__manifest__.py: \"version\" changed",
        ),
        ("m/acme/models/ticket.py", "class (", "models/ticket.py changed, and can't be read to see how"),
    ] {
        let (change, problems) = change(&acme().with(&[(path, text)]));
        assert_eq!(change.needs, Needs::Update, "{path}");
        assert!(change.reasons.contains(&reason.to_owned()), "{:?}", change.reasons);
        assert_eq!(problems.len(), usize::from(text == "class ("));
    }
    let used = ticket.replace("Char()", "Char(default=str(RELEASE))");
    let before = acme().with(&[("m/acme/release.py", "RELEASE = 1\n"), ("m/acme/models/ticket.py", &used)]);
    let (constant, _) = change_from(&before, &before.with(&[("m/acme/release.py", "RELEASE = 2\n")]));
    assert_eq!(
        constant.reasons,
        ["release.py: `RELEASE` changed"],
        "a constant that a field is declared with"
    );
    let (change, _) = change(&acme().without("m/acme/models/ticket.py"));
    assert!(
        change.reasons.contains(&"models/ticket.py: class `Ticket` removed".to_owned()),
        "{:?}",
        change.reasons
    );
}
