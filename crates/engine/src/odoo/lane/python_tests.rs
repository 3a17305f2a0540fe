//! Python: what reaches the database, and through how many hands.

use super::tests::lane_of;
use super::*;
use crate::odoo::files::fake::Memory;

const REPORT: &str = "from odoo import fields, models, tools
from .sql import columns, EXTRA
from . import sql as helpers

class Report(models.Model):
    _name = 'acme.report'
    _auto = False
    _inherit = ['acme.sql.mixin']
    total = fields.Float()

    def init(self):
        self.env.cr.execute('create view %s as (%s)' % (self._table, self._body()))

    def _body(self):
        return 'select ' + columns() + EXTRA + helpers.tail()

    @property
    def _unused_but_ours(self):
        return 1
";
const SQL: &str = "from .deep import DEPTH
EXTRA = ', 1'
OTHER = 2

def columns():
    return _first() + str(DEPTH)

def _first():
    return 'id'

def tail():
    return ''

def unrelated():
    return 3
";
const MIXIN: &str = "from odoo import models
class SqlMixin(models.AbstractModel):
    _name = 'acme.sql.mixin'
    def _filter(self):
        return 'where true'
";
const PLAIN: &str = "from odoo import api, fields, models
from .base import Common
from .values import STATES, label

def states():
    return STATES

class Ticket(models.Model, Common):
    _name = 'acme.ticket'
    _sql_constraints = [('one', 'unique(name)', 'Only one')]
    _name_idx = models.Index('(name)')
    _unique = models.Constraint('unique (code)', 'Only one')
    def _made():
        return label('a')
    state = fields.Selection(states(), default=lambda self: self._default())
    made = fields.Char(string=_made())
    cost = fields.Float(company_dependent=True, groups='base.group_user')
    note = fields.Text(translate=True, tracking=True)
    def _default(self):
        return 'a'
    @api.depends('state')
    def _compute(self):
        return 1
    @api.constrains('state')
    def _check(self):
        return 1
    def write(self, vals):
        return 1
    if True:
        more = fields.Char()
";

fn acme() -> Memory {
    Memory::of(&[
        ("m/acme/__manifest__.py", "{'depends': [], 'post_init_hook': 'go'}"),
        (
            "m/acme/__init__.py",
            "from . import models, controllers\nfrom .docs.models import Documented\nfrom .hooks import go\n",
        ),
        (
            "m/acme/hooks.py",
            "from .hands import third\n\ndef go(env):\n    _second(env)\n\ndef _second(env):\n    third(env)\n",
        ),
        (
            "m/acme/hands.py",
            "def third(env):\n    env['acme.ticket']._fourth('static/lists/seed.json')\n\ndef no_hook():\n    pass\n",
        ),
        ("m/acme/static/lists/seed.json", "1"),
        ("m/acme/static/lists/other.json", "1"),
        ("m/acme/models/__init__.py", "from . import ticket, report, mixin, extend, fourth, fields_\n"),
        (
            "m/acme/models/fourth.py",
            "from odoo import models\nclass Fourth(models.Model):\n    _inherit = 'acme.ticket'\n    def _fourth(self, path):\n        return 1\n    def _fifth(self):\n        return 1\n",
        ),
        ("m/acme/models/ticket.py", PLAIN),
        (
            "m/acme/models/base.py",
            "from odoo import fields\nclass Common:\n    common = fields.Char()\n    def f(self):\n        return 1\n",
        ),
        (
            "m/acme/models/values.py",
            "_BASE = [('a', 'A')]\nOTHER = STATES = _BASE + []\ndef label(x):\n    return _label(x)\ndef _label(x):\n    return x\ndef nothing():\n    return 1\n",
        ),
        ("m/acme/models/report.py", REPORT),
        ("m/acme/models/sql.py", SQL),
        ("m/acme/models/deep.py", "DEPTH = 1\n"),
        ("m/acme/models/mixin.py", MIXIN),
        (
            "m/acme/models/extend.py",
            "from odoo import models\nclass Sale(models.Model):\n    _inherit = 'sale.report'\n    def _anything(self):\n        return 1\n\nclass Mine(models.Model):\n    _inherit = 'acme.report'\n    def _anything(self):\n        return 2\n\nclass Query(models.Model):\n    _name = 'acme.query'\n    @property\n    def _table_query(self):\n        return 3\n    def _helper(self):\n        return 4\n\nclass Index(models.Model):\n    _inherit = 'res.partner'\n    def init(self):\n        self._index()\n    def _index(self):\n        return 5\n    def _other(self):\n        return 6\n\nclass Actions(models.Model):\n    _inherit = 'ir.actions.report'\n    def _anything(self):\n        return 7\n",
        ),
        (
            "m/acme/models/fields_.py",
            "from odoo import fields\nclass Grams(fields.Float):\n    def convert_to_column(self, value):\n        return 1\n",
        ),
        ("m/acme/docs/__init__.py", ""),
        (
            "m/acme/docs/models.py",
            "from odoo import fields, models\nclass Documented(models.Model):\n    _name = 'acme.doc'\n    def f(self):\n        return 1\n",
        ),
        ("m/acme/docs/conf.py", "project = 'acme'\nextensions = []\n"),
        ("m/acme/tests/test_x.py", "class X(Y):\n    a = 1\n"),
        ("m/acme/controllers/__init__.py", "from . import main\n"),
        (
            "m/acme/controllers/main.py",
            "from odoo import http, models\nclass Web(http.Controller):\n    limit = 1\nclass Shop(Web):\n    limit = 1\nclass Log(models.Model):\n    _name = 'acme.log'\n    size = 1\n",
        ),
        (
            "m/acme/models/idle.py",
            "from odoo import fields, models\nclass Idle(models.Model):\n    _name = 'acme.idle'\n",
        ),
    ])
}

