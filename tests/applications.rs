//! Applications of the base image: they install as in a database of Odoo's own manager.
#![expect(clippy::unwrap_used, reason = "a test tells what is wrong by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use slipway_tests::Journey;

/// How long the installation may take on a busy machine.
const LONG: Duration = Duration::from_secs(1800);

/// What Odoo logged as an error, without times and names of processes and databases.
fn errors(log: &str) -> BTreeSet<String> {
    let said = log.lines().filter_map(|line| {
        let fields: Vec<&str> = line.splitn(6, ' ').collect();
        (fields.len() == 6 && matches!(fields[3], "ERROR" | "CRITICAL")).then(|| fields[5].to_owned())
    });
    said.collect()
}

/// What Odoo logged in the environment's first deployment.
fn log_of_update(journey: &Journey, deployment: &str) -> String {
    let file = journey.folder().join("cutovers").join(&deployment[24..]).join("update.log");
    let log = std::fs::read_to_string(&file).unwrap();
    assert!(log.contains("Modules loaded"), "{} has Odoo's log: {log}", file.display());
    log
}

/// Deploys an environment with these modules, and returns what Odoo logged.
fn deploy(journey: &Journey, modules: &str) -> String {
    journey.set(&["--modules", modules, "--memory", "4096"]);
    journey.sample.set_branch("live", "initial");
    let ran = journey.slipway.start(&["deploy", &journey.env()]).wait(LONG);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    assert_eq!(journey.get("/web/login").unwrap().status, 200);
    log_of_update(journey, ran.result()["deployment"]["id"].as_str().unwrap())
}

/// Those of 19.0 that make indexes by SQL of their own: the one fails without, the other logs an error and goes on.
#[test]
fn indexes_of_applications() {
    let journey = Journey::start();
    let log = deploy(&journey, "hr_recruitment,website_sale");
    assert_eq!(errors(&log), BTreeSet::new(), "what Odoo logs as errors");
    let made = "select indexname from pg_indexes where indexdef ~* '(gin|gist) .*unaccent'";
    let made = journey.sql(made);
    for (index, of) in [
        ("ir_attachment_index_content_applicant_trgm_idx", "init() of hr_recruitment's ir.attachment"),
        ("product_template_name_gist_idx", "models.Index of website_sale's product.template"),
        ("product_template__name_index", "a field's index='trigram'"),
    ] {
        assert!(made.lines().any(|name| name == index), "{index}, {of}: {made}");
    }
}
