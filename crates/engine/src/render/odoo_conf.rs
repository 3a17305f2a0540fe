//! `odoo.conf`: right for the series and for the resources an environment has.
//!
//! # Workers
//! Odoo's own rule of thumb: a worker serves about six people, and there should be `2 × CPUs + 1` of them. Each takes some
//! 150 MB to begin with, and up to its soft limit when it renders a big report. So, of the memory the container has:
//! - 256 MB are set aside for the master, and 256 MB for each cron thread and for the event process;
//! - of the rest, each HTTP worker gets at least 384 MB;
//! - workers = the smaller of `2 × CPUs + 1` and what the memory allows, at most 32;
//! - below two workers, threads do better: `workers = 0`, one process with everything in it.
//!
//! # Memory limits
//! Odoo's limits count address space, not what a process really uses: a fresh worker of 19.0 has 218 MB of the one and 84
//! of the other. Below Odoo's own defaults (2 GB soft, after which a worker is replaced when its request is done; a quarter
//! more hard, where the request fails) big reports would fail that fit well. So the limits only ever go up from there, to
//! what a worker's share of the container is, at most 4 GB; what is really used is limited by the container.

use std::collections::BTreeMap;
use std::fmt::Write;

use secrecy::{ExposeSecret, SecretString};

use crate::odoo::options::{self, OptionError};
use crate::odoo::series::Series;
use crate::odoo::time_limits::TimeLimits;

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
    /// The environment's own options.
    pub options: BTreeMap<String, String>,
}

/// The numbers that follow from a container's resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizing {
    /// HTTP worker processes; 0: threads.
    pub workers: u32,
    /// Cron threads (or processes).
    pub cron_threads: u32,
    /// `limit_memory_soft` in bytes.
    pub memory_soft: u64,
    /// `limit_memory_hard` in bytes.
    pub memory_hard: u64,
}

/// The module's documentation says how.
pub fn sizing(series: Series, cpus: f64, memory_mb: u64) -> Sizing {
    const MB: u64 = 1 << 20;
    let cron_threads = if memory_mb < 2048 { 1 } else { series.facts().cron_threads };
    let rest = memory_mb.saturating_sub(256 + 256 * (u64::from(cron_threads) + 1));
    let by_cpu = (cpus.clamp(0.0, 16.0) * 2.0) as u64 + 1;
    let workers = by_cpu.min(rest / 384).min(32);
    // One process with everything in it has all the memory.
    let (workers, share) = if workers < 2 { (0, memory_mb) } else { (workers as u32, rest / workers) };
    let memory_soft = share.clamp(2048, 4096) * MB;
    Sizing { workers, cron_threads, memory_soft, memory_hard: memory_soft + memory_soft / 4 }
}

impl OdooConf {
    /// Whether websockets (or longpolling) have a port of their own (8072) in this configuration; else they share 8069.
    pub fn has_live_port(&self) -> bool {
        self.workers() > 0
    }

    fn workers(&self) -> u32 {
        match self.options.get("workers") {
            Some(workers) => workers.trim().parse().unwrap_or(0),
            None => sizing(self.series, self.cpus, self.memory_mb).workers,
        }
    }

    /// The time limits of this configuration.
    ///
    /// # Errors
    /// When an option asks for one that Odoo couldn't work with.
    pub fn time_limits(&self) -> Result<TimeLimits, OptionError> {
        TimeLimits::of(&self.options, self.workers())
    }

    /// The file's text. It holds the database's password: write it with mode 0600.
    pub fn render(&self) -> Result<SecretString, OptionError> {
        let facts = self.series.facts();
        let size = sizing(self.series, self.cpus, self.memory_mb);
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
            ("db_maxconn", "32".to_owned()),
            ("db_name", self.db_name.clone()),
            ("db_password", self.db_password.expose_secret().to_owned()),
            ("db_port", "5432".to_owned()),
            ("db_user", self.db_user.clone()),
            ("dbfilter", format!("^{}$", self.db_name)),
            // The default until 19.0; from 20.0 on it would be the container's own loopback.
            ("http_interface", "0.0.0.0".to_owned()),
            ("http_port", "8069".to_owned()),
            (facts.live_port_option, "8072".to_owned()),
            ("limit_memory_hard", size.memory_hard.to_string()),
            ("limit_memory_soft", size.memory_soft.to_string()),
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
        for (option, value) in &self.options {
            options::check(option, value)?;
            all.insert(option, value.clone());
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
            options: options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
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

    #[test]
    fn sizes_fit_into_the_memory_they_are_for() {
        let at = |cpus, mb| sizing(Series::V19, cpus, mb);
        assert_eq!(at(1.0, 512).workers, 0);
        assert_eq!(at(1.0, 1024).workers, 0);
        assert_eq!((at(1.0, 2048).workers, at(2.0, 4096).workers, at(4.0, 8192).workers), (2, 5, 9));
        assert_eq!(at(1000.0, 1 << 20).workers, 32);
        assert_eq!(at(f64::NAN, 4096).workers, 0);
        assert_eq!(
            (at(1.0, 512).memory_soft, at(1.0, 512).memory_hard),
            (2048 << 20, 2560 << 20),
            "Odoo's own"
        );
        assert_eq!(at(2.0, 16_384).memory_soft, 3072 << 20, "a worker's share");
        let mut before = 0;
        for mb in (256..65_536).step_by(256) {
            let size = at(8.0, mb);
            assert!(size.workers >= before && size.memory_hard > size.memory_soft, "{mb}");
            assert!(size.workers == 0 || u64::from(size.workers) * 384 < mb, "{mb}");
            before = size.workers;
        }
    }
}
