//! The shell: what a person sees and clicks outside of the window.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::until;

/// The shell of a desktop.
#[derive(Debug)]
pub struct Shell {
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    process: Child,
}

/// A notification that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its number.
    pub id: u64,
    /// Its first line.
    pub summary: String,
    /// The rest.
    pub body: String,
}

/// An entry of the tray's menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it says.
    pub label: String,
    /// Whether it can be chosen.
    pub enabled: bool,
    /// The entries below it.
    pub entries: Vec<Entry>,
}

impl Shell {
    pub(super) fn start(environment: &[(String, String)]) -> Self {
        // The system's own Python: it has D-Bus.
        let mut process = Command::new("/usr/bin/python3")
            .args(["-c", include_str!("shell.py")])
            .env_clear()
            .envs(environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a /usr/bin/python3");
        let (to, from) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let shell = Self { pipes: Mutex::new((to, BufReader::new(from))), process };
        assert_eq!(shell.answer(), "ready", "the shell started (python3-dbus and python3-gi are installed)");
        shell
    }

    /// The notifications that were shown, oldest first.
    pub fn notifications(&self) -> Vec<Notification> {
        let shown = self.order(&json!({"do": "notifications"}));
        let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        let notification = |one: &Value| Notification {
            id: one["id"].as_u64().unwrap(),
            summary: text(one, "summary"),
            body: text(one, "body"),
        };
        shown.as_array().unwrap().iter().map(notification).collect()
    }

    /// Waits for a notification whose first line is this.
    pub fn wait_for(&self, summary: &str, limit: Duration) -> Notification {
        until(limit, || self.notifications().into_iter().find(|n| n.summary == summary))
            .unwrap_or_else(|| panic!("no notification {summary:?} among {:?}", self.notifications()))
    }

    /// Clicks a notification.
    pub fn click(&self, notification: &Notification) {
        self.order(&json!({"do": "click notification", "id": notification.id}));
    }

    /// The tray's menu; empty while there is no icon.
    pub fn menu(&self) -> Vec<Entry> {
        entries(&self.order(&json!({"do": "menu"})))
    }

    /// Waits until the tray's menu is as wanted.
    pub fn wait_for_menu(&self, limit: Duration, is_it: impl Fn(&[Entry]) -> bool) -> Vec<Entry> {
        until(limit, || Some(self.menu()).filter(|menu| is_it(menu)))
            .unwrap_or_else(|| panic!("the tray's menu is {:#?}", self.menu()))
    }

    /// Chooses an entry of the tray's menu: by the beginnings of the labels on the way to it.
    pub fn choose(&self, labels: &[&str]) {
        let wrong = self.order(&json!({"do": "choose", "labels": labels}));
        assert_eq!(wrong, Value::Null, "the entry {labels:?} can be chosen");
    }

    fn order(&self, order: &Value) -> Value {
        writeln!(self.pipes.lock().unwrap().0, "{order}").expect("the shell runs");
        self.answer()
    }

    fn answer(&self) -> Value {
        let mut line = String::new();
        self.pipes.lock().unwrap().1.read_line(&mut line).expect("the shell runs");
        let answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("the shell ended, or said {line:?}"));
        assert!(answer["error"].is_null(), "{answer}");
        answer["ok"].clone()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn entries(menu: &Value) -> Vec<Entry> {
    let entry = |one: &Value| Entry {
        label: one[0].as_str().unwrap().to_owned(),
        enabled: one[1].as_bool().unwrap(),
        entries: entries(&one[2]),
    };
    menu.as_array().map(|menu| menu.iter().map(entry).collect()).unwrap_or_default()
}
