//! Requests without end, and what became of them.

use std::{
    collections::BTreeMap,
    io::{Error, Read, Result, Write},
    net::TcpStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{JoinHandle, sleep, spawn},
    time::{Duration, Instant},
};

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// One GET, on a connection of its own.
pub(crate) fn get(port: u16, host: &str, path: &str) -> Result<Answer> {
    request(port, &format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n"))
}

fn request(port: u16, text: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(90)))?;
    stream.write_all(text.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| Error::other("no answer"))?;
    let status =
        head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| Error::other("no status"))?;
    Ok(Answer { status, body: body.to_owned() })
}

/// What became of all requests.
#[derive(Debug, Default, Clone)]
pub(crate) struct Report {
    pub(crate) answered: u64,
    pub(crate) failed: Vec<String>,
    pub(crate) longest: Duration,
    pub(crate) versions: BTreeMap<String, u64>,
}

pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    report: Arc<Mutex<Report>>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(port: u16, host: &'static str) -> Self {
        let (stop, report) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Report::default())));
        let rpc =
            r#"{"jsonrpc":"2.0","method":"call","params":{"service":"common","method":"version","args":[]}}"#;
        let post = format!(
            "POST /jsonrpc HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{rpc}",
            rpc.len()
        );
        let version = format!("GET /lab/version HTTP/1.0\r\nHost: {host}\r\n\r\n");
        let requests =
            [version.clone(), version, post, format!("GET /web/login HTTP/1.0\r\nHost: {host}\r\n\r\n")];
        let threads = requests.map(|text| {
            let (stop, report) = (stop.clone(), report.clone());
            spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    let answer = request(port, &text);
                    report.lock().unwrap().add(&text, answer, begun.elapsed());
                    sleep(Duration::from_millis(30));
                }
            })
        });
        Self { stop, report, threads: threads.into() }
    }

    pub(crate) fn stop(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|t| t.join().unwrap());
        self.report.lock().unwrap().clone()
    }
}

impl Report {
    fn add(&mut self, text: &str, answer: Result<Answer>, took: Duration) {
        self.longest = self.longest.max(took);
        let line = text.lines().next().unwrap_or_default();
        match answer {
            Ok(Answer { status: 200, body }) => {
                self.answered += 1;
                if line.contains("/lab/version") {
                    *self.versions.entry(body).or_default() += 1;
                }
            }
            Ok(Answer { status, .. }) => {
                self.failed.push(format!("{} {line}: {status} after {took:?}", jiff::Timestamp::now()))
            }
            Err(e) => self.failed.push(format!("{} {line}: {e} after {took:?}", jiff::Timestamp::now())),
        }
    }
}
