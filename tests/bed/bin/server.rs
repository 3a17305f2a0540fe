//! A throw-away server for the demo: says as one line of JSON how to reach it, and is gone when its standard input ends.
//! `bed-server sample DIR` makes the sample project's repository instead.
#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

use std::io::Read;

use slipway_tests::{Sample, Server};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => serve(),
        ["sample", dir] => {
            Sample::create(dir);
        }
        _ => {
            println!("usage: bed-server [sample DIR]");
            std::process::exit(2);
        }
    }
}

fn serve() {
    let server = Server::start();
    let how = serde_json::json!({
        "host": server.address(),
        "port": server.port(),
        "user": server.user(),
        "key": server.key(),
        "fingerprint": server.fingerprint(),
        "home": server.home(),
        "http_port": server.http_port(),
        "https_port": server.https_port(),
        "docker_host": server.docker().host(),
        "name": server.unique("acme"),
    });
    println!("{how}");
    std::io::stdin().read_to_end(&mut Vec::new()).ok();
}
