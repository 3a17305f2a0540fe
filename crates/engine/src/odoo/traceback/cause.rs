use serde::{Deserialize, Serialize};

use super::Ending;
use super::log::{self, Log, Place};

/// What most likely made Odoo fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// A Python package is not in the image.
    MissingPythonPackage {
        /// The package, as imported or as the manifest names it.
        package: String,
    },
    /// A module that another needs is nowhere.
    MissingModule {
        /// The module that is missing.
        missing: String,
    },
    /// A file named in a manifest is not there.
    MissingFile {
        /// Its path.
        path: String,
    },
    /// Something that Python can't read.
    Syntax,
    /// A view or data file that Odoo refuses.
    Data {
        /// Odoo's reason, on one line.
        reason: String,
    },
    /// A migration script failed.
    Migration,
    /// A table or column is not in the database.
    MissingColumn,
    /// Rows that are there contradict a new constraint.
    Constraint,
    /// A field or model is declared in a way that doesn't work out.
    Model,
    /// An exception in the module's own code.
    Python,
    /// The kernel ended it.
    OutOfMemory,
    /// A port is taken.
    AddressInUse,
    /// PostgreSQL can't be reached or refuses us.
    Database,
    /// No room on the disk.
    DiskFull,
    /// Somebody else held a lock on the same rows.
    Busy,
    /// Modules were passed over and Odoo went on without them.
    Skipped {
        /// Those that Odoo named.
        modules: Vec<String>,
    },
    /// Nothing that is known here.
    Unknown,
}

/// Goes from what is plain to what is general.
pub(super) fn of(log: &Log) -> Cause {
    let exception = log.exception.as_deref().unwrap_or_default();
    let (class, text) = exception.split_once(": ").unwrap_or((exception, ""));
    let kind = class.rsplit('.').next().unwrap_or_default();
    let all = || log.errors.iter().map(String::as_str).chain([log.detail.as_str()]);
    let says = |words: &str| all().any(|text| text.contains(words));
    if says("No space left on device") || kind == "DiskFull" {
        return Cause::DiskFull;
    }
    if says("Address already in use") {
        return Cause::AddressInUse;
    }
    if let Some(package) = missing_package(kind, text, &log.detail) {
        return Cause::MissingPythonPackage { package };
    }
    if let Some(missing) =
        missing_module(&log.detail).or_else(|| log.errors.iter().find_map(|e| missing_module(e)))
    {
        return Cause::MissingModule { missing };
    }
    // Before 15.0, Odoo's own words for a data file that is not there.
    if let Some(path) = text.strip_prefix("File not found: ") {
        return Cause::MissingFile { path: path.to_owned() };
    }
    let in_migration = log
        .frames
        .iter()
        .any(|p| p.ours && (p.file.contains("/migrations/") || p.file.contains("/upgrades/")));
    match kind {
        _ if in_migration => Cause::Migration,
        "SyntaxError" | "IndentationError" | "TabError" => Cause::Syntax,
        "ParseError" | "XMLSyntaxError" => Cause::Data { reason: data_reason(text, log) },
        "FileNotFoundError" => {
            Cause::MissingFile { path: between(text, "'", "'").unwrap_or(text).to_owned() }
        }
        "UndefinedColumn" | "UndefinedTable" => Cause::MissingColumn,
        "UniqueViolation" | "NotNullViolation" | "CheckViolation" | "ForeignKeyViolation" => {
            Cause::Constraint
        }
        "SerializationFailure" | "LockNotAvailable" | "DeadlockDetected" | "QueryCanceled" => Cause::Busy,
        "OperationalError" => Cause::Database,
        "MemoryError" => Cause::OutOfMemory,
        "" => without_exception(log, &says),
        _ if log.frames.iter().any(|p| p.ours) => Cause::Python,
        _ if log.frames.iter().any(|p| p.file.contains("setup") || p.file.ends_with("fields.py")) => {
            Cause::Model
        }
        _ => Cause::Python,
    }
}

fn without_exception(log: &Log, says: &dyn Fn(&str) -> bool) -> Cause {
    if says("Database connection failure")
        || says("could not translate host name")
        || says("Connection refused")
    {
        return Cause::Database;
    }
    // "Some modules are not loaded, some dependencies or manifest may be missing: ['a', 'b']"
    let skipped = log
        .errors
        .iter()
        .find(|e| e.starts_with("Some modules are not loaded") || e.contains("have inconsistent states"));
    match skipped {
        Some(error) => Cause::Skipped { modules: quoted(error) },
        None => Cause::Unknown,
    }
}

fn missing_package(kind: &str, text: &str, detail: &str) -> Option<String> {
    if kind == "ModuleNotFoundError" {
        let name = between(text, "No module named '", "'")?;
        // One of Odoo's own or of ours is a missing module or file, not a package.
        return (!name.starts_with("odoo.")).then(|| name.split('.').next().unwrap_or(name).to_owned());
    }
    for start in ["an external dependency is not met: ", "external dependencies are not met: "] {
        if let Some((_, rest)) = detail.split_once(start) {
            // 14.0: "Python library not installed: x"; a program is told as "Unable to find 'x' in path".
            let rest = rest.lines().next()?.trim();
            return Some(rest.strip_prefix("Python library not installed: ").unwrap_or(rest).to_owned());
        }
    }
    None
}

