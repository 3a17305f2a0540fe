//! An open connection to a server: commands, Docker's API and where Slipway's folder is.

use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use slipway_remote::{Cmd, DockerAccess, Host, Output, SshSpec};

use super::upload::upload;
use super::{Facts, Upload};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::model::{Server, ServerKind};
use crate::secrets::SecretRef;

/// How long reaching a server may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// One server, reached.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Commands and streams.
    pub host: Arc<dyn Host>,
    /// Docker's API.
    pub docker: Docker,
    /// Slipway's folder, absolute.
    pub root: String,
}

impl Connection {
    /// Connects and learns the facts: those of the whole server, and of the environment `slug` unless it is empty.
    ///
    /// # Errors
    /// Those of SSH, each told apart, and of Docker.
    pub async fn open(engine: &Engine, server: &Server, slug: &str) -> Result<(Self, Facts), EngineError> {
        let host = match ssh_spec(engine, server).await? {
            None => slipway_remote::local(),
            Some(spec) => slipway_remote::connect_ssh(&spec).await?,
        };
        let facts = Facts::learn(host.as_ref(), server.root.as_deref().unwrap_or("~/.slipway"), slug).await?;
        facts.check_docker()?;
        let access = DockerAccess { socket: server.docker_socket.clone(), sudo: server.docker_sudo };
        let docker = slipway_remote::docker(Arc::clone(&host), &access).await?;
        Ok((Self { host, docker, root: facts.root.clone() }, facts))
    }

    /// Runs a POSIX script with arguments in one round trip.
    ///
    /// # Errors
    /// When the server can't be reached. A script that ends with an error is no error here.
    pub async fn script(&self, body: &'static str, args: &[&str]) -> Result<Output, EngineError> {
        Ok(self.host.run(Cmd::script(body, args.iter().copied())).await?)
    }

    /// Puts files below a folder on the server, all in one round trip.
    ///
    /// # Errors
    /// When the server can't be reached or its disk is full.
    pub async fn put(&self, dir: &str, files: &[Upload]) -> Result<(), EngineError> {
        upload(self.host.as_ref(), dir, files).await
    }
}

/// What OpenSSH needs to know of a server; nothing for this computer.
///
/// # Errors
/// When a secret can't be had from the keychain.
pub async fn ssh_spec(engine: &Engine, server: &Server) -> Result<Option<SshSpec>, EngineError> {
    let ServerKind::Ssh { destination, user, port, key_file, password, passphrase, config_file } =
        &server.kind
    else {
        return Ok(None);
    };
    let secret = async |name: &Option<SecretRef>| match name {
        None => Ok::<_, EngineError>(None),
        Some(name) => Ok(Some(engine.secret(name).await?)),
    };
    Ok(Some(SshSpec {
        destination: destination.clone(),
        user: user.clone(),
        port: *port,
        key_file: key_file.clone(),
        password: secret(password).await?,
        passphrase: secret(passphrase).await?,
        config_file: config_file.clone(),
        known_hosts: engine.home().join("known_hosts"),
        state_dir: engine.home().join("ssh"),
        connect_limit: CONNECT_LIMIT,
    }))
}
