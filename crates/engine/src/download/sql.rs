//! What a dump in SQL tells while it passes: which modules it has, which PostgreSQL it comes from, and that it is whole.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};

use serde_json::{Value, json};

use crate::error::{EngineError, ErrorCode};
use crate::odoo::series::Series;

/// Longer lines are looked at in pieces: a row of a table may be as long as an attachment.
const LONGEST: u64 = 1024 * 1024;
const MODULES: &str = "COPY public.ir_module_module (";
const VERSION: &str = "-- Dumped from database version ";
const END: &str = "-- PostgreSQL database dump complete";

/// What was learned.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    modules: BTreeMap<String, String>,
    postgres: String,
    whole: bool,
}

impl Told {
    /// What Odoo's database manager puts beside its dumps.
    pub(super) fn manifest(&self, database: &str, series: Series) -> Value {
        let major: u32 = series.to_string().split('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        json!({
            "odoo_dump": "1",
            "db_name": database,
            "version": series.to_string(),
            "version_info": [major, 0, 0, "final", 0, ""],
            "major_version": series.to_string(),
            "pg_version": self.postgres,
            "modules": self.modules,
        })
    }
}

/// Passes a dump on and learns from it.
///
/// # Errors
/// When it can't be read or written; `snapshot_failed` when its end isn't there.
pub(super) fn pass(from: &mut impl BufRead, to: &mut impl Write) -> Result<Told, EngineError> {
    let mut told = Told::default();
    let mut columns: Option<Columns> = None;
    let mut at_start = true;
    while let Some(piece) = next(from)? {
        to.write_all(&piece)?;
        if at_start {
            match &columns {
                Some(_) if piece.starts_with(b"\\.") => columns = None,
                Some(columns) => columns.read(&piece, &mut told.modules),
                None => columns = told.look(&piece),
            }
        }
        at_start = piece.ends_with(b"\n");
    }
    if told.whole {
        return Ok(told);
    }
    Err(EngineError::new(ErrorCode::SnapshotFailed, "The snapshot's dump has no end: it is not whole.")
        .hint("Restore or download another one."))
}

impl Told {
    fn look(&mut self, line: &[u8]) -> Option<Columns> {
        // Most lines are rows of other tables, and nothing to us.
        if line.starts_with(VERSION.as_bytes()) {
            let line = String::from_utf8_lossy(line);
            self.postgres = line[VERSION.len()..].split_whitespace().next().unwrap_or_default().to_owned();
        } else if line.starts_with(END.as_bytes()) {
            self.whole = true;
        } else if line.starts_with(MODULES.as_bytes()) {
            return Columns::of(&String::from_utf8_lossy(line));
        }
        None
    }
}

/// Where in a row of `ir_module_module` what we want stands.
struct Columns {
    name: usize,
    state: usize,
    version: usize,
}

impl Columns {
    fn of(line: &str) -> Option<Self> {
        let names = line.strip_prefix(MODULES)?.split_once(')')?.0;
        let at = |wanted: &str| names.split(',').position(|name| name.trim() == wanted);
        Some(Self { name: at("name")?, state: at("state")?, version: at("latest_version")? })
    }

    fn read(&self, row: &[u8], modules: &mut BTreeMap<String, String>) {
        let row = String::from_utf8_lossy(row);
        let values: Vec<&str> = row.trim_end_matches('\n').split('\t').collect();
        let value = |at: usize| values.get(at).copied().unwrap_or_default();
        if value(self.state) == "installed" {
            modules.insert(value(self.name).to_owned(), value(self.version).to_owned());
        }
    }
}

fn next(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut piece = Vec::new();
    from.take(LONGEST).read_until(b'\n', &mut piece)?;
    Ok(Some(piece).filter(|piece| !piece.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "-- Dumped from database version 17.6 (Debian 17.6-1)\n\
        COPY public.res_partner (id, name) FROM stdin;\n1\t-- not a comment\n\\.\n\
        COPY public.ir_module_module (id, name, state, latest_version) FROM stdin;\n\
        1\tbase\tinstalled\t19.0.1.3\n2\tsale\tuninstalled\t\\N\n3\tacme_base\tinstalled\t19.0.1.0.0\n\\.\n\
        --\n-- PostgreSQL database dump complete\n--\n";

    #[test]
    fn a_dump_tells_what_the_manifest_says() {
        let mut passed = Vec::new();
        let told = pass(&mut DUMP.as_bytes(), &mut passed).unwrap();
        assert_eq!(passed, DUMP.as_bytes(), "not a byte is changed");
        let manifest = told.manifest("acme_production", "19.0".parse().unwrap());
        assert_eq!(manifest["modules"], json!({"acme_base": "19.0.1.0.0", "base": "19.0.1.3"}));
        assert_eq!(manifest["pg_version"], "17.6");
        assert_eq!(manifest["version_info"][0], 19);
        assert_eq!(manifest["major_version"], "19.0");
    }

    #[test]
    fn half_a_dump_is_refused() {
        let half = &DUMP[..DUMP.len() - 50];
        let refused = pass(&mut half.as_bytes(), &mut io::sink()).unwrap_err();
        assert_eq!(refused.code, ErrorCode::SnapshotFailed);
    }

    #[test]
    fn a_row_longer_than_what_is_read_at_once_passes() {
        let long = "x".repeat(3 * 1024 * 1024) + "\n-- PostgreSQL database dump complete\n";
        let mut passed = Vec::new();
        pass(&mut long.as_bytes(), &mut passed).unwrap();
        assert_eq!(passed.len(), long.len());
    }
}
