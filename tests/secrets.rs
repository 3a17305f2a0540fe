//! Secrets that Odoo prints reach no log and no file of ours, whichever process sees them.
#![expect(clippy::unwrap_used, reason = "a test tells what is wrong by panicking")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use slipway_tests::{Journey, Script};

const LONG: Duration = Duration::from_secs(300);
const CANARY: &str = "sesame-9f3c61d0a47be";
const TELLS: &str = r#""""Tells a secret, as careless code does."""
import logging
import os

RELEASE = "told"
logging.getLogger(__name__).warning("the token is %s", os.environ.get("ACME_TOKEN"))
"#;

#[test]
fn a_process_that_goes_on_with_anothers_deployment() {
    let mut journey = Journey::live();
    let env = journey.env();
    journey.slipway =
        journey.slipway.clone().env("SLIPWAY_SECRETS", "file").env("SLIPWAY_PASSPHRASE", "a long passphrase");
    let asked =
        journey.slipway.run(&["env", "set", &env, "--secret-variable", &format!("ACME_TOKEN={CANARY}")]);
    assert_eq!((asked.code, asked.error()), (Some(3), "bad_input"), "{}", asked.told());
    let setting = journey.slipway.clone().env("SLIPWAY_VARIABLE_ACME_TOKEN", CANARY);
    setting.must(&["env", "set", &env, "--secret-variable", "ACME_TOKEN"]);

    journey.sample.checkout("live");
    journey.sample.change("tells", "acme_base/release.py", TELLS);
    let script = Script::next(&journey);
    let running = journey.slipway.start(&["deploy", &env, "--update", "acme_base"]);
    script.wait_for("clone", "start", LONG);
    running.kill();
    script.wait_for("end", "committed", LONG);
    let journal: String = script.journal().iter().map(ToString::to_string).collect();
    assert!(journal.contains(CANARY), "the server knows it, and Odoo printed it");

    journey.slipway.must(&["work", "--until-idle"]);
    let log = journey.slipway.must(&["logs", &env, "--level", "debug"]).told();
    assert!(log.contains("the token is [secret]"), "{log}");
    assert!(!log.contains(CANARY), "it is shown");
    for file in files(journey.slipway.home()) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(!holds(&bytes, CANARY.as_bytes()), "{} has it", file.display());
    }
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