fn missing_module(text: &str) -> Option<String> {
    // Before 15.0 in single quotes.
    if let Some((_, rest)) = text.split_once("depends on module ") {
        return Some(rest.split(['"', '\'']).nth(1)?.to_owned());
    }
    // "module x: Unmet dependencies: y" and "invalid module names, ignored: y"
    let after = ["Unmet dependencies: ", "invalid module names, ignored: ", "No module named 'odoo.addons."];
    let rest = after.iter().find_map(|start| text.split_once(start))?.1;
    let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// What is wrong with the data, as one sentence: "Field "nope" does not exist in model "x.m"". It stands behind the place
/// (from 15.0 on), or in the exception that was the reason (14.0).
fn data_reason(text: &str, log: &Log) -> String {
    let after = |detail: &str, start: &str| {
        let lines = detail.lines().skip_while(|line| !line.contains(start)).skip(1);
        let told = |line: &&str| {
            let line = line.trim();
            !line.is_empty()
                && !line.starts_with('<')
                && !line.starts_with("Error while")
                && !line.starts_with("The above")
        };
        let stop = |line: &&str| !line.contains("View error context") && !line.starts_with("View name:");
        lines.take_while(stop).filter(told).last().map(|line| line.trim().to_owned())
    };
    let reason = after(&log.detail, "ParseError").or_else(|| after(&log.reason, "Error"));
    reason.unwrap_or_else(|| text.to_owned())
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    text.split_once(start)?.1.split_once(end).map(|(inner, _)| inner)
}

fn quoted(text: &str) -> Vec<String> {
    text.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

impl Cause {
    /// A place that the message names better than the traceback does.
    pub(super) fn place(&self, log: &Log) -> Option<Place> {
        if !matches!(self, Self::Data { .. }) {
            return None;
        }
        // "while parsing /opt/…/views/v.xml:2" and, before 15.0, "while parsing "file:///…/v.xml:2, near".
        let rest = log.detail.split_once("while parsing ")?.1;
        let rest = rest.trim_start_matches('"').trim_start_matches("file://").trim_start_matches("file:");
        let at = rest.find(".xml").or_else(|| rest.find(".csv"))? + 4;
        let line = rest[at..]
            .strip_prefix(':')
            .map(|l| l.chars().take_while(char::is_ascii_digit).collect::<String>());
        Some(log::place(&rest[..at], line.and_then(|l| l.parse().ok())))
    }

    pub(super) fn message(
        &self,
        module: Option<&str>,
        file: Option<&str>,
        line: Option<u32>,
        exception: Option<&str>,
        ending: Ending,
    ) -> String {
        let module = module.unwrap_or("Odoo");
        let place = match (file, line) {
            (Some(file), Some(line)) => format!(" ({file}, line {line})"),
            (Some(file), None) => format!(" ({file})"),
            _ => String::new(),
        };
        let told = exception.unwrap_or("no exception is in the log");
        match self {
            Self::MissingPythonPackage { package } => {
                format!("{module} needs {package}, which is not in the image{place}")
            }
            Self::MissingModule { missing } => {
                format!("{module} needs the module {missing}, which is not there")
            }
            Self::MissingFile { path } => format!("{module} names a file that does not exist: {path}"),
            Self::Syntax => format!("{module} has a syntax error{place}"),
            Self::Data { reason } => format!("{module} has data that Odoo refuses{place}: {reason}"),
            Self::Migration => format!("a migration script of {module} failed{place}: {told}"),
            Self::MissingColumn => {
                format!("{module} uses a table or column that the database does not have{place}: {told}")
            }
            Self::Constraint => format!("data in the database contradicts {module}{place}: {told}"),
            Self::Model => format!("a model or field of {module} cannot be set up: {told}"),
            Self::Python => format!("{module} failed{place}: {told}"),
            Self::OutOfMemory => "Odoo ran out of memory and was ended".to_owned(),
            Self::AddressInUse => "a port that Odoo needs is taken".to_owned(),
            Self::Database => format!("Odoo cannot use its database: {told}"),
            Self::DiskFull => "the server's disk is full".to_owned(),
            Self::Busy => format!("the database was busy with something else: {told}"),
            Self::Skipped { modules } => {
                format!("Odoo went on without these modules: {}", modules.join(", "))
            }
            Self::Unknown => match ending.code {
                Some(code) => format!("Odoo ended with code {code}, and its log does not say why"),
                None => "Odoo failed, and its log does not say why".to_owned(),
            },
        }
    }

    pub(super) fn hint(&self) -> String {
        match self {
            Self::MissingPythonPackage { package } => format!(
                "Add what provides {package} to requirements.txt (a Python package) or to apt.txt (a program), and deploy again."
            ),
            Self::MissingModule { .. } => "Add the repository that holds it to the project, or correct \"depends\".".to_owned(),
            Self::MissingFile { .. } => "Add the file to Git, or take it out of the manifest.".to_owned(),
            Self::Syntax => "Correct the file; running it through Python shows the same error.".to_owned(),
            Self::Data { .. } => "Correct the file at this place; the fields it names must exist in this commit.".to_owned(),
            Self::Migration => "Correct the script, and try it on a copy of the database first.".to_owned(),
            Self::MissingColumn => {
                "Raise the version of the module that declares it, so that it is updated, or update it by hand.".to_owned()
            }
            Self::Constraint => "Correct these rows first, or in a migration script that runs before.".to_owned(),
            Self::Model => "Check the model and field names that the last commits touched.".to_owned(),
            Self::Python => "Correct the code at this place, and deploy again.".to_owned(),
            Self::OutOfMemory => "Give the environment more memory, or fewer workers.".to_owned(),
            Self::AddressInUse => "Look for another process in this container's network, then try again.".to_owned(),
            Self::Database => "Check that the environment's database container runs and has room.".to_owned(),
            Self::DiskFull => "Make room on the server: old snapshots and releases are listed with their size.".to_owned(),
            Self::Busy => "Try again; if it stays, look for long transactions.".to_owned(),
            Self::Skipped { .. } => "Check that these modules, and all that they need, are in the project's repositories.".to_owned(),
            Self::Unknown => "Read the last lines of the log.".to_owned(),
        }
    }
}
