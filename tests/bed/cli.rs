//! The `slipway` command as a user runs it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::process::{self, until};

/// The `slipway` command with a home of its own.
#[derive(Clone, Debug)]
pub struct Slipway {
    program: PathBuf,
    home: PathBuf,
    environment: Vec<(String, String)>,
}

impl Slipway {
    /// The command that this workspace built, with all its state in this folder.
    pub fn new(home: impl Into<PathBuf>) -> Self {
        Self { program: program(), home: home.into(), environment: Vec::new() }
    }

    /// The same, with a variable in its environment.
    #[must_use]
    pub fn env(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((key.into(), value.into()));
        self
    }

    /// The folder with its state.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Runs `slipway --home HOME --json ARGS` to its end, at most ten minutes.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.start(args).wait(Duration::from_secs(600))
    }

    /// The same, and panics unless it succeeded.
    pub fn must(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "slipway {args:?} failed: {ran:#?}");
        ran
    }

    /// Starts `slipway --home HOME --json ARGS`, to watch or end while it runs.
    pub fn start(&self, args: &[&str]) -> Running {
        let mut command = Command::new(&self.program);
        command.arg("--home").arg(&self.home).arg("--json").args(args);
        command.envs(self.environment.iter().map(|(key, value)| (key, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("can't start {} (cargo build -p slipway-cli): {error}", self.program.display())
        });
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let listening = said.clone();
        let out = thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                listening.lock().unwrap().push(line);
            }
        });
        let err = thread::spawn(move || {
            let mut text = Vec::new();
            BufReader::new(err).read_to_end(&mut text).ok();
            String::from_utf8_lossy(&text).into_owned()
        });
        Running { child, said, out, err }
    }
}

/// A `slipway` command that was started.
#[derive(Debug)]
pub struct Running {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    out: JoinHandle<()>,
    err: JoinHandle<String>,
}

impl Running {
    /// Waits until it printed a JSON line that `is_it`, and gives that. Panics when it ends, or the limit passes, without.
    pub fn wait_for(&mut self, limit: Duration, is_it: impl Fn(&Value) -> bool) -> Value {
        let found = until(limit, || {
            let ended = self.child.try_wait().unwrap().is_some() && self.out.is_finished();
            let found = json(&self.said.lock().unwrap()).into_iter().find(&is_it);
            if ended { Some(found) } else { found.map(Some) }
        });
        found.flatten().unwrap_or_else(|| panic!("slipway did not say it: {:#?}", self.said.lock().unwrap()))
    }

    /// Waits until it says that it has come to a step (such as `building`, `health_check`).
    pub fn wait_for_step(&mut self, step: &str, limit: Duration) {
        self.wait_for(limit, |line| line["step"] == step);
    }

    /// Does something while it is stopped.
    pub fn stand_still<T>(&self, act: impl FnOnce() -> T) -> T {
        process::signal("STOP", &[self.child.id()]);
        let done = act();
        process::signal("CONT", &[self.child.id()]);
        done
    }

    /// `kill -9`.
    pub fn kill(self) -> Ran {
        process::signal("KILL", &[self.child.id()]);
        self.wait(Duration::from_secs(10))
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        process::signal("INT", &[self.child.id()]);
    }

    /// Waits for its end. Panics when the limit passes first.
    pub fn wait(mut self, limit: Duration) -> Ran {
        let Some(status) = process::wait(&mut self.child, limit) else {
            self.child.kill().ok();
            panic!("slipway did not end within {limit:?}: {:#?}", self.said.lock().unwrap());
        };
        self.out.join().unwrap();
        let stdout = std::mem::take(&mut *self.said.lock().unwrap());
        Ran { code: status.code(), lines: json(&stdout), stdout, stderr: self.err.join().unwrap() }
    }
}

/// A `slipway` command that has ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it printed on standard output, line by line.
    pub stdout: Vec<String>,
    /// Those lines that are JSON.
    pub lines: Vec<Value>,
    /// What it printed on standard error.
    pub stderr: String,
}

impl Ran {
    /// The last JSON line: the result of most commands.
    pub fn result(&self) -> &Value {
        self.lines.last().unwrap_or_else(|| panic!("slipway printed no JSON: {self:#?}"))
    }

    /// The code of the error it ended with, whether a command was refused or a deployment failed; empty if there is none.
    pub fn error(&self) -> &str {
        let result = self.lines.last().unwrap_or(&Value::Null);
        [&result["error"]["code"], &result["deployment"]["error"]["code"]]
            .into_iter()
            .find_map(Value::as_str)
            .unwrap_or("")
    }

    /// How it ended in a few lines, for the message of a failed assertion: the last warnings and errors, and its result.
    pub fn told(&self) -> String {
        let is_bad = |line: &&Value| matches!(line["level"].as_str(), Some("warning" | "error"));
        let mut bad: Vec<&str> =
            self.lines.iter().filter(is_bad).filter_map(|line| line["text"].as_str()).collect();
        bad.drain(..bad.len().saturating_sub(25));
        let result = self.lines.last().unwrap_or(&Value::Null);
        let error =
            [&result["error"], &result["deployment"]["error"]].into_iter().find(|error| !error.is_null());
        let error = error.map(|error| format!("{error:#}")).unwrap_or_default();
        format!("exit {:?}\n{}\n{error}\n{}", self.code, bad.join("\n"), self.stderr)
    }
}

fn json(lines: &[String]) -> Vec<Value> {
    lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// `SLIPWAY_BIN`, else the program beside the test's own.
pub(crate) fn program() -> PathBuf {
    if let Some(program) = std::env::var_os("SLIPWAY_BIN") {
        return program.into();
    }
    // Tests are in target/PROFILE/deps, programs in target/PROFILE.
    let test = std::env::current_exe().unwrap();
    test.ancestors().skip(1).map(|dir| dir.join("slipway")).find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("there is no slipway program near {}: cargo build -p slipway-cli", test.display())
    })
}
