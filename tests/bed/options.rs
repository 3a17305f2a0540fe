//! The kinds of server.

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
