//! How a machine ended: who serves, with which data, and what is left behind.

use std::fs;
use std::path::Path;

use slipway_engine::cutover::Lane;

use super::{Machine, OLD};

/// The table `orders` before the cutover: the number of its rows, and the first one.
const BEFORE: &str = "1000 live order 1";

/// How it ended, by all that can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The new release is live, with its data.
    New,
    /// The release of before is live again, with its data.
    Old,
}

impl Machine<'_> {
    /// How it ended: one release serves, with the data that belong to it, and nothing is left of the other. Or what is wrong.
    pub(crate) fn end(&self) -> Result<End, String> {
        let status = self.status();
        let end = match status.as_str() {
            "committed" => End::New,
            "reverted" | "cancelled" | "none" => End::Old,
            other => return Err(format!("it says {other}")),
        };
        let seen = (self.serving(), self.rows(), self.leftovers());
        let (serving, rows) = match (end, self.lane) {
            (End::New, lane) => {
                (format!("{} by {}", self.plan.new.container, self.plan.new.slot), rows_after(lane))
            }
            (End::Old, Lane::First) => ("nothing".to_owned(), "no database"),
            (End::Old, _) => (format!("{OLD} by a"), BEFORE),
        };
        let expected = (serving, rows.to_owned(), Vec::<String>::new());
        if seen == expected {
            Ok(end)
        } else {
            Err(format!("it says {status}, but there is {seen:?} and not {expected:?}"))
        }
    }

    /// The container that answers, and by which gate.
    fn serving(&self) -> String {
        let gates = names(&self.on_disk("root/caddy/gate/lab"));
        let running = names(&self.on_disk("docker")).into_iter().filter_map(|name| {
            let state = fs::read_to_string(self.on_disk("docker").join(&name)).ok()?;
            let mut words = state.split_whitespace();
            let (state, slot) = (words.next()?, words.next()?.to_owned());
            (state == "running" && slot != "-").then_some((name, slot))
        });
        let running: Vec<(String, String)> = running.collect();
        match (running.as_slice(), gates.as_slice()) {
            ([], _) => "nothing".to_owned(),
            ([(name, slot)], [gate]) if gate == slot => format!("{name} by {slot}"),
            (running, gates) => format!("{running:?} with the gates {gates:?}"),
        }
    }

    fn rows(&self) -> String {
        let asked = self.lab.try_sql(
            self.dir.path(),
            "lab",
            "select count(*), (array_agg(what order by id))[1] from orders",
        );
        let there = self.lab.sql(
            self.dir.path(),
            "postgres",
            "select count(*) from pg_database where datname = 'lab'",
        );
        match (asked.status.success(), there.as_str()) {
            (true, _) => String::from_utf8_lossy(&asked.stdout).trim().to_owned(),
            (false, "0") => "no database".to_owned(),
            (false, _) => String::from_utf8_lossy(&asked.stderr).trim().to_owned(),
        }
    }

    /// Databases and files that belong to nothing any more. What a committed cutover keeps for its snapshot belongs to that.
    fn leftovers(&self) -> Vec<String> {
        let databases = "select coalesce(string_agg(datname, ' '), '') from pg_database where datname ~ '_'";
        let databases = self.lab.sql(self.dir.path(), "postgres", databases);
        let kept = if self.status() == "committed" { self.plan.before() } else { String::new() };
        let files = names(&self.on_disk("data/filestore")).into_iter().filter(|name| name.contains('_'));
        databases.split_whitespace().map(str::to_owned).chain(files).filter(|name| *name != kept).collect()
    }
}

fn rows_after(lane: Lane) -> &'static str {
    match lane {
        Lane::First => "1 first",
        Lane::Code => BEFORE,
        Lane::Update => "1000 migrated",
        Lane::Restore => "1000 older order 1",
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(folder).map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default();
    let mut names: Vec<String> =
        entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}
