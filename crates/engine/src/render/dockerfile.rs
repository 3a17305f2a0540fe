//! The recipe of a release's image, in two stages that are images of their own:
//!
//! 1. *dependencies*: the base image plus Debian and Python packages. Its tag is made from all that goes into it, so that
//!    it is built once for however many releases (and environments) ask for the same;
//! 2. *release*: the dependencies plus the addons, a layer for each repository, those that change least first.
//!
//! No text of a user's gets into a Dockerfile but names that were checked: lists of packages travel as files. Proxy
//! settings are Docker's predefined build arguments (`HTTP_PROXY`…), which leave no trace in the image.

use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::odoo_conf::ADDONS;
use super::packages::Packages;
use crate::odoo::series::Series;

/// What the recipe is made from.
#[derive(Debug, Clone)]
pub struct Recipe<'a> {
    /// The series: its pip's flags.
    pub series: Series,
    /// The base image to write into FROM.
    pub base: &'a str,
    /// The id (`sha256:…`) of the base image as the server has it: a newer image of the same name is another one.
    pub base_id: &'a str,
    /// What to install.
    pub packages: &'a Packages,
    /// Certificates (PEM) that builds need to trust, for a company's proxy.
    pub ca_bundle: Option<&'a str>,
    /// The repositories' names, the main one first. Their files stand in the context's folder `src/<name>`, and what their times
    /// are in `times/<name>.slipway`.
    pub repositories: &'a [String],
    /// Labels of the release's image.
    pub labels: &'a BTreeMap<String, String>,
}

/// An image to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The name to build it under, if it is made from nothing but its key: `slipway/deps:<key>`. The release's name is the
    /// deployment's.
    pub tag: Option<String>,
    /// What goes into it, as a hash: equal keys are equal images.
    pub key: String,
    /// The Dockerfile's text.
    pub dockerfile: String,
    /// Files that the context needs besides `src/`, by their path in it.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// The stages of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stages {
    /// `None` when nothing is to be installed: then the release stands on the base image.
    pub dependencies: Option<Stage>,
    /// The release itself. Its key doesn't know the files in `src/`: that is Docker's to see.
    pub release: Stage,
}

/// Why there is no recipe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// Not the name of an image.
    #[error("\"{0}\" is not the name of a Docker image")]
    BadImage(String),
    /// Not a repository's name, which is a folder.
    #[error("\"{0}\" cannot be a repository's name")]
    BadRepository(String),
    /// A label that Docker would read as something else.
    #[error("the label {0} holds characters that a label may not hold")]
    BadLabel(String),
    /// Something that isn't PEM.
    #[error("the certificates for builds are not in PEM format")]
    BadCertificates,
}

impl RecipeError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::BadImage(_) => {
                "Use a name such as odoo:19.0 or registry.example/team/odoo:19.0.".to_owned()
            }
            Self::BadRepository(_) => "Use lower-case letters, digits, dashes and underscores.".to_owned(),
            Self::BadLabel(_) => "Use letters, digits and the characters . _ - / : + @".to_owned(),
            Self::BadCertificates => {
                "Choose a file that has lines of -----BEGIN CERTIFICATE-----.".to_owned()
            }
        }
    }
}

