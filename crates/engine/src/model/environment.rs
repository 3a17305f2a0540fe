//! An environment: one running Odoo of a project.

use super::{EnvironmentId, ProjectId, SecretBearer, SecretRef, ServerId, names};
use crate::error::EngineError;
use crate::odoo::options;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One running Odoo: where it runs, what it may use, and how it is set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Environment {
    /// Its identity.
    pub id: EnvironmentId,
    /// The project that it runs.
    pub project_id: ProjectId,
    /// Its name, unique in the project; part of every name on its server, so it is never changed.
    pub name: String,
    /// What it is for.
    pub kind: EnvironmentKind,
    /// Where it runs. Without one it can't be deployed.
    pub server_id: Option<ServerId>,
    /// The branch of the main repository.
    pub branch: String,
    /// The name it answers to.
    pub domain: Option<String>,
    /// How it is encrypted on the way.
    pub tls: Tls,
    /// CPUs that it may use.
    #[cfg_attr(feature = "bindings", specta(type = i32))]
    pub cpus: f64,
    /// Memory that it may use, in MiB.
    pub memory_mb: u64,
    /// Disk that is reserved for it, in MiB.
    pub disk_mb: u64,
    /// Modules to have installed.
    pub modules: Vec<String>,
    /// Options of `odoo.conf`, on top of Slipway's.
    pub options: BTreeMap<String, String>,
    /// Options of `odoo.conf` whose values are secrets. Not in what older versions wrote.
    #[serde(default)]
    pub secret_options: BTreeMap<String, SecretRef>,
    /// Environment variables of the container.
    pub variables: BTreeMap<String, String>,
    /// Environment variables whose values are secrets.
    pub secret_variables: BTreeMap<String, SecretRef>,
    /// The Odoo image to build on, instead of the series' usual one.
    pub image: Option<String>,
    /// How long an update may hold requests before they see a maintenance page, in seconds.
    pub hold_limit_s: u32,
    /// How long a new release may take until it answers, in seconds. Not in what older versions wrote.
    #[serde(default = "health_limit_s")]
    pub health_limit_s: u32,
    /// How long updating the database may take, in seconds. Not in what older versions wrote.
    #[serde(default = "update_limit_s")]
    pub update_limit_s: u32,
    /// Whether changed settings are deployed by themselves, once it is live.
    pub auto_deploy: bool,
    /// Whether new commits are deployed by themselves, once it was deployed. Not in what older versions wrote.
    #[serde(default)]
    pub deploy_on_push: bool,
    /// How much of its past is kept.
    pub retention: Retention,
    /// Whether the end of a deployment, and that it stops answering, are shown as notifications.
    pub notify: bool,
    /// Whether the first installation brings Odoo's demonstration data.
    pub demo_data: bool,
    /// The language of the first installation, such as `de_DE`.
    pub language: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its settings were last changed.
    pub updated_at: Timestamp,
}

fn health_limit_s() -> u32 {
    180
}

fn update_limit_s() -> u32 {
    3600
}

/// What an environment is for.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum EnvironmentKind {
    /// Customers work with it.
    Production,
    /// To try changes on.
    Staging,
    /// To develop with.
    Development,
}

/// How requests to an environment are encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum Tls {
    /// A certificate from a public authority, renewed by Caddy.
    Acme {
        /// Where the authority writes to when something is wrong.
        email: Option<String>,
    },
    /// A certificate of Caddy's own authority, for networks without a public name.
    Internal,
    /// A certificate given as files on the server.
    Own {
        /// The certificate with its chain.
        cert_file: String,
        /// Its key.
        key_file: String,
    },
    /// None: plain HTTP.
    Plain,
}

/// How much of an environment's past is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Retention {
    /// Releases to keep for a rollback, besides the live one.
    pub keep_releases: u32,
    /// Snapshots to keep at least, however old.
    pub keep_snapshots: u32,
    /// Days that a snapshot is kept beyond that, as long as the disk has room.
    pub snapshot_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep_releases: 5, keep_snapshots: 3, snapshot_days: 14 }
    }
}

