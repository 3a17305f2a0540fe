//! The longest gap that clients see who ask all the time, each 20 ms after its last answer.

use std::time::Duration;

use slipway_tests::Load;

use crate::journal::{Journal, between};
use crate::table::{Table, seconds};

pub(crate) fn measure(table: &mut Table) {
    let journey = crate::journey();
    journey.deploy_ends("initial", 0);

    let load = journey.load("1.0");
    journey.deploy_ends("code-only", 0);
    let report = ended(load, "1.1");
    let measured = format!(
        "{} of {} requests failed; longest answer {}",
        report.failures.len(),
        report.requests,
        seconds(report.longest)
    );
    let met = report.failures.is_empty() && report.longest < Duration::from_secs(1);
    table.target("Code lane under requests", measured, "none fails, < 1 s", met);

    table.note("Where a code lane's cut over goes (s)", Journal::of_the_last(&journey).actions());

    let load = journey.load("1.1");
    journey.deploy_ends("new-field", 0);
    let report = ended(load, "1.3");
    let journal = Journal::of_the_last(&journey);
    let work = ["clone", "link", "update"].map(|action| journal.took(action)).iter().sum::<Duration>()
        + between(journal.at("start_new", "start"), journal.at("healthy", "ok"));
    let measured = format!(
        "{} of {} requests failed; longest answer {}",
        report.failures.len(),
        report.requests,
        seconds(report.longest)
    );
    table.target("Update lane under requests", measured, "none fails", report.failures.is_empty());
    let limit = work + Duration::from_secs(1);
    let pause = between(journal.at("gate_close", "start"), journal.at("gate_open", "ok"));
    let measured = format!("{} by the journal, {} by a client", seconds(pause), seconds(report.longest));
    let target = format!("clone + links + update + start + 1 s = {}", seconds(limit));
    table.target("Its pause", measured, &target, pause <= limit && report.longest <= limit);
    table.note("Where an update lane's cut over goes (s)", journal.actions());
}

fn ended(load: Load, release: &str) -> slipway_tests::Report {
    assert!(load.saw(release, Duration::from_secs(30)), "{release} answers: {:#?}", load.so_far());
    load.stop()
}
