//! A module's manifest (`__manifest__.py`).

use super::literal::{self, Value};
use super::series::Series;

/// What Slipway needs of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The name shown to people.
    pub name: Option<String>,
    /// The version as written.
    pub version: Option<String>,
    /// The modules it needs. Odoo adds `base` when there are none.
    pub depends: Vec<String>,
    /// Python packages it needs (`external_dependencies`).
    pub python: Vec<String>,
    /// Programs it needs (`external_dependencies`).
    pub bin: Vec<String>,
    /// Odoo ignores the module when this is false.
    pub installable: bool,
    /// Installed by itself as soon as all it depends on is.
    pub auto_install: bool,
    /// Data files, loaded at install and update.
    pub data: Vec<String>,
    /// Functions run at install, uninstall or load.
    pub hooks: Vec<String>,
    /// The whole dictionary.
    pub all: Value,
}

/// Why a manifest can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {what}")]
pub struct ManifestError {
    /// The file's path in the release.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// Keys that only people and stores read, that are read again at each start, or that are checked and not kept: a change of
/// these needs no update.
const HARMLESS: [&str; 21] = [
    "assets",
    "author",
    "authors",
    "cloc_exclude",
    "contributors",
    "currency",
    "description",
    "development_status",
    "external_dependencies",
    "icon",
    "images",
    "license",
    "live_test_url",
    "maintainer",
    "maintainers",
    "price",
    "qweb",
    "summary",
    "support",
    "tests",
    "website",
];

impl Manifest {
    /// Reads a manifest; `file` is for the error.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, ManifestError> {
        let fail = |line, what: &str| ManifestError { file: file.to_owned(), line, what: what.to_owned() };
        let all = literal::parse(bytes).map_err(|e| fail(e.line, &e.what))?;
        if !matches!(all, Value::Dict(_)) {
            return Err(fail(1, "a manifest is a dictionary"));
        }
        let strings = |of: Option<&Value>, key: &str| match of {
            None | Some(Value::None) => Ok(Vec::new()),
            Some(Value::List(items)) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| fail(1, &format!("\"{key}\" holds something that is no text"))),
            Some(_) => Err(fail(1, &format!("\"{key}\" is not a list"))),
        };
        let text = |key: &str| all.get(key).and_then(Value::as_str).map(str::to_owned);
        let external = all.get("external_dependencies");
        let outside = |key: &str| strings(external.and_then(|e| e.get(key)), key);
        let hooks = ["pre_init_hook", "post_init_hook", "uninstall_hook", "post_load"];
        Ok(Self {
            name: text("name"),
            version: text("version"),
            depends: strings(all.get("depends"), "depends")?,
            python: outside("python")?,
            bin: outside("bin")?,
            installable: all.get("installable").is_none_or(Value::is_true),
            auto_install: all.get("auto_install").is_some_and(Value::is_true),
            data: strings(all.get("data"), "data")?,
            hooks: hooks.into_iter().filter_map(text).collect(),
            all,
        })
    }

    /// The series a version says it is for, when it says so and that is another one: `18.0.1.0.0` in a 19.0 project.
    /// Odoo takes up to three numbers as the module's own, so only longer versions can name a series.
    pub fn foreign_series(&self, series: Series) -> Option<String> {
        let parts: Vec<&str> = self.version.as_deref()?.split('.').collect();
        let major: u32 = parts.first()?.parse().ok()?;
        let names_series = parts.len() >= 4 && parts[1] == "0" && (6..=30).contains(&major);
        let named = format!("{major}.0");
        (names_series && named != series.facts().name).then_some(named)
    }

    /// The keys in which two manifests differ so that the module must be updated.
    pub fn differences(&self, old: &Self) -> Vec<String> {
        let keys = |manifest: &Self| -> Vec<String> {
            let Value::Dict(items) = &manifest.all else { return Vec::new() };
            items.iter().filter_map(|(key, _)| key.as_str().map(str::to_owned)).collect()
        };
        let mut all = keys(self);
        all.extend(keys(old));
        all.sort();
        all.dedup();
        all.retain(|key| !HARMLESS.contains(&key.as_str()) && self.all.get(key) != old.all.get(key));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: &str = r#"{
    'name': "Acme " 'Base', 'version': '19.0.1.2.0', 'depends': ['base', "mail"],
    'external_dependencies': {'python': ['num2words'], 'bin': ('wkhtmltopdf',)},
    'data': ['views/ticket.xml'], 'assets': {'web.assets_backend': ['acme/static/x.js']},
    'post_init_hook': 'set_up', 'auto_install': ['mail'], 'license': 'LGPL-3',
}"#;

    fn read(text: &str) -> Manifest {
        Manifest::parse("m", text.as_bytes()).unwrap()
    }

    #[test]
    fn reads_what_is_needed() {
        let acme = read(ACME);
        assert_eq!(acme.name.as_deref(), Some("Acme Base"));
        assert_eq!(
            (acme.depends, acme.python, acme.bin),
            (vec!["base".into(), "mail".into()], vec!["num2words".into()], vec!["wkhtmltopdf".into()])
        );
        assert!(acme.installable && acme.auto_install);
        assert_eq!(acme.hooks, ["set_up"]);
        assert!(!read("{'installable': False}").installable);
        for bad in ["[]", "{'depends': 'base'}", "{'depends': [1]}", "{'data': [x]}", "{", ""] {
            assert!(Manifest::parse("m", bad.as_bytes()).is_err(), "{bad}");
        }
        let error = Manifest::parse("main/a/__manifest__.py", b"{\n'name': _('x')}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "main/a/__manifest__.py, line 2: only plain values can stand here, nothing that has to be computed"
        );
    }

    #[test]
    fn a_foreign_series_is_noticed() {
        let foreign =
            |version: &str| read(&format!("{{'version': '{version}'}}")).foreign_series(Series::V19);
        assert_eq!(foreign("18.0.1.0.0").as_deref(), Some("18.0"));
        assert_eq!(foreign("16.0.1.0").as_deref(), Some("16.0"));
        for fine in ["19.0.1.0.0", "1.0", "1.0.0", "18.0.1", "", "x", "2.1.0.0.0"] {
            assert_eq!(foreign(fine), None, "{fine}");
        }
    }

    #[test]
    fn only_keys_that_matter_make_a_difference() {
        let changed = |from: &str, to: &str| {
            assert!(ACME.contains(from));
            read(&ACME.replace(from, to)).differences(&read(ACME))
        };
        assert_eq!(changed("static/x.js", "static/y.js"), [""; 0]);
        assert_eq!(changed("LGPL-3", "MIT"), [""; 0]);
        assert_eq!(changed("1.2.0", "1.3.0"), ["version"]);
        assert_eq!(changed("\"mail\"]", "'mail', 'sale']"), ["depends"]);
        assert_eq!(changed("'data'", "'demo'"), ["data", "demo"]);
    }

    /// Ten thousand damaged manifests and Python files: an error or a result, never a panic.
    #[test]
    fn no_bytes_make_it_panic() {
        use rand::{Rng, SeedableRng};
        let mut rng = rand::rngs::StdRng::seed_from_u64(19);
        let pieces: [&[u8]; 14] = [
            b"'",
            b"\"\"\"",
            b"{",
            b"}",
            b"(",
            b"[",
            b"\\",
            b"\\x",
            b"\xff",
            b"\n",
            b"class ",
            b"def ",
            b"\0",
            "\u{1f600}".as_bytes(),
        ];
        for _ in 0..10_000 {
            let mut bytes = ACME.as_bytes().to_vec();
            for _ in 0..rng.random_range(1..6) {
                let at = rng.random_range(0..bytes.len());
                match rng.random_range(0..4) {
                    0 => bytes[at] = rng.random(),
                    1 => {
                        drop(bytes.splice(at..at, pieces[rng.random_range(0..pieces.len())].iter().copied()))
                    }
                    2 => bytes.truncate(at.max(1)),
                    _ => drop(bytes.remove(at)),
                }
                if bytes.is_empty() {
                    bytes.push(b'{');
                }
            }
            let _ = Manifest::parse("m", &bytes);
            let _ = crate::odoo::schema::Signature::read(&bytes, false);
        }
    }
}
