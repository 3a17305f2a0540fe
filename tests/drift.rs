//! What stands on the server isn't what the last deployment left: somebody removed a container, something waits in Odoo, the base
//! image is another.

use slipway_tests::Journey;

/// The exit code of a deployment that was rolled back.
const ROLLED_BACK: i32 = 5;

/// Removes a container by hand.
fn remove(journey: &Journey, container: &str) {
    journey.server.docker().must(&["rm", "-f", container]);
}

/// The slots whose gate is open.
fn gates(journey: &Journey) -> usize {
    let gates = journey.server.home().join(".slipway/caddy/gate").join(journey.slug());
    std::fs::read_dir(gates).map_or(0, Iterator::count)
}

#[test]
fn a_container_that_was_removed() {
    let journey = Journey::start();
    journey.deploy_ends("initial", 0);
    journey.make_ticket("kept");

    remove(&journey, &journey.web());
    let same = journey.deploy_ends("initial", 0).result()["deployment"].clone();
    assert_eq!(
        (&same["lane"], &same["plan"]["update"]),
        (&"update".into(), &serde_json::json!([])),
        "{same:#}"
    );
    journey.assert_serves("1.0");

    remove(&journey, &journey.web());
    let newer = journey.deploy_ends("cron", 0).result()["deployment"].clone();
    assert_eq!(newer["plan"]["update"][0]["module"], "acme_base", "{newer:#}");
    assert!(!newer.to_string().contains("not known what runs"), "what it held is known: {newer:#}");
    journey.assert_serves("1.5");

    // What fails leaves the data, and no gate to a container that isn't there: with nothing to update, and with something.
    let before = journey.data();
    let databases = journey.databases();
    remove(&journey, &journey.web());
    for commit in ["load-fails", "migration-fails"] {
        journey.deploy_ends(commit, ROLLED_BACK);
        before.assert_same(&journey.data());
        assert_eq!(journey.databases(), databases, "{commit}: no database was left");
        assert_eq!(gates(&journey), 0, "{commit}: nobody is sent to where nothing is");
    }

    // The database's own container may be gone as well.
    remove(&journey, &journey.database_container());
    let plan = journey.slipway.must(&["plan", &journey.env()]).result().clone();
    assert!(plan["warnings"].to_string().contains("container does not run"), "{plan:#}");
    journey.deploy_ends("cron", 0);
    journey.assert_serves("1.5");
    assert!(journey.tickets().contains(&"kept".to_owned()), "{:?}", journey.tickets());
}
