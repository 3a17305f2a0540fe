//! A machine of its own with a Docker daemon of its own, which can lose its power.
//!
//! It is a PID and a mount namespace: killing its first process kills everything that runs in it, containers too, and takes its
//! mounts away, as a power cut does. The network is the host's, with a bridge and addresses of its own.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::docker::Docker;
use crate::process::{descendants, find_program, is_root, must, name, signal, tail, until};

/// The images that a deployment needs and a server without a registry can't get.
const IMAGES: [&str; 3] = ["odoo:19.0", "postgres:17", "caddy:2"];

/// A machine. Its Docker data root is kept between uses, with the images in it and nothing else.
#[derive(Debug)]
pub(crate) struct Machine {
    slot: Slot,
    dir: PathBuf,
    first: Option<Child>,
}

impl Machine {
    /// Starts a machine whose daemon has the images. `dir` takes what doesn't outlive it.
    pub(crate) fn start(dir: &Path) -> Self {
        assert!(is_root(), "a server with a Docker daemon of its own needs root");
        let mut machine = Self { slot: Slot::take(), dir: dir.to_owned(), first: None };
        machine.slot.network(true);
        machine.power_on();
        machine.wait_for_docker();
        // What a killed test left behind.
        machine.empty();
        machine.copy_images();
        machine
    }

    pub(crate) fn docker(&self) -> Docker {
        Docker::at(format!("unix://{}", self.socket().display()))
    }

    /// Starts the daemon, without waiting for it.
    pub(crate) fn power_on(&mut self) {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        // As at a boot: what daemons keep in /run doesn't outlive the power.
        fs::remove_dir_all(self.dir.join("run")).ok();
        for file in [self.pid_file(), self.socket()] {
            fs::remove_file(file).ok();
        }
        // A shell is the first process: it takes what others orphan. `exec` would make the daemon the first.
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]);
        command.args([r#""$@" & while :; do sleep 1 & wait; done"#, "machine"]);
        command.arg(find_program("dockerd").expect("dockerd is installed (scripts/setup test)"));
        command.arg("--host").arg(self.docker().host());
        command.arg("--data-root").arg(self.slot.dir.join("docker"));
        command.arg("--exec-root").arg(self.dir.join("run"));
        command.arg("--pidfile").arg(self.pid_file());
        command.args(["--bridge", &self.slot.bridge(), "--default-address-pool"]);
        command.arg(format!("base={},size=24", self.slot.pool()));
        // The rules of the suite's own daemon stay as they are; ours are in `Slot::network`.
        command.args(["--iptables=false", "--ip6tables=false", "--storage-driver", "overlay2"]);
        command.env(crate::DAEMON_OF, &self.dir);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        let first = command.spawn().unwrap();
        fs::write(self.slot.pid_file(), first.id().to_string()).unwrap();
        self.first = Some(first);
    }

    /// Kills everything that runs on it, at once.
    pub(crate) fn power_off(&mut self) {
        if let Some(mut first) = self.first.take() {
            let inside = descendants(first.id());
            first.kill().ok();
            first.wait().ok();
            assert!(
                until(Duration::from_secs(20), || all_gone(&inside)).is_some(),
                "the machine did not lose its power"
            );
        }
    }

    /// Waits until its daemon answers.
    pub(crate) fn wait_for_docker(&self) {
        let docker = self.docker();
        let answers = || {
            docker.command(&["version"]).output().is_ok_and(|output| output.status.success()).then_some(())
        };
        let log = self.log();
        assert!(until(Duration::from_secs(60), answers).is_some(), "the machine's dockerd: {}", tail(&log));
    }

    /// What to put before a command so that it runs on the machine.
    pub(crate) fn enter(&self) -> Vec<String> {
        let first = self.first.as_ref().expect("the machine has power").id();
        let inside = until(Duration::from_secs(5), || {
            descendants(first).into_iter().find(|pid| name(*pid).as_deref() == Some("sh"))
        });
        let target = inside.expect("the machine has a first process").to_string();
        ["nsenter", "--target", &target, "--mount", "--pid", "--"].map(str::to_owned).to_vec()
    }

    /// Takes away everything but the images that it starts with. Never panics: it also runs after a test that failed.
    fn empty(&self) {
        let docker = self.docker();
        for (list, remove) in [
            (&["ps", "-aq"][..], &["rm", "-fv"][..]),
            (&["volume", "ls", "-q"], &["volume", "rm", "-f"]),
            (&["image", "ls", "-q", "--filter", "label=slipway.env"], &["image", "rm", "-f"]),
        ] {
            let found = docker.tidy(list);
            let mut args = remove.to_vec();
            args.extend(found.iter().map(String::as_str));
            if !found.is_empty() {
                docker.tidy(&args);
            }
        }
        docker.tidy(&["network", "prune", "-f"]);
        docker.tidy(&["image", "prune", "-f"]);
    }

    fn copy_images(&self) {
        let (suite, own) = (Docker::of_the_suite(), self.docker());
        let id =
            |docker: &Docker, image| docker.run(&["image", "inspect", "--format", "{{.Id}}", image]).stdout;
        let missing: Vec<&str> =
            IMAGES.into_iter().filter(|image| id(&suite, image) != id(&own, image)).collect();
        if !missing.is_empty() {
            let mut save = suite.command(&["save"]);
            let mut save = save.args(missing).stdout(Stdio::piped()).spawn().unwrap();
            let mut load = own.command(&["load", "-q"]);
            let load = load.stdin(save.stdout.take().unwrap()).stdout(Stdio::null()).status().unwrap();
            assert!(save.wait().unwrap().success() && load.success(), "can't copy the images to the machine");
        }
    }

    fn socket(&self) -> PathBuf {
        self.dir.join("docker.sock")
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.join("docker.pid")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("dockerd.log")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.first.is_some() {
            self.empty();
        }
        self.power_off();
        self.slot.network(false);
    }
}

