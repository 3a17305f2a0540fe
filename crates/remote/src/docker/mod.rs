//! Docker's API on a host: `bollard` over connections that the host makes, kept and used again.

mod connector;
mod errors;

use std::{collections::HashMap, sync::Arc, time::Duration};

use bollard::{BollardRequest, ClientVersion, Docker};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::sync::Semaphore;

use self::connector::{Connector, Way};
use crate::{Cmd, Host, RemoteError, RemoteErrorKind, limits};

/// The oldest Docker that is supported: 20.10.
const OLDEST: ClientVersion = ClientVersion { major_version: 1, minor_version: 41 };

/// How long Docker may take to begin its answer to one request. Long, because sending an image counts; a connection that
/// froze is found out by SSH within 30 s.
const REQUEST_SECONDS: u64 = 3600;

/// How long a first look at Docker may take.
const LOOK: Duration = Duration::from_secs(30);

/// An idle connection is kept this long.
const IDLE: Duration = Duration::from_secs(60);

/// The most `docker system dial-stdio` at once; sshd's default allows ten sessions for a connection.
const STDIO_AT_ONCE: usize = 8;

/// How Docker is reached on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DockerAccess {
    /// Docker's socket. Without it: `$DOCKER_HOST` on the server, else `/var/run/docker.sock`, else that of a rootless
    /// Docker of the user's.
    pub socket: Option<String>,
    /// Whether Docker has to be used with `sudo` (without a password) on the server.
    pub sudo: bool,
}

/// A client for Docker's API on `host`, its version agreed on.
///
/// Over SSH each connection is a forwarded socket. Where the server doesn't forward, or Docker needs sudo, it is a
/// `docker system dial-stdio`. The client stays good when the SSH connection breaks: the next request connects anew.
pub async fn docker(host: Arc<dyn Host>, access: &DockerAccess) -> Result<Docker, RemoteError> {
    let found = Found::look(&host, access).await?;
    let mut program: Vec<String> = vec!["docker".to_owned()];
    if access.sudo {
        program.splice(0..0, ["sudo".to_owned(), "-n".to_owned()]);
    }
    if access.socket.is_some() {
        program.extend(["-H".to_owned(), format!("unix://{}", found.socket)]);
    }
    let stdio = Way::Stdio(program.clone(), Arc::new(Semaphore::new(STDIO_AT_ONCE)));
    if access.sudo || found.state == State::Elsewhere {
        return match greet(&host, stdio).await {
            Ok(docker) => Ok(docker),
            Err(error) => Err(ask_docker(&host, &program, &found.user).await.err().unwrap_or(error)),
        };
    }
    match found.state {
        State::Missing if !found.cli => Err(errors::not_installed(&host.describe())),
        State::Missing => Err(errors::not_running(&host.describe(), &found.socket)),
        State::Closed => Err(errors::no_right(&host.describe(), &found.user)),
        State::Open | State::Elsewhere => match greet(&host, Way::Socket(found.socket.clone())).await {
            Ok(docker) => Ok(docker),
            // A version that is too old doesn't get younger by another way.
            Err(error) if host.is_local() || error.kind == RemoteErrorKind::DockerTooOld => Err(error),
            Err(error) => {
                tracing::debug!("no forwarding to {}: {error}; trying dial-stdio", found.socket);
                by_stdio(&host, stdio, &found, error).await
            }
        },
    }
}

async fn by_stdio(
    host: &Arc<dyn Host>,
    stdio: Way,
    found: &Found,
    before: RemoteError,
) -> Result<Docker, RemoteError> {
    if before.kind == RemoteErrorKind::ConnectionLost && host.run_ok(Cmd::new("true")).await.is_err() {
        return Err(before);
    }
    if !found.cli {
        return Err(RemoteError::new(
            RemoteErrorKind::ForwardingRefused,
            format!(
                "{} does not forward Docker's socket, and has no docker program to use instead.",
                host.describe()
            ),
            "Set AllowStreamLocalForwarding yes in its sshd_config, or install Docker's command line there.",
        )
        .detail(before.to_string()));
    }
    greet(host, stdio).await
}

/// Makes a client and agrees on a version with Docker, which shows that it can be reached.
async fn greet(host: &Arc<dyn Host>, way: Way) -> Result<Docker, RemoteError> {
    let client = Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(STDIO_AT_ONCE / 2)
        .pool_timer(TokioTimer::new())
        .build(Connector { host: Arc::clone(host), way });
    let transport = move |request: BollardRequest| {
        let client = client.clone();
        async move { client.request(request).await.map_err(bollard::errors::Error::from) }
    };
    let docker = Docker::connect_with_custom_transport(
        move |request: BollardRequest| Box::pin(transport(request)) as futures::future::BoxFuture<'static, _>,
        Some("http://docker"),
        REQUEST_SECONDS,
        bollard::API_DEFAULT_VERSION,
    )?;
    let what = format!("asking Docker on {} for its version", host.describe());
    let docker = limits::within(LOOK, &what, async { Ok(docker.negotiate_version().await?) }).await?;
    let version = docker.client_version();
    if version < OLDEST {
        return Err(errors::too_old(&host.describe(), &version));
    }
    Ok(docker)
}

