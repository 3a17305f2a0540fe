//! Which files of modules a Python file imports.

use std::collections::BTreeMap;

use super::files::FileId;
use super::loads::Place;

/// The imports that a file has, in functions, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Imports {
    /// From where (`..models.ticket`, `odoo.addons.acme.models`), and which names; `*` for all.
    pub(super) statements: Vec<(String, Vec<String>)>,
    /// It imports by names that it makes up, so anything.
    pub(super) is_dynamic: bool,
}

/// Words of code that imports what it doesn't name.
pub(super) const DYNAMIC: [&str; 7] = [
    "import_module",
    "__import__",
    "pkgutil",
    "exec_module",
    "module_from_spec",
    "runpy",
    "spec_from_file_location",
];

impl Imports {
    /// The places that a file of a module may import from. Not all of them need exist: `from .a import b` is `a.py` or
    /// `a/__init__.py`, and perhaps `a/b.py`.
    pub(super) fn places(&self, module: &str, path: &[u8]) -> Vec<Place> {
        let mut found = Vec::new();
        for (from, names) in &self.statements {
            if matches!(from.as_str(), "odoo.addons" | "openerp.addons") {
                found.extend(names.iter().map(|name| Place::new(name, b"__init__.py")));
                continue;
            }
            let Some((module, mut parts)) = base(module, path, from) else { continue };
            let mut step = |parts: &[String]| {
                let stem = parts.join("/");
                let init =
                    if stem.is_empty() { "__init__.py".to_owned() } else { format!("{stem}/__init__.py") };
                found.push(Place::new(&module, init.as_bytes()));
                if !stem.is_empty() {
                    found.push(Place::new(&module, format!("{stem}.py").as_bytes()));
                }
            };
            for depth in 0..=parts.len() {
                step(&parts[..depth]);
            }
            for name in names {
                parts.push(name.clone());
                step(&parts);
                parts.pop();
            }
        }
        found
    }
}

/// All Python files among a module's.
pub(super) fn all(files: &BTreeMap<&[u8], FileId>) -> impl Iterator<Item = Vec<u8>> {
    files.keys().filter(|path| path.ends_with(b".py")).map(|path| path.to_vec())
}

/// The module and the folders in it that `from` means in a file.
fn base(module: &str, path: &[u8], from: &str) -> Option<(String, Vec<String>)> {
    let words = |text: &str| -> Vec<String> {
        text.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let inner = from.trim_start_matches('.');
    let dots = from.len() - inner.len();
    if dots == 0 {
        let inner = from.strip_prefix("odoo.addons").or_else(|| from.strip_prefix("openerp.addons"))?;
        let mut parts = words(inner);
        return (!parts.is_empty()).then(|| (parts.remove(0), parts));
    }
    let mut folders: Vec<String> = String::from_utf8_lossy(path).split('/').map(str::to_owned).collect();
    folders.pop();
    // One dot is the folder that the file is in. More dots than folders lead to `odoo.addons`, so to other modules.
    let up = dots - 1;
    let mut after = words(inner);
    if up <= folders.len() {
        folders.truncate(folders.len() - up);
        folders.append(&mut after);
        return Some((module.to_owned(), folders));
    }
    (up == folders.len() + 1 && !after.is_empty()).then(|| (after.remove(0), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_lead_to_files() {
        let of = |path: &str, from: &str, names: &[&str]| -> Vec<String> {
            let statements = vec![(from.to_owned(), names.iter().map(|n| (*n).to_owned()).collect())];
            let imports = Imports { statements, is_dynamic: false };
            let places = imports.places("acme", path.as_bytes());
            places.iter().map(|p| String::from_utf8(p.joined()).unwrap()).collect()
        };
        let leads = |path: &str, from: &str, names: &[&str], to: &str| {
            assert!(
                of(path, from, names).contains(&to.to_owned()),
                "{from} {names:?}: {:?}",
                of(path, from, names)
            );
        };
        leads("__init__.py", ".", &["models"], "acme/models/__init__.py");
        leads("models/__init__.py", ".", &["ticket"], "acme/models/ticket.py");
        leads("models/ticket.py", "..wizard.close", &["Close"], "acme/wizard/close.py");
        leads("models/ticket.py", "..wizard.close", &["Close"], "acme/wizard/__init__.py");
        leads("models/ticket.py", "odoo.addons.base_lib.docs", &["x"], "base_lib/docs/x.py");
        leads("models/ticket.py", "odoo.addons", &["x"], "x/__init__.py");
        leads("models/ticket.py", "odoo.addons.x", &[], "x/__init__.py");
        leads("models/ticket.py", "...base_lib", &["x"], "base_lib/x.py");
        assert_eq!(of("a.py", "os.path", &["join"]), [""; 0]);
        assert_eq!(of("a.py", ".....x", &["join"]), [""; 0]);
    }
}