/// The lane's choice when one text in one file is another.
fn edited(files: &Memory, path: &str, from: &str, to: &str) -> LaneChoice {
    let path = format!("m/acme/{path}");
    let text = String::from_utf8(files.0[path.as_bytes()].clone()).unwrap();
    assert!(text.contains(from), "{from:?} is not in {path}");
    lane_of(files, &files.with(&[(&path, &text.replacen(from, to, 1))]), &["acme"], true)
}

fn assert_lane(files: &Memory, path: &str, from: &str, to: &str, lane: ContentLane) {
    let choice = edited(files, path, from, to);
    assert_eq!(choice.lane, lane, "{path}: {from:?} -> {to:?}: {:?}", choice.reasons);
}

#[test]
fn all_that_makes_a_view_counts() {
    for (path, from, to) in [
        ("models/report.py", "return 'select '", "return 'select distinct '"),
        ("models/report.py", "return 1", "return 2"),
        ("models/sql.py", "', 1'", "', 2'"),
        ("models/sql.py", "return _first()", "return 'x' + _first()"),
        ("models/sql.py", "return 'id'", "return 'name'"),
        ("models/sql.py", "return ''", "return ' '"),
        ("models/deep.py", "1", "2"),
        ("models/mixin.py", "where true", "where false"),
        ("models/extend.py", "return 1", "return 0"),
        ("models/extend.py", "return 2", "return 0"),
        ("models/extend.py", "return 3", "return 0"),
        ("models/extend.py", "return 4", "return 0"),
        ("models/extend.py", "return 5", "return 0"),
        ("models/extend.py", "return 6", "return 0"),
        ("models/fields_.py", "return 1", "return 0"),
    ] {
        assert_lane(&acme(), path, from, to, ContentLane::Update);
    }
    for (path, from, to) in [
        ("models/sql.py", "return 3", "return 4"),
        ("models/sql.py", "OTHER = 2", "OTHER = 3"),
        ("models/extend.py", "return 7", "return 0"),
    ] {
        assert_lane(&acme(), path, from, to, ContentLane::Code);
    }
}

#[test]
fn a_method_called_like_a_part_of_a_view_is_followed_when_it_is_one() {
    let files = |text: &str| {
        let text = format!(
            "from odoo import models\nclass A(models.AbstractModel):\n    _inherit = 'their.analysis'\n    def _select_more(self):\n        return {text}\n    def _part(self):\n        return 1\n"
        );
        acme().with(&[("m/acme/models/extend.py", &text)])
    };
    assert_lane(
        &files("'SELECT %s' % self._part()"),
        "models/extend.py",
        "return 1",
        "return 2",
        ContentLane::Update,
    );
    assert_lane(&files("self._part()"), "models/extend.py", "return 1", "return 2", ContentLane::Code);
    assert_lane(&files("self._part()"), "models/extend.py", "self._part()", "[]", ContentLane::Update);
}

#[test]
fn what_calls_by_a_made_up_name_may_call_anything_beside_it() {
    let files = acme().with(&[(
        "m/acme/models/extend.py",
        "from odoo import models\nclass A(models.Model):\n    _inherit = 'x'\n    def init(self):\n        getattr(self, '_do_' + 'it')()\n\nclass B(models.Model):\n    _inherit = 'y'\n    def _do_it(self):\n        return 1\n",
    )]);
    assert_lane(&files, "models/extend.py", "return 1", "return 2", ContentLane::Update);
}