impl Environment {
    /// An environment with the usual settings, as yet without a server.
    pub fn new(project_id: ProjectId, name: impl Into<String>, branch: impl Into<String>) -> Self {
        let now = super::now();
        Self {
            id: EnvironmentId::new(),
            project_id,
            name: name.into(),
            kind: EnvironmentKind::Production,
            server_id: None,
            branch: branch.into(),
            domain: None,
            tls: Tls::Plain,
            cpus: 2.0,
            memory_mb: 2048,
            disk_mb: 10_240,
            modules: Vec::new(),
            options: BTreeMap::new(),
            secret_options: BTreeMap::new(),
            variables: BTreeMap::new(),
            secret_variables: BTreeMap::new(),
            image: None,
            hold_limit_s: 60,
            health_limit_s: health_limit_s(),
            update_limit_s: update_limit_s(),
            auto_deploy: false,
            deploy_on_push: false,
            retention: Retention::default(),
            notify: true,
            demo_data: false,
            language: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether a deployment makes the same of these settings as of `other`: they differ in nothing but what Slipway itself goes
    /// by.
    pub fn runs_like(&self, other: &Self) -> bool {
        let plain = |environment: &Self| Self {
            kind: EnvironmentKind::Production,
            hold_limit_s: 0,
            health_limit_s: 0,
            update_limit_s: 0,
            auto_deploy: false,
            deploy_on_push: false,
            retention: Retention::default(),
            notify: false,
            // Of the first installation only.
            demo_data: false,
            language: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            ..environment.clone()
        };
        plain(self) == plain(other)
    }

    /// Checks everything that can be checked without its project and server.
    pub fn validate(&self) -> Result<(), EngineError> {
        names::check_slug("An environment", &self.name)?;
        names::check_line("The branch of an environment", &self.branch)?;
        self.validate_address()?;
        self.validate_resources()?;
        for module in &self.modules {
            names::check_word("A module", module)?;
        }
        for (option, value) in &self.options {
            options::check(option, value)?;
            options::check_openness(option)?;
        }
        for option in self.secret_options.keys() {
            options::check_secret(option)?;
        }
        for variable in self.variables.keys().chain(self.secret_variables.keys()) {
            names::check_word("A variable", variable)?;
            options::check_variable(variable)?;
        }
        let variable = self.variables.keys().find(|name| self.secret_variables.contains_key(*name));
        let option = self.options.keys().find(|name| self.secret_options.contains_key(*name));
        if let Some(twice) = variable.or(option) {
            return Err(EngineError::bad_input(format!("{twice} is given both openly and as a secret."))
                .hint("Remove one of the two."));
        }
        let given = [&self.image, &self.language];
        given
            .into_iter()
            .flatten()
            .try_for_each(|value| names::check_line("A setting of an environment", value))
    }

    fn validate_address(&self) -> Result<(), EngineError> {
        if let Some(domain) = &self.domain {
            names::check_domain(domain)?;
        }
        match &self.tls {
            Tls::Acme { email } => {
                if self.domain.is_none() {
                    return Err(EngineError::bad_input("A public certificate needs a domain.").hint(
                        "Set the environment's domain, or choose an internal certificate or plain HTTP.",
                    ));
                }
                email.iter().try_for_each(|email| names::check_line("The e-mail address", email))
            }
            Tls::Own { cert_file, key_file } => {
                names::check_line("The certificate's file", cert_file)?;
                names::check_line("The key's file", key_file)
            }
            Tls::Internal | Tls::Plain => Ok(()),
        }
    }

    fn validate_resources(&self) -> Result<(), EngineError> {
        if !self.cpus.is_finite() || self.cpus < 0.1 || self.cpus > 1024.0 {
            return Err(EngineError::bad_input(format!("An environment can't have {} CPUs.", self.cpus))
                .hint("Give a number from 0.1 to 1024."));
        }
        if !(256..=16_777_216).contains(&self.memory_mb) {
            return Err(EngineError::bad_input(format!(
                "An environment can't have {} MiB of memory.",
                self.memory_mb
            ))
            .hint("Odoo needs at least 256 MiB; 2048 is a good start."));
        }
        if !(256..=1_073_741_824).contains(&self.disk_mb) {
            return Err(EngineError::bad_input(format!(
                "An environment can't have {} MiB of disk.",
                self.disk_mb
            ))
            .hint("Give at least 256 MiB; 10240 is a good start."));
        }
        let limits = [
            (self.hold_limit_s, 1..=3600, "Requests can't be held for", "60 is"),
            (self.health_limit_s, 10..=3600, "The health limit can't be", "180 is"),
            (self.update_limit_s, 60..=43_200, "The update limit can't be", "3600 are"),
        ];
        for (limit, range, refused, usual) in limits {
            if !range.contains(&limit) {
                return Err(EngineError::bad_input(format!("{refused} {limit} s.")).hint(format!(
                    "Give {} to {} seconds; {usual} usual.",
                    range.start(),
                    range.end()
                )));
            }
        }
        Ok(())
    }
}

impl SecretBearer for Environment {
    fn secret_refs(&self) -> Vec<&SecretRef> {
        self.secret_variables.values().chain(self.secret_options.values()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment::new(ProjectId::new(), "production", "main")
    }

    #[test]
    fn resources_are_sane() {
        for cpus in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Environment { cpus, ..environment() }.validate().is_err(), "{cpus}");
        }
        assert!(Environment { memory_mb: 64, ..environment() }.validate().is_err());
        assert!(Environment { disk_mb: u64::MAX, ..environment() }.validate().is_err());
    }

    #[test]
    fn limits_have_bounds_and_say_them() {
        let usual = environment();
        usual.validate().unwrap();
        for (bad, says) in [
            (Environment { hold_limit_s: 0, ..usual.clone() }, "1 to 3600"),
            (Environment { health_limit_s: 9, ..usual.clone() }, "10 to 3600"),
            (Environment { health_limit_s: 3601, ..usual.clone() }, "10 to 3600"),
            (Environment { update_limit_s: 0, ..usual.clone() }, "60 to 43200"),
            (Environment { update_limit_s: u32::MAX, ..usual.clone() }, "60 to 43200"),
        ] {
            let error = bad.validate().unwrap_err();
            assert!(error.hint.contains(says), "{error:?}");
        }
        Environment { health_limit_s: 300, update_limit_s: 7200, ..usual }.validate().unwrap();
    }

    #[test]
    fn what_only_slipway_goes_by_needs_no_deployment() {
        let before = environment();
        let ours = Environment {
            deploy_on_push: true,
            notify: false,
            retention: Retention { keep_releases: 1, ..Retention::default() },
            health_limit_s: 300,
            update_limit_s: 7200,
            updated_at: crate::model::now(),
            ..before.clone()
        };
        assert!(before.runs_like(&ours));
        for changed in [
            Environment { memory_mb: 4096, ..before.clone() },
            Environment { domain: Some("erp.example.com".into()), ..before.clone() },
            Environment { variables: [("A".to_owned(), "1".to_owned())].into(), ..before.clone() },
            Environment { branch: "next".into(), ..before.clone() },
        ] {
            assert!(!before.runs_like(&changed), "{changed:?}");
        }
    }

    #[test]
    fn an_option_can_not_smuggle_in_another() {
        let with = |value: &str| {
            let options = BTreeMap::from([("limit_request".to_owned(), value.to_owned())]);
            Environment { options, ..environment() }.validate()
        };
        with("8192").unwrap();
        with("").unwrap();
        assert!(with("8192\nadmin_passwd = x").is_err());
    }

    #[test]
    fn a_public_certificate_needs_a_domain() {
        let tls = Tls::Acme { email: None };
        assert!(Environment { tls: tls.clone(), ..environment() }.validate().is_err());
        let domain = Some("erp.example.com".into());
        Environment { tls, domain, ..environment() }.validate().unwrap();
    }

    #[test]
    fn a_variable_is_open_or_secret_but_not_both() {
        let variables = BTreeMap::from([("TOKEN".to_owned(), "x".to_owned())]);
        let secret_variables = BTreeMap::from([("TOKEN".to_owned(), SecretRef::new())]);
        assert!(Environment { variables, secret_variables, ..environment() }.validate().is_err());
        let option = |name: &str| BTreeMap::from([(name.to_owned(), SecretRef::new())]);
        let secret = Environment { secret_options: option("smtp_password"), ..environment() };
        secret.validate().unwrap();
        assert_eq!(secret.secret_refs().len(), 1);
        let options = BTreeMap::from([("smtp_user".to_owned(), "me".to_owned())]);
        assert!(
            Environment { secret_options: option("smtp_user"), options, ..environment() }.validate().is_err()
        );
        assert!(Environment { secret_options: option("db_password"), ..environment() }.validate().is_err());
    }
}
