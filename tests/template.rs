//! That a test which begins with `initial` live begins with what a first deployment leaves.

use slipway_tests::Journey;

#[test]
fn a_copy_is_what_the_first_deployment_left() {
    let journey = Journey::live();
    let Some(left) = journey.original() else {
        eprintln!("skipped: here each test deploys by itself");
        return;
    };
    assert_eq!(left.differences(&journey.state()), Vec::<String>::new());

    // Were something left out, it would be seen: rows, files, what Docker has and what runs of it, on the server and on the desktop.
    journey.make_ticket("more");
    let docker = journey.server.docker();
    docker.must(&["volume", "create", "more"]);
    docker.must(&["stop", "slipway-caddy"]);
    std::fs::remove_file(journey.folder().join("history.jsonl")).unwrap();
    journey.set(&["--keep-releases", "7"]);
    let differing = left.differences(&journey.state());
    let history = format!("path home/.slipway/{}/history.jsonl:", journey.slug());
    for what in [
        "table acme_ticket:",
        "filestore ./",
        "volume more /Labels:",
        "container /slipway-caddy /State/Status:",
        history.as_str(),
        "contents scratch/home/slipway.db",
    ] {
        assert!(differing.iter().any(|line| line.starts_with(what)), "{what} is not in {differing:#?}");
    }
}
