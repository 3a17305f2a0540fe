//! What the files that changed ask of each module: nothing, a restart, or `odoo -u`.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::files::{Files, shown};
use super::manifest::Manifest;
use super::modules::{Module, Problem, ProblemKind};
use super::schema::{Signature, Unparsable};
use crate::git::GitError;

/// What one module's changes ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The module.
    pub module: String,
    /// What its changes ask for.
    pub needs: Needs,
    /// Why, in words, by file: "models/ticket.py: field `due` of `Ticket` added".
    pub reasons: Vec<String>,
}

/// What a change asks for. Where in doubt, it's the larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    /// Nothing changed.
    Nothing,
    /// The new code has to run; the database stays as it is.
    Restart,
    /// The module has to be updated (`-u`).
    Update,
}

/// A module on one side of the comparison, and the files it is among.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The release's files.
    pub files: &'a dyn Files,
    /// The module in it.
    pub module: &'a Module,
}

/// The names that models of the new release are declared with: the values of a module's constants end up in the database
/// only where they are used for that (`selection=STATES`). Read when first asked for, because it means reading all Python
/// files of the modules.
pub struct Uses<'a> {
    files: &'a dyn Files,
    modules: Vec<&'a Module>,
    names: OnceCell<BTreeSet<String>>,
}

impl<'a> Uses<'a> {
    /// Looks in these modules: all of ours that are installed, since one may use another's names.
    pub fn new(files: &'a dyn Files, modules: Vec<&'a Module>) -> Self {
        Self { files, modules, names: OnceCell::new() }
    }

    fn contain(&self, name: &str) -> bool {
        self.names.get_or_init(|| self.read()).contains(name)
    }

    fn read(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for module in &self.modules {
            let side = Side { files: self.files, module };
            for path in by_path(side).into_keys().filter(|path| matches!(sort_of(path), Sort::Python)) {
                // A file that can't be read asks for an update by itself, wherever it changed.
                if let Ok(Ok(signature)) = signature(side, path) {
                    signature.names_used(&mut names);
                }
            }
        }
        names
    }
}

/// Compares a module as it is live with how it will be. Broken Python is told as a problem too.
pub fn compare(
    live: Side<'_>,
    new: Side<'_>,
    uses: &Uses<'_>,
    problems: &mut Vec<Problem>,
) -> Result<Change, GitError> {
    let before = by_path(live);
    let after = by_path(new);
    let mut change = Change { module: new.module.name.clone(), needs: Needs::Nothing, reasons: Vec::new() };
    let paths: BTreeSet<&[u8]> = before.keys().chain(after.keys()).copied().collect();
    for path in paths.into_iter().filter(|path| before.get(path) != after.get(path)) {
        let (had, has) = (before.contains_key(path), after.contains_key(path));
        let verb = match (had, has) {
            (false, _) => "added",
            (_, false) => "removed",
            _ => "changed",
        };
        let whole = || vec![format!("{} {verb}", shown(path))];
        let (needs, reasons) = match sort_of(path) {
            Sort::Code => (Needs::Restart, whole()),
            Sort::Data => (Needs::Update, whole()),
            Sort::Manifest => manifest(live.module, new.module),
            Sort::Python => python(live, new, path, (had, has), uses, problems)?,
        };
        change.needs = change.needs.max(needs);
        if needs == Needs::Update {
            change.reasons.extend(reasons);
        }
    }
    if change.needs == Needs::Restart {
        change.reasons.push("only code changed".to_owned());
    }
    Ok(change)
}

/// Paths within the module, and what they hold.
fn by_path(side: Side<'_>) -> BTreeMap<&[u8], super::files::FileId> {
    let cut = side.module.folder.len() + 1;
    side.files
        .under(&side.module.folder)
        .into_iter()
        .filter_map(|(path, id)| Some((path.get(cut..)?, id)))
        .collect()
}

enum Sort {
    /// Read by Odoo when it runs, by people, or by nobody.
    Code,
    /// Loaded into the database at update, or unknown to us.
    Data,
    Manifest,
    Python,
}

fn sort_of(path: &[u8]) -> Sort {
    let text = String::from_utf8_lossy(path).to_lowercase();
    let (folder, name) = text.rsplit_once('/').unwrap_or(("", &text));
    let top = folder.split('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if matches!(top, "migrations" | "upgrades") {
        return Sort::Data;
    }
    if matches!(top, "static" | "tests" | "readme" | "doc" | "docs" | "description") {
        return Sort::Code;
    }
    if folder.is_empty() && matches!(name, "__manifest__.py" | "__openerp__.py") {
        return Sort::Manifest;
    }
    let for_people = ["readme", "license", "copying", "changelog", "contributing", "authors", "requirements"];
    let words = matches!(extension, "md" | "rst" | "pot" | "pyi") || name.starts_with('.');
    match extension {
        "py" => Sort::Python,
        _ if words || for_people.iter().any(|word| name.starts_with(word)) => Sort::Code,
        _ => Sort::Data,
    }
}

fn manifest(live: &Module, new: &Module) -> (Needs, Vec<String>) {
    let keys = Manifest::differences(&new.manifest, &live.manifest);
    if keys.is_empty() {
        return (Needs::Restart, Vec::new());
    }
    (Needs::Update, keys.into_iter().map(|key| format!("__manifest__.py: \"{key}\" changed")).collect())
}

fn python(
    live: Side<'_>,
    new: Side<'_>,
    path: &[u8],
    (had, has): (bool, bool),
    uses: &Uses<'_>,
    problems: &mut Vec<Problem>,
) -> Result<(Needs, Vec<String>), GitError> {
    let name = shown(path);
    let read = |side, exists: bool| if exists { signature(side, path) } else { Ok(Ok(Signature::default())) };
    let (before, after) = (read(live, had)?, read(new, has)?);
    if let Err(error) = &after {
        problems.push(Problem {
            stops: false,
            kind: ProblemKind::BrokenPython,
            message: format!("{}/{name}, {error}", shown(&new.module.folder)),
            hint: "Odoo will most likely fail to load this module: correct the file.".to_owned(),
        });
    }
    let (Ok(before), Ok(after)) = (before, after) else {
        return Ok((Needs::Update, vec![format!("{name} changed, and can't be read to see how")]));
    };
    let reasons: Vec<String> = after
        .differences(&before, &|name| uses.contain(name))
        .into_iter()
        .map(|why| format!("{name}: {why}"))
        .collect();
    Ok((if reasons.is_empty() { Needs::Restart } else { Needs::Update }, reasons))
}

fn signature(side: Side<'_>, path: &[u8]) -> Result<Result<Signature, Unparsable>, GitError> {
    let controllers = path.split(|b| *b == b'/').any(|folder| folder == b"controllers");
    let whole = [side.module.folder.as_slice(), b"/", path].concat();
    Ok(Signature::read(&side.files.read(&whole)?, &side.module.manifest.hooks, controllers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odoo::files::fake::Memory;
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
        let live = Side { files: old, module: &before.by_name["acme"] };
        let new = Side { files: new, module: &after.by_name["acme"] };
        let uses = Uses::new(new.files, after.by_name.values().collect());
        (compare(live, new, &uses, &mut problems).unwrap(), problems)
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
        let before =
            acme().with(&[("m/acme/release.py", "RELEASE = 1\n"), ("m/acme/models/ticket.py", &used)]);
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
}
