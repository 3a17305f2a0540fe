//! Undoing a failed update of a database of a gigabyte, against restoring its dump; and the clone against a plain copy.

use std::time::{Duration, Instant};

use slipway_tests::Journey;

use crate::journal::{Journal, between};
use crate::table::{Table, ratio, seconds};

const GIGABYTE: u64 = 1_000_000_000;
const ROWS_AT_ONCE: u64 = 250_000;

pub(crate) fn measure(table: &mut Table) {
    let journey = crate::journey();
    journey.deploy_ends("cron", 0);
    let size = fill(&journey);
    table.note("Size of the database", format!("{:.2} GB", size as f64 / 1e9));

    journey.deploy_ends("migration-fails", 5);
    journey.assert_serves("1.5");
    let journal = Journal::of_the_last(&journey);
    let clone = journal.took("clone");
    let database = journal.took("db_back");
    let whole = between(journal.at("update", "fail"), journal.at("revert", "ok"));

    let container = journey.database_container();
    let (dump, restore) = dump_and_restore(&journey, &container);
    table.note("pg_dump -Fc -Z zstd:3", seconds(dump));
    let measured = |undo: Duration| {
        format!("{} against {}: {:.1}×", seconds(undo), seconds(restore), ratio(restore, undo))
    };
    table.target(
        "The database's part of the undo, against pg_restore -j2",
        measured(database),
        "≥ 15×",
        ratio(restore, database) >= 15.0,
    );
    table.target(
        "The whole undo, with the old Odoo's start",
        measured(whole),
        "≥ 5×",
        ratio(restore, whole) >= 5.0,
    );

    let copy = copy(&journey, &container);
    table.target(
        "The clone, against cp and sync of the database's folder",
        format!("{} against {}: {:.2}×", seconds(clone), seconds(copy), ratio(clone, copy)),
        "≤ 2×",
        ratio(clone, copy) <= 2.0,
    );
}

/// A table with two indexes, filled until the database has its size in bytes.
fn fill(journey: &Journey) -> u64 {
    let size = || journey.sql("select pg_database_size(current_database())").parse::<u64>().unwrap();
    journey.sql(
        "create table acme_ballast (id serial primary key, name text, note text, amount numeric, at timestamp); \
         create index on acme_ballast (name)",
    );
    let mut from = 1;
    while size() < GIGABYTE {
        let to = from + ROWS_AT_ONCE - 1;
        journey.sql(&format!(
            "insert into acme_ballast (name, note, amount, at) select md5(g::text), md5((g * 3)::text) || md5((g * 5)::text) \
             || md5((g * 7)::text), g / 7.0, now() - g * interval '1 s' from generate_series({from}, {to}) g"
        ));
        from = to + 1;
    }
    journey.sql("analyze acme_ballast");
    journey.sql("checkpoint");
    size()
}

fn dump_and_restore(journey: &Journey, container: &str) -> (Duration, Duration) {
    let database = journey.database();
    let dump = timed(
        journey,
        container,
        &format!("pg_dump -U postgres -Fc -Z zstd:3 -d {database} -f /tmp/bench.dump"),
    );
    journey.server.docker().sql(container, "postgres", "create database bench_restored");
    let restore = timed(journey, container, "pg_restore -U postgres -j2 -d bench_restored /tmp/bench.dump");
    journey.server.docker().sql(container, "postgres", "drop database bench_restored");
    (dump, restore)
}

/// The database's folder, copied on the same disk until it is there for good, as a clone is.
fn copy(journey: &Journey, container: &str) -> Duration {
    let folder = journey.sql("show data_directory");
    let oid = journey.sql("select oid from pg_database where datname = current_database()");
    journey.sql("checkpoint");
    let taken = timed(
        journey,
        container,
        &format!(
            "cp -a {folder}/base/{oid} {folder}/bench_copy && find {folder}/bench_copy -type f -exec sync {{}} +"
        ),
    );
    timed(journey, container, &format!("rm -rf {folder}/bench_copy"));
    taken
}

fn timed(journey: &Journey, container: &str, command: &str) -> Duration {
    let since = Instant::now();
    let output = journey.server.docker().run(&["exec", container, "sh", "-c", command]);
    assert!(output.status.success(), "{command}: {output:?}");
    since.elapsed()
}
