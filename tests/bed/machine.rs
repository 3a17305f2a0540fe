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
use std::sync::Arc;
use std::time::Duration;

use crate::docker::Docker;
use crate::process::{descendants, find_program, is_root, name, tail, until};
use crate::slot::{End, Slot, all_gone};

/// The images that a deployment needs and a server without a registry can't get.
pub(crate) const IMAGES: [&str; 3] = ["odoo:19.0", "postgres:17", "caddy:2"];

/// A machine. Its Docker data root is kept between uses, with the images in it and nothing else.
#[derive(Debug)]
pub(crate) struct Machine {
    slot: Arc<Slot>,
    dir: PathBuf,
    first: Option<Child>,
}

impl Machine {
    /// Starts a machine whose daemon has the images. `dir` takes what doesn't outlive it.
    pub(crate) fn start(slot: Arc<Slot>, dir: &Path) -> Self {
        let mut machine = Self::off(slot, dir);
        machine.power_on();
        machine.wait_for_docker();
        // What a killed test left behind.
        machine.empty();
        machine.copy_images();
        machine
    }

    /// A machine with an address and without power.
    pub(crate) fn off(slot: Arc<Slot>, dir: &Path) -> Self {
        assert!(is_root(), "a server with a Docker daemon of its own needs root");
        slot.network(true);
        Self { slot, dir: dir.to_owned(), first: None }
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
        command.arg("--data-root").arg(self.slot.data_root());
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
