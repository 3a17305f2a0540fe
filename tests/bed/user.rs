//! An account of the system, made for one server and removed with it: sshd checks passwords against nothing else.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::process::{find_program, is_root, must};

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

    /// Lets it use Docker as root by `sudo`, and nothing else, without a password.
    pub(crate) fn may_sudo_docker(&self) {
        let docker = find_program("docker").expect("there is docker");
        assert!(find_program("sudo").is_some(), "sudo is installed (scripts/setup test)");
        let line = format!("{} ALL=(root) NOPASSWD: {}\n", self.name, docker.display());
        fs::write(self.sudoers(), line).unwrap();
        fs::set_permissions(self.sudoers(), Permissions::from_mode(0o440)).unwrap();
        must(Command::new("visudo").args(["-cqf"]).arg(self.sudoers()));
    }

    fn sudoers(&self) -> PathBuf {
        PathBuf::from("/etc/sudoers.d").join(&self.name)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        fs::remove_file(self.sudoers()).ok();
        Command::new("userdel").args(["--force", &self.name]).stderr(Stdio::null()).status().ok();
    }
}

/// Is the account that runs the tests locked? Then sshd asks PAM, or lets it in by no key either.
pub(crate) fn is_locked() -> bool {
    let shadow = fs::read_to_string("/etc/shadow").unwrap_or_default();
    let root = shadow.lines().find_map(|line| line.strip_prefix("root:")).unwrap_or_default();
    is_root() && root.starts_with('!')
}
