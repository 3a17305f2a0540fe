//! The way to the server: how one logs in, what is wrong with it when it doesn't work, and what becomes of a deployment when it
//! breaks, freezes or is slow.
#![expect(clippy::unwrap_used, reason = "a test tells what is wrong by panicking")]

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use slipway_tests::{Access, Journey, Options, Ran, Script, Server, Slipway};

/// Longer than any part of a deployment takes on a busy machine.
const LONG: Duration = Duration::from_secs(300);

/// A desktop of its own whose secrets are in a file.
fn home(server: &Server, name: &str) -> Slipway {
    Slipway::new(server.scratch(name))
        .env("SLIPWAY_SECRETS", "file")
        .env("SLIPWAY_PASSPHRASE", "a long passphrase")
}

fn add(slipway: &Slipway, server: &Server, at: SocketAddr, more: &[&str]) -> Ran {
    let host = format!("{}@{at}", server.user());
    let (http, https) = (server.http_port().to_string(), server.https_port().to_string());
    let bind = server.address().to_string();
    let mut args = vec!["server", "add", "demo", "--host", &host];
    args.extend(["--http-port", &http, "--https-port", &https, "--bind", &bind]);
    args.extend(more);
    slipway.run(&args)
}

fn at(server: &Server) -> SocketAddr {
    (server.address(), server.port()).into()
}

/// Adds the journey's project and environment on another desktop, which reaches the server in another way.
fn join(journey: &Journey, slipway: &Slipway) {
    let url = journey.sample.dir().display().to_string();
    slipway.must(&["project", "add", journey.project(), "--url", &url, "--series", "19.0"]);
    assert_eq!(journey.add_environment(slipway, "production", &[]).code, Some(0));
}

fn refused(ran: &Ran, code: &str, exit: i32) {
    assert_eq!((ran.error(), ran.code), (code, Some(exit)), "{}", ran.told());
}

#[test]
fn every_way_of_not_reaching_a_server_has_a_name() {
    let server = Server::start();
    let (key, fingerprint) = (server.key().display().to_string(), server.fingerprint());
    let login = ["--key", &key, "--fingerprint", &fingerprint];
    let slipway = home(&server, "home");

    refused(&add(&slipway, &server, at(&server), &["--key", &key]), "unknown_host_key", 3);
    let wrong = ["--key", &key, "--fingerprint", "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"];
    refused(&add(&slipway, &server, at(&server), &wrong), "changed_host_key", 3);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap();
    let asked = Instant::now();
    refused(&add(&slipway, &server, silent, &login), "timed_out", 1);
    assert!(asked.elapsed() < Duration::from_secs(30), "a silent server is given up: {:?}", asked.elapsed());
    drop(listener);
    refused(&add(&slipway, &server, silent, &login), "connection_refused", 1);
    let mut args = vec!["server", "add", "demo", "--host", "root@slipway.invalid"];
    args.extend(login);
    refused(&slipway.run(&args), "dns_failed", 1);

    let locked = server.key_with_passphrase("of the key").display().to_string();
    let login = ["--key", &locked, "--fingerprint", &fingerprint];
    refused(&add(&slipway, &server, at(&server), &login), "passphrase_needed", 1);
    let login = [&login[..], &["--passphrase"]].concat();
    let wrong = slipway.clone().env("SLIPWAY_SSH_PASSPHRASE", "another");
    refused(&add(&wrong, &server, at(&server), &login), "passphrase_needed", 1);

    // Nothing of all that was remembered.
    assert_eq!(slipway.must(&["server", "list"]).result().as_array().unwrap().len(), 0);
    let right = slipway.env("SLIPWAY_SSH_PASSPHRASE", "of the key");
    assert_eq!(add(&right, &server, at(&server), &login).code, Some(0));
    drop(server);

    let server = Server::with(Options { access: Access::Missing, ..Options::default() });
    let (key, fingerprint) = (server.key().display().to_string(), server.fingerprint());
    let slipway = home(&server, "home");
    let ran = add(&slipway, &server, at(&server), &["--key", &key, "--fingerprint", &fingerprint]);
    refused(&ran, "docker_failed", 1);
    drop(server);

    let server = Server::with(Options { password: true, access: Access::Forbidden, ..Options::default() });
    let fingerprint = server.fingerprint();
    let slipway = home(&server, "home").env("SLIPWAY_SSH_PASSWORD", server.password().unwrap());
    let ran = add(&slipway, &server, at(&server), &["--password", "--fingerprint", &fingerprint]);
    refused(&ran, "no_right_to_docker", 1);
}

