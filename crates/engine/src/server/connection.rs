//! An open connection to a server: commands, Docker's API and where Slipway's folder is.

use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use slipway_remote::{Cmd, DockerAccess, Host, OnLine, Output, Process, SshSpec};
use tokio_util::sync::CancellationToken;

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
    access: DockerAccess,
    /// The search path of the SSH user.
    path: String,
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
        let access = DockerAccess { socket: server.docker_socket.clone(), sudo: server.docker_sudo };
        let root = server.root.as_deref().unwrap_or("~/.slipway");
        // What is wrong with Docker is better told by the facts.
        let (facts, docker) = tokio::join!(
            Facts::learn(host.as_ref(), root, slug, &access),
            slipway_remote::docker(Arc::clone(&host), &access)
        );
        let facts = facts?;
        facts.check_docker()?;
        let docker = docker?;
        let connection = Self { host, docker, root: facts.root.clone(), access, path: facts.path.clone() };
        if server.docker_sudo {
            connection.lay_sudo().await?;
        }
        Ok((connection, facts))
    }

    /// What the server is like now.
    ///
    /// # Errors
    /// When it can't be reached.
    pub async fn learn(&self, slug: &str) -> Result<Facts, EngineError> {
        Facts::learn(self.host.as_ref(), &self.root, slug, &self.access).await
    }

    /// Runs a command whose `docker` is the server's as its settings say. A status other than 0 is no error here.
    ///
    /// # Errors
    /// When the server can't be reached, or the command takes longer than its limit.
    pub async fn run(&self, cmd: Cmd) -> Result<Output, EngineError> {
        Ok(self.host.run(self.reaching_docker(cmd)).await?)
    }

    /// The same, with its lines as they come.
    ///
    /// # Errors
    /// The same, and when it was cancelled.
    pub async fn stream(
        &self,
        cmd: Cmd,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<Output, EngineError> {
        Ok(self.host.stream(self.reaching_docker(cmd), on_line, cancel).await?)
    }

    /// Starts a command whose output is read as it comes. Dropping the process ends it.
    ///
    /// # Errors
    /// As for [`Connection::run`].
    pub(crate) async fn spawn_io(&self, cmd: Cmd) -> Result<Process, EngineError> {
        Ok(self.host.spawn_io(self.reaching_docker(cmd)).await?)
    }

    /// Runs a POSIX script with arguments in one round trip.
    ///
    /// # Errors
    /// As for [`Connection::run`].
    pub async fn script(&self, body: &'static str, args: &[&str]) -> Result<Output, EngineError> {
        self.run(Cmd::script(body, args.iter().copied())).await
    }

    /// Puts files below a folder on the server, all in one round trip.
    ///
    /// # Errors
    /// When the server can't be reached or its disk is full.
    pub async fn put(&self, dir: &str, files: &[Upload]) -> Result<(), EngineError> {
        upload(self.host.as_ref(), dir, files).await
    }

    fn reaching_docker(&self, mut cmd: Cmd) -> Cmd {
        if let Some(socket) = &self.access.socket {
            cmd = cmd.env("DOCKER_HOST", format!("unix://{socket}"));
        }
        if self.access.sudo {
            cmd = cmd.env("PATH", format!("{}/bin/sudo:{}", self.root, self.path));
        }
        cmd
    }

    /// A `docker` that goes through sudo, for our own scripts.
    async fn lay_sudo(&self) -> Result<(), EngineError> {
        // `-n`: never asks. The search path is left as it was, or this would find itself. sudo clears the environment.
        let text = format!(
            "#!/bin/sh\nPATH={}\nexport PATH\nexec sudo -n docker ${{DOCKER_HOST:+-H \"$DOCKER_HOST\"}} \"$@\"\n",
            shlex::try_quote(&self.path)
                .map_err(|_| EngineError::bad_input("The server's search path holds a NUL."))?
        );
        let file = Upload { path: "docker".into(), mode: 0o700, bytes: text.into_bytes() };
        self.put(&format!("{}/bin/sudo", self.root), &[file]).await
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
