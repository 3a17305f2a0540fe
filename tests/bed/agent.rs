//! An SSH agent of a test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::process::{must, until};

/// An agent without keys. It ends when dropped.
#[derive(Debug)]
pub struct Agent {
    socket: PathBuf,
    child: Child,
}

impl Agent {
    /// Starts one whose socket is in this folder.
    pub fn start(dir: &Path) -> Self {
        let socket = dir.join("socket");
        let child = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("there is ssh-agent (scripts/setup test)");
        let agent = Self { socket, child };
        assert!(
            until(Duration::from_secs(10), || agent.socket.exists().then_some(())).is_some(),
            "the agent listens"
        );
        agent
    }

    /// What `SSH_AUTH_SOCK` has to say.
    pub fn socket(&self) -> String {
        self.socket.display().to_string()
    }

    /// Gives it a private key that has no passphrase.
    pub fn add(&self, key: &Path) {
        must(Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &self.socket));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
