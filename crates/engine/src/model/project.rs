//! A project: Git repositories of Odoo addons, and an Odoo series.

use super::{ProjectId, SecretBearer, SecretRef, names};
use crate::error::EngineError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, path::PathBuf};

/// What is deployed: repositories of addons for one Odoo series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Project {
    /// Its identity.
    pub id: ProjectId,
    /// Its name, unique; part of every name on servers, so it is never changed.
    pub name: String,
    /// The Odoo series, such as `19.0`.
    pub series: String,
    /// Its repositories; the first is the main one.
    pub repositories: Vec<Repository>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A Git repository of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Repository {
    /// Its name, unique in the project; a folder on servers.
    pub name: String,
    /// Where it is fetched from.
    pub url: String,
    /// The branch of an extra repository. The main one's is the environment's.
    pub branch: Option<String>,
    /// Folders to look for addons in. Empty: anywhere.
    pub paths: Vec<String>,
    /// What opens it.
    pub credential: GitCredential,
    /// Whether its submodules are fetched too.
    pub submodules: bool,
}

/// What opens a repository.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum GitCredential {
    /// Whatever the user's Git would use: nothing, the SSH agent, or a credential helper.
    #[default]
    Auto,
    /// A private key.
    SshKey {
        /// The key's file on this computer.
        file: PathBuf,
        /// The key's passphrase.
        passphrase: Option<SecretRef>,
    },
    /// A token, sent as the password of an HTTPS URL.
    Token {
        /// The user name that goes with it, where the host wants one.
        user: Option<String>,
        /// The token.
        token: SecretRef,
    },
}

impl Project {
    /// A project with these repositories.
    pub fn new(name: impl Into<String>, series: impl Into<String>, repositories: Vec<Repository>) -> Self {
        Self {
            id: ProjectId::new(),
            name: name.into(),
            series: series.into(),
            repositories,
            created_at: super::now(),
        }
    }

    /// The repository whose branch is the environment's.
    pub fn main_repository(&self) -> Option<&Repository> {
        self.repositories.first()
    }

    /// Checks everything that can be checked without reaching the repositories.
    pub fn validate(&self) -> Result<(), EngineError> {
        names::check_slug("A project", &self.name)?;
        if !is_series(&self.series) {
            return Err(EngineError::bad_input(format!("{:?} is not an Odoo series.", self.series))
                .hint("Give it as Odoo names its branches, such as 19.0."));
        }
        if self.repositories.is_empty() {
            return Err(EngineError::bad_input("A project needs at least one repository."));
        }
        let mut seen = BTreeSet::new();
        for repository in &self.repositories {
            repository.validate()?;
            if !seen.insert(&repository.name) {
                let message = format!("Two repositories of the project are named {:?}.", repository.name);
                return Err(EngineError::bad_input(message).hint("Give each a name of its own."));
            }
        }
        Ok(())
    }
}

impl SecretBearer for Project {
    fn secret_refs(&self) -> Vec<&SecretRef> {
        self.repositories
            .iter()
            .filter_map(|repository| match &repository.credential {
                GitCredential::Auto => None,
                GitCredential::SshKey { passphrase, .. } => passphrase.as_ref(),
                GitCredential::Token { token, .. } => Some(token),
            })
            .collect()
    }
}

impl Repository {
    /// A repository whose addons may be anywhere, opened as the user's Git would.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            branch: None,
            paths: Vec::new(),
            credential: GitCredential::Auto,
            submodules: true,
        }
    }

    fn validate(&self) -> Result<(), EngineError> {
        names::check_slug("A repository", &self.name)?;
        names::check_line("The URL of a repository", &self.url)?;
        if self.url.starts_with('-') {
            return Err(EngineError::bad_input("The URL of a repository can't begin with a hyphen."));
        }
        if let Some(branch) = &self.branch {
            names::check_line("The branch of a repository", branch)?;
        }
        for path in &self.paths {
            names::check_line("A path of a repository", path)?;
            if path.starts_with('/') || path.split('/').any(|part| part == "..") {
                return Err(EngineError::bad_input(format!(
                    "The path {path:?} leads out of the repository."
                ))
                .hint("Give a folder within the repository, such as addons."));
            }
        }
        Ok(())
    }
}

fn is_series(series: &str) -> bool {
    series.split_once('.').is_some_and(|(major, minor)| {
        minor == "0" && (1..=3).contains(&major.len()) && major.bytes().all(|b| b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(repositories: Vec<Repository>) -> Project {
        Project::new("acme", "19.0", repositories)
    }

    #[test]
    fn repositories_are_named_apart_and_there_is_at_least_one() {
        let one = || Repository::new("main", "https://example.com/a.git");
        project(vec![one()]).validate().unwrap();
        assert!(project(vec![]).validate().is_err());
        assert!(project(vec![one(), one()]).validate().is_err());
    }

    #[test]
    fn paths_stay_within_the_repository() {
        for (path, good) in
            [("addons", true), ("a/b", true), ("../x", false), ("a/../b", false), ("/etc", false)]
        {
            let repository = Repository { paths: vec![path.into()], ..Repository::new("main", "file:///a") };
            assert_eq!(project(vec![repository]).validate().is_ok(), good, "{path}");
        }
    }

    #[test]
    fn a_series_is_named_as_odoo_names_it() {
        for (series, good) in
            [("19.0", true), ("14.0", true), ("19", false), ("master", false), ("19.1", false)]
        {
            let project =
                Project { series: series.into(), ..project(vec![Repository::new("main", "file:///a")]) };
            assert_eq!(project.validate().is_ok(), good, "{series}");
        }
    }
}