#[test]
fn a_user_with_a_password_deploys_where_nothing_is_forwarded() {
    let server = Server::with(Options { password: true, forwarding: false, ..Options::default() });
    let journey = Journey::on(server, "19.0");
    let server = &journey.server;
    // By a key, and through `docker system dial-stdio`, since sshd forwards no socket.
    journey.deploy_ends("initial", 0);
    journey.assert_serves("1.0");
    journey.make_ticket("kept");

    let fingerprint = server.fingerprint();
    let login = ["--password", "--fingerprint", &fingerprint];
    let wrong = home(server, "wrong").env("SLIPWAY_SSH_PASSWORD", "wrong");
    refused(&add(&wrong, server, at(server), &login), "authentication_failed", 1);
    let password = server.password().unwrap();
    let slipway = home(server, "by-password").env("SLIPWAY_SSH_PASSWORD", password);
    assert_eq!(add(&slipway, server, at(server), &login).code, Some(0));
    join(&journey, &slipway);
    journey.sample.set_branch("live", "code-only");
    // From here on the password comes out of the file.
    let slipway = home(server, "by-password");
    let ran = slipway.run(&["deploy", &journey.env()]);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    journey.assert_serves("1.1");
    assert_eq!(journey.tickets().iter().filter(|t| *t == "kept").count(), 1);
    let history = slipway.must(&["history", &journey.env()]);
    assert_eq!(history.result()[0]["status"], "success");
    for entry in walk(slipway.home()) {
        let bytes = std::fs::read(&entry).unwrap_or_default();
        let has = bytes.windows(password.len()).any(|window| window == password.as_bytes());
        assert!(!has, "{} has the password in it", entry.display());
    }
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(walk(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}

/// What the last deployment's log says.
fn said(journey: &Journey) -> Vec<String> {
    let ran = journey.slipway.must(&["logs", &journey.env(), "--level", "debug"]);
    ran.lines.iter().filter_map(|e| e["text"].as_str().map(str::to_owned)).collect()
}

fn assert_told_once(journey: &Journey, script: &Script) {
    let said = said(journey);
    let starts = script.journal().iter().filter(|e| e["ev"] == "start").count();
    assert_eq!(said.iter().filter(|t| t.ends_with(" …")).count(), starts, "every action is told once");
    assert!(said.iter().any(|t| t == "The server is back"), "the loss is told: {said:#?}");
}

#[test]
fn a_connection_that_breaks_in_the_cut_over_changes_nothing() {
    let mut journey = Journey::live();
    journey.make_ticket("kept");
    let env = journey.env();

    // Cut in the middle of the update.
    let load = journey.load("1.0");
    journey.sample.set_branch("live", "view-change");
    let script = Script::next(&journey);
    let running = journey.slipway.start(&["deploy", &env]);
    script.wait_for("update", "line", LONG);
    journey.server.cut();
    let ran = running.wait(LONG);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    load.stop().assert_none_failed();
    journey.assert_serves("1.2");
    assert_eq!(journey.last()["status"], "success");
    assert_told_once(&journey, &script);

    // Away for ten seconds; meanwhile the server finishes by itself.
    let load = journey.load("1.2");
    journey.sample.set_branch("live", "new-field");
    let script = Script::next(&journey);
    let running = journey.slipway.start(&["deploy", &env]);
    script.wait_for("clone", "start", LONG);
    journey.server.stop_sshd();
    std::thread::sleep(Duration::from_secs(10));
    journey.server.start_sshd();
    let ran = running.wait(LONG);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    load.stop().assert_none_failed();
    journey.assert_serves("1.3");
    assert_eq!(journey.last()["status"], "success");
    assert_told_once(&journey, &script);

    // Frozen: it stays open, and nothing comes. That is noticed.
    journey.sample.checkout("live");
    journey.sample.release("2.0");
    let script = Script::next(&journey);
    let mut running = journey.slipway.start(&["deploy", &env]);
    script.wait_for("start_new", "start", LONG);
    let frozen = Instant::now();
    journey.server.freeze();
    running.wait_for(Duration::from_secs(60), |e| {
        e["text"].as_str().is_some_and(|t| t.contains("trying to reach it again"))
    });
    let noticed = frozen.elapsed();
    let ran = running.wait(LONG);
    journey.server.thaw();
    println!("a frozen link was noticed after {noticed:?}");
    assert!(noticed < Duration::from_secs(30), "a frozen link is noticed within 30 s: {noticed:?}");
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    journey.assert_serves("2.0");
    assert_eq!(journey.last()["status"], "success");
    assert_told_once(&journey, &script);
    assert_eq!(journey.tickets().iter().filter(|t| *t == "kept").count(), 1);

    // Another machine, it seems: nothing is sent to it.
    journey.server.change_host_key();
    journey.sample.release("3.0");
    let script = Script::next(&journey);
    let ran = journey.slipway.run(&["deploy", &env]);
    refused(&ran, "changed_host_key", 3);
    assert!(script.journal().is_empty());
    journey.assert_serves("2.0");
    assert_eq!(journey.last()["status"], "failed");
}

#[test]
fn a_slow_link_costs_seconds_not_minutes() {
    let mut journey = Journey::live();
    let asked = Instant::now();
    journey.deploy_ends("code-only", 0);
    let fast = asked.elapsed();

    let link = journey.server.slow_link(Duration::from_millis(40));
    let slipway = home(&journey.server, "far-away");
    let (key, fingerprint) = (journey.server.key().display().to_string(), journey.server.fingerprint());
    let ran = add(
        &slipway,
        &journey.server,
        (Ipv4Addr::LOCALHOST, link.port()).into(),
        &["--key", &key, "--fingerprint", &fingerprint],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    join(&journey, &slipway);
    journey.sample.checkout("live");
    journey.sample.release("2.0");
    let (sent, received) = (link.sent(), link.received());
    let asked = Instant::now();
    let ran = slipway.run(&["deploy", &journey.env()]);
    let slow = asked.elapsed();
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    journey.assert_serves("2.0");
    println!(
        "a redeploy took {fast:?}; over a link of 40 ms {slow:?}: {:?} more, {} bytes sent, {} received",
        slow.saturating_sub(fast),
        link.sent() - sent,
        link.received() - received
    );
    assert!(slow < fast + Duration::from_secs(30), "{slow:?} over the slow link, {fast:?} without");
    let history = slipway.must(&["history", &journey.env()]);
    assert_eq!(history.result()[0]["status"], "success");
}
