//! What of Python reaches the database at `odoo -u`, in which series, and where Odoo does it. One table for whoever asks
//! "does this need an update?". Read in the sources of 14.0 and 19.0; what was not read in a series between them is taken
//! to count there.
//!
//! Two things make it safe. *Any* statement in the body of a class counts, so a parameter or attribute of a later series
//! that isn't in the table counts, too. And what a declaration or code of an update uses is followed by its name through
//! functions, constants and files (`odoo/uses.rs`).
//!
//! One thing is left out on purpose: a class's docstring, which is `ir_model.info`, a text that only developers see.

use crate::odoo::series::Series;

/// What kind of thing in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A parameter of a field, `fields.Char(NAME=…)`.
    FieldParameter,
    /// An attribute of a model, `NAME = …` in its class.
    Attribute,
    /// An object declared in a model's class, `_x = models.NAME(…)`.
    TableObject,
    /// A method.
    Method,
    /// A function that the manifest names.
    Hook,
}

/// What its change asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// An update, because an update writes it into the database.
    Update,
    /// An update, because nobody can say what else its code does at one.
    UpdateInDoubt,
    /// A restart: it is run or read anew at each start, or when somebody asks.
    Restart,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The kind of thing.
    pub part: Part,
    /// The names that the row is about.
    pub names: &'static [&'static str],
    /// The first series and the last one that have it.
    pub series: (Series, Series),
    /// What is asked for.
    pub asks: Asks,
    /// Where it goes.
    pub reaches: &'static str,
    /// Odoo's file, and the function in it.
    pub source: &'static str,
}

const ALL: (Series, Series) = (Series::V14, Series::V19);

const fn row(
    part: Part,
    names: &'static [&'static str],
    series: (Series, Series),
    asks: Asks,
    reaches: &'static str,
    source: &'static str,
) -> Rule {
    Rule { part, names, series, asks, reaches, source }
}

use Asks::{Restart, Update, UpdateInDoubt};
use Part::{Attribute, FieldParameter, Hook, Method, TableObject};
use Series::{V14, V18, V19};

