//! The one table of what differs between Odoo's series. Facts are from each branch's `odoo/tools/config.py`,
//! `addons/web/controllers` and `addons/bus`, `odoo/sql_db.py`, and the official images' Dockerfiles.

use std::fmt;
use std::str::FromStr;

/// An Odoo major version that Slipway deploys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Series {
    /// 14.0
    V14,
    /// 15.0
    V15,
    /// 16.0
    V16,
    /// 17.0
    V17,
    /// 18.0
    V18,
    /// 19.0
    V19,
}

/// What is particular to one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The name, `19.0`.
    pub name: &'static str,
    /// The Odoo image deployed on when an environment names none.
    pub image: &'static str,
    /// Python in the official image.
    pub python: &'static str,
    /// Flags for `pip install` as root in the official image: from 18.0 on its Python is marked as the system's own.
    pub pip_flags: &'static [&'static str],
    /// The route that needs the event port: `/websocket`, before 16.0 `/longpolling`.
    pub live_route: &'static str,
    /// The option naming that port: `gevent_port`, before 16.0 `longpolling_port`.
    pub live_port_option: &'static str,
    /// A page that answers 200 as soon as HTTP works; says nothing about the registry. Since 15.0.
    pub health_path: Option<&'static str>,
    /// Whether `odoo neutralize` exists (16.0).
    pub neutralize: bool,
    /// The PostgreSQL image for a new environment.
    pub postgres_image: &'static str,
    /// The oldest PostgreSQL that the series supports.
    pub postgres_min: u32,
    /// The newest one that it is known to work with.
    pub postgres_max: u32,
    /// `max_cron_threads` when nothing else is said (Odoo's own default).
    pub cron_threads: u32,
    /// Translations of Python code are read from the module's `.po` files when needed (16.0), not from the database.
    pub code_translations_in_files: bool,
    /// Demo data is installed unless refused (until 18.0).
    pub demo_by_default: bool,
    /// A bundle of JavaScript or CSS is named after the time of each of its files (`unique_descriptor` in
    /// `odoo/addons/base/models/assetsbundle.py`, 17.0); before, after the newest time alone (16.0 was changed on the way).
    pub bundles_know_each_time: bool,
}

const V14: Facts = Facts {
    name: "14.0",
    image: "odoo:14.0",
    python: "3.9",
    pip_flags: &[],
    live_route: "/longpolling",
    live_port_option: "longpolling_port",
    health_path: None,
    neutralize: false,
    postgres_image: "postgres:17",
    postgres_min: 10,
    postgres_max: 18,
    cron_threads: 2,
    code_translations_in_files: false,
    demo_by_default: true,
    bundles_know_each_time: false,
};
const V15: Facts = Facts { name: "15.0", image: "odoo:15.0", health_path: Some("/web/health"), ..V14 };
const V16: Facts = Facts {
    name: "16.0",
    image: "odoo:16.0",
    live_route: "/websocket",
    live_port_option: "gevent_port",
    neutralize: true,
    postgres_min: 12,
    code_translations_in_files: true,
    ..V15
};
const V17: Facts =
    Facts { name: "17.0", image: "odoo:17.0", python: "3.10", bundles_know_each_time: true, ..V16 };
const V18: Facts = Facts {
    name: "18.0",
    image: "odoo:18.0",
    python: "3.12",
    pip_flags: &["--break-system-packages"],
    ..V17
};
const V19: Facts =
    Facts { name: "19.0", image: "odoo:19.0", postgres_min: 13, demo_by_default: false, ..V18 };

impl Series {
    /// Every series, the oldest first.
    pub const ALL: [Self; 6] = [Self::V14, Self::V15, Self::V16, Self::V17, Self::V18, Self::V19];

    /// The table's row.
    pub const fn facts(self) -> &'static Facts {
        match self {
            Self::V14 => &V14,
            Self::V15 => &V15,
            Self::V16 => &V16,
            Self::V17 => &V17,
            Self::V18 => &V18,
            Self::V19 => &V19,
        }
    }

    /// What `odoo -i` needs so that demo data is, or is not, installed.
    pub const fn demo_args(self, demo: bool) -> &'static [&'static str] {
        match (self.facts().demo_by_default, demo) {
            (true, true) | (false, false) => &[],
            (true, false) => &["--without-demo=all"],
            (false, true) => &["--with-demo"],
        }
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.facts().name)
    }
}

/// A series that Slipway doesn't know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an Odoo series that Slipway deploys")]
pub struct UnknownSeries(pub String);

impl UnknownSeries {
    /// What to do next.
    pub fn hint(&self) -> String {
        let names: Vec<_> = Series::ALL.iter().map(Series::to_string).collect();
        format!("Use one of {}.", names.join(", "))
    }
}

impl FromStr for Series {
    type Err = UnknownSeries;

    /// Takes `19.0` and `19`.
    fn from_str(text: &str) -> Result<Self, UnknownSeries> {
        let same = |s: &Self| s.facts().name == text || s.facts().name.strip_suffix(".0") == Some(text);
        Self::ALL.into_iter().find(same).ok_or_else(|| UnknownSeries(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for series in Series::ALL {
            assert_eq!(series.to_string().parse(), Ok(series));
            assert_eq!(series.facts().image, format!("odoo:{series}"));
        }
        assert_eq!("17".parse(), Ok(Series::V17));
        for bad in ["", "13.0", "20.0", "19.1", "19.0 ", "saas-19.1"] {
            assert!(bad.parse::<Series>().unwrap_err().hint().contains("19.0"));
        }
    }

    #[test]
    fn each_fact_changes_where_odoo_changed_it() {
        let since = |fact: fn(&Facts) -> bool| {
            let row: Vec<bool> = Series::ALL.iter().map(|s| fact(s.facts())).collect();
            assert!(row.is_sorted(), "{row:?}");
            Series::ALL.into_iter().find(|s| fact(s.facts())).map(|s| s.to_string()).unwrap()
        };
        assert_eq!(since(|f| f.health_path.is_some()), "15.0");
        assert_eq!(since(|f| f.live_route == "/websocket"), "16.0");
        assert_eq!(since(|f| f.live_port_option == "gevent_port"), "16.0");
        assert_eq!(since(|f| f.neutralize), "16.0");
        assert_eq!(since(|f| f.code_translations_in_files), "16.0");
        assert_eq!(since(|f| f.pip_flags.contains(&"--break-system-packages")), "18.0");
        assert_eq!(since(|f| !f.demo_by_default), "19.0");
        assert_eq!(since(|f| f.bundles_know_each_time), "17.0");
        assert_eq!(since(|f| f.python == "3.12"), "18.0");
        for facts in Series::ALL.map(Series::facts) {
            let version: u32 = facts.postgres_image.strip_prefix("postgres:").unwrap().parse().unwrap();
            assert!((facts.postgres_min..=facts.postgres_max).contains(&version));
        }
    }

    #[test]
    fn demo_data_is_asked_for_in_the_series_own_words() {
        assert_eq!(Series::V14.demo_args(false), ["--without-demo=all"]);
        assert_eq!(Series::V18.demo_args(true), [""; 0]);
        assert_eq!(Series::V19.demo_args(true), ["--with-demo"]);
        assert_eq!(Series::V19.demo_args(false), [""; 0]);
    }
}
