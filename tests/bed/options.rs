//! The kinds of server.

use std::fs::{self, File};
use std::path::Path;

use crate::docker::Docker;
use crate::process::is_root;
use crate::programs;
use crate::relay::relay;

/// What kind of server to start.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which Docker daemon it has.
    pub daemon: Daemon,
    /// sshd forwards ports and sockets.
    pub forwarding: bool,
    /// Log in as a user made for this server, by password or key. Needs root. Otherwise it's who runs the tests, by key.
    pub password: bool,
    /// What that user has of Docker.
    pub access: Access,
}

/// Which Docker daemon a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// The suite's if it is free, else one of its own: no test waits for another.
    Either,
    /// One of its own, so that it can be rebooted. Needs root. What any server has by default if `SLIPWAY_OWN_DOCKER` is in the
    /// environment.
    Own,
    /// The suite's, however long that takes: it alone has Odoo 14's image, and is at this computer's own address.
    Suite,
}

/// What the user of a server has of Docker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It answers.
    Allowed,
    /// It answers through `sudo`, which asks for no password; else it's as with [`Self::Forbidden`].
    Sudo,
    /// It's there, but the user may not use it. Only with [`Options::password`]: root may always.
    Forbidden,
    /// It isn't there.
    Missing,
    /// Not even the program is there.
    NoProgram,
}

impl Default for Options {
    fn default() -> Self {
        let daemon =
            if std::env::var_os("SLIPWAY_OWN_DOCKER").is_some() { Daemon::Own } else { Daemon::Either };
        Self { daemon, forwarding: true, password: false, access: Access::Allowed }
    }
}

impl Options {
    /// One server at a time on the suite's daemon, over all test processes. Nothing, when it isn't our turn and a daemon of its own would
    /// do as well: half of a test is waiting, so two at once take less time than one after the other.
    pub(crate) fn turn(&self) -> Option<File> {
        let dir = crate::cache().join("run");
        fs::create_dir_all(&dir).unwrap();
        let file = File::create(dir.join("server.lock")).unwrap();
        let may_have_its_own =
            is_root() && self.daemon == Daemon::Either && !self.password && self.access == Access::Allowed;
        if file.try_lock().is_err() {
            if may_have_its_own {
                return None;
            }
            // Not by trying now and then: whoever comes just when it's free would be the first each time.
            file.lock().unwrap();
        }
        Some(file)
    }

    /// What every session finds in its environment.
    pub(crate) fn environment(&self, docker: &Docker, dir: &Path) -> Vec<(String, String)> {
        let at = |name: &str| dir.join(name).display().to_string();
        [
            ("HOME", at("home")),
            ("DOCKER_HOST", self.docker_host(docker, dir)),
            ("PATH", programs::path(&dir.join("bin"), self.access)),
            // By this we know our processes; the stand-in for crontab keeps its table there.
            ("SLIPWAY_BED", at("")),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
    }

    /// What the sessions' `DOCKER_HOST` says.
    fn docker_host(&self, docker: &Docker, dir: &Path) -> String {
        match self.access {
            Access::Missing | Access::NoProgram => format!("unix://{}", dir.join("none.sock").display()),
            Access::Allowed if self.password => {
                let socket = dir.join("user.sock");
                relay(&socket, docker.socket());
                format!("unix://{}", socket.display())
            }
            Access::Allowed | Access::Sudo | Access::Forbidden => docker.host().to_owned(),
        }
    }
}
