//! A server: a machine with Docker, reached over SSH, or this computer.

use super::{SecretBearer, SecretRef, ServerId, names};
use crate::error::EngineError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A machine that environments run on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Server {
    /// Its identity.
    pub id: ServerId,
    /// Its name, unique, for people.
    pub name: String,
    /// How it is reached.
    pub kind: ServerKind,
    /// Slipway's folder on it; `~/.slipway` when not given.
    pub root: Option<String>,
    /// Docker's socket on it, where it isn't the usual one.
    pub docker_socket: Option<String>,
    /// Whether docker is called with sudo.
    pub docker_sudo: bool,
    /// The port that its proxy takes plain HTTP at.
    pub http_port: u16,
    /// The port that its proxy takes HTTPS at.
    pub https_port: u16,
    /// The address that its proxy listens on.
    pub bind: String,
    /// A bundle of certificates, on the server, that builds trust: for networks whose proxy opens HTTPS.
    pub build_ca_file: Option<String>,
    /// The HTTP proxy that builds go through, `http://[user@]host:port`, without the user's password.
    pub build_proxy: Option<String>,
    /// The password of its user. Not in what older versions wrote.
    #[serde(default)]
    pub build_proxy_password: Option<SecretRef>,
    /// The address that domains should point at, where it isn't the one that SSH goes to.
    pub public_address: Option<String>,
    /// The ACME directory that certificates come from, `https://…`: a company's own authority. The usual public ones when not
    /// given.
    #[serde(default)]
    pub acme_directory: Option<String>,
    /// A file on the server with the root certificate of that authority, PEM, where the proxy wouldn't trust it otherwise.
    #[serde(default)]
    pub acme_root_file: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum ServerKind {
    /// This computer, without SSH.
    Local,
    /// The user's own OpenSSH.
    Ssh {
        /// A host name, an address, or a name from the SSH configuration.
        destination: String,
        /// The user, where the SSH configuration doesn't say.
        user: Option<String>,
        /// The port, where the SSH configuration doesn't say.
        port: Option<u16>,
        /// A private key to offer.
        key_file: Option<PathBuf>,
        /// The user's password on the server.
        password: Option<SecretRef>,
        /// The passphrase of the private key.
        passphrase: Option<SecretRef>,
        /// An SSH configuration file instead of the user's own.
        config_file: Option<PathBuf>,
    },
}

impl Server {
    /// A server with the usual settings.
    pub fn new(name: impl Into<String>, kind: ServerKind) -> Self {
        Self {
            id: ServerId::new(),
            name: name.into(),
            kind,
            root: None,
            docker_socket: None,
            docker_sudo: false,
            http_port: 80,
            https_port: 443,
            bind: "0.0.0.0".into(),
            build_ca_file: None,
            build_proxy: None,
            build_proxy_password: None,
            public_address: None,
            acme_directory: None,
            acme_root_file: None,
            created_at: super::now(),
        }
    }

    /// Checks everything that can be checked without reaching it.
    pub fn validate(&self) -> Result<(), EngineError> {
        names::check_label("A server", &self.name)?;
        if let ServerKind::Ssh { destination, user, .. } = &self.kind {
            names::check_line("The address of a server", destination)?;
            // OpenSSH would take these for options of its own.
            if destination.starts_with('-')
                || user.as_deref().is_some_and(|u| u.starts_with('-') || u.is_empty())
            {
                return Err(EngineError::bad_input(
                    "The address or user of a server can't begin with a hyphen.",
                ));
            }
        }
        if self.bind.parse::<std::net::IpAddr>().is_err() {
            return Err(EngineError::bad_input(format!("{:?} is not an address to listen on.", self.bind))
                .hint("Give an IP address, such as 0.0.0.0 for all or 127.0.0.1 for this machine only."));
        }
        if self.http_port == 0 || self.https_port == 0 || self.http_port == self.https_port {
            return Err(EngineError::bad_input(
                "The ports for HTTP and HTTPS must be two different ones above 0.",
            ));
        }
        self.validate_authority()?;
        self.validate_build_proxy()?;
        let given = [
            &self.root,
            &self.docker_socket,
            &self.build_ca_file,
            &self.build_proxy,
            &self.public_address,
            &self.acme_root_file,
        ];
        given.into_iter().flatten().try_for_each(|value| names::check_line("A setting of a server", value))
    }

    fn validate_build_proxy(&self) -> Result<(), EngineError> {
        let hint = "Give http://USER@HOST:PORT and --build-proxy-password, which asks for the password and keeps it in the keychain.";
        let refused = |message: &str| Err(EngineError::bad_input(message).hint(hint));
        let user = self.build_proxy.as_deref().and_then(|proxy| {
            let (_, rest) = proxy.split_once("://").unwrap_or(("", proxy));
            rest.split('/').next()?.rsplit_once('@').map(|(user, _)| user)
        });
        match (user, &self.build_proxy_password) {
            (Some(user), _) if user.contains(':') => {
                refused("The build proxy's password would be kept in the clear, in its address.")
            }
            (None | Some(""), Some(_)) => {
                refused("A password for the build proxy needs its user in the address.")
            }
            _ => Ok(()),
        }
    }

    fn validate_authority(&self) -> Result<(), EngineError> {
        let is_plain = |rest: &str| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"./:_-".contains(&b))
        };
        match &self.acme_directory {
            Some(url) if !url.strip_prefix("https://").is_some_and(is_plain) => Err(EngineError::bad_input(
                format!("{url:?} is not the directory of a certificate authority."),
            )
            .hint("Give its https:// address, such as https://ca.example.com/acme/acme/directory.")),
            None if self.acme_root_file.is_some() => Err(EngineError::bad_input(
                "A root certificate for ACME makes sense only with the directory of its authority.",
            )),
            _ => Ok(()),
        }
    }
}