/// The table.
#[rustfmt::skip]
pub const TABLE: [Rule; 26] = [
    // Fields
    row(FieldParameter, &["string", "help", "copy", "readonly", "search", "related", "comodel_name", "inverse_name"], ALL, Update,
        "a row of ir_model_fields", "base/models/ir_model.py _reflect_field_params"),
    row(FieldParameter, &["store", "required", "size", "index", "translate", "digits"], ALL, Update,
        "the column, its NOT NULL, its index; ir_model_fields", "fields.py update_db, modules/registry.py check_indexes (19.0: both in orm/)"),
    row(FieldParameter, &["compute"], ALL, Update,
        "a new stored column is computed once; existing rows are not computed again", "models.py _auto_init"),
    row(FieldParameter, &["default"], ALL, Update,
        "rows of a new required column", "fields.py update_db, models.py _init_column"),
    row(FieldParameter, &["selection", "selection_add"], ALL, Update,
        "ir_model_fields_selection, when it is a list", "base/models/ir_model.py _reflect_selections"),
    row(FieldParameter, &["ondelete"], ALL, Update,
        "the foreign key; for a selection, what is done with removed values", "fields.py update_db_foreign_key, ir_model.py _process_ondelete"),
    row(FieldParameter, &["relation", "column1", "column2"], ALL, Update,
        "the table of a many2many; ir_model_relation", "fields.py update_db, ir_model.py _reflect_relation"),
    row(FieldParameter, &["company_dependent"], ALL, Update,
        "14.0: no column, values in ir_property; 19.0: a jsonb column, ir_model_fields", "fields.py _setup_attrs; 19.0 ir_model.py _reflect_field_params"),
    row(FieldParameter, &["currency_field", "sanitize", "sanitize_tags", "strip_style"], (V14, V19), Update,
        "19.0: ir_model_fields; 14.0: a monetary field's rounding", "ir_model.py _reflect_field_params"),
    row(FieldParameter, &["tracking"], ALL, Update,
        "ir_model_fields, where mail is installed", "mail/models/ir_model_fields.py _reflect_field_params"),
    row(FieldParameter, &["groups"], ALL, UpdateInDoubt,
        "views are checked against it when they are loaded", "base/models/ir_ui_view.py _validate_view"),
    // Models
    row(Attribute, &["_name", "_description", "_order", "_transient", "_abstract"], ALL, Update,
        "ir_model", "ir_model.py _reflect_model_params"),
    row(Attribute, &["_inherit", "_inherits"], ALL, Update,
        "fields of others as own columns; 19.0: ir_model_inherit", "models.py _build_model, ir_model.py _reflect_inherits"),
    row(Attribute, &["_table", "_log_access", "_parent_store", "_parent_name"], ALL, Update,
        "the table's name, create_uid and its like, parent_path", "models.py _auto_init"),
    row(Attribute, &["_auto"], ALL, Update,
        "no table is made; init() makes a view instead", "models.py _auto_init"),
    row(Attribute, &["_table_query"], ALL, Update,
        "no view is made: the query is part of each search. Counts as a view does, as others may be built on it", "models.py _table_query"),
    row(Attribute, &["_rec_name", "_check_company_auto", "_fold_name"], ALL, UpdateInDoubt,
        "19.0: _fold_name in ir_model; else read when asked", "ir_model.py _reflect_model_params"),
    row(Attribute, &["_sql_constraints"], (V14, V18), Update,
        "a constraint of the table; ir_model_constraint", "models.py _add_sql_constraints, ir_model.py _reflect_model"),
    row(TableObject, &["Constraint", "Index", "UniqueIndex"], (V19, V19), Update,
        "a constraint or an index of the table; ir_model_constraint", "orm/table_objects.py apply_to_database, ir_model.py _reflect_model"),
    // Code
    row(Method, &["init", "_auto_init"], ALL, Update,
        "run for every model of the module, with all that they call", "modules/registry.py init_models (19.0: orm/registry.py)"),
    row(Method, &["_setup_base", "_setup_fields", "_setup_complete", "_build_model", "_build_model_attributes", "_add_field",
                  "_add_magic_fields", "_add_manual_fields", "__init_subclass__", "_reflect_field_params", "_reflect_model_params"], ALL, UpdateInDoubt,
        "may add fields to a model, or columns to what is written of them", "models.py, ir_model.py"),
    row(Method, &["_table_query"], ALL, Update, "as the attribute", "models.py _table_query"),
    row(Hook, &["pre_init_hook", "post_init_hook", "uninstall_hook"], ALL, UpdateInDoubt,
        "run at install or uninstall only; an update doesn't make up for them", "modules/loading.py load_module_graph"),
    row(Hook, &["post_load"], ALL, UpdateInDoubt,
        "run at each start; may change models of others", "modules/module.py load_openerp_module"),
    row(Method, &["_register_hook"], ALL, Restart,
        "run at each start, after an update's own work", "modules/loading.py load_modules, step 9"),
    row(Method, &["_compute_*", "_inverse_*", "_search_*", "@api.constrains", "@api.onchange", "create", "write"], ALL, Restart,
        "nothing by itself", "fields.py, models.py"),
];

/// Methods whose class's methods all count: they run at an update, and call the others.
pub(super) const MAKE_EVERY_METHOD_COUNT: [&str; 2] = ["init", "_auto_init"];

/// Names that make a class an SQL view.
pub(super) const MAKE_A_VIEW: [&str; 2] = ["_auto", "_table_query"];

/// Words in a statement that may make a model or a field.
pub(super) const MAKE_MODELS: [&str; 14] = [
    "models",
    "fields",
    "Model",
    "AbstractModel",
    "TransientModel",
    "BaseModel",
    "MetaModel",
    "_name",
    "_inherit",
    "_inherits",
    "_auto",
    "setattr",
    "exec",
    "eval",
];

