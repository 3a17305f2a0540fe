//! The words of `slipway server`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Servers.
#[derive(Debug, Subcommand)]
pub(crate) enum Server {
    /// Add a server; its host key is shown and has to be confirmed
    Add(Box<ServerAdd>),
    /// All servers
    List,
    /// Connect, and show what is there and what is reserved
    Test {
        /// Its name
        name: String,
        /// Accept the host key with this fingerprint (`SHA256:…`)
        #[arg(long, value_name = "SHA256:…")]
        fingerprint: Option<String>,
    },
    /// Forget a server; nothing on it is touched
    Remove {
        /// Its name
        name: String,
    },
}

/// A new server.
#[derive(Debug, Args)]
pub(crate) struct ServerAdd {
    /// A short name for it
    pub(crate) name: String,
    /// `[user@]host[:port]`, or an alias of ~/.ssh/config
    #[arg(long, required_unless_present = "local", conflicts_with = "local")]
    pub(crate) host: Option<String>,
    /// This computer instead of one over SSH
    #[arg(long)]
    pub(crate) local: bool,
    /// Private key file; without it the agent and ssh_config are asked
    #[arg(long)]
    pub(crate) key: Option<PathBuf>,
    /// Ask for the SSH password (or take it from SLIPWAY_SSH_PASSWORD) and keep it in the keychain
    #[arg(long)]
    pub(crate) password: bool,
    /// Ask for the key's passphrase (or take it from SLIPWAY_SSH_PASSPHRASE) and keep it in the keychain
    #[arg(long)]
    pub(crate) passphrase: bool,
    /// Another ssh_config file
    #[arg(long)]
    pub(crate) ssh_config: Option<PathBuf>,
    /// Accept the host key with this fingerprint (`SHA256:…`) without asking
    #[arg(long, value_name = "SHA256:…")]
    pub(crate) fingerprint: Option<String>,
    /// Slipway's folder on the server
    #[arg(long, default_value = "~/.slipway")]
    pub(crate) root: String,
    /// Docker's socket on the server, when it isn't where its client finds it
    #[arg(long)]
    pub(crate) docker_socket: Option<String>,
    /// Use Docker through `sudo -n`
    #[arg(long)]
    pub(crate) docker_sudo: bool,
    /// Port for HTTP
    #[arg(long, default_value_t = 80)]
    pub(crate) http_port: u16,
    /// Port for HTTPS
    #[arg(long, default_value_t = 443)]
    pub(crate) https_port: u16,
    /// Address that the proxy listens on
    #[arg(long, default_value = "0.0.0.0")]
    pub(crate) bind: String,
    /// The address that the world knows it by, for the DNS check
    #[arg(long)]
    pub(crate) public_address: Option<String>,
    /// Directory of the company's own certificate authority (ACME), instead of the public ones
    #[arg(long, value_name = "https://…")]
    pub(crate) acme_directory: Option<String>,
    /// Root certificate of that authority, a PEM file on the server
    #[arg(long, value_name = "FILE", requires = "acme_directory")]
    pub(crate) acme_root: Option<String>,
    /// A CA bundle on the server that pip and apt need inside builds (company proxies)
    #[arg(long)]
    pub(crate) build_ca_file: Option<String>,
    /// An HTTP proxy for pip and apt inside builds
    #[arg(long, value_name = "http://[USER@]HOST:PORT")]
    pub(crate) build_proxy: Option<String>,
    /// Ask for the password of that proxy's user (or take it from SLIPWAY_BUILD_PROXY_PASSWORD) and keep it in the keychain
    #[arg(long, requires = "build_proxy")]
    pub(crate) build_proxy_password: bool,
}
