//! Kinds of a module's files by name and folder alone: for files that nobody lists or loads by name.

/// What a file is, as far as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Read by Odoo when it runs, by people, or by nobody.
    Code,
    /// Loaded into the database at update, or unknown to us.
    Data,
    /// The module's manifest.
    Manifest,
    /// Python that Odoo may load.
    Python,
    /// Python in a folder that isn't loaded, unless something imports it.
    IdlePython,
}

/// Folders at a module's top that Odoo loads nothing from by itself.
const IDLE_FOLDERS: [&str; 6] = ["static", "tests", "readme", "doc", "docs", "description"];

/// Endings of what editors and merges leave behind.
const LEFT_BEHIND: [&str; 6] = ["~", ".swp", ".swo", ".orig", ".rej", ".bak"];

/// Texts for people, which lie beside a manifest.
const FOR_PEOPLE: [&str; 8] =
    ["readme", "license", "licence", "copying", "changelog", "contributing", "authors", "requirements"];

/// The kind of a file by its path in its module. `exists` says whether the module has another path.
pub(super) fn kind(path: &[u8], exists: &dyn Fn(&[u8]) -> bool) -> Kind {
    let text = String::from_utf8_lossy(path).to_lowercase();
    let (folder, name) = text.rsplit_once('/').unwrap_or(("", &text));
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let mut folders = folder.split('/').filter(|part| !part.is_empty());
    let top = folders.clone().next().unwrap_or_default();
    if matches!(top, "migrations" | "upgrades") {
        return if compiled(&text, path, exists) { Kind::Code } else { Kind::Data };
    }
    if folder.is_empty() && matches!(name, "__manifest__.py" | "__openerp__.py") {
        return Kind::Manifest;
    }
    let idle = IDLE_FOLDERS.contains(&top);
    let for_people = folder.is_empty()
        && matches!(extension, "" | "txt" | "in" | "cfg" | "toml")
        && FOR_PEOPLE.iter().any(|word| name.starts_with(word));
    let hidden = name.starts_with('.') || folders.any(|part| part.starts_with('.'));
    let left_behind = LEFT_BEHIND.iter().any(|end| name.ends_with(end)) || name == "thumbs.db";
    match extension {
        "py" if idle => Kind::IdlePython,
        "py" => Kind::Python,
        _ if idle || for_people || hidden || left_behind || compiled(&text, path, exists) => Kind::Code,
        "md" | "rst" | "pot" | "pyi" => Kind::Code,
        _ => Kind::Data,
    }
}

/// Whether a file is Python's own copy of a source beside it. (One without a source is loaded in its place.)
fn compiled(text: &str, path: &[u8], exists: &dyn Fn(&[u8]) -> bool) -> bool {
    let bytecode = text.ends_with(".pyc") || text.ends_with(".pyo");
    let source = path.strip_suffix(b"c").or_else(|| path.strip_suffix(b"o")).unwrap_or(path);
    bytecode && (text.split('/').rev().nth(1) == Some("__pycache__") || exists(source))
}
