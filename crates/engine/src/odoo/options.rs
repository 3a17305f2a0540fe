//! Options of `odoo.conf`: which a user may set, and which not, because a deployment hangs on them.
//!
//! Read from `odoo/tools/config.py` of 14.0 and 19.0. Up to 18.0 Odoo takes every name that stands in the file, whether it
//! knows an option of that name or not; 13.0's names of some are still translated. From 19.0 on an environment variable of
//! the option's own wins over the file: `ODOO_` with its name, or PostgreSQL's.

use super::time_limits::REAL_S;

/// Why an option can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// Slipway sets it, or what it does would undo what Slipway relies on.
    #[error("the option {option} cannot be set: {why}")]
    Protected {
        /// The option.
        option: String,
        /// Why.
        why: &'static str,
    },
    /// An environment variable that sets such an option.
    #[error("the variable {variable} cannot be set, since Odoo reads an option from it: {why}")]
    Variable {
        /// The variable.
        variable: String,
        /// Why.
        why: &'static str,
    },
    /// A password or a token among the options that are kept in the clear.
    #[error("the option {option} is a secret, and the environment's options are kept in the clear")]
    Open {
        /// The option.
        option: String,
    },
    /// An option that Slipway reads itself, among the secrets.
    #[error("the option {option} cannot be a secret, since what Slipway does goes by it")]
    Read {
        /// The option.
        option: String,
    },
    /// A name that is no option's.
    #[error("\"{option}\" is not the name of an Odoo option")]
    BadName {
        /// The name.
        option: String,
    },
    /// A value that would end its line, or mean something else than it says.
    #[error("the value of {option} cannot be written to odoo.conf: {why}")]
    BadValue {
        /// The option.
        option: String,
        /// Why.
        why: &'static str,
    },
    /// A time limit that Odoo couldn't work with.
    #[error("{option} cannot be \"{value}\": {why}")]
    BadTimeLimit {
        /// The option.
        option: String,
        /// Its value.
        value: String,
        /// Why.
        why: &'static str,
    },
}

impl OptionError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Protected { option, .. } => format!(
                "Take it out of the environment's options: `slipway env set PROJECT/NAME --option {option}=`, or in its settings."
            ),
            Self::Variable { variable, .. } => format!(
                "Take it out of the environment's variables: `slipway env set PROJECT/NAME --variable {variable}=`, or in its settings."
            ),
            Self::Open { option } => format!(
                "Keep it in the keychain: `slipway env set PROJECT/NAME --secret-option {option}`, or under Secret options in its settings."
            ),
            Self::Read { option } => format!(
                "Give it openly: `slipway env set PROJECT/NAME --secret-option {option}= --option {option}=VALUE`, or in its settings."
            ),
            Self::BadName { .. } => {
                "Use lower-case letters, digits and underscores, as in Odoo's documentation.".to_owned()
            }
            Self::BadValue { option, .. } if option == "server_wide_modules" => {
                "Name them besides your own: base,web,queue_job.".to_owned()
            }
            Self::BadTimeLimit { .. } => {
                format!("Give whole seconds, such as 1800, or remove the option: {REAL_S} is usual.")
            }
            Self::BadValue { .. } => "Write the value on one line, without spaces around it.".to_owned(),
        }
    }
}

const LOG: &str = "whether a release loaded its modules is read from its log, at Odoo's own level";
const DATABASE: &str = "Slipway makes the environment's database, its user and its password";
const ADDRESS: &str = "the proxy finds Odoo at an address that Slipway sets";
const PLACE: &str = "where the modules, the files and the configuration are is Slipway's to say";
const RUN: &str = "it is for one run of Odoo, and would act in each";
const DATA: &str =
    "demonstration data and the language are settings of the environment, for its first installation";
const UPGRADE: &str = "Slipway would not see when its scripts change, and call it a change of code only";

