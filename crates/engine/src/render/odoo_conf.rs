//! `odoo.conf`: right for the series and for the resources an environment has.

use std::collections::BTreeMap;
use std::fmt::Write;

use secrecy::{ExposeSecret, SecretString};

use crate::odoo::options::{self, OptionError};
use crate::odoo::series::Series;
use crate::odoo::time_limits::TimeLimits;
use crate::render::sizing::{Sizing, sizing};

/// Where a release's addons stand in the container. Not `/mnt/extra-addons`: the official image declares that a volume, so
/// each container would get a copy of it.
pub const ADDONS: &str = "/opt/slipway/addons";

/// What the configuration is made from.
#[derive(Debug, Clone)]
pub struct OdooConf {
    /// The series.
    pub series: Series,
    /// CPUs of the container.
    pub cpus: f64,
    /// Memory of the container in MB.
    pub memory_mb: u64,
    /// The database container's name.
    pub db_host: String,
    /// Odoo's role.
    pub db_user: String,
    /// Its password.
    pub db_password: SecretString,
    /// The database.
    pub db_name: String,
    /// The hashed master password, see [`super::admin_password`].
    pub admin_passwd: String,
    /// Folders of addons by their path in the release (`main/addons`), the first one first.
    pub addons: Vec<String>,
    /// How many connections PostgreSQL takes, if that is known: one that is made now takes as many as are needed.
    pub max_connections: Option<u32>,
    /// The environment's own options.
    pub options: BTreeMap<String, String>,
    /// Those of its options that are secrets.
    pub secret_options: BTreeMap<String, SecretString>,
}

impl OdooConf {
    /// Whether websockets (or longpolling) have a port of their own (8072) in this configuration; else they share 8069.
    pub fn has_live_port(&self) -> bool {
        self.sizing().workers > 0
    }

    /// What follows from the container's resources and the environment's own number of workers.
    pub fn sizing(&self) -> Sizing {
        let workers = self.options.get("workers").map(|workers| workers.trim().parse().unwrap_or(0));
        sizing(self.series, self.cpus, self.memory_mb, workers)
    }

    /// The time limits of this configuration.
    ///
    /// # Errors
    /// When an option asks for one that Odoo couldn't work with.
    pub fn time_limits(&self) -> Result<TimeLimits, OptionError> {
        TimeLimits::of(&self.options, self.sizing().workers)
    }

