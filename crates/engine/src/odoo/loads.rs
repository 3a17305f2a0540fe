//! Which files are loaded into the database when modules are updated: those that manifests list, and those that data
//! files name. Facts are from `odoo/modules/loading.py` (`load_data`) and `odoo/tools/convert.py` (`_eval_xml`,
//! `convert_csv_import`), the same in this from 14.0 to 19.0, and `odoo/addons/base/models/ir_ui_menu.py` (`web_icon`).

use std::collections::{BTreeMap, BTreeSet};

use super::files::shown;
use super::kind::{Kind, kind};
use super::lane::Release;
use super::literal::Value;
use super::markup::{self, Piece, Within};
use super::modules::Module;
use super::schema::words;
use crate::git::GitError;

/// Keys of a manifest that list data files. 14.0 to 18.0 load all three, 19.0 all but `update_xml`.
const DATA_KEYS: [&str; 3] = ["data", "init_xml", "update_xml"];
/// The same of demo data.
pub(super) const DEMO_KEYS: [&str; 2] = ["demo", "demo_xml"];

/// A file by the name of its module, as Odoo's own paths say it, whatever folder the module is in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) module: String,
    pub(super) path: Vec<u8>,
}

impl Place {
    pub(super) fn new(module: &str, path: &[u8]) -> Self {
        Self { module: module.to_owned(), path: path.to_vec() }
    }

    /// `module/path`.
    pub(super) fn joined(&self) -> Vec<u8> {
        [self.module.as_bytes(), b"/", &self.path].concat()
    }
}

/// What names a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum By {
    /// The manifest.
    Manifest,
    /// A data file, by its path for messages.
    File(String),
}

/// What is loaded at an update.
#[derive(Debug, Default)]
pub(super) struct Loads {
    /// The files, and which modules load them.
    pub(super) files: BTreeMap<Place, BTreeMap<String, By>>,
    /// Listed as demo data alone, where there is none.
    pub(super) unused_demo: BTreeSet<Place>,
    /// Methods that data files of a module call, by the module.
    pub(super) functions: BTreeMap<String, BTreeSet<String>>,
    /// Modules with a data file that can't be read here, and the file: it may name anything.
    pub(super) unread: BTreeMap<String, String>,
}

impl Loads {
    /// Reads manifests and data files of the installed modules.
    pub(super) fn read(release: Release<'_>, installed: &[&Module], demo: bool) -> Result<Self, GitError> {
        let mut names = Names { places: BTreeSet::new(), release };
        for module in release.modules.by_name.values() {
            let cut = module.folder.len() + 1;
            let files = release.files.under(&module.folder);
            names.places.extend(files.keys().filter_map(|p| Some(Place::new(&module.name, p.get(cut..)?))));
        }
        let mut loads = Self::default();
        for module in installed {
            let mut todo: Vec<Place> = names.unlisted(module);
            for place in listed(module, &DATA_KEYS) {
                loads.add(&place, module, By::Manifest);
                todo.push(place);
            }
            for place in listed(module, &DEMO_KEYS) {
                if demo {
                    loads.add(&place, module, By::Manifest);
                    todo.push(place);
                } else if !loads.files.contains_key(&place) {
                    todo.retain(|other| *other != place);
                    loads.unused_demo.insert(place);
                }
            }
            let mut seen = BTreeSet::new();
            while let Some(place) = todo.pop() {
                if !seen.insert(place.clone()) || !names.places.contains(&place) {
                    continue;
                }
                let shown = shown_for(&place, module);
                let Some(found) = names.in_file(&place)? else {
                    loads.unread.insert(module.name.clone(), shown);
                    continue;
                };
                loads.functions.entry(module.name.clone()).or_default().extend(found.functions);
                for named in found.places {
                    loads.add(&named, module, By::File(shown.clone()));
                    todo.push(named);
                }
            }
        }
        Ok(loads)
    }

    fn add(&mut self, place: &Place, module: &Module, by: By) {
        self.files.entry(place.clone()).or_default().entry(module.name.clone()).or_insert(by);
    }
}

/// A file's path for messages about a module: with its own module's name in front when that is another one.
pub(super) fn shown_for(place: &Place, module: &Module) -> String {
    if place.module == module.name { shown(&place.path) } else { shown(&place.joined()) }
}

/// The files that a manifest lists under these keys.
fn listed(module: &Module, keys: &[&str]) -> Vec<Place> {
    let mut found = Vec::new();
    for key in keys {
        let Some(Value::List(items)) = module.manifest.all.get(key) else { continue };
        // Odoo joins the module's folder with what is written.
        found.extend(items.iter().filter_map(|item| normal(&format!("{}/{}", module.name, item.as_str()?))));
    }
    found
}

/// A path without `.`, `..` and empty parts; the first part is the module.
fn normal(path: &str) -> Option<Place> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let (module, rest) = parts.split_first()?;
    (!rest.is_empty()).then(|| Place::new(module, rest.join("/").as_bytes()))
}

