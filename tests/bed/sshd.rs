//! A real sshd of our own: its own configuration, host key and port; nothing of the system's is touched.

use std::fs::{self, DirBuilder};
use std::hash::{BuildHasher, RandomState};
use std::iter::repeat_with;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::process::{descendants, find_program, is_root, must, name, signal, tail, until};

/// Where Debian's sshd, started by root, hides its processes that talk to strangers. Its service makes it at boot, and a machine
/// may never have started that.
const HIDING_PLACE: &str = "/run/sshd";

/// What a connection's commands find in their environment, and what the sshd allows.
#[derive(Debug)]
pub(crate) struct Config<'a> {
    /// Variables of every session, such as `HOME`.
    pub(crate) environment: &'a [(&'a str, &'a str)],
    pub(crate) address: Ipv4Addr,
    pub(crate) passwords: bool,
    pub(crate) forwarding: bool,
    /// PAM, because without it sshd lets nobody in whose account is locked.
    pub(crate) pam: bool,
}

/// An sshd. It ends when dropped.
#[derive(Debug)]
pub(crate) struct Sshd {
    dir: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

impl Sshd {
    /// Makes the configuration in `dir`. It doesn't run yet.
    pub(crate) fn configure(dir: &Path, config: &Config<'_>) -> Self {
        let sshd = Self { dir: dir.to_owned(), address: (config.address, free_port()).into(), child: None };
        sshd.new_host_key();
        let yes = |on| if on { "yes" } else { "no" };
        let environment: Vec<String> =
            config.environment.iter().map(|(key, value)| format!("\"{key}={value}\"")).collect();
        let text = format!(
            "ListenAddress {address}\nHostKey {dir}/host_key\nPidFile none\n\
             AuthorizedKeysFile {dir}/authorized_keys\nStrictModes no\nUsePAM {pam}\nPermitRootLogin yes\n\
             PasswordAuthentication {passwords}\nKbdInteractiveAuthentication no\n\
             AllowStreamLocalForwarding {forwarding}\nAllowTcpForwarding {forwarding}\n\
             MaxStartups 100\nMaxSessions 100\nPrintMotd no\nPrintLastLog no\nLogLevel VERBOSE\nSetEnv {environment}\n",
            address = sshd.address,
            dir = dir.display(),
            pam = yes(config.pam),
            passwords = yes(config.passwords),
            forwarding = yes(config.forwarding),
            environment = environment.join(" "),
        );
        fs::write(sshd.config_file(), text).unwrap();
        sshd
    }

    /// The one whose configuration is in `dir`. It doesn't run yet.
    pub(crate) fn configured(dir: &Path, address: SocketAddr) -> Self {
        Self { dir: dir.to_owned(), address, child: None }
    }

    /// Where it listens. It stays the same over every start.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new host key, used from the next start on.
    pub(crate) fn new_host_key(&self) {
        for file in ["host_key", "host_key.pub"] {
            fs::remove_file(self.dir.join(file)).ok();
        }
        let key = self.dir.join("host_key");
        must(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(key));
    }

    /// The command that runs it in the foreground.
    fn command(&self) -> Vec<String> {
        // sshd wants to be called by its whole path: it runs itself again for each connection.
        let program = find_program("sshd").expect("sshd is installed (scripts/setup test)");
        let log = self.dir.join("sshd.log");
        [&program.display().to_string(), "-D", "-f", &self.config_file().display().to_string(), "-E"]
            .map(str::to_owned)
            .into_iter()
            .chain([log.display().to_string()])
            .collect()
    }

    /// Starts it and waits until it takes connections. `enter` are words to put before the command.
    pub(crate) fn start(&mut self, enter: &[String]) {
        if is_root() {
            // It refuses one that others may write to.
            DirBuilder::new().recursive(true).mode(0o755).create(HIDING_PLACE).unwrap();
        }
        let command = self.command();
        let mut words = enter.iter().chain(&command);
        let child = Command::new(words.next().expect("a command has a program"))
            .args(words)
            .env(crate::DAEMON_OF, &self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        self.wait_until_open();
    }

    fn wait_until_open(&self) {
        let open = until(Duration::from_secs(10), || TcpStream::connect(self.address).ok());
        assert!(open.is_some(), "sshd does not listen: {}", tail(&self.dir.join("sshd.log")));
    }

    /// Stops listening and ends all connections.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal("KILL", &below(child.id()));
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// The processes that serve connections. What users started through them is not among these.
    pub(crate) fn sessions(&self) -> Vec<u32> {
        let Some(child) = &self.child else { return Vec::new() };
        let mut found = below(child.id());
        // The listener is our child itself, or its first below when it had to enter a namespace.
        if name(child.id()).is_some_and(|name| !name.starts_with("sshd")) && !found.is_empty() {
            found.remove(0);
        }
        found
    }

    fn config_file(&self) -> PathBuf {
        self.dir.join("sshd_config")
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The processes of sshd below this one, nearest first.
fn below(pid: u32) -> Vec<u32> {
    let is_sshd = |pid: &u32| name(*pid).is_some_and(|name| name.starts_with("sshd"));
    descendants(pid).into_iter().filter(is_sshd).collect()
}

/// A port on which nobody listens. It lies below those that the system gives to outgoing connections: one of these would
/// be taken by a test beside this one between now and the use.
pub fn free_port() -> u16 {
    let any = || 20_000 + u16::try_from(RandomState::new().hash_one(()) % 10_000).unwrap();
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
    repeat_with(any).take(1000).find(is_free).expect("a free port")
}
