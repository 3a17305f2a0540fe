//! What a release asks to be installed: Python packages and Debian packages.

use std::collections::BTreeSet;

use crate::git::GitError;
use crate::odoo::files::{Files, shown};
use crate::odoo::modules::AddonsIn;

/// Names for the list of Debian packages, the usual ones.
const APT_FILES: [&str; 2] = ["apt.txt", "packages.txt"];

/// What is to be installed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Packages {
    /// Debian packages, sorted.
    pub apt: Vec<String>,
    /// Lines for pip, in the order of the repositories, each said once.
    pub pip: Vec<String>,
    /// The files they were found in.
    pub files: Vec<String>,
}

/// Why a list can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// A line that is no package, or one that can't work here.
    #[error("{file}, line {line}: {what}")]
    Line {
        /// The file's path in the release.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A file can't be read.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl PackagesError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Line { .. } => {
                "Correct the line. One package a line; a requirement may name a version. What needs a password can be a repository of \
                 the project, or come from an index that the server reaches without one."
                    .to_owned()
            }
            Self::Git(error) => error.hint(),
        }
    }
}

impl Packages {
    /// Reads the lists at the root of each repository and at each of its addons folders. `configured` are Debian packages
    /// that the environment names itself.
    pub fn read(
        files: &dyn Files,
        places: &[AddonsIn],
        configured: &[String],
    ) -> Result<Self, PackagesError> {
        let mut found = Self::default();
        for (at, name) in configured.iter().enumerate() {
            found.add_apt(name, "the environment's packages", at + 1)?;
        }
        for place in places {
            let mut folders = vec![place.repository.clone()];
            let below = place.paths.iter().map(|path| path.trim_matches(['.', '/']));
            folders.extend(
                below.filter(|path| !path.is_empty()).map(|path| format!("{}/{path}", place.repository)),
            );
            for folder in folders {
                let here = files.under(folder.as_bytes());
                let has = |name: &str| here.contains_key(format!("{folder}/{name}").as_bytes());
                for name in APT_FILES.into_iter().filter(|name| has(name)) {
                    found.read_apt(files, &format!("{folder}/{name}"))?;
                }
                if has("requirements.txt") {
                    found.read_pip(files, &format!("{folder}/requirements.txt"), &mut BTreeSet::new())?;
                }
            }
        }
        found.apt.sort();
        found.apt.dedup();
        Ok(found)
    }

    fn read_apt(&mut self, files: &dyn Files, file: &str) -> Result<(), PackagesError> {
        let text = files.read(file.as_bytes())?;
        self.files.push(file.to_owned());
        for (at, line) in String::from_utf8_lossy(&text).lines().enumerate() {
            let name = line.split('#').next().unwrap_or_default().trim();
            if !name.is_empty() {
                self.add_apt(name, file, at + 1)?;
            }
        }
        Ok(())
    }

    fn add_apt(&mut self, name: &str, file: &str, line: usize) -> Result<(), PackagesError> {
        // Debian policy 5.6.1 for the name; a version may follow. Nothing here can be an option or a second word.
        let (package, version) = name.split_once('=').map_or((name, None), |(p, v)| (p, Some(v)));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
        let starts = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_version =
            |v: &str| !v.is_empty() && v.chars().all(|c| c.is_ascii_alphanumeric() || "+-.:~".contains(c));
        if package.len() < 2
            || !package.starts_with(starts)
            || !package.chars().all(plain)
            || !version.is_none_or(is_version)
        {
            let what = format!("\"{}\" is not the name of a Debian package", shown(name.as_bytes()));
            return Err(PackagesError::Line { file: file.to_owned(), line, what });
        }
        self.apt.push(name.to_owned());
        Ok(())
    }

    /// Files named by `-r` are read in place, because only the merged list travels.
    fn read_pip(
        &mut self,
        files: &dyn Files,
        file: &str,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), PackagesError> {
        if !seen.insert(file.to_owned()) {
            return Ok(());
        }
        let text = files.read(file.as_bytes())?;
        self.files.push(file.to_owned());
        let text = String::from_utf8(text).map_err(|_| PackagesError::Line {
            file: file.to_owned(),
            line: 1,
            what: "this is not UTF-8".to_owned(),
        })?;
        let mut line_start = 0;
        let mut whole = String::new();
        for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if whole.is_empty() {
                line_start = at + 1;
            }
            // pip joins lines that end in a backslash before it looks for comments.
            if let Some(more) = line.strip_suffix('\\') {
                whole.push_str(more);
                continue;
            }
            whole.push_str(line);
            let entry = std::mem::take(&mut whole);
            self.pip_line(files, file, line_start, without_comment(&entry), seen)?;
        }
        self.pip_line(files, file, line_start, without_comment(&whole), seen)
    }

    fn pip_line(
        &mut self,
        files: &dyn Files,
        file: &str,
        line: usize,
        entry: &str,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), PackagesError> {
        let fail = |what: String| Err(PackagesError::Line { file: file.to_owned(), line, what });
        if entry.is_empty() {
            return Ok(());
        }
        if entry.chars().any(char::is_control) {
            return fail("it holds a control character".to_owned());
        }
        let (word, rest) = entry.split_once([' ', '=']).unwrap_or((entry, ""));
        match word {
            "-r" | "--requirement" => {
                let Some(other) = beside(file, rest.trim()) else {
                    return fail(format!("{} leads out of the repository", rest.trim()));
                };
                if files.under(parent(&other).as_bytes()).contains_key(other.as_bytes()) {
                    return self.read_pip(files, &other, seen);
                }
                return fail(format!("{other} does not exist at this commit"));
            }
            "-c" | "--constraint" | "-e" | "--editable" => {
                return fail(format!("{word} is not supported here"));
            }
            _ => {}
        }
        if entry.starts_with(['.', '/']) || entry.contains("file:") {
            return fail(
                "a package from a folder of the repository can't be installed into the image".to_owned(),
            );
        }
        if holds_a_secret(entry) {
            return fail("it holds a password or a token, which would end up in the image".to_owned());
        }
        if !self.pip.iter().any(|known| known == entry) {
            self.pip.push(entry.to_owned());
        }
        Ok(())
    }
}

