//! cron on a machine of its own: its part at boot, and a daemon that is there to be seen.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How cron runs things on a machine.
#[derive(Debug)]
pub(crate) struct Cron<'a> {
    /// Words to put before a command so that it runs on the machine.
    pub(crate) enter: Vec<String>,
    pub(crate) environment: &'a [(String, String)],
    pub(crate) home: PathBuf,
}

impl Cron<'_> {
    /// Runs a crontab's `@reboot` lines.
    pub(crate) fn run_boot_entries(&self, crontab: &str) {
        for command in crontab.lines().filter_map(|line| line.trim_start().strip_prefix("@reboot")) {
            self.spawn(&["sh", "-c", command.trim()], self.environment);
        }
    }

    /// Starts a process by the name of cron's daemon, which does nothing.
    pub(crate) fn start(&self, daemon: &Path) {
        if !daemon.exists() {
            fs::copy("/bin/sleep", daemon).unwrap();
        }
        // Without the variable that marks the test's own processes: it isn't one that Slipway started.
        self.spawn(&[&daemon.display().to_string(), "infinity"], &[]);
    }

    fn spawn(&self, command: &[&str], environment: &[(String, String)]) {
        let mut words = self.enter.iter().map(String::as_str).chain(command.iter().copied());
        let mut cron = Command::new(words.next().expect("there is a command"));
        cron.args(words).env_clear().envs(environment.iter().map(|(k, v)| (k, v)));
        cron.current_dir(&self.home).process_group(0);
        cron.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = cron.spawn().unwrap();
        std::thread::spawn(move || child.wait());
    }
}

/// A `crontab` that keeps its table with the server: several servers of one user must not write to that user's real one.
pub(crate) fn install_crontab(file: &Path) {
    fs::write(file, include_str!("crontab.sh")).unwrap();
    fs::set_permissions(file, Permissions::from_mode(0o755)).unwrap();
}
