//! The page as a visitor has it: asked from this computer, by the environment's own address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};

use crate::cx::Cx;
use crate::engine::EnvironmentView;
use crate::error::{EngineError, ErrorCode};
use crate::model::{ServerKind, Tls};
use crate::odoo::series::Series;

const LIMIT: Duration = Duration::from_secs(15);

/// What every series serves without a session, for those that have no page that is made to be asked.
const STATIC: &str = "/web/static/src/img/favicon.ico";

/// Looks, and says what it saw. The release is proven already, through the proxy itself; what fails here lies between the
/// visitor and the server: DNS, a firewall, a certificate.
pub(crate) async fn look(cx: &Cx) {
    let settings = &cx.settings;
    let view = EnvironmentView {
        environment: settings.environment.clone(),
        project: settings.project.clone(),
        server: Some(settings.server.clone()),
        slug: settings.slug(),
    };
    let Some(address) = view.address() else { return };
    if !is_known_here(&view) {
        return cx
            .info(format!("{address} is a name that only the server knows: nobody looked from outside"));
    }
    let asked = async { Outside::new()?.ask(&view, &format!("{address}/web/login")).await };
    match asked.await {
        Ok(status) if status.as_u16() < 400 => cx.info(format!("{address} answers")),
        Ok(status) => cx.warn(format!("{address} answers with HTTP {}", status.as_u16())),
        Err(error) => cx.warn(format!(
            "{address} could not be reached from this computer: {}. The release itself answers through the proxy",
            root_cause(&error)
        )),
    }
}

/// Asks environments whether they answer. Keeps its connections, since it asks again and again.
#[derive(Clone, Debug)]
pub struct Outside {
    client: Client,
    /// For certificates that nobody here can know.
    lenient: Client,
}

impl Outside {
    /// Gets ready.
    ///
    /// # Errors
    /// When this computer's certificates can't be read.
    pub fn new() -> Result<Self, reqwest::Error> {
        let builder = || {
            let builder =
                Client::builder().timeout(LIMIT).redirect(Policy::limited(5)).pool_max_idle_per_host(1);
            builder.dns_resolver(Arc::new(Resolver))
        };
        Ok(Self { client: builder().build()?, lenient: builder().danger_accept_invalid_certs(true).build()? })
    }

    /// Whether an environment's Odoo answers where its visitors find it. Nothing when this computer has no way to tell: the
    /// name is one that only the server itself knows.
    pub async fn answers(&self, view: &EnvironmentView) -> Option<Result<(), EngineError>> {
        let address = view.address()?;
        if !is_known_here(view) {
            return None;
        }
        let series = view.project.series.parse::<Series>().ok();
        let path = series.and_then(|series| series.facts().health_path).unwrap_or(STATIC);
        let problem = match self.ask(view, &format!("{address}{path}")).await {
            Ok(status) if !status.is_server_error() => return Some(Ok(())),
            Ok(status) => EngineError::new(
                ErrorCode::HealthCheckFailed,
                format!("{address} answers with HTTP {}.", status.as_u16()),
            )
            .hint("Look at the log of the running Odoo. Redeploy, or roll back."),
            // The proxy holds requests while nobody is there to take them.
            Err(error) if error.is_timeout() && !error.is_connect() => EngineError::new(
                ErrorCode::HealthCheckFailed,
                format!("{address} gave no answer within {} s.", LIMIT.as_secs()),
            )
            .hint("Look at the log of the running Odoo. Redeploy, or roll back."),
            Err(error) => EngineError::new(
                ErrorCode::ConnectionRefused,
                format!("{address} can't be reached from this computer: {}.", root_cause(&error)),
            )
            .hint("Check your network, the name's DNS entry, and that the server is up."),
        };
        Some(Err(problem))
    }

    async fn ask(&self, view: &EnvironmentView, url: &str) -> Result<StatusCode, reqwest::Error> {
        // A certificate of the proxy's own authority is known to nobody here.
        let client = match view.environment.tls {
            Tls::Internal | Tls::Own { .. } => &self.lenient,
            Tls::Acme { .. } | Tls::Plain => &self.client,
        };
        Ok(client.get(url).send().await?.status())
    }
}

/// Whether an environment's name means the same here as for its visitors: `*.localhost` is every computer's own.
fn is_known_here(view: &EnvironmentView) -> bool {
    if !view.host().ends_with(".localhost") {
        return true;
    }
    match view.server.as_ref().map(|server| &server.kind) {
        Some(ServerKind::Local) => true,
        Some(ServerKind::Ssh { destination, .. }) => {
            destination == "localhost" || destination.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
        None => false,
    }
}

/// `*.localhost` is this computer in browsers, but not in every system's resolver.
#[derive(Debug)]
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            if name.as_str().ends_with(".localhost") {
                let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                return Ok(Box::new(std::iter::once(here)) as Addrs);
            }
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The innermost reason: the outer ones only repeat the address.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::model::{Environment, Project, Repository, Server, slug};

    fn view(kind: ServerKind, port: u16) -> EnvironmentView {
        let server = Server { http_port: port, ..Server::new("web", kind) };
        let project =
            Project::new("acme", "19.0", vec![Repository::new("main", "https://git.example.com/a.git")]);
        let environment =
            Environment { server_id: Some(server.id), ..Environment::new(project.id, "production", "main") };
        EnvironmentView { slug: slug("acme", "production"), environment, project, server: Some(server) }
    }

    fn ssh(destination: &str) -> ServerKind {
        ServerKind::Ssh {
            destination: destination.to_owned(),
            user: None,
            port: None,
            key_file: None,
            password: None,
            passphrase: None,
            config_file: None,
        }
    }

    #[tokio::test]
    async fn what_answers_is_told_from_what_does_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(async move {
            let mut asked = vec![];
            for status in ["200 OK", "303 See Other", "502 Bad Gateway"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = [0; 1024];
                let read = stream.read(&mut head).await.unwrap();
                asked.push(
                    String::from_utf8_lossy(&head[..read]).lines().next().unwrap_or_default().to_owned(),
                );
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            asked
        });
        let (outside, view) = (Outside::new().unwrap(), view(ssh("127.0.0.1"), port));
        assert_eq!(outside.answers(&view).await, Some(Ok(())));
        assert_eq!(outside.answers(&view).await, Some(Ok(())));
        let broken = outside.answers(&view).await.unwrap().unwrap_err();
        assert_eq!(broken.code, ErrorCode::HealthCheckFailed);
        assert_eq!(serving.await.unwrap(), ["GET /web/health HTTP/1.1"; 3], "no session is made by asking");
        let gone = outside.answers(&view).await.unwrap().unwrap_err();
        assert_eq!(gone.code, ErrorCode::ConnectionRefused, "{gone}");
    }

    #[tokio::test]
    async fn of_a_name_that_only_the_server_knows_nothing_is_said() {
        let outside = Outside::new().unwrap();
        assert_eq!(outside.answers(&view(ssh("erp.example.com"), 80)).await, None);
    }
}