    /// The file's text. It holds passwords: no file that others can read.
    pub fn render(&self) -> Result<SecretString, OptionError> {
        let facts = self.series.facts();
        let size = self.sizing();
        let max_connections = self.max_connections.unwrap_or_else(|| size.max_connections());
        let bytes = |mb: u64| mb.saturating_mul(1 << 20).to_string();
        let limits = self.time_limits()?;
        let addons: Vec<String> = self.addons.iter().map(|folder| format!("{ADDONS}/{folder}")).collect();
        if addons.iter().any(|folder| folder.contains(',')) {
            return Err(OptionError::BadValue {
                option: "addons_path".into(),
                why: "a folder's name holds a comma",
            });
        }
        // Odoo reads a name that ends in % or holds one as a placeholder in dbfilter only; ours hold none.
        let mut all: BTreeMap<&str, String> = BTreeMap::from([
            ("admin_passwd", self.admin_passwd.clone()),
            ("data_dir", "/var/lib/odoo".to_owned()),
            ("db_host", self.db_host.clone()),
            ("db_maxconn", size.db_maxconn(max_connections).to_string()),
            ("db_name", self.db_name.clone()),
            ("db_password", self.db_password.expose_secret().to_owned()),
            ("db_port", "5432".to_owned()),
            ("db_user", self.db_user.clone()),
            ("dbfilter", format!("^{}$", self.db_name)),
            // The default until 19.0; from 20.0 on it would be the container's own loopback.
            ("http_interface", "0.0.0.0".to_owned()),
            ("http_port", "8069".to_owned()),
            (facts.live_port_option, "8072".to_owned()),
            ("limit_memory_hard", bytes(size.memory_hard_mb)),
            ("limit_memory_soft", bytes(size.memory_soft_mb)),
            ("limit_request", "8192".to_owned()),
            ("limit_time_cpu", limits.cpu_s.to_string()),
            ("limit_time_real", limits.real_s.to_string()),
            ("limit_time_real_cron", limits.cron_s.to_string()),
            ("list_db", "False".to_owned()),
            ("max_cron_threads", size.cron_threads.to_string()),
            ("proxy_mode", "True".to_owned()),
            ("workers", size.workers.to_string()),
        ]);
        if !addons.is_empty() {
            all.insert("addons_path", addons.join(","));
        }
        let secrets = self.secret_options.iter().map(|(option, value)| (option, value.expose_secret()));
        for (option, value) in
            self.options.iter().map(|(option, value)| (option, value.as_str())).chain(secrets)
        {
            options::check(option, value)?;
            all.insert(option, value.to_owned());
        }
        let mut text = String::from(
            "; Written by Slipway for one release: changes here are lost with the next.\n[options]\n",
        );
        for (option, value) in &all {
            options::check_value(option, value)?;
            // Writing to a string does not fail.
            let _ = writeln!(text, "{option} = {value}");
        }
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(series: Series, options: &[(&str, &str)]) -> OdooConf {
        OdooConf {
            series,
            cpus: 2.0,
            memory_mb: 4096,
            db_host: "slipway-acme-db".into(),
            db_user: "odoo".into(),
            db_password: SecretString::from("p%($w".to_owned()),
            db_name: "acme".into(),
            admin_passwd: "$pbkdf2-sha512$1$a$b".into(),
            addons: vec!["main".into(), "oca/addons".into()],
            max_connections: None,
            options: options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            secret_options: BTreeMap::new(),
        }
    }

    fn text(series: Series, options: &[(&str, &str)]) -> String {
        conf(series, options).render().unwrap().expose_secret().to_owned()
    }

    #[test]
    fn holds_what_deploying_hangs_on() {
        let new = text(Series::V19, &[]);
        for line in [
            "proxy_mode = True",
            "list_db = False",
            "dbfilter = ^acme$",
            "db_name = acme",
            "db_password = p%($w",
            "gevent_port = 8072",
            "addons_path = /opt/slipway/addons/main,/opt/slipway/addons/oca/addons",
            "workers = 5",
            "data_dir = /var/lib/odoo",
        ] {
            assert!(new.lines().any(|l| l == line), "{line}\n{new}");
        }
        let old = text(Series::V14, &[]);
        assert!(old.contains("\nlongpolling_port = 8072\n") && !old.contains("gevent_port"));
        assert!(
            conf(Series::V19, &[]).has_live_port() && !conf(Series::V19, &[("workers", "0")]).has_live_port()
        );
    }

    #[test]
    fn free_options_win_but_not_over_protected_ones() {
        let own = text(Series::V19, &[("workers", "3"), ("server_wide_modules", "base,web,queue_job")]);
        assert!(own.contains("\nworkers = 3\n") && !own.contains("workers = 5"));
        assert!(own.contains("\nserver_wide_modules = base,web,queue_job\n"));
        let refused = conf(Series::V19, &[("db_password", "x")]).render();
        assert!(matches!(refused, Err(OptionError::Protected { .. })));
        for value in ["x\nlist_db = True", "x\r", " x", "x\0"] {
            let refused = conf(Series::V19, &[("email_from", value)]).render();
            assert!(matches!(refused, Err(OptionError::BadValue { .. })), "{value:?}");
        }
        for name in ["", "a b", "a=b", "[x]", "Email_From", "a\nb", "email_from "] {
            let refused = conf(Series::V19, &[(name, "x")]).render();
            assert!(matches!(refused, Err(OptionError::BadName { .. })), "{name}");
        }
    }

    #[test]
    fn requests_may_compute_for_as_long_as_they_may_take() {
        let usual = text(Series::V19, &[]);
        assert!(
            usual.contains("\nlimit_time_cpu = 1200\nlimit_time_real = 1200\nlimit_time_real_cron = 3600\n")
        );
        let own = text(Series::V19, &[("limit_time_real", "7200"), ("limit_time_cpu", "900")]);
        assert!(
            own.contains("\nlimit_time_cpu = 900\nlimit_time_real = 7200\nlimit_time_real_cron = 7200\n")
        );
        for (limit, workers) in [("20 min", "0"), ("0", "2")] {
            let refused = conf(Series::V19, &[("limit_time_real", limit), ("workers", workers)]).render();
            assert!(matches!(refused, Err(OptionError::BadTimeLimit { .. })), "{limit}");
        }
    }
}
