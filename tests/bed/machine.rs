//! A machine of its own with a Docker daemon of its own, which can lose its power.
//!
//! It is a PID and a mount namespace: killing its first process kills everything that runs in it, containers too, and takes its
//! mounts away, as a power cut does. It has a network namespace and an address too, which stay when the power goes: who
//! connects then is refused. (On the host's network a second dockerd deletes the bridge of the first.)

use std::fs::{self, File};
use std::net::Ipv4Addr;
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

    /// Its address, as the tests see it.
    pub(crate) fn address(&self) -> Ipv4Addr {
        self.slot.address(End::Machine)
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
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.slot.namespace_file()));
        // Not by `ip netns exec`, which hides the control groups that Docker needs.
        command.args(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]);
        command.args([r#""$@" & while :; do sleep 1 & wait; done"#, "machine"]);
        command.arg(find_program("dockerd").expect("dockerd is installed (scripts/setup test)"));
        command.arg("--host").arg(self.docker().host());
        command.arg("--data-root").arg(self.slot.dir.join("docker"));
        command.arg("--exec-root").arg(self.dir.join("run"));
        command.arg("--pidfile").arg(self.pid_file());
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
                until(Duration::from_secs(60), || all_gone(&inside)).is_some(),
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
        ["nsenter", "--target", &target, "--mount", "--pid", "--net", "--"].map(str::to_owned).to_vec()
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

/// One of a few places for machines: a data root and an address. Held by a lock, so that no two use one.
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

    fn namespace(&self) -> String {
        format!("slipway{}", self.number)
    }

    fn namespace_file(&self) -> String {
        format!("/run/netns/{}", self.namespace())
    }

    /// The machine's address, or the host's end of the cable to it.
    fn address(&self, end: End) -> Ipv4Addr {
        Ipv4Addr::new(172, 20 + self.number, 254, end as u8)
    }

    /// Lays the cable to the machine and the way out to the world, or takes them away.
    fn network(&self, wanted: bool) {
        let (namespace, host, machine) =
            (self.namespace(), self.address(End::Host), self.address(End::Machine));
        let from = machine.to_string();
        let rules = [
            vec!["-t", "nat", "POSTROUTING", "-s", &from, "!", "-o", &namespace, "-j", "MASQUERADE"],
            vec!["FORWARD", "-i", &namespace, "-j", "ACCEPT"],
            vec!["FORWARD", "-o", &namespace, "-j", "ACCEPT"],
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
        // Also before they're laid: a killed test leaves them. The cable goes with the namespace.
        for rule in &rules {
            iptables("-D", rule).ok();
        }
        Command::new("ip").args(["link", "del", &namespace]).stderr(Stdio::null()).status().ok();
        Command::new("ip").args(["netns", "del", &namespace]).stderr(Stdio::null()).status().ok();
        if !wanted {
            return;
        }
        let ip = |line: &str| must(Command::new("ip").args(line.split(' ')));
        ip(&format!("netns add {namespace}"));
        ip(&format!("link add {namespace} type veth peer name eth0 netns {namespace}"));
        ip(&format!("address add {host}/30 dev {namespace}"));
        ip(&format!("link set {namespace} up"));
        ip(&format!("-n {namespace} address add {machine}/30 dev eth0"));
        ip(&format!("-n {namespace} link set eth0 up"));
        ip(&format!("-n {namespace} link set lo up"));
        ip(&format!("-n {namespace} route add default via {host}"));
        for rule in &rules {
            iptables("-I", rule).expect("there is iptables (scripts/setup test)");
        }
        // The suite's dockerd has set it already, if it is on this machine.
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("root can let packets through");
    }
}

/// The two ends of the cable between the host and a machine.
#[derive(Clone, Copy, Debug)]
enum End {
    Host = 1,
    Machine = 2,
}

fn all_gone(pids: &[u32]) -> Option<()> {
    pids.iter().all(|pid| name(*pid).is_none()).then_some(())
}
