//! A real sshd for one test: on loopback, with its own host key, port and folder, run by whoever runs the test.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    reason = "each test binary uses its own part of this"
)]

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use slipway_remote::{Cmd, Host, HostKey, RemoteErrorKind, SshSpec, scan_host_key, trust_host_key};
use tempfile::TempDir;

pub struct Sshd {
    pub folder: TempDir,
    pub port: u16,
    options: String,
    /// Words before sshd's own.
    wrapper: Vec<String>,
    child: Option<Child>,
}

impl Sshd {
    pub fn start() -> Self {
        Self::with("")
    }

    /// With more lines for its configuration.
    pub fn with(options: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("sw").tempdir().unwrap();
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut sshd = Self { folder, port, options: options.to_owned(), wrapper: vec![], child: None };
        sshd.keygen("key", "");
        fs::copy(sshd.path("key.pub"), sshd.path("authorized_keys")).unwrap();
        fs::write(
            sshd.path("ssh_config"),
            "Host *\n  UserKnownHostsFile /dev/null\n  GlobalKnownHostsFile /dev/null\n",
        )
        .unwrap();
        sshd.new_host_key();
        sshd.restart();
        sshd
    }

    /// Where whoever runs the test logs in with this password: in a mount namespace of its own, sshd sees another
    /// /etc/shadow. That takes root on Linux; otherwise says why not.
    pub fn with_password(password: &str) -> Option<Self> {
        let namespaces = Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status();
        if !unix_root() || !namespaces.is_ok_and(|status| status.success()) {
            println!("skipped: needs root and mount namespaces");
            return None;
        }
        let mut sshd = Self::with("PasswordAuthentication yes");
        let hash = Command::new("openssl").args(["passwd", "-6", password]).output().unwrap();
        let shadow = sshd.path("shadow");
        fs::write(
            &shadow,
            format!("root:{}:19000:0:99999:7:::\n", String::from_utf8(hash.stdout).unwrap().trim()),
        )
        .unwrap();
        let mount = "mount --bind \"$0\" /etc/shadow && exec \"$@\"";
        sshd.wrapper =
            ["unshare", "-m", "sh", "-c", mount, shadow.to_str().unwrap()].map(str::to_owned).into();
        sshd.restart();
        Some(sshd)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn keygen(&self, name: &str, passphrase: &str) -> PathBuf {
        let file = self.path(name);
        let _ = fs::remove_file(&file);
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-C", name, "-N", passphrase, "-f"]).arg(&file);
        assert!(keygen.status().unwrap().success());
        file
    }

    pub fn new_host_key(&self) {
        self.keygen("host_key", "");
    }

    pub fn authorize(&self, public_key: &Path) {
        let keys = [fs::read(self.path("authorized_keys")).unwrap(), fs::read(public_key).unwrap()].concat();
        fs::write(self.path("authorized_keys"), keys).unwrap();
    }

    pub fn restart(&mut self) {
        self.stop();
        let at = self.folder.path().display();
        let config = format!(
            "{}\nPort {}\nListenAddress 127.0.0.1\nHostKey {at}/host_key\nAuthorizedKeysFile {at}/authorized_keys\n\
             StrictModes no\nPidFile none\nUsePAM {}\nPermitRootLogin yes\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nMaxStartups 100\nSetEnv HOME={at}\n",
            self.options,
            self.port,
            if is_locked() { "yes" } else { "no" },
        );
        fs::write(self.path("sshd_config"), config).unwrap();
        let log = fs::File::create(self.path("sshd.log")).unwrap();
        if Path::new("/proc/self").exists() && unix_root() {
            // Where Debian's sshd, started by root, wants to be able to hide; its service makes it at boot.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let sshd = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"]
            .into_iter()
            .find(|p| Path::new(p).exists());
        let sshd = sshd.expect("these tests need a real sshd: install openssh-server (scripts/setup does)");
        let mut words = self.wrapper.iter().map(String::as_str).chain([sshd]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        command
            .args(["-D", "-e", "-f"])
            .arg(self.path("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.child = Some(command.spawn().unwrap());
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < until, "sshd did not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops listening and ends all connections.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            self.signal_connections_of(child.id(), "KILL");
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Sends a signal to the processes that serve connections, and returns how many there were.
    pub fn signal_connections(&self, signal: &str) -> usize {
        self.signal_connections_of(self.child.as_ref().unwrap().id(), signal)
    }

    fn signal_connections_of(&self, listener: u32, signal: &str) -> usize {
        let ps = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output().unwrap();
        let ps = String::from_utf8(ps.stdout).unwrap();
        let mut found = vec![];
        for line in ps.lines() {
            let mut words = line.split_whitespace().map(|word| word.parse::<u32>().unwrap());
            if let (Some(pid), Some(parent)) = (words.next(), words.next())
                && parent == listener
            {
                found.push(pid.to_string());
            }
        }
        if !found.is_empty() {
            // Some may be gone by now.
            Command::new("kill")
                .arg(format!("-{signal}"))
                .args(&found)
                .stderr(Stdio::null())
                .status()
                .unwrap();
        }
        found.len()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("sshd.log")).unwrap_or_default()
    }

    /// How to reach it, its host key not yet known.
    pub fn spec(&self) -> SshSpec {
        SshSpec {
            port: Some(self.port),
            key_file: Some(self.path("key")),
            config_file: Some(self.path("ssh_config")),
            ..SshSpec::new("127.0.0.1", self.path("s"))
        }
    }

    /// How to reach it, its host key known.
    pub async fn known(&self) -> SshSpec {
        let spec = self.spec();
        self.trust(&spec).await;
        spec
    }

    pub async fn trust(&self, spec: &SshSpec) -> HostKey {
        let key = scan_host_key(spec).await.unwrap();
        trust_host_key(spec, &key).unwrap();
        key
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn unix_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// Is root's account locked, as Ubuntu leaves it? Then sshd asks PAM, or lets it in by no key either.
fn is_locked() -> bool {
    let shadow = fs::read_to_string("/etc/shadow").unwrap_or_default();
    shadow.lines().any(|line| line.starts_with("root:!")) && unix_root()
}

/// Whether a process is there (one that waits to be reaped is not).
pub fn lives(pid: &str) -> bool {
    let ps = Command::new("ps").args(["-o", "stat=", "-p", pid.trim()]).output().unwrap();
    let state = String::from_utf8(ps.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

/// Waits until something is so.
pub async fn eventually(what: &str, seconds: u64, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(seconds);
    while !is_so() {
        assert!(Instant::now() < until, "not within {seconds} s: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Cuts all connections and waits until it's noticed: a call made in that instant may still be lost.
pub async fn cut(sshd: &Sshd, host: &dyn Host) {
    assert!(sshd.signal_connections("KILL") >= 1);
    let until = Instant::now() + Duration::from_secs(5);
    while let Err(error) = host.run_ok(Cmd::new("true")).await {
        assert!(error.kind == RemoteErrorKind::ConnectionLost && Instant::now() < until, "{error:?}");
    }
}

/// Waits until a command wrote its process id.
pub async fn pid_in(file: &Path) -> String {
    eventually("a process id is written", 10, || fs::read_to_string(file).is_ok_and(|s| s.ends_with('\n')))
        .await;
    fs::read_to_string(file).unwrap().trim().to_owned()
}
