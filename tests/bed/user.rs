//! An account of the system, made for one server and removed with it: sshd checks passwords against nothing else.

use std::process::{Command, Stdio};

use crate::process::{is_root, must};

/// An account with a password.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
}

impl User {
    /// Makes an account. Its home is what the server says in its sessions' environment, not what the system knows.
    pub(crate) fn create(unique: &str) -> Self {
        assert!(is_root(), "a server with a password needs root, to make an account for it");
        let user = Self { name: format!("slipwaytest-{unique}"), password: format!("pa$$ \"{unique}'") };
        let hash = must(Command::new("openssl").args(["passwd", "-6", &user.password]));
        must(Command::new("useradd").args([
            "--no-create-home",
            "--shell",
            "/bin/sh",
            "--password",
            &hash,
            &user.name,
        ]));
        user
    }
}

impl Drop for User {
    fn drop(&mut self) {
        Command::new("userdel").args(["--force", &self.name]).stderr(Stdio::null()).status().ok();
    }
}
