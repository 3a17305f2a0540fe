//! The proxy's own questions, asked of pages that a test makes.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::thread;

use slipway_engine::cutover::script;

/// Answers each request for `/NAME` with the answer of that name, until the test's process ends.
pub(crate) fn serve(answers: &'static [(&'static str, &'static str)]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut first = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            reader.read_line(&mut first).ok();
            while reader.read_line(&mut String::new()).is_ok_and(|read| read > 2) {}
            let name = first.split(' ').nth(1).unwrap_or_default();
            let answer =
                answers.iter().find(|(path, _)| *path == name).map_or("500 Error", |(_, answer)| answer);
            stream.write_all(format!("HTTP/1.1 {answer}\r\nConnection: close\r\n\r\n").as_bytes()).ok();
        }
    });
    address
}

/// Whether `ask` takes each of these pages for one that answers, in the order of their paths; what it said of the others.
pub(crate) fn asks(address: SocketAddr, paths: &[&str]) -> Vec<Result<(), String>> {
    let words = script::TEXT.split_once("IN_PROXY='").unwrap().1.split_once("\n'\n").unwrap().0;
    let paths: Vec<String> = paths.iter().map(|path| format!("http://{address}{path}")).collect();
    let each = format!("{words}\nfor page; do ask 5 \"$page\" && echo answered; done");
    let run = ["run", "--rm", "--network=host", "--env=SITE=lab.example", "--entrypoint=sh", "caddy:2", "-c"];
    let asked = Command::new("docker").args(run).args([&each, "sh"]).args(&paths).output().unwrap();
    let said = String::from_utf8(asked.stdout).unwrap();
    said.lines().map(|line| if line == "answered" { Ok(()) } else { Err(line.to_owned()) }).collect()
}
