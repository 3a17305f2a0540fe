//! How long a request may take: for as long as Odoo may work, and whoever asked for more is told so.
#![expect(clippy::unwrap_used, reason = "a test tells what is wrong by panicking")]

use std::time::{Duration, Instant};

use slipway_tests::{Journey, http};

const SLOW: &str = r#"
import logging
import time

from odoo import http


class Slow(http.Controller):
    @http.route("/acme/slow/<int:seconds>", type="http", auth="public")
    def slow(self, seconds):
        logging.getLogger(__name__).warning("slow: begun")
        time.sleep(seconds)
        return "done"
"#;

fn ask(journey: &Journey, seconds: u64) -> (http::Answer, Duration) {
    let begun = Instant::now();
    let path = format!("/acme/slow/{seconds}");
    let answer =
        http::request(journey.server.http(), &journey.host(), &path, None, Duration::from_secs(120)).unwrap();
    (answer, begun.elapsed())
}

fn assert_done(journey: &Journey, seconds: u64) {
    let (answer, took) = ask(journey, seconds);
    assert_eq!((answer.status, answer.text().as_str()), (200, "done"), "{seconds} s: after {took:?}");
}

/// The number of seconds that the proxy waits for an answer, and that odoo.conf allows.
fn limits(journey: &Journey) -> (u64, u64) {
    let docker = journey.server.docker();
    let site = format!("/etc/caddy/sites/{}.caddy", journey.slug());
    let site = docker.must(&["exec", "slipway-caddy", "cat", &site]);
    let conf = docker.must(&["exec", &journey.web(), "cat", "/etc/odoo/odoo.conf"]);
    let after = |text: &str, name: &str| {
        let line =
            text.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap_or_default().to_owned();
        line.trim_end_matches('s').parse::<u64>().unwrap()
    };
    (after(&site, "response_header_timeout "), after(&conf, "limit_time_real = "))
}

#[test]
fn whoever_asks_for_more_than_odoo_may_work_is_told_so() {
    let mut journey = Journey::start();
    journey.sample.checkout("live");
    journey.sample.change("slow", "acme_base/controllers/slow.py", SLOW);
    journey.sample.change("routed", "acme_base/controllers/__init__.py", "from . import main, slow\n");

    // Worker processes, since a single process looks at its limits once a minute only.
    journey.set(&["--option", "workers=2", "--option", "limit_time_real=8"]);
    journey.deploy_ends("routed", 0);
    assert_done(&journey, 3);
    let begun = |journey: &Journey| {
        let logs = journey.server.docker().run(&["logs", &journey.web()]);
        String::from_utf8_lossy(&logs.stderr).matches("slow: begun").count()
    };
    let before = begun(&journey);
    let (answer, took) = ask(&journey, 60);
    let page = answer.text();
    assert_eq!(answer.status, 504, "after {took:?}: {page}");
    // Odoo counts from when the worker last said that it lives, so it may be some seconds earlier.
    assert!((3..40).contains(&took.as_secs()), "Odoo ends it after 8 s: {took:?}");
    assert!(page.contains("There was no answer within 8 s."), "{page}");
    assert!(
        !page.contains("refresh") && answer.header("retry-after").is_none(),
        "it isn't begun again: {page}"
    );
    assert_eq!(begun(&journey) - before, 1, "neither does the proxy send it to another worker");
    assert_done(&journey, 0);

    // Another limit arrives with the next deployment, at Odoo and at the proxy.
    journey.set(&["--option", "limit_time_real="]);
    journey.deploy_ends("routed", 0);
    let (proxy, odoo) = limits(&journey);
    assert!(odoo >= 1200 && proxy >= odoo, "Odoo may work for {odoo} s, the proxy waits for {proxy} s");
    assert_done(&journey, 20);
}
