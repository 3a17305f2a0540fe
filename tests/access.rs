//! Who logs in, and by what right the server's Docker is used.

use slipway_tests::{Access, Agent, Journey, Options, Ran, Server, Slipway};

fn refused(ran: &Ran, code: &str) {
    assert_eq!((ran.error(), ran.code), (code, Some(1)), "{}", ran.told());
    assert!(
        !ran.result()["error"]["hint"].as_str().unwrap_or_default().is_empty(),
        "it says what to do: {}",
        ran.told()
    );
}

/// `server add` of this server, with what else is given.
fn add(slipway: &Slipway, server: &Server, more: &[&str]) -> Ran {
    let host = format!("{}@{}:{}", server.user(), server.address(), server.port());
    let (http, https) = (server.http_port().to_string(), server.https_port().to_string());
    let (bind, fingerprint) = (server.address().to_string(), server.fingerprint());
    let mut args = vec!["server", "add", "demo", "--host", &host, "--fingerprint", &fingerprint];
    args.extend(["--http-port", &http, "--https-port", &https, "--bind", &bind]);
    args.extend(more);
    slipway.run(&args)
}

#[test]
fn docker_by_sudo() {
    let server = Server::with(Options { password: true, access: Access::Sudo, ..Options::default() });
    let without = Slipway::new(server.scratch("without"));
    let key = server.key().display().to_string();
    let socket = server.docker().socket().to_owned();
    refused(&add(&without, &server, &["--key", &key, "--docker-socket", &socket]), "no_right_to_docker");

    let journey = Journey::with(server, "19.0", &["--docker-sudo", "--docker-socket", &socket]);
    let bare = journey.server.ssh(&format!("docker -H unix://{socket} ps"));
    assert!(!bare.status.success(), "the user itself has no right to Docker");
    // The database is cloned, the filestore linked, containers are stopped and started: all of it by sudo.
    journey.deploy_ends("initial", 0);
    journey.assert_serves("1.0");
    journey.make_ticket("kept");
    journey.deploy_ends("new-field", 0);
    journey.assert_serves("1.3");
    assert_eq!(journey.last()["lane"], "update");
    let before = journey.data();
    journey.deploy_ends("migration-fails", 5);
    journey.assert_serves("1.3");
    before.assert_same(&journey.data());
    let snapshots = journey.slipway.must(&["snapshots", &journey.env()]).result().clone();
    assert_eq!(snapshots[0]["kind"], "dump", "settled by sudo: {snapshots:#}");
    assert_eq!(journey.databases(), [journey.database()]);
    journey.slipway.must(&["env", "destroy", &journey.env(), "--confirm", &journey.env()]);
    let label = format!("slipway.env={}", journey.slug());
    assert_eq!(journey.server.docker().containers(&[&label]), Vec::<String>::new());
}

#[test]
fn a_server_without_docker_says_so() {
    let server = Server::with(Options { access: Access::NoProgram, ..Options::default() });
    let slipway = Slipway::new(server.scratch("home"));
    let key = server.key().display().to_string();
    let ran = add(&slipway, &server, &["--key", &key]);
    refused(&ran, "no_docker");
    assert!(ran.told().contains("Install Docker"), "{}", ran.told());
    assert_eq!(
        slipway.must(&["server", "list"]).result().as_array().unwrap().len(),
        0,
        "nothing was remembered"
    );
}

#[test]
fn by_a_key_in_the_agent_and_by_one_with_a_passphrase() {
    let journey = Journey::start();
    let server = &journey.server;
    let join = |slipway: &Slipway| {
        let url = journey.sample.dir().display().to_string();
        slipway.must(&["project", "add", journey.project(), "--url", &url, "--series", "19.0"]);
        assert_eq!(journey.add_environment(slipway, "production", &[]).code, Some(0));
    };
    let deploy = |slipway: &Slipway, commit: &str, release: &str| {
        journey.sample.set_branch("live", commit);
        let ran = slipway.run(&["deploy", &journey.env()]);
        assert_eq!(ran.code, Some(0), "{}", ran.told());
        journey.assert_serves(release);
    };

    // No file is named anywhere: what lets it in is the agent.
    let agent = Agent::start(&server.scratch("agent"));
    let by_agent = Slipway::new(server.scratch("by-agent")).env("SSH_AUTH_SOCK", agent.socket());
    refused(&add(&by_agent, server, &[]), "authentication_failed");
    agent.add(&server.key());
    assert_eq!(add(&by_agent, server, &[]).code, Some(0));
    join(&by_agent);
    deploy(&by_agent, "initial", "1.0");

    // The passphrase is asked for once, and comes out of the encrypted file from then on.
    const PASSPHRASE: &str = "of the locked key";
    let locked = server.key_with_passphrase(PASSPHRASE).display().to_string();
    let by_file = Slipway::new(server.scratch("by-file"))
        .env("SLIPWAY_SECRETS", "file")
        .env("SLIPWAY_PASSPHRASE", "a long passphrase")
        .env("SSH_AUTH_SOCK", "");
    let knows = by_file.clone().env("SLIPWAY_SSH_PASSPHRASE", PASSPHRASE);
    assert_eq!(add(&knows, server, &["--key", &locked, "--passphrase"]).code, Some(0));
    join(&by_file);
    deploy(&by_file, "code-only", "1.1");
    let wrong = by_file.clone().env("SLIPWAY_PASSPHRASE", "not the passphrase");
    let ran = wrong.run(&["deploy", &journey.env()]);
    assert_eq!(ran.error(), "wrong_passphrase", "{}", ran.told());
    journey.assert_serves("1.1");
    for file in std::fs::read_dir(by_file.home()).unwrap().flatten() {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        let has = bytes.windows(PASSPHRASE.len()).any(|window| window == PASSPHRASE.as_bytes());
        assert!(!has, "{:?} has the passphrase in it", file.file_name());
    }
}
