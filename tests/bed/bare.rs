//! A server as a provider hands it over: Debian, an sshd, and no Docker.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::docker::Docker;
use crate::process::{must, run, until};
use crate::root;

const LIMIT: Duration = Duration::from_secs(300);
/// All that a machine may, but for what the machine under us may be without: it is why this isn't `--privileged`.
const RIGHTS: &[&str] = &[
    "--cap-add=ALL",
    "--cap-drop=SYS_RESOURCE",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=systempaths=unconfined",
    "--cgroupns=host",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup",
];

/// Such a server: a container of the suite's Docker. It goes with everything on it.
#[derive(Debug)]
pub struct BareServer {
    docker: Docker,
    name: String,
    dir: tempfile::TempDir,
}

impl BareServer {
    /// Starts one. Its packages come from its system's own archive.
    pub fn start() -> Self {
        let docker = Docker::of_the_suite();
        let dir = tempfile::Builder::new().prefix("slipway-bare-").tempdir().unwrap();
        let name = dir.path().file_name().unwrap().to_string_lossy().replace('.', "");
        // Its Docker's data is no part of the container's own layered file system: one can't stand on the other.
        let data = ["--volume=/var/lib/docker", "--volume=/var/lib/containerd"];
        let image =
            must(Command::new(root().join("scripts/images")).arg("bare").env("DOCKER_HOST", docker.host()));
        // The label is what scripts/clean-test knows it by.
        let what = ["--init", "--label=slipway.test=1", "--name", &name, &image, "sleep", "infinity"];
        docker.must(&[&["run", "-d"], RIGHTS, &data, &what].concat());
        let server = Self { docker, name, dir };
        // Docker's start script raises a limit that a container may not raise.
        server.must(
            "echo force-confold >/etc/dpkg/dpkg.cfg.d/bare && echo 'ulimit() { :; }' >/etc/default/docker",
        );
        server.must("apt-get -q update && apt-get -qy install --no-install-recommends openssh-server");
        let key = server.key();
        must(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key));
        let public = fs::read_to_string(key.with_extension("pub")).unwrap();
        server.must(&format!(
            "mkdir -p -m 700 /root/.ssh /run/sshd && echo '{}' >/root/.ssh/authorized_keys",
            public.trim()
        ));
        server.start_sshd();
        server
    }

    /// The address of its sshd.
    pub fn address(&self) -> String {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        self.docker.must(&["inspect", "--format", format, &self.name])
    }

    /// A private key that lets root in.
    pub fn key(&self) -> PathBuf {
        self.dir.path().join("id")
    }

    /// The fingerprint of its host key, such as `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        let said = self.run("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").expect("it has a host key");
        said.split(' ').nth(1).expect("ssh-keygen -l prints: bits, fingerprint, comment").to_owned()
    }

    /// Stops its sshd and cuts all connections.
    pub fn stop_sshd(&self) {
        // Each connection is a process of that name too.
        self.must("for exe in /proc/[0-9]*/exe; do case $(readlink $exe) in */sshd*) p=${exe#/proc/}; kill -9 ${p%/exe} || true;; esac; done");
        let refused = || TcpStream::connect((self.address(), 22)).err();
        assert!(until(Duration::from_secs(10), refused).is_some(), "its sshd is gone");
    }

    /// Starts its sshd.
    pub fn start_sshd(&self) {
        self.must("/usr/sbin/sshd");
        let open = until(Duration::from_secs(30), || TcpStream::connect((self.address(), 22)).ok());
        assert!(open.is_some(), "its sshd listens");
    }

    /// As if it had been installed anew: other host keys. Its sshd has to be started again to use them.
    pub fn change_host_key(&self) {
        self.must("rm /etc/ssh/ssh_host_* && ssh-keygen -A");
    }

    /// A folder for the test's own things.
    pub fn scratch(&self, name: &str) -> PathBuf {
        let dir = self.dir.path().join(name);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    /// Runs a shell command on it as root, whatever comes of it. Gives what it printed, if it succeeded.
    pub fn run(&self, command: &str) -> Option<String> {
        let ran = run(&mut self.docker.command(&["exec", &self.name, "sh", "-c", command]), LIMIT);
        ran.status.success().then(|| String::from_utf8_lossy(&ran.stdout).trim_end().to_owned())
    }

    fn must(&self, command: &str) {
        let quiet = "DEBIAN_FRONTEND=noninteractive";
        let words = ["exec", "-e", quiet, &self.name, "sh", "-c", command];
        let ran = run(&mut self.docker.command(&words), LIMIT);
        let said = [ran.stdout, ran.stderr].concat();
        assert!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&said));
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        self.docker.tidy(&["rm", "-fv", &self.name]);
    }
}