impl Recipe<'_> {
    /// Writes both stages.
    pub fn stages(&self) -> Result<Stages, RecipeError> {
        self.check()?;
        let dependencies = self.dependencies();
        let base = dependencies.as_ref().and_then(|stage| stage.tag.as_deref()).unwrap_or(self.base);
        let below = dependencies.as_ref().map_or(self.base_id, |stage| stage.key.as_str());
        let mut text = format!("FROM {base}\n");
        let mut labels = self.labels.clone();
        // Whoever cleans up asks for this label before the image below is removed.
        labels.extend(dependencies.as_ref().and_then(|s| Some(("slipway.deps".to_owned(), s.tag.clone()?))));
        if !labels.is_empty() {
            let labels: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            let _ = writeln!(text, "LABEL {}", labels.join(" "));
        }
        // The main repository is the one that changes: it comes last, and the layers before it are kept.
        for name in self.repositories.iter().rev() {
            // Docker takes an earlier layer for files of equal content, whatever their times are. So the times are content, too.
            let _ = writeln!(text, "COPY times/{name}.slipway src/{name}/ {ADDONS}/{name}/");
        }
        let key = key(&[below.as_bytes(), text.as_bytes()]);
        Ok(Stages {
            dependencies,
            release: Stage { tag: None, key, dockerfile: text, files: BTreeMap::new() },
        })
    }

    fn dependencies(&self) -> Option<Stage> {
        let Packages { apt, pip, .. } = self.packages;
        if apt.is_empty() && pip.is_empty() {
            return None;
        }
        let mut files = BTreeMap::new();
        let mut text = format!("FROM {}\nUSER root\n", self.base);
        if let Some(bundle) = self.ca_bundle {
            files.insert("build/ca.pem".to_owned(), bundle.as_bytes().to_vec());
            text.push_str("COPY build/ca.pem /opt/slipway/build/ca.pem\n");
        }
        let trust =
            |variables: &str| if self.ca_bundle.is_some() { variables.to_owned() } else { String::new() };
        if !apt.is_empty() {
            files.insert("build/apt.txt".to_owned(), lines(apt));
            text.push_str("COPY build/apt.txt /opt/slipway/build/apt.txt\n");
            let ca = trust(" -o Acquire::https::CAInfo=/opt/slipway/build/ca.pem");
            let _ = writeln!(
                text,
                "RUN apt-get{ca} update \\\n && DEBIAN_FRONTEND=noninteractive xargs -a /opt/slipway/build/apt.txt \
                 apt-get{ca} install -y --no-install-recommends -- \\\n && rm -rf /var/lib/apt/lists/*"
            );
        }
        if !pip.is_empty() {
            files.insert("build/requirements.txt".to_owned(), lines(pip));
            text.push_str("COPY build/requirements.txt /opt/slipway/build/requirements.txt\n");
            let ca =
                trust("PIP_CERT=/opt/slipway/build/ca.pem REQUESTS_CA_BUNDLE=/opt/slipway/build/ca.pem ");
            let flags: String = self.series.facts().pip_flags.iter().map(|flag| format!(" {flag}")).collect();
            let _ = writeln!(
                text,
                "RUN {ca}PIP_ROOT_USER_ACTION=ignore python3 -m pip install --no-cache-dir --disable-pip-version-check --no-input{flags} \
                 -r /opt/slipway/build/requirements.txt"
            );
        }
        text.push_str("USER odoo\n");
        let mut parts: Vec<&[u8]> = vec![self.base_id.as_bytes(), text.as_bytes()];
        parts.extend(files.values().map(Vec::as_slice));
        let key = key(&parts);
        Some(Stage { tag: Some(format!("slipway/deps:{}", &key[..24])), key, dockerfile: text, files })
    }

    fn check(&self) -> Result<(), RecipeError> {
        if !is_image(self.base) {
            return Err(RecipeError::BadImage(self.base.to_owned()));
        }
        for name in self.repositories {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
            if name.is_empty() || name.starts_with('-') || !name.chars().all(plain) {
                return Err(RecipeError::BadRepository(name.clone()));
            }
        }
        for (name, value) in self.labels {
            let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:+@".contains(c));
            if name.is_empty() || !plain(name) || !plain(value) {
                return Err(RecipeError::BadLabel(name.clone()));
            }
        }
        match self.ca_bundle {
            Some(bundle) if !bundle.contains("-----BEGIN CERTIFICATE-----") => {
                Err(RecipeError::BadCertificates)
            }
            _ => Ok(()),
        }
    }
}

/// A reference as Docker takes it: characters that mean something in a Dockerfile are none of it.
fn is_image(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.len() < 256 && name.chars().all(plain)
}

fn lines(items: &[String]) -> Vec<u8> {
    items.iter().flat_map(|item| [item.as_bytes(), b"\n"].concat()).collect()
}

