//! A server to deploy to.

use std::fs::{self, File, Permissions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use crate::cron::{Cron, install_crontab};
use crate::docker::Docker;
use crate::machine::Machine;
use crate::options::{Access, Daemon, Options};
use crate::process::{self, is_root, must, run, signal, unique, until};
use crate::slot::Slot;
use crate::slow::SlowLink;
use crate::sshd::{Config, Sshd, free_port};
use crate::template::Ports;
use crate::user::{User, is_locked};

/// A server: a real sshd, a home of its own, and a real Docker daemon.
///
/// Servers without a Docker daemon of their own share the suite's, where only one can have the name of the proxy's container: a second
/// one gets a daemon of its own, or waits until the one before it is gone, also when that belongs to another process.
///
/// When dropped it takes away everything that was made on it.
#[derive(Debug)]
pub struct Server {
    // Dropped in this order: who may still work on the server first, the folder last.
    sshd: Sshd,
    machine: Option<Machine>,
    user: Option<User>,
    docker: Docker,
    environment: Vec<(String, String)>,
    unique: String,
    slugs: Mutex<Vec<String>>,
    http_port: u16,
    https_port: u16,
    dir: TempDir,
    _turn: Option<File>,
    // Until the folder is gone: who has the place has the folder.
    slot: Option<Arc<Slot>>,
}

impl Server {
    /// A server on the suite's Docker daemon, to which the user who runs the tests logs in with a key.
    pub fn start() -> Self {
        Self::with(Options::default())
    }

    /// A server with a Docker daemon of its own, which can be rebooted.
    pub fn with_own_docker() -> Self {
        Self::with(Options { daemon: Daemon::Own, ..Options::default() })
    }

    /// A server of another kind.
    pub fn with(options: Options) -> Self {
        let turn = if options.daemon == Daemon::Own { None } else { options.turn() };
        let slot = turn.is_none().then(|| Arc::new(Slot::take()));
        Self::make(&options, turn, slot)
    }

    /// A server on this machine.
    pub(crate) fn on_machine(slot: Arc<Slot>) -> Self {
        Self::make(&Options::default(), None, Some(slot))
    }

    fn make(options: &Options, turn: Option<File>, slot: Option<Arc<Slot>>) -> Self {
        let dir = match &slot {
            Some(slot) => slot.folder(),
            None => tempfile::Builder::new().prefix("slipway-bed-").tempdir().unwrap(),
        };
        open(dir.path());
        let unique = unique();
        let user = options.password.then(|| User::create(&unique));
        if let (Access::Sudo, Some(user)) = (options.access, &user) {
            user.may_sudo_docker();
        }
        let machine = slot.as_ref().map(|slot| Machine::start(slot.clone(), dir.path()));
        let docker = machine.as_ref().map_or_else(Docker::of_the_suite, Machine::docker);
        for folder in ["home", "cron", "bin"].map(|name| dir.path().join(name)) {
            // Docker makes what the containers of a killed test are bound to, when it starts them again with the machine.
            fs::remove_dir_all(&folder).ok();
            fs::create_dir(folder).unwrap();
        }
        install_crontab(&dir.path().join("bin/crontab"));
        let environment = options.environment(&docker, dir.path());
        let pairs: Vec<(&str, &str)> = environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let config = Config {
            environment: &pairs,
            address: machine.as_ref().map_or(Ipv4Addr::LOCALHOST, Machine::address),
            passwords: options.password,
            forwarding: options.forwarding,
            pam: is_locked(),
        };
        let sshd = Sshd::configure(dir.path(), &config);

        let mut server = Self {
            sshd,
            machine,
            user,
            docker,
            environment,
            unique,
            slugs: Mutex::default(),
            http_port: free_port(),
            https_port: free_port(),
            dir,
            _turn: turn,
            slot,
        };
        if let Some(user) = &server.user {
            must(
                Command::new("chown").arg("-R").arg(&user.name).args([server.at("home"), server.at("cron")]),
            );
        }
        server.new_key("id", "");
        server.start_sshd();
        server.start_cron("");
        server
    }

    /// The server that was on this machine when its files and the machine's were saved; they are back in `dir`. It has no power yet.
    pub(crate) fn known(slot: Arc<Slot>, dir: TempDir, ports: Ports, unique: String) -> Self {
        open(dir.path());
        let machine = Machine::off(slot.clone(), dir.path());
        let docker = machine.docker();
        Self {
            sshd: Sshd::configured(dir.path(), (machine.address(), ports.ssh).into()),
            environment: Options::default().environment(&docker, dir.path()),
            machine: Some(machine),
            user: None,
            docker,
            unique,
            slugs: Mutex::default(),
            http_port: ports.http,
            https_port: ports.https,
            dir,
            _turn: None,
            slot: Some(slot),
        }
    }

    /// What makes its names unlike those of others.
    pub(crate) fn unique_part(&self) -> &str {
        &self.unique
    }

    /// The folder with all that is the server's own, besides its machine's data root.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The machine's place, if it has a machine of its own.
    pub(crate) fn slot(&self) -> Option<&Arc<Slot>> {
        self.slot.as_ref()
    }

    /// Its address: 127.0.0.1, or one of its own with [`Self::with_own_docker`].
    pub fn address(&self) -> IpAddr {
        self.sshd.address().ip()
    }

    /// The port of its sshd.
    pub fn port(&self) -> u16 {
        self.sshd.address().port()
    }

    /// Who logs in.
    pub fn user(&self) -> String {
        self.user.as_ref().map_or_else(|| must(Command::new("id").arg("-un")), |user| user.name.clone())
    }

    /// The password of that user, if it was made for this server.
    pub fn password(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.password.as_str())
    }

    /// A private key that is let in, without a passphrase.
    pub fn key(&self) -> PathBuf {
        self.at("id")
    }

    /// A new private key that is let in, with a passphrase.
    pub fn key_with_passphrase(&self, passphrase: &str) -> PathBuf {
        self.new_key("id_locked", passphrase);
        self.at("id_locked")
    }

    /// The user's home on the server.
    pub fn home(&self) -> PathBuf {
        self.at("home")
    }

    /// A folder for the test's own things (such as Slipway's home), which goes with the server.
    pub fn scratch(&self, name: &str) -> PathBuf {
        let dir = self.at("scratch").join(name);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    /// Its Docker daemon, as an onlooker sees it.
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Where the proxy's HTTP is, if it was told [`Self::http_port`].
    pub fn http(&self) -> SocketAddr {
        (self.address(), self.http_port).into()
    }

    /// Where the proxy's HTTPS is, if it was told [`Self::https_port`].
    pub fn https(&self) -> SocketAddr {
        (self.address(), self.https_port).into()
    }

    /// A free port for the proxy's HTTP.
    pub fn http_port(&self) -> u16 {
        self.http_port
    }

    /// A free port for the proxy's HTTPS.
    pub fn https_port(&self) -> u16 {
        self.https_port
    }

    /// `acme` → `acme-1f2e3d`: a name that no other test uses. What is made for environments of this name goes with the
    /// server.
    pub fn unique(&self, name: &str) -> String {
        let name = format!("{name}-{}", self.unique);
        self.slugs.lock().unwrap().push(name.clone());
        name
    }

    /// The host key's line for `known_hosts`, without the host.
    pub fn host_key(&self) -> String {
        fs::read_to_string(self.at("host_key.pub")).unwrap().trim_end().to_owned()
    }

    /// The host key's fingerprint, such as `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        let said = must(Command::new("ssh-keygen").arg("-lf").arg(self.at("host_key.pub")));
        said.split(' ').nth(1).expect("ssh-keygen -l prints: bits, fingerprint, comment").to_owned()
    }

    /// The server as if it had been installed anew: another host key.
    pub fn change_host_key(&mut self) {
        self.stop_sshd();
        self.sshd.new_host_key();
        self.start_sshd();
    }

    /// Runs a shell command over SSH, by the system's ssh.
    pub fn ssh(&self, command: &str) -> Output {
        let known = self.at("known_hosts");
        fs::write(&known, format!("[{}]:{} {}\n", self.address(), self.port(), self.host_key())).unwrap();
        let mut ssh = Command::new("ssh");
        ssh.args([
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "ConnectTimeout=10",
        ]);
        ssh.arg("-o").arg(format!("UserKnownHostsFile={}", known.display())).arg("-i").arg(self.key());
        ssh.args(["-p", &self.port().to_string(), &format!("{}@{}", self.user(), self.address()), command]);
        run(&mut ssh, Duration::from_secs(120))
    }

    /// Cuts all SSH connections. New ones are taken.
    pub fn cut(&self) {
        signal("KILL", &self.sshd.sessions());
    }

    /// Freezes all SSH connections: they stay open, and nothing comes any more. New ones work.
    pub fn freeze(&self) {
        signal("STOP", &self.sshd.sessions());
    }

    /// Ends [`Self::freeze`].
    pub fn thaw(&self) {
        signal("CONT", &self.sshd.sessions());
    }

    /// Stops sshd and cuts all connections.
    pub fn stop_sshd(&mut self) {
        self.sshd.stop();
    }

    /// Starts sshd on the same port.
    pub fn start_sshd(&mut self) {
        let enter = self.machine.as_ref().map(Machine::enter).unwrap_or_default();
        self.sshd.start(&enter);
    }

    /// A slow way to its sshd.
    pub fn slow_link(&self, round_trip: Duration) -> SlowLink {
        SlowLink::to(self.sshd.address(), round_trip)
    }

    /// Takes the power away: sshd, Docker, containers and everything else on it die at once. Only with
    /// [`Self::with_own_docker`].
    pub fn power_off(&mut self) {
        self.machine.as_mut().expect("only a server with its own Docker can be switched off").power_off();
        self.sshd.stop();
    }

    /// Gives the power back, runs the `@reboot` lines of its crontab as cron does, and waits for sshd and Docker.
    pub fn power_on(&mut self) {
        self.machine.as_mut().expect("only a server with its own Docker can be switched on").power_on();
        self.start_cron(&self.crontab());
        self.start_sshd();
        self.machine.as_ref().expect("as above").wait_for_docker();
    }

    /// A power cut and the start after it.
    pub fn reboot(&mut self) {
        self.power_off();
        self.power_on();
    }

    /// The user's crontab, empty if there is none.
    pub fn crontab(&self) -> String {
        fs::read_to_string(self.at("cron/table")).unwrap_or_default()
    }

    /// The processes that were started over SSH or at boot and still run, connections or not.
    pub fn processes(&self) -> Vec<u32> {
        let serving = self.sshd.sessions();
        let mut ours = process::with_environment(&format!("SLIPWAY_BED={}", self.at("").display()));
        ours.retain(|pid| !serving.contains(pid));
        ours
    }

    /// What cron does at boot, and a process that looks like its daemon: who finds none has no reason to write to the crontab.
    fn start_cron(&self, boot_entries: &str) {
        let Some(machine) = &self.machine else { return };
        let cron = Cron { enter: machine.enter(), environment: &self.environment, home: self.home() };
        cron.run_boot_entries(boot_entries);
        cron.start(&self.at("bin/cron"));
    }

    fn new_key(&self, name: &str, passphrase: &str) {
        let key = self.at(name);
        must(
            Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-C", name, "-N", passphrase, "-f"])
                .arg(&key),
        );
        let known = fs::read_to_string(self.at("authorized_keys")).unwrap_or_default();
        let new = fs::read_to_string(key.with_extension("pub")).unwrap();
        fs::write(self.at("authorized_keys"), known + &new).unwrap();
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.sshd.stop();
        // A cut over goes on without its connection.
        until(Duration::from_secs(10), || {
            let left = self.processes();
            signal("KILL", &left);
            left.is_empty().then_some(())
        });
        if self.machine.is_none() {
            let dir = self.dir.path().display().to_string();
            self.docker.clean(&self.slugs.lock().unwrap_or_else(|poisoned| poisoned.into_inner()), &dir);
            if !is_root() {
                // Containers wrote there as root.
                let mount = format!("{dir}/home:/home");
                self.docker.run(&[
                    "run",
                    "--rm",
                    "-v",
                    &mount,
                    "--entrypoint",
                    "sh",
                    "caddy:2",
                    "-c",
                    "rm -rf /home/.slipway",
                ]);
            }
        }
    }
}

/// A user of its own has to get through to its home.
fn open(dir: &Path) {
    fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
}
