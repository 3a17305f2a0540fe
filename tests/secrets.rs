//! Secrets reach no log, no file and no argument list that others can read, whichever process sees them.
#![expect(clippy::unwrap_used, reason = "a test tells what is wrong by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use slipway_tests::{Arguments, Journey, Script, Server, Slipway};

const LONG: Duration = Duration::from_secs(300);
/// A secret variable.
const CANARY: &str = "sesame-9f3c61d0a47be";
/// A secret option.
const OPTION: &str = "sesame-2be7d0194ac83";
/// The password of a proxy, with what means something in an address.
const PROXY: &str = "p@ss:w/rd-4711";
/// `builds:` and that, as a proxy is told it (RFC 7617).
const PROXY_TOLD: &str = "Proxy-Authorization: Basic YnVpbGRzOnBAc3M6dy9yZC00NzEx";
const TELLS: &str = r#""""Tells secrets, as careless code does."""
import logging
import os

from odoo.tools import config

RELEASE = "told"
logging.getLogger(__name__).warning("the token is %s", os.environ.get("ACME_TOKEN"))
logging.getLogger(__name__).warning("mail by %s", config["smtp_password"])
"#;

#[test]
fn a_process_that_goes_on_with_anothers_deployment() {
    let mut journey = Journey::live();
    let env = journey.env();
    journey.slipway = with_secrets_in_a_file(&journey.slipway);
    for (kind, given) in
        [("variable", format!("ACME_TOKEN={CANARY}")), ("option", format!("smtp_password={OPTION}"))]
    {
        for flag in [format!("--secret-{kind}"), "--option".to_owned()] {
            if flag == "--option" && kind == "variable" {
                continue;
            }
            let asked = journey.slipway.run(&["env", "set", &env, &flag, &given]);
            assert_eq!((asked.code, asked.error()), (Some(3), "bad_input"), "{}", asked.told());
        }
    }
    let setting = journey
        .slipway
        .clone()
        .env("SLIPWAY_VARIABLE_ACME_TOKEN", CANARY)
        .env("SLIPWAY_OPTION_SMTP_PASSWORD", OPTION);
    let arguments = Arguments::watch();
    setting.must(&[
        "env",
        "set",
        &env,
        "--secret-variable",
        "ACME_TOKEN",
        "--secret-option",
        "smtp_password",
    ]);

    journey.sample.checkout("live");
    journey.sample.change("tells", "acme_base/release.py", TELLS);
    let script = Script::next(&journey);
    let running = journey.slipway.start(&["deploy", &env, "--update", "acme_base"]);
    script.wait_for("clone", "start", LONG);
    running.kill();
    script.wait_for("end", "committed", LONG);
    let journal: String = script.journal().iter().map(ToString::to_string).collect();
    for canary in [CANARY, OPTION] {
        assert!(journal.contains(canary), "the server knows it, and Odoo printed it");
    }

    journey.slipway.must(&["work", "--until-idle"]);
    let log = journey.slipway.must(&["logs", &env, "--level", "debug"]).told();
    let shown = journey.slipway.must(&["env", "show", &env]).told();
    arguments.assert_without(&[CANARY, OPTION]);
    assert!(log.contains("the token is [secret]") && log.contains("mail by [secret]"), "{log}");
    for canary in [CANARY, OPTION] {
        assert!(!log.contains(canary) && !shown.contains(canary), "it is shown");
        assert_eq!(holder(journey.slipway.home(), canary), None, "a file that has it");
    }
}

#[test]
fn the_password_of_the_proxy_that_builds_go_through() {
    let mut journey = Journey::from_nothing(Server::start());
    let (address, asked) = proxy(&gateway(&journey));
    let slipway = with_secrets_in_a_file(&journey.slipway);
    let open = journey.add_server(
        &slipway,
        "demo",
        &["--build-proxy", &format!("http://builds:secret-4711@{address}")],
    );
    assert_eq!((open.code, open.error()), (Some(3), "bad_input"), "{}", open.told());
    assert!(!open.told().contains("secret-4711"), "{}", open.told());
    journey.slipway = slipway.env("SLIPWAY_BUILD_PROXY_PASSWORD", PROXY);
    let proxy = format!("http://builds@{address}");
    journey.set_up(&journey.slipway, &["--build-proxy", &proxy, "--build-proxy-password"]);
    journey.sample.checkout("live");
    let index = "--index-url http://index.invalid/simple\n--trusted-host index.invalid\nacme-nothing\n";
    journey.sample.change("asks", "requirements.txt", index);

    let arguments = Arguments::watch();
    let ran = journey.slipway.run(&["deploy", &journey.env()]);
    let encoded = "p%40ss%3Aw%2Frd-4711";
    arguments.assert_without(&[PROXY, encoded]);
    assert_eq!(ran.error(), "build_failed", "the index has no such package: {}", ran.told());
    let asked: Vec<String> = asked.try_iter().collect();
    assert!(
        asked.iter().any(|head| head.contains("acme-nothing") && head.contains(PROXY_TOLD)),
        "{asked:#?}"
    );
    let log = journey.slipway.must(&["logs", &journey.env(), "--level", "debug"]).told();
    let docker = journey.server.docker();
    let left = docker.lines(&["ps", "-aq"]);
    let left =
        docker.run(&[&["inspect"], left.iter().map(String::as_str).collect::<Vec<_>>().as_slice()].concat());
    let left = String::from_utf8_lossy(&left.stdout).into_owned();
    for secret in [PROXY, encoded] {
        assert!(!log.contains(secret), "the log has it");
        assert!(!left.contains(secret), "a container that is left has it");
        assert_eq!(holder(journey.slipway.home(), secret), None, "a file that has it");
    }
}

/// This machine, as containers of a build reach it.
fn gateway(journey: &Journey) -> String {
    let routes = ["run", "--rm", "--entrypoint", "cat", "caddy:2", "/proc/net/route"];
    let routes = journey.server.docker().must(&routes);
    let mut routes = routes.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    // The default route's gateway, in hexadecimal and with its last number first (the kernel's `fib_route_seq_show`).
    let default = routes.find(|route| route.get(1) == Some(&"00000000")).unwrap();
    Ipv4Addr::from(u32::from_str_radix(default[2], 16).unwrap().swap_bytes()).to_string()
}

/// An HTTP proxy that knows no host, and tells what it was asked.
fn proxy(address: &str) -> (String, Receiver<String>) {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, asked) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let head = head(&stream);
            let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            (&stream).write_all(answer.as_bytes()).ok();
            if tell.send(head).is_err() {
                return;
            }
        }
    });
    (address, asked)
}

fn head(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

fn with_secrets_in_a_file(slipway: &Slipway) -> Slipway {
    slipway.clone().env("SLIPWAY_SECRETS", "file").env("SLIPWAY_PASSPHRASE", "a long passphrase")
}

/// A file below this folder that holds these bytes.
fn holder(folder: &Path, what: &str) -> Option<PathBuf> {
    files(folder).into_iter().find(|file| holds(&std::fs::read(file).unwrap_or_default(), what.as_bytes()))
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found
}