/// Lengths go in too, so that no two lists of parts look alike.
fn key(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(
        series: Series,
        packages: &Packages,
        base_id: &str,
        ca: Option<&str>,
    ) -> Result<Stages, RecipeError> {
        let labels = BTreeMap::from([("slipway.managed".to_owned(), "1".to_owned())]);
        let repositories = ["main".to_owned(), "oca".to_owned()];
        Recipe {
            series,
            base: "odoo:19.0",
            base_id,
            packages,
            ca_bundle: ca,
            repositories: &repositories,
            labels: &labels,
        }
        .stages()
    }

    fn packages(apt: &[&str], pip: &[&str]) -> Packages {
        let own = |list: &[&str]| list.iter().map(|i| (*i).to_owned()).collect();
        Packages { apt: own(apt), pip: own(pip), files: vec![] }
    }

    #[test]
    fn nothing_to_install_is_no_stage() {
        let stages = stages(Series::V19, &Packages::default(), "sha256:1", None).unwrap();
        assert_eq!(stages.dependencies, None);
        assert_eq!(
            stages.release.dockerfile,
            "FROM odoo:19.0\nLABEL slipway.managed=\"1\"\nCOPY times/oca.slipway src/oca/ /opt/slipway/addons/oca/\nCOPY times/main.slipway src/main/ /opt/slipway/addons/main/\n"
        );
    }

    #[test]
    fn dependencies_are_keyed_by_all_that_goes_in() {
        let make =
            |series, p: &Packages, id: &str, ca| stages(series, p, id, ca).unwrap().dependencies.unwrap();
        let base = packages(&["xmlsec1"], &["num2words; $(id)"]);
        let one = make(Series::V19, &base, "sha256:1", None);
        assert_eq!(make(Series::V19, &base, "sha256:1", None), one);
        assert!(
            !one.dockerfile.contains("num2words") && !one.dockerfile.contains("xmlsec1"),
            "{}",
            one.dockerfile
        );
        assert_eq!(one.files["build/requirements.txt"], b"num2words; $(id)\n");
        assert!(one.dockerfile.contains("--break-system-packages"));
        assert!(!make(Series::V17, &base, "sha256:1", None).dockerfile.contains("--break-system"));
        let pem = Some("-----BEGIN CERTIFICATE-----\n");
        let others = [
            make(Series::V19, &base, "sha256:2", None),
            make(Series::V17, &base, "sha256:1", None),
            make(Series::V19, &base, "sha256:1", pem),
            make(Series::V19, &packages(&["xmlsec2"], &["num2words; $(id)"]), "sha256:1", None),
            make(Series::V19, &packages(&[], &["xmlsec1", "num2words; $(id)"]), "sha256:1", None),
        ];
        assert!(others.iter().all(|other| other.key != one.key && other.tag != one.tag));
        let release = stages(Series::V19, &base, "sha256:1", None).unwrap().release;
        assert!(release.dockerfile.starts_with(&format!("FROM {}\n", one.tag.unwrap())));
    }

    #[test]
    fn odd_names_never_reach_a_dockerfile() {
        let none = Packages::default();
        let labels = BTreeMap::new();
        let repositories = ["main".to_owned()];
        let recipe = Recipe {
            series: Series::V19,
            base: "odoo:19.0",
            base_id: "x",
            packages: &none,
            ca_bundle: None,
            repositories: &repositories,
            labels: &labels,
        };
        for base in ["", "odoo\nRUN id", "odoo 19", "-x", "${X}", "odoo AS x"] {
            assert_eq!(Recipe { base, ..recipe.clone() }.stages(), Err(RecipeError::BadImage(base.into())));
        }
        for name in ["", "a b", "../x", "a/b", "Main", "-x", "[a]"] {
            let repositories = [name.to_owned()];
            let refused = Recipe { repositories: &repositories, ..recipe.clone() }.stages();
            assert_eq!(refused, Err(RecipeError::BadRepository(name.into())));
        }
        let labels = BTreeMap::from([("a".to_owned(), "x\" evil=\"$HOME".to_owned())]);
        assert!(matches!(
            Recipe { labels: &labels, ..recipe.clone() }.stages(),
            Err(RecipeError::BadLabel(_))
        ));
        assert_eq!(
            Recipe { ca_bundle: Some("nonsense"), ..recipe }.stages(),
            Err(RecipeError::BadCertificates)
        );
    }
}