/// The options that can't be set, each with why. Whatever begins with `log` is one as well.
const PROTECTED: [(&str, &str); 55] = [
    ("addons_path", PLACE),
    ("admin_passwd", "the master password stays on the server"),
    ("config", PLACE),
    ("data_dir", PLACE),
    ("database", DATABASE),
    ("db_app_name", DATABASE),
    ("db_host", DATABASE),
    ("db_name", DATABASE),
    ("db_password", DATABASE),
    ("db_port", DATABASE),
    ("db_replica_host", DATABASE),
    ("db_replica_port", DATABASE),
    ("db_sslmode", DATABASE),
    ("db_template", DATABASE),
    ("db_user", DATABASE),
    ("dbfilter", DATABASE),
    ("demo", DATA),
    ("gevent_port", ADDRESS),
    ("http_enable", ADDRESS),
    ("http_interface", ADDRESS),
    ("http_port", ADDRESS),
    ("import_partial", RUN),
    ("init", RUN),
    ("language", RUN),
    ("list_db", "each environment has one database, which nobody is to choose or drop"),
    ("load_language", DATA),
    ("longpolling_port", ADDRESS),
    ("netrpc", ADDRESS),
    ("netrpc_interface", ADDRESS),
    ("netrpc_port", ADDRESS),
    ("overwrite_existing_translations", RUN),
    ("pidfile", RUN),
    ("pre_upgrade_scripts", UPGRADE),
    ("proxy_mode", ADDRESS),
    ("reinit", RUN),
    ("root_path", PLACE),
    ("save", RUN),
    ("shell_interface", RUN),
    ("stop_after_init", RUN),
    ("syslog", LOG),
    ("test_commit", RUN),
    ("test_enable", RUN),
    ("test_file", RUN),
    ("test_report_directory", RUN),
    ("test_tags", RUN),
    ("translate_in", RUN),
    ("translate_modules", RUN),
    ("translate_out", RUN),
    ("unaccent", DATABASE),
    ("update", RUN),
    ("upgrade_path", UPGRADE),
    ("with_demo", DATA),
    ("without_demo", DATA),
    ("x_sendfile", "the proxy would have to serve the files, and can't reach them"),
    ("xmlrpc", ADDRESS),
];
/// Options of which each name that begins so is protected: 13.0's names beside today's.
const FAMILIES: [(&str, &str); 4] =
    [("log", LOG), ("xmlrpc_", ADDRESS), ("xmlrpcs", ADDRESS), ("test_", RUN)];
/// The variables that 19.0 reads options from by another name than `ODOO_` and the option's; the first two are of every series.
const VARIABLES: [(&str, &str); 14] = [
    ("ODOO_RC", PLACE),
    ("OPENERP_SERVER", PLACE),
    ("PGAPPNAME", DATABASE),
    ("PGDATABASE", DATABASE),
    ("PGDATABASE_TEMPLATE", DATABASE),
    ("PGHOST", DATABASE),
    ("PGHOST_REPLICA", DATABASE),
    ("PGOPTIONS", DATABASE),
    ("PGPASSWORD", DATABASE),
    ("PGPORT", DATABASE),
    ("PGPORT_REPLICA", DATABASE),
    ("PGSERVICE", DATABASE),
    ("PGSSLMODE", DATABASE),
    ("PGUSER", DATABASE),
];
/// How the names of options end that hold secrets: `smtp_password` of Odoo's own, `…_token` of modules.
const SECRETS: [&str; 7] = ["password", "passwd", "passphrase", "secret", "token", "api_key", "apikey"];
/// Options that Slipway reads: for the size of a release, the proxy's time limits and the checks.
const READ: [&str; 5] =
    ["limit_time_cpu", "limit_time_real", "limit_time_real_cron", "server_wide_modules", "workers"];
/// Without these the pages that a release is checked by aren't there.
const SERVER_WIDE: [&str; 2] = ["base", "web"];

/// Checks an option of an environment's own.
///
/// # Errors
/// When it can't be set, isn't an option's name, or its value would not be read as it is written.
pub fn check(option: &str, value: &str) -> Result<(), OptionError> {
    check_name(option)?;
    if option == "server_wide_modules" && !has_server_wide(value) {
        let why = "base and web are not among them";
        return Err(OptionError::BadValue { option: option.to_owned(), why });
    }
    check_value(option, value)
}

/// Checks that an option of an environment's own may be set, whatever its value.
///
/// # Errors
/// When it may not, or isn't an option's name.
pub fn check_name(option: &str) -> Result<(), OptionError> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if option.is_empty() || !option.chars().all(is_name) {
        return Err(OptionError::BadName { option: option.to_owned() });
    }
    match protected(option) {
        Some(why) => Err(OptionError::Protected { option: option.to_owned(), why }),
        None => Ok(()),
    }
}

/// Checks that an option may be a secret, whatever its value.
///
/// # Errors
/// When it may not be set, or Slipway has to know it.
pub fn check_secret(option: &str) -> Result<(), OptionError> {
    check_name(option)?;
    if READ.contains(&option) {
        return Err(OptionError::Read { option: option.to_owned() });
    }
    Ok(())
}

