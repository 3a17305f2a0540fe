//! The kinds of server.

/// What kind of server to start.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// With a Docker daemon of its own, so that it can be rebooted. Needs root. By default so if `SLIPWAY_OWN_DOCKER` is in the
    /// environment: then no test waits for its turn on the suite's.
    pub own_docker: bool,
    /// sshd forwards ports and sockets.
    pub forwarding: bool,
    /// Log in as a user made for this server, by password or key. Needs root. Otherwise it's who runs the tests, by key.
    pub password: bool,
    /// What that user has of Docker.
    pub access: Access,
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
        let own_docker = std::env::var_os("SLIPWAY_OWN_DOCKER").is_some();
        Self { own_docker, forwarding: true, password: false, access: Access::Allowed }
    }
}