/// One of a few places for machines: a data root, a bridge and addresses. Held by a lock, so that no two use one.
#[derive(Debug)]
struct Slot {
    number: u8,
    dir: PathBuf,
    _lock: File,
}

impl Slot {
    fn take() -> Self {
        (0..4)
            .find_map(|number| {
                let dir = crate::cache().join(format!("machine-{number}"));
                fs::create_dir_all(&dir).unwrap();
                let lock = File::create(dir.join("lock")).unwrap();
                lock.try_lock().ok()?;
                let slot = Self { number, dir, _lock: lock };
                slot.end_leftover();
                Some(slot)
            })
            .expect("at most four machines at once")
    }

    /// The lock was free, so a machine that still runs here is one whose test was killed.
    fn end_leftover(&self) {
        let pid = fs::read_to_string(self.pid_file()).ok().and_then(|pid| pid.parse().ok());
        // The name is looked at because pids are used again.
        if let Some(pid) = pid.filter(|pid| name(*pid).as_deref() == Some("unshare")) {
            let inside = descendants(pid);
            signal("KILL", &[pid]);
            assert!(
                until(Duration::from_secs(20), || all_gone(&inside)).is_some(),
                "a leftover machine does not end"
            );
        }
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.join("pid")
    }

    fn bridge(&self) -> String {
        format!("slipway{}", self.number)
    }

    fn pool(&self) -> String {
        format!("172.{}.0.0/16", 20 + self.number)
    }

    /// Lays the bridge and the way out to the world, or takes them away.
    fn network(&self, wanted: bool) {
        let (bridge, pool) = (self.bridge(), self.pool());
        let rules = [
            vec!["-t", "nat", "POSTROUTING", "-s", &pool, "!", "-d", &pool, "-j", "MASQUERADE"],
            vec!["FORWARD", "-s", &pool, "-j", "ACCEPT"],
            vec!["FORWARD", "-d", &pool, "-j", "ACCEPT"],
        ];
        let iptables = |action: &str, rule: &[&str]| {
            let (table, rule) = if rule[0] == "-t" { rule.split_at(2) } else { rule.split_at(0) };
            Command::new("iptables")
                .arg("-w")
                .args(table)
                .arg(action)
                .args(rule)
                .stderr(Stdio::null())
                .status()
        };
        // Also before they're laid: a killed test leaves them.
        for rule in &rules {
            iptables("-D", rule).ok();
        }
        // Ours, and those of networks that Docker made and had no time to remove.
        let pool_start = format!("172.{}.", 20 + self.number);
        for line in must(Command::new("ip").args(["-o", "-4", "address"])).lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [_, device, _, address, ..] = words[..]
                && address.starts_with(&pool_start)
                && (device == bridge || device.starts_with("br-"))
            {
                Command::new("ip").args(["link", "del", device]).stderr(Stdio::null()).status().ok();
            }
        }
        if wanted {
            must(Command::new("ip").args(["link", "add", &bridge, "type", "bridge"]));
            let address = format!("172.{}.255.1/24", 20 + self.number);
            must(Command::new("ip").args(["address", "add", &address, "dev", &bridge]));
            must(Command::new("ip").args(["link", "set", &bridge, "up"]));
            for rule in &rules {
                iptables("-I", rule).expect("there is iptables (scripts/setup test)");
            }
        }
    }
}

fn all_gone(pids: &[u32]) -> Option<()> {
    pids.iter().all(|pid| name(*pid).is_none()).then_some(())
}