/// Checks that an option may be kept in the clear, by its name.
///
/// # Errors
/// When options of such names hold secrets.
pub fn check_openness(option: &str) -> Result<(), OptionError> {
    if SECRETS.iter().any(|end| option.ends_with(end)) {
        return Err(OptionError::Open { option: option.to_owned() });
    }
    Ok(())
}

/// Checks that an option's value is read from `odoo.conf` as it is written there.
///
/// # Errors
/// When it isn't.
pub fn check_value(option: &str, value: &str) -> Result<(), OptionError> {
    let why = match value {
        v if v.chars().any(char::is_control) => "it holds a line break or another control character",
        v if v.trim() != v => "it begins or ends with a space, which Odoo would drop",
        _ => return Ok(()),
    };
    Err(OptionError::BadValue { option: option.to_owned(), why })
}

/// Checks the name of an environment variable of the container.
///
/// # Errors
/// When Odoo reads an option from it that can't be set.
pub fn check_variable(variable: &str) -> Result<(), OptionError> {
    let of_option = || protected(&variable.strip_prefix("ODOO_")?.to_ascii_lowercase());
    let named = VARIABLES.iter().find(|(name, _)| *name == variable).map(|(_, why)| *why);
    match named.or_else(of_option) {
        Some(why) => Err(OptionError::Variable { variable: variable.to_owned(), why }),
        None => Ok(()),
    }
}

fn protected(option: &str) -> Option<&'static str> {
    let by_name = PROTECTED.iter().find(|(name, _)| *name == option);
    by_name.or_else(|| FAMILIES.iter().find(|(start, _)| option.starts_with(start))).map(|(_, why)| *why)
}

fn has_server_wide(value: &str) -> bool {
    let named: Vec<&str> = value.split(',').map(str::trim).collect();
    SERVER_WIDE.iter().all(|module| named.contains(module))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All names that `odoo/tools/config.py` knows of what is written of a log, in any series.
    const OF_THE_LOG: [&str; 12] = [
        "logfile",
        "logrotate",
        "log_level",
        "log_handler",
        "log_db",
        "log_db_level",
        "log_sql",
        "log_web",
        "log_request",
        "log_response",
        "log_unaccent",
        "syslog",
    ];

    #[test]
    fn what_blinds_the_check_or_is_ours_is_refused() {
        let ours = ["db_name", "list_db", "dbfilter", "addons_path", "http_port", "xmlrpc_port", "with_demo"];
        for option in OF_THE_LOG.into_iter().chain(ours) {
            let refused = check(option, "x").unwrap_err();
            assert!(matches!(&refused, OptionError::Protected { option: o, .. } if o == option), "{refused}");
            assert!(refused.hint().contains(&format!("--option {option}=`")), "{}", refused.hint());
        }
        for (option, value) in [
            ("workers", "3"),
            ("limit_time_real", "600"),
            ("smtp_server", "mail.example.com"),
            ("max_cron_threads", "1"),
            ("dev_mode", "qweb"),
            ("db_maxconn", "16"),
            ("geoip_database", "/x"),
            ("server_wide_modules", "base, web,queue_job"),
            ("limit_request", ""),
        ] {
            check(option, value).unwrap();
        }
        assert!(check("server_wide_modules", "base,queue_job").is_err());
    }

    #[test]
    fn so_are_the_variables_that_set_them() {
        for variable in ["ODOO_LOGFILE", "ODOO_LOG_LEVEL", "ODOO_DBFILTER", "PGHOST", "ODOO_RC"] {
            let refused = check_variable(variable).unwrap_err();
            assert!(refused.hint().contains(variable), "{refused}");
        }
        for variable in ["ODOO_WORKERS", "LOGFILE", "QUEUE_JOB", "ODOO", "TZ"] {
            check_variable(variable).unwrap();
        }
    }

    #[test]
    fn a_secret_is_not_kept_in_the_clear() {
        for option in ["smtp_password", "sentry_token", "aws_api_key", "oauth_client_secret"] {
            let refused = check_openness(option).unwrap_err();
            assert!(refused.hint().contains(&format!("--secret-option {option}`")), "{}", refused.hint());
            check_secret(option).unwrap();
        }
        for option in ["smtp_user", "smtp_ssl_private_key_filename", "workers", "token_lifetime"] {
            check_openness(option).unwrap();
        }
        assert!(check_secret("workers").unwrap_err().hint().contains("--option workers=VALUE"));
        assert!(check_secret("db_password").is_err());
    }

    #[test]
    fn a_table_in_order_is_read_easily() {
        assert!(PROTECTED.is_sorted() && VARIABLES.is_sorted());
    }
}