#[test]
fn what_hooks_call_and_read_counts() {
    for (path, from, to) in [
        ("hooks.py", "_second(env)\n\ndef", "_second(env, 1)\n\ndef"),
        ("hooks.py", "    third(env)", "    third(1)"),
        ("hands.py", "_fourth", "_fifth"),
        ("models/fourth.py", "return 1", "return 2"),
        ("static/lists/seed.json", "1", "2"),
    ] {
        assert_lane(&acme(), path, from, to, ContentLane::Update);
    }
    for (path, from, to) in [
        ("hands.py", "pass", "return 1"),
        ("models/fourth.py", "_fifth(self):\n        return 1", "_fifth(self):\n        return 2"),
        ("static/lists/other.json", "1", "2"),
    ] {
        assert_lane(&acme(), path, from, to, ContentLane::Code);
    }
}

#[test]
fn what_data_files_call_counts() {
    let files = acme().with(&[
        ("m/acme/data/call.xml", "<odoo><function model='acme.ticket' name=\"_fourth\"/></odoo>"),
        ("m/acme/__manifest__.py", "{'data': ['data/call.xml']}"),
    ]);
    assert_lane(&files, "models/fourth.py", "return 1", "return 2", ContentLane::Update);
    assert_lane(
        &files,
        "models/fourth.py",
        "(self):\n        return 1",
        "(self):\n        return 2",
        ContentLane::Code,
    );
}

#[test]
fn code_that_is_only_written_down_is_not_followed() {
    let files = acme().with(&[
        ("m/acme/data/call.xml", "<odoo><function model='acme.ticket' name=\"schedule\"/></odoo>"),
        ("m/acme/__manifest__.py", "{'data': ['data/call.xml']}"),
        (
            "m/acme/models/job.py",
            "from odoo import models\nclass Job(models.Model):\n    _inherit = 'acme.ticket'\n    def schedule(self):\n        self.env['ir.cron'].create({'code': 'model.work()'})\n    def work(self):\n        return 1\n",
        ),
    ]);
    assert_lane(&files, "models/job.py", "return 1", "return 2", ContentLane::Code);
    assert_lane(&files, "models/job.py", "model.work", "model.other", ContentLane::Update);
    assert_lane(&files, "models/job.py", "create({'code': 'model.work()'})", "work()", ContentLane::Update);
}

#[test]
fn what_a_field_is_declared_with_counts_through_every_hand() {
    for (path, from, to) in [
        ("models/values.py", "'A'", "'B'"),
        ("models/values.py", "_BASE + []", "_BASE + [1]"),
        ("models/values.py", "return _label(x)", "return _label(x, 1)"),
        ("models/values.py", "return x", "return y"),
        ("models/base.py", "Char()", "Text()"),
        ("models/ticket.py", "return STATES", "return STATES[1:]"),
        ("models/ticket.py", "return label('a')", "return label('b')"),
        ("models/ticket.py", "unique(name)", "unique(name, id)"),
        ("models/ticket.py", "'(name)'", "'(name, id)'"),
        ("models/ticket.py", "unique (code)", "unique (code, id)"),
        ("models/ticket.py", "company_dependent=True, ", ""),
        ("models/ticket.py", "group_user", "group_system"),
        ("models/ticket.py", "translate=True, ", ""),
        ("models/ticket.py", ", tracking=True", ""),
        ("models/ticket.py", "more = fields.Char()", "more = fields.Text()"),
    ] {
        assert_lane(&acme(), path, from, to, ContentLane::Update);
    }
    for (path, from, to) in [
        ("models/values.py", "return 1", "return 2"),
        ("models/ticket.py", "return 'a'", "return 'b'"),
        ("models/ticket.py", "depends('state')", "depends('state', 'made')"),
        ("models/ticket.py", "_compute(self):\n        return 1", "_compute(self):\n        return 2"),
        ("models/ticket.py", "vals):\n        return 1", "vals):\n        return 2"),
        ("models/base.py", "return 1", "return 2"),
    ] {
        assert_lane(&acme(), path, from, to, ContentLane::Code);
    }
}

