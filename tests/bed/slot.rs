//! The few places for machines on this computer.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::{descendants, must, name, signal, until};

/// A place for a machine: a data root, a folder for its server and an address. Held by a lock, so that no two use one.
#[derive(Debug)]
pub(crate) struct Slot {
    number: u8,
    dir: PathBuf,
    _lock: File,
}

impl Slot {
    /// The first that is free.
    pub(crate) fn take() -> Self {
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

    /// Docker's data root, kept between uses.
    pub(crate) fn data_root(&self) -> PathBuf {
        self.dir.join("docker")
    }

    /// Where the template of this place is, if there is one.
    pub(crate) fn template(&self) -> PathBuf {
        self.dir.join("template")
    }

    /// A new, empty folder for the machine's server: the same path for all that ever stand here, since a server's files say where
    /// they are.
    pub(crate) fn folder(&self) -> tempfile::TempDir {
        let name = format!("slipway-bed-machine-{}", self.number);
        // What a killed test left behind.
        fs::remove_dir_all(std::env::temp_dir().join(&name)).ok();
        tempfile::Builder::new().prefix(&name).rand_bytes(0).tempdir().unwrap()
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

    /// Where the process is noted that the machine began with.
    pub(crate) fn pid_file(&self) -> PathBuf {
        self.dir.join("pid")
    }

    fn namespace(&self) -> String {
        format!("slipway{}", self.number)
    }

    /// The network namespace.
    pub(crate) fn namespace_file(&self) -> String {
        format!("/run/netns/{}", self.namespace())
    }

    /// The machine's address, or the host's end of the cable to it.
    pub(crate) fn address(&self, end: End) -> Ipv4Addr {
        Ipv4Addr::new(172, 20 + self.number, 254, end as u8)
    }

    /// Lays the cable to the machine and the way out to the world, or takes them away.
    pub(crate) fn network(&self, wanted: bool) {
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
pub(crate) enum End {
    Host = 1,
    Machine = 2,
}

/// Has none of these processes been left?
pub(crate) fn all_gone(pids: &[u32]) -> Option<()> {
    pids.iter().all(|pid| name(*pid).is_none()).then_some(())
}
