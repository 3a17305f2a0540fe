//! A proxy of other settings takes the place of the one that serves, or leaves it where it is.

use slipway_tests::Journey;

const PROXY: &str = "slipway-caddy";
/// A port that something else on the server has.
const TAKEN: &str = "18443";

/// All proxies that there are, by name, with the state of each.
fn proxies(journey: &Journey) -> String {
    let list = ["ps", "-a", "--filter", "name=slipway-caddy", "--format", "{{.Names}} {{.State}}"];
    journey.server.docker().must(&list)
}

#[test]
fn one_that_does_not_come_up_leaves_the_old_one() {
    let journey = Journey::live();
    let env = journey.env();
    let docker = journey.server.docker();
    let id = || docker.must(&["inspect", "-f", "{{.Id}}", PROXY]);
    let before = id();
    let publish = format!("{}:{TAKEN}:80", journey.server.address());
    docker.must(&[
        "run",
        "-d",
        "--name",
        "another",
        "-p",
        &publish,
        "--entrypoint",
        "sleep",
        "caddy:2",
        "3600",
    ]);
    let bea = journey.desktop_with("bea", &["--https-port", TAKEN]);
    journey.sample.set_branch("live", "code-only");
    let plan = bea.must(&["plan", &env]).result().clone();
    assert!(plan["warnings"].to_string().contains("It is replaced"), "{plan:#}");

    let refused = bea.run(&["deploy", &env]);
    assert_eq!(refused.error(), "routing_failed", "{}", refused.told());
    assert!(refused.result().to_string().contains("The old one serves as before"), "{}", refused.told());
    journey.assert_serves("1.0");
    assert_eq!(id(), before, "the old one");

    docker.must(&["rm", "-f", "another"]);
    let ran = bea.run(&["deploy", &env]);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    journey.assert_serves("1.1");
    assert_ne!(id(), before);
    assert_eq!(proxies(&journey), format!("{PROXY} running"));

    // Cut off in the middle: the next deployment puts it right.
    docker.must(&["stop", PROXY]);
    docker.must(&["rename", PROXY, "slipway-caddy-old"]);
    journey.sample.set_branch("live", "view-change");
    let ran = bea.run(&["deploy", &env]);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    journey.assert_serves("1.2");
    assert_eq!(proxies(&journey), format!("{PROXY} running"));
}