#[test]
fn models_that_are_made_otherwise_count() {
    let start =
        "from odoo import fields, models\nimport odoo\nfrom odoo.fields import Char\nfrom . import common\n";
    for (from, to) in [
        ("class A(models.Model):\n    _name = 'a'\n    x = Char()\n", "Char()"),
        ("class A(models.Model):\n    _name = 'a'\n    x = odoo.fields.Char()\n", "Char()"),
        ("class A(models.Model):\n    _name = 'a'\n    x: str = Char()\n", "Char()"),
        ("class A(models.Model):\n    _name = 'a'\n    class B:\n        x = Char()\n", "Char()"),
        (
            "class A(models.Model):\n    _name = 'a'\n    for n in (1, 2):\n        locals()['x%s' % n] = Char()\n",
            "Char()",
        ),
        (
            "def add(cls):\n    cls.x = Char()\n    return cls\n\n@add\nclass A(models.Model):\n    _name = 'a'\n",
            "Char()",
        ),
        (
            "def grow(**kw):\n    return lambda cls: cls\n\n@grow(x=1)\nclass A(models.Model):\n    _name = 'a'\n",
            "x=1",
        ),
        (
            "def make(name):\n    class A(models.Model):\n        _name = name\n        x = Char()\n    return A\n\nB = make('b')\n",
            "Char()",
        ),
        (
            "def make(name):\n    class A(models.Model):\n        _name = name\n    return A\n\nB = make('b')\n",
            "'b'",
        ),
        ("A = type('A', (models.Model,), {'_name': 'a', 'x': 1})\n", "1"),
        ("class A(models.Model):\n    _name = 'a'\n\nA.x = Char()\n", "Char()"),
        ("class A(models.Model):\n    _name = 'a'\n\nsetattr(A, 'x', Char())\n", "Char()"),
        ("exec('''class A(models.Model):\n    x = Char()''')\n", "Char()"),
        (
            "try:\n    class A(models.Model):\n        _name = 'a'\n        x = Char()\nexcept Exception:\n    pass\n",
            "Char()",
        ),
        ("PARENTS = NAMES = ['b']\n\nclass A(models.Model):\n    _inherit = PARENTS\n", "'b'"),
        (
            "TEXT = 'b'\n\nclass A(models.Model):\n    _name = 'a'\n    x = Char(help=f'{TEXT} is it')\n",
            "'b'",
        ),
        (
            "class A(models.Model):\n    _name = 'a'\n    def _setup_base(self):\n        self._add_field('x', Char())\n",
            "Char()",
        ),
        ("__all__ = ['one']\nfrom .one import *\n", "'one'"),
    ] {
        let text = format!("{start}\n{from}");
        let files = acme().with(&[("m/acme/models/ticket.py", &text)]);
        let new = match to {
            "Char()" => "Char(size=3)",
            "x=1" => "x=2",
            "'b'" => "'c'",
            "'one'" => "'two'",
            _ => "2",
        };
        assert_lane(&files, "models/ticket.py", to, new, ContentLane::Update);
    }
}

#[test]
fn python_counts_where_it_is_loaded_from() {
    for (path, from, to, lane) in [
        ("docs/models.py", "_name = 'acme.doc'", "_name = 'acme.docs'", ContentLane::Update),
        ("docs/models.py", "return 1", "return 2", ContentLane::Code),
        ("docs/conf.py", "[]", "[1]", ContentLane::Code),
        ("tests/test_x.py", "a = 1", "a = 2", ContentLane::Code),
        ("controllers/main.py", "size = 1", "size = 2", ContentLane::Update),
        ("controllers/main.py", "limit = 1", "limit = 2", ContentLane::Code),
        // A file that was there and becomes loaded, or isn't any more.
        ("__init__.py", "from .hooks", "from .models.idle import Idle\nfrom .hooks", ContentLane::Update),
        ("__init__.py", "from .docs.models import Documented\n", "", ContentLane::Update),
        ("controllers/__init__.py", "main\n", "main\nfrom ..models.idle import Idle\n", ContentLane::Update),
    ] {
        assert_lane(&acme(), path, from, to, lane);
    }
    let choice = edited(&acme(), "__init__.py", "from .hooks", "from .models.idle import Idle\nfrom .hooks");
    assert!(
        choice.reasons.contains(&"acme: models/idle.py: class `Idle` added".to_owned()),
        "{:?}",
        choice.reasons
    );
}

#[test]
fn what_is_nested_too_deeply_is_updated() {
    let deep = |with: &str| {
        let mut text: String = (0..2000).map(|n| format!("{}class A:\n", " ".repeat(n))).collect();
        text.push_str(&format!("{}x = {with}\n", " ".repeat(2000)));
        acme().with(&[("m/acme/models/ticket.py", &text)])
    };
    let choice = lane_of(&deep("1"), &deep("2"), &["acme"], true);
    assert_eq!(choice.lane, ContentLane::Update);
    assert!(choice.reasons.iter().any(|r| r.starts_with("acme: models/ticket.py")), "{:?}", choice.reasons);
}