/// Lets the docker program itself say what is wrong.
async fn ask_docker(host: &Arc<dyn Host>, program: &[String], user: &str) -> Result<(), RemoteError> {
    let mut words = program.iter().cloned();
    let cmd = Cmd::new(words.next().unwrap_or_default()).args(words).args([
        "version",
        "--format",
        "{{.Server.Version}}",
    ]);
    match host.run_ok(cmd).await {
        Ok(_) => Ok(()),
        Err(error) => Err(errors::from_program(error, &host.describe(), user)),
    }
}

/// What the first look at a host found.
struct Found {
    state: State,
    socket: String,
    user: String,
    /// Whether the docker program is there.
    cli: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The socket is there and may be used.
    Open,
    /// It is there, and this user may not use it.
    Closed,
    /// It is not there.
    Missing,
    /// `$DOCKER_HOST` on the server is no Unix socket.
    Elsewhere,
}

impl Found {
    async fn look(host: &Arc<dyn Host>, access: &DockerAccess) -> Result<Self, RemoteError> {
        if let Some(socket) = access.socket.as_ref().filter(|socket| !socket.starts_with('/') && cfg!(unix)) {
            return Err(RemoteError::bad_input(
                format!("“{}” is not the path of Docker's socket.", socket.escape_debug()),
                "Give an absolute path such as /var/run/docker.sock.",
            ));
        }
        if cfg!(windows) && host.is_local() {
            let socket = access.socket.clone().unwrap_or_else(|| r"\\.\pipe\docker_engine".to_owned());
            return Ok(Self { state: State::Open, socket, user: String::new(), cli: false });
        }
        let socket = access.socket.clone().unwrap_or_default();
        let output = host.run_ok(Cmd::script(include_str!("probe.sh"), [socket]).limit(LOOK)).await?;
        let said: HashMap<&str, &str> =
            output.stdout.lines().filter_map(|line| line.split_once('=')).collect();
        let get = |name| said.get(name).copied().unwrap_or_default();
        let state = match get("state") {
            "open" => State::Open,
            "closed" => State::Closed,
            "elsewhere" => State::Elsewhere,
            _ => State::Missing,
        };
        Ok(Self {
            state,
            socket: get("socket").to_owned(),
            user: get("user").to_owned(),
            cli: get("cli") == "yes",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeHost;

    async fn refused(said: &str) -> RemoteErrorKind {
        let host = FakeHost::new();
        host.on_script(include_str!("probe.sh")).out(said);
        docker(Arc::new(host), &DockerAccess::default()).await.unwrap_err().kind
    }

    #[tokio::test]
    async fn why_docker_cannot_be_used_is_told_apart() {
        let no_cli = refused("state=missing\nsocket=/var/run/docker.sock\nuser=me\n").await;
        assert_eq!(no_cli, RemoteErrorKind::NoDocker);
        let stopped = refused("state=missing\nsocket=/var/run/docker.sock\nuser=me\ncli=yes\n").await;
        assert_eq!(stopped, RemoteErrorKind::NoDocker);
        let closed = refused("state=closed\nsocket=/var/run/docker.sock\nuser=me\ncli=yes\n").await;
        assert_eq!(closed, RemoteErrorKind::NoRightToDocker);
    }

    #[tokio::test]
    async fn sudo_that_wants_a_password_is_no_right_to_docker() {
        let host = FakeHost::new();
        host.on_script(include_str!("probe.sh"))
            .out("state=closed\nsocket=/var/run/docker.sock\nuser=me\ncli=yes\n");
        host.on(["sudo"]).fail(1, "sudo: a password is required\n");
        let access = DockerAccess { sudo: true, ..DockerAccess::default() };
        let error = docker(Arc::new(host.clone()), &access).await.unwrap_err();
        assert_eq!(error.kind, RemoteErrorKind::NoRightToDocker);
        assert_eq!(host.calls()[1].words, ["sudo", "-n", "docker", "system", "dial-stdio"]);
    }

    #[tokio::test]
    async fn a_docker_that_is_too_old_is_refused() {
        let host = FakeHost::new();
        host.on_script(include_str!("probe.sh")).out("state=open\nsocket=/s\nuser=me\ncli=yes\n");
        host.serve("/s", |mut stream| {
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let body = r#"{"ApiVersion":"1.40"}"#;
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        });
        let error = docker(Arc::new(host), &DockerAccess::default()).await.unwrap_err();
        assert_eq!(error.kind, RemoteErrorKind::DockerTooOld);
    }
}
