//! Measures what the README promises, against a real server and in the real window, and prints it as a table: `make bench`, or some of it with
//! `scripts/bench redeploy gaps undo bytes app`. What is compared is measured in one run, in turns.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for whoever measures, who reads its panics"
)]

mod app;
mod bytes;
mod gaps;
mod journal;
mod redeploy;
mod table;
mod undo;

use slipway_tests::{Journey, Server};
use table::Table;

/// A part of the bench by its name.
type Part = (&'static str, fn(&mut Table));

const PARTS: [Part; 5] = [
    ("redeploy", redeploy::measure),
    ("gaps", gaps::measure),
    ("undo", undo::measure),
    ("bytes", bytes::measure),
    ("app", app::measure),
];

fn main() {
    // Cargo adds `--bench`.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let Some(unknown) = wanted.iter().find(|name| PARTS.iter().all(|(part, _)| part != name)) {
        eprintln!("unknown part {unknown}; there are: {}", PARTS.map(|(part, _)| part).join(", "));
        std::process::exit(2);
    }
    let mut table = Table::default();
    for (name, measure) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            eprintln!("== {name}");
            measure(&mut table);
        }
    }
    println!("{table}");
    if !table.all_met() {
        std::process::exit(1);
    }
}

/// A server with a Docker daemon that nobody else uses, where that can be had: it takes root.
fn journey() -> Journey {
    let id = std::process::Command::new("id").arg("-u").output().expect("there is an id program");
    Journey::on(if id.stdout == b"0\n" { Server::with_own_docker() } else { Server::start() }, "19.0")
}