/// True for an address with a password, or, over HTTP, with a user: Git hosts take a token in place of the user. A user of SSH is
/// no secret, and a version of Git's (`@main`) is no user.
fn holds_a_secret(entry: &str) -> bool {
    entry.match_indices("://").any(|(at, _)| {
        let is_http = entry[..at].ends_with("http") || entry[..at].ends_with("https");
        let authority = entry[at + 3..].split(['/', '?', '#', ' ', '\t']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| is_http || user.contains(':'))
    })
}

/// As pip does: a hash sign at the beginning or after a space.
fn without_comment(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with('#') {
        return "";
    }
    line.find(" #").or_else(|| line.find("\t#")).map_or(line, |at| line[..at].trim())
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path given relative to a file, if it stays within the repository.
fn beside(file: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = parent(file).split('/').collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.len() > 1 => drop(parts.pop()),
            ".." => return None,
            part => parts.push(part),
        }
    }
    (!relative.is_empty() && !relative.starts_with('/')).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odoo::files::fake::Memory;

    fn read(files: &[(&str, &str)], configured: &[&str]) -> Result<Packages, PackagesError> {
        let places = [
            AddonsIn { repository: "main".into(), paths: vec!["./addons/".into()] },
            AddonsIn { repository: "oca".into(), paths: vec![] },
        ];
        let configured: Vec<String> = configured.iter().map(|c| (*c).to_owned()).collect();
        Packages::read(&Memory::of(files), &places, &configured)
    }

    #[test]
    fn lists_of_all_repositories_are_merged_in_order() {
        let packages = read(
            &[
                (
                    "main/requirements.txt",
                    "\u{feff}num2words==0.5.13 # money\n# comment\n\n-r lib/more.txt\nzeep \\\n  >=4\n",
                ),
                ("main/lib/more.txt", "-r ../requirements.txt\npandas[excel]; python_version < '3.12'\n"),
                (
                    "main/addons/requirements.txt",
                    "phonenumbers\n--extra-index-url https://pypi.example/simple\n",
                ),
                ("main/other/requirements.txt", "not-read\n"),
                (
                    "oca/requirements.txt",
                    "phonenumbers\ngit+https://host/x.git@main#egg=x\ngit+ssh://git@host/y.git@main\n",
                ),
                ("oca/apt.txt", "xmlsec1\nlibxml2-dev=2.9+dfsg-1~x # why\n"),
                ("main/packages.txt", "xmlsec1"),
            ],
            &["git"],
        )
        .unwrap();
        assert_eq!(packages.apt, ["git", "libxml2-dev=2.9+dfsg-1~x", "xmlsec1"]);
        assert_eq!(
            packages.pip,
            [
                "num2words==0.5.13",
                "pandas[excel]; python_version < '3.12'",
                "zeep   >=4",
                "phonenumbers",
                "--extra-index-url https://pypi.example/simple",
                "git+https://host/x.git@main#egg=x",
                "git+ssh://git@host/y.git@main"
            ]
        );
        assert_eq!(packages.files.len(), 6);
        assert_eq!(read(&[("main/x", "")], &[]).unwrap(), Packages::default());
    }

    #[test]
    fn what_cannot_work_or_is_no_name_is_told_with_its_line() {
        for line in [
            "-e .",
            "./lib",
            "/lib",
            "-c limits.txt",
            "-r ../../x.txt",
            "-r gone.txt",
            "x @ file:///x",
            "git+https://me:pw@host/x",
            "git+https://ghp_token@host/x.git@main",
            "x @ https://ghp_token@host/x.whl",
            "git+ssh://git:pw@host/x",
            "--find-links https://host/a --extra-index-url https://me:pw@host/b",
            "a\u{7}b",
        ] {
            let error = read(&[("main/requirements.txt", &format!("ok\n{line}\n"))], &[]).unwrap_err();
            assert!(error.to_string().starts_with("main/requirements.txt, line 2: "), "{line}: {error}");
        }
        for name in
            ["-y", "a b", "x;id", "$(id)", "Upper", "x=", "a", "--allow-downgrades", "x=1 2", "x\u{0}y"]
        {
            let error = read(&[("main/apt.txt", name)], &[]).unwrap_err();
            assert!(matches!(error, PackagesError::Line { line: 1, .. }), "{name}");
            assert!(read(&[], &[name]).is_err(), "{name}");
        }
    }
}
