//! Constant requests against an environment, and what became of each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::http;

/// The pause of one client after an answer, before its next request.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a client waits for one answer. Longer than any hold: a lost request must fail, a held one must not.
const PATIENCE: Duration = Duration::from_secs(120);

const VERSION_CALL: &str =
    r#"{"jsonrpc":"2.0","method":"call","id":1,"params":{"service":"common","method":"version","args":[]}}"#;

/// Clients that ask all the time: the login page, a JSON call by POST, and the sample's version.
#[derive(Debug)]
pub struct Load {
    since: Instant,
    stop: Arc<AtomicBool>,
    report: Arc<Mutex<Report>>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts asking this address (such as [`crate::Server::http`]) for this virtual host.
    pub fn start(address: SocketAddr, host: &str) -> Self {
        let mut load =
            Self { since: Instant::now(), stop: Arc::default(), report: Arc::default(), clients: Vec::new() };
        for ask in [Ask::Login, Ask::Login, Ask::Call, Ask::Call, Ask::Version] {
            load.client(ask, address, host);
        }
        load
    }

    /// Ends every client after the answer it waits for, and tells what there was.
    pub fn stop(self) -> Report {
        self.stop.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.join().expect("a client of the load does not panic");
        }
        self.report.lock().unwrap().clone()
    }

    /// What there was so far.
    pub fn so_far(&self) -> Report {
        self.report.lock().unwrap().clone()
    }

    /// Waits until this release answered `/acme/version`, at most so long. True if it did.
    pub fn saw(&self, release: &str, limit: Duration) -> bool {
        crate::process::until(limit, || self.so_far().releases.contains_key(release).then_some(())).is_some()
    }

    fn client(&mut self, ask: Ask, address: SocketAddr, host: &str) {
        let (stop, report, since, host) =
            (self.stop.clone(), self.report.clone(), self.since, host.to_owned());
        self.clients.push(thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                let at = Instant::now();
                let answer = ask.once(address, &host);
                report.lock().unwrap().add(ask, at - since, at.elapsed(), answer);
                thread::sleep(PAUSE);
            }
        }));
    }
}

/// What the clients of a load saw.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many requests were sent and have ended.
    pub requests: u64,
    /// Every request that did not get the whole answer it should.
    pub failures: Vec<Failure>,
    /// The longest wait for an answer, failed ones included.
    pub longest: Duration,
    /// How many answers each release gave to `/acme/version`.
    pub releases: BTreeMap<String, u64>,
    /// When `/acme/version` was asked and answered by another release than before: time since the start, and the release.
    pub changes: Vec<(Duration, String)>,
}

/// A request that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// When it was sent, since the start of the load.
    pub at: Duration,
    /// How long it took to fail.
    pub took: Duration,
    /// What was asked.
    pub request: &'static str,
    /// What came instead of an answer.
    pub what: String,
}

impl Report {
    /// Panics unless there were requests and none of them failed.
    pub fn assert_none_failed(&self) {
        assert!(self.requests > 0, "the load sent no request");
        let first: Vec<_> = self.failures.iter().take(5).collect();
        assert!(
            self.failures.is_empty(),
            "{} of {} requests failed: {first:#?}",
            self.failures.len(),
            self.requests
        );
    }

    fn add(&mut self, ask: Ask, at: Duration, took: Duration, answer: Result<Option<String>, String>) {
        self.requests += 1;
        self.longest = self.longest.max(took);
        match answer {
            Ok(Some(release)) => {
                *self.releases.entry(release.clone()).or_default() += 1;
                if self.changes.last().is_none_or(|(_, last)| *last != release) {
                    self.changes.push((at, release));
                }
            }
            Ok(None) => {}
            Err(what) => self.failures.push(Failure { at, took, request: ask.name(), what }),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Ask {
    Login,
    Call,
    Version,
}

impl Ask {
    fn name(self) -> &'static str {
        match self {
            Self::Login => "GET /web/login",
            Self::Call => "POST /jsonrpc",
            Self::Version => "GET /acme/version",
        }
    }

    /// One request. The release, if that was asked; what went wrong, if the answer isn't the one it should be.
    fn once(self, address: SocketAddr, host: &str) -> Result<Option<String>, String> {
        let (path, body) = match self {
            Self::Login => ("/web/login", None),
            Self::Call => ("/jsonrpc", Some(VERSION_CALL)),
            Self::Version => ("/acme/version", None),
        };
        let answer = http::request(address, host, path, body, PATIENCE).map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&answer.body);
        let wrong = || format!("{}: {}", answer.status, text.chars().take(200).collect::<String>());
        // A redirect is no login page: it's what Odoo answers when it doesn't find its database.
        if answer.status != 200 {
            return Err(wrong());
        }
        match self {
            Self::Login => Ok(None),
            Self::Call if text.contains("\"server_version\"") => Ok(None),
            Self::Call => Err(wrong()),
            Self::Version => {
                let said: serde_json::Value = serde_json::from_str(&text).map_err(|_| wrong())?;
                said["release"].as_str().map(|release| Some(release.to_owned())).ok_or_else(wrong)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Answers as the sample does, and every tenth time closes the connection in the middle of its answer.
    fn flaky() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for (count, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let body = if request.starts_with("GET /acme/version") {
                    r#"{"release": "1.0"}"#
                } else {
                    r#"{"result": {"server_version": "19.0"}}"#
                };
                let sent = if count % 10 == 9 { &body[..5] } else { body };
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{sent}", body.len()).unwrap();
            }
        });
        address
    }

    #[test]
    fn counts_every_lost_answer() {
        let load = Load::start(flaky(), "acme.example.com");
        assert!(load.saw("1.0", Duration::from_secs(10)));
        let enough = || (load.so_far().requests >= 100).then_some(());
        assert!(crate::process::until(Duration::from_secs(20), enough).is_some());
        let report = load.stop();
        let lost = u64::try_from(report.failures.len()).unwrap();
        assert_eq!(lost, report.requests / 10, "{report:#?}");
        assert_eq!(report.changes.len(), 1);
        assert!(report.longest < Duration::from_secs(5));
    }
}