/// Parents of classes that the database knows nothing of.
pub(super) const OF_NO_INTEREST: [&str; 6] =
    ["Controller", "Exception", "Error", "TestCase", "TransactionCase", "HttpCase"];

/// Beginnings of methods that make the SQL of views, in Odoo's own reports and in those made like them.
const MAKE_SQL: [&str; 8] =
    ["_select", "_from", "_where", "_group_by", "_order_by", "_query", "_with", "_sub_select"];

/// Whether a function counts by its name alone.
pub(super) fn counts_by_name(name: &str, in_class: bool) -> bool {
    runs_at_update(name, in_class) || (in_class && MAKE_SQL.iter().any(|start| name.starts_with(start)))
}

/// Whether the table says that an update runs a function of this name.
pub(in super::super) fn runs_at_update(name: &str, in_class: bool) -> bool {
    TABLE.iter().any(|rule| {
        rule.asks != Restart
            && match rule.part {
                Method => rule.names.contains(&name),
                Hook => !in_class && rule.names.contains(&name),
                FieldParameter | Attribute | TableObject => false,
            }
    })
}

/// Words of SQL in a method's text.
const SQL: [&str; 4] = ["select", "join", "sql", "coalesce"];

/// Whether a method that is called like a part of a view is one: others are, too.
pub(in super::super) fn makes_sql(name: &str, text: &str) -> bool {
    MAKE_SQL.iter().any(|start| name.starts_with(start))
        && super::words(text).any(|word| SQL.iter().any(|sql| word.eq_ignore_ascii_case(sql)))
}

/// Methods that every model has. That code which runs at an update calls one of them says nothing of a model that has its
/// own: loading a data file calls them as well, and no update is asked for when they change.
pub(in super::super) const OF_EVERY_MODEL: [&str; 40] = [
    "browse",
    "copy",
    "copy_data",
    "create",
    "default_get",
    "display_name",
    "ensure_one",
    "exists",
    "export_data",
    "fields_get",
    "fields_view_get",
    "filtered",
    "filtered_domain",
    "flush",
    "get_view",
    "get_views",
    "invalidate_cache",
    "load",
    "mapped",
    "message_post",
    "modified",
    "name_create",
    "name_get",
    "name_search",
    "onchange",
    "read",
    "read_group",
    "search",
    "search_count",
    "search_fetch",
    "search_read",
    "sorted",
    "sudo",
    "toggle_active",
    "unlink",
    "update",
    "with_company",
    "with_context",
    "with_env",
    "write",
];

/// Whether a model that isn't ours is an SQL view: Odoo's own of 14.0 and 19.0 by name (`_auto = False` and `_table_query`
/// below `odoo/addons`), and what is called like one.
pub(in super::super) fn is_odoos_view(model: &str) -> bool {
    let called_so = model.ends_with(".report") || model.contains(".report.");
    VIEWS.contains(&model) || (called_so && !TABLES.contains(&model))
}

/// Views of Odoo's own that aren't called so.
const VIEWS: [&str; 23] = [
    "account.code.mapping",
    "account.root",
    "auth_totp.device",
    "hr.employee.public",
    "l10n_in.advances.payment.report",
    "project.profitability.report",
    "purchase.bill.line.match",
    "purchase.bill.union",
    "report.all.channels.sales",
    "report.membership",
    "report.pos.order",
    "report.project.task.user",
    "report.stock.quantity",
    "res.device",
    "res.users.apikeys",
    "sale.report",
    "stock.avco.report",
    "theme.utils",
    "website.technical.page",
    "timesheets.analysis.report",
    "lunch.cashmove.report",
    "lunch.product.report",
    "vendor.delay.report",
];

/// Ordinary models of Odoo's own that are called like views.
const TABLES: [&str; 13] = [
    "account.common.journal.report",
    "account.common.report",
    "account.report",
    "account.report.column",
    "account.report.expression",
    "account.report.external.value",
    "account.report.line",
    "account.tax.report",
    "account.tax.report.line",
    "ir.actions.report",
    "l10n_in.payment.report",
    "stock.rules.report",
    "stock.traceability.report",
];