impl SecretBearer for Server {
    fn secret_refs(&self) -> Vec<&SecretRef> {
        let login = match &self.kind {
            ServerKind::Local => [None, None],
            ServerKind::Ssh { password, passphrase, .. } => [password.as_ref(), passphrase.as_ref()],
        };
        login.into_iter().flatten().chain(&self.build_proxy_password).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssh(destination: &str) -> Server {
        let kind = ServerKind::Ssh {
            destination: destination.into(),
            user: None,
            port: None,
            key_file: None,
            password: None,
            passphrase: None,
            config_file: None,
        };
        Server::new("web", kind)
    }

    #[test]
    fn the_password_of_a_build_proxy_is_a_secret() {
        let with = |proxy: &str, password: bool| {
            let build_proxy_password = password.then(SecretRef::new);
            Server {
                build_proxy: Some(proxy.into()),
                build_proxy_password,
                ..Server::new("here", ServerKind::Local)
            }
        };
        for (proxy, password) in
            [("http://proxy:3128", false), ("proxy:3128", false), ("http://me@proxy:3128", true)]
        {
            with(proxy, password).validate().unwrap();
        }
        for (proxy, password) in [
            ("http://me:pw@proxy:3128", false),
            ("me:pw@proxy:3128", false),
            ("http://proxy:3128", true),
            ("http://@proxy", true),
        ] {
            let refused = with(proxy, password).validate().unwrap_err();
            assert!(refused.hint.contains("--build-proxy-password"), "{proxy}: {refused}");
            assert!(!refused.to_string().contains("pw"), "{refused}");
        }
        assert_eq!(with("http://me@proxy", true).secret_refs().len(), 1);
    }

    #[test]
    fn an_address_can_not_be_an_option_of_ssh() {
        ssh("erp.example.com").validate().unwrap();
        assert!(ssh("-oProxyCommand=evil").validate().is_err());
        assert!(ssh("").validate().is_err());
        assert!(ssh("a\nb").validate().is_err());
    }

    #[test]
    fn an_authority_is_named_by_https() {
        let with = |directory: Option<&str>, root: Option<&str>| {
            let (acme_directory, acme_root_file) = (directory.map(Into::into), root.map(Into::into));
            Server { acme_directory, acme_root_file, ..Server::new("here", ServerKind::Local) }.validate()
        };
        with(None, None).unwrap();
        with(Some("https://ca.example.com:9000/acme/acme/directory"), Some("~/ca.pem")).unwrap();
        for bad in ["http://ca.example.com", "https://", "ca.example.com", "https://ca.example.com/{x}"] {
            assert!(with(Some(bad), None).is_err(), "{bad}");
        }
        assert!(with(None, Some("~/ca.pem")).is_err());
    }

    #[test]
    fn ports_and_the_address_to_listen_on_are_checked() {
        let same = Server { https_port: 80, ..Server::new("here", ServerKind::Local) };
        assert!(same.validate().is_err());
        let nowhere = Server { bind: "everywhere".into(), ..Server::new("here", ServerKind::Local) };
        assert!(nowhere.validate().is_err());
        Server { bind: "::1".into(), ..Server::new("here", ServerKind::Local) }.validate().unwrap();
    }
}