/// What a data file names.
#[derive(Default)]
struct Named {
    places: BTreeSet<Place>,
    functions: BTreeSet<String>,
}

/// All files of a release, to find those that texts name.
struct Names<'a> {
    places: BTreeSet<Place>,
    release: Release<'a>,
}

impl Names<'_> {
    /// Data files that the module doesn't list: its Python may load them.
    fn unlisted(&self, module: &Module) -> Vec<Place> {
        let from = Place::new(&module.name, b"");
        let exists = |path: &[u8]| self.places.contains(&Place::new(&module.name, path));
        let all = self.places.range(from..).take_while(|place| place.module == module.name);
        all.filter(|place| is_text(&place.path) && kind(&place.path, &exists) == Kind::Data)
            .cloned()
            .collect()
    }

    /// What a data file names; `None` when it can't be read.
    fn in_file(&self, place: &Place) -> Result<Option<Named>, GitError> {
        let mut found = Named::default();
        let Some(module) = self.release.modules.by_name.get(&place.module).filter(|_| is_text(&place.path))
        else {
            return Ok(Some(found));
        };
        let whole = [module.folder.as_slice(), b"/", &place.path].concat();
        let text = match self.release.files.read(&whole) {
            Ok(bytes) => decoded(&bytes),
            Err(GitError::FileTooLarge { .. } | GitError::UnsafePath { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let lower = place.path.to_ascii_lowercase();
        if lower.ends_with(b".csv") {
            // The file's name is the model's.
            let name = String::from_utf8_lossy(&lower).into_owned();
            let name = name.rsplit('/').next().unwrap_or_default().to_owned();
            if !["ir.asset.csv", "ir.asset-", "ir.ui.view.csv", "ir.ui.view-"]
                .iter()
                .any(|n| name.starts_with(n))
            {
                self.in_text(&text, place, &mut found.places);
            }
        } else {
            markup::pieces(&text, &mut |piece: Piece<'_>| {
                match (piece.element, piece.attribute) {
                    ("function", "name") => drop(found.functions.insert(piece.text.to_owned())),
                    // `obj()` is the record's model.
                    (_, "eval") if piece.text.contains("obj") => {
                        found.functions.extend(words(piece.text).map(str::to_owned));
                    }
                    _ => {}
                }
                if matches!(piece.attribute, "file" | "web_icon") || piece.within == Within::Record {
                    self.in_text(piece.text, place, &mut found.places);
                }
            });
        }
        Ok(Some(found))
    }

    /// Adds the files that a text in `from` names.
    fn in_text(&self, text: &str, from: &Place, found: &mut BTreeSet<Place>) {
        let quote = |c: char| matches!(c, '"' | '\'' | '\n' | '\r' | '\t');
        let text = &text.replace("&amp;", "&");
        let gap = |c: char| c.is_whitespace() || "()[]{}<>=,;|&?#".contains(c);
        for whole in text.split(quote).map(str::trim).filter(|whole| !whole.is_empty()) {
            self.named(whole, from, found);
            // `web_icon` is "module,path".
            self.named(&whole.replacen(',', "/", 1), from, found);
            for word in whole.split(gap).filter(|word| word.len() < whole.len()) {
                self.named(word, from, found);
            }
        }
    }

    fn named(&self, text: &str, from: &Place, found: &mut BTreeSet<Place>) {
        let plain = text.trim_start_matches('/');
        if !plain.contains('/') || plain.len() > 1024 {
            return;
        }
        let plain = plain.strip_prefix("odoo/").unwrap_or(plain);
        let plain = plain.strip_prefix("addons/").unwrap_or(plain);
        let folder = from.path.iter().rposition(|b| *b == b'/').map_or(&b""[..], |at| &from.path[..at]);
        let beside = format!("{}/{}/{plain}", from.module, String::from_utf8_lossy(folder));
        for place in [normal(plain), normal(&format!("{}/{plain}", from.module)), normal(&beside)] {
            let Some(place) = place else { continue };
            if self.places.contains(&place) {
                found.insert(place);
            } else if place.path.contains(&b'/') {
                // A folder: code may load all that is in it.
                let inside = Place::new(&place.module, &[&place.path[..], b"/"].concat());
                let below = self.places.range(inside.clone()..);
                found.extend(
                    below
                        .take_while(|p| p.module == place.module && p.path.starts_with(&inside.path))
                        .cloned(),
                );
            }
        }
    }
}

/// Whether a file's texts can name other files.
fn is_text(path: &[u8]) -> bool {
    let lower = path.to_ascii_lowercase();
    lower.ends_with(b".xml") || lower.ends_with(b".csv")
}

/// A document's text; bytes that are none become marks that are in no path.
fn decoded(bytes: &[u8]) -> String {
    let words = |of: fn([u8; 2]) -> u16| -> String {
        let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| of([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, ..] => words(u16::from_le_bytes),
        [0xfe, 0xff, ..] => words(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}
