//! The page as a visitor has it: asked from this computer, by the environment's own address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use sha2::{Digest, Sha256};

use crate::cx::Cx;
use crate::engine::EnvironmentView;
use crate::error::{EngineError, ErrorCode};
use crate::model::{ServerKind, Tls};
use crate::odoo::series::Series;

const LIMIT: Duration = Duration::from_secs(15);

/// What every series serves without a session, for those that have no page that is made to be asked.
const STATIC: &str = "/web/static/src/img/favicon.ico";

/// For all of what is compared; the deployment waits for it.
const COMPARE: Duration = Duration::from_secs(60);

/// An answer that the new release's check found right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Served {
    /// The path and what follows it, as in a request.
    pub path: String,
    /// SHA-256 of its body, in hexadecimal digits.
    pub sha256: String,
}

impl Served {
    /// Reads the check's words, a line each: path, tab, SHA-256.
    pub(crate) fn read(said: &str) -> Vec<Self> {
        let lines = said.lines().filter_map(|line| line.split_once('\t'));
        lines.map(|(path, sha256)| Self { path: path.to_owned(), sha256: sha256.to_owned() }).collect()
    }
}

/// Looks, and says what it saw. The release is proven already, through the proxy itself; what fails here lies between the
/// visitor and the server: DNS, a firewall, a certificate. What the check found right is asked for once more.
pub(crate) async fn look(cx: &Cx, served: &[Served]) {
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
    let asked = async {
        let outside = Outside::new()?;
        let status = outside.ask(&view, &format!("{address}/web/login")).await?;
        Ok((outside, status))
    };
    match asked.await {
        Ok((outside, status)) if status.as_u16() < 400 => {
            cx.info(format!("{address} answers"));
            compare(cx, &outside, &view, &address, served).await;
        }
        Ok((_, status)) => cx.warn(format!("{address} answers with HTTP {}", status.as_u16())),
        Err::<_, reqwest::Error>(error) => cx.warn(format!(
            "{address} could not be reached from this computer: {}. The release itself answers through the proxy",
            root_cause(&error)
        )),
    }
}

/// Says whether visitors get the same bytes as who asks the release itself. The commit is behind: nothing is undone for it.
async fn compare(cx: &Cx, outside: &Outside, view: &EnvironmentView, address: &str, served: &[Served]) {
    let (mut same, mut others) = (0, vec![]);
    let all = async {
        for Served { path, sha256 } in served {
            match outside.digest(view, &format!("{address}{path}")).await {
                Ok(Some(digest)) if digest == *sha256 => same += 1,
                Ok(Some(_)) => others.push(path.as_str()),
                // Said by the look before, or made anew meanwhile under another address.
                Ok(None) | Err(_) => {}
            }
        }
    };
    // What was seen until then counts.
    let _ = tokio::time::timeout(COMPARE, all).await;
    for path in &others {
        cx.warn(format!(
            "VISITORS DO NOT GET WHAT WAS DEPLOYED: {address}{path} has another content than the new release itself gives. \
             Look for a cache or another server in between"
        ));
    }
    if !served.is_empty() && others.is_empty() {
        cx.info(format!("{same} of {} changed addresses give visitors what was deployed", served.len()));
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
        Ok(self.client(view).get(url).send().await?.status())
    }

    /// SHA-256 of what an address gives, in hexadecimal digits; nothing when it gives an error.
    async fn digest(&self, view: &EnvironmentView, url: &str) -> Result<Option<String>, reqwest::Error> {
        let answer = self.client(view).get(url).send().await?;
        if !answer.status().is_success() {
            return Ok(None);
        }
        Ok(Some(hex::encode(Sha256::digest(answer.bytes().await?))))
    }

    /// A certificate of the proxy's own authority is known to nobody here.
    fn client(&self, view: &EnvironmentView) -> &Client {
        match view.environment.tls {
            Tls::Internal | Tls::Own { .. } => &self.lenient,
            Tls::Acme { .. } | Tls::Plain => &self.client,
        }
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
    async fn what_visitors_get_is_told_by_its_bytes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            for answer in
                ["200 OK\r\nContent-Length: 3\r\n\r\ntwo", "404 Not Found\r\nContent-Length: 0\r\n\r\n"]
            {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = [0; 1024];
                let read = stream.read(&mut head).await.unwrap();
                let asked = String::from_utf8_lossy(&head[..read]).to_lowercase();
                assert!(!asked.contains("accept-encoding"), "bytes are compared as they are: {asked}");
                stream.write_all(format!("HTTP/1.1 {answer}").as_bytes()).await.unwrap();
            }
        });
        let (outside, view) = (Outside::new().unwrap(), view(ssh("127.0.0.1"), port));
        let url = format!("{}/x.js", view.address().unwrap());
        let sum = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3";
        assert_eq!(outside.digest(&view, &url).await.unwrap().as_deref(), Some(sum));
        assert_eq!(outside.digest(&view, &url).await.unwrap(), None);
        assert_eq!(
            Served::read("/x.js\tab\nnothing\n"),
            [Served { path: "/x.js".into(), sha256: "ab".into() }]
        );
    }

    #[tokio::test]
    async fn of_a_name_that_only_the_server_knows_nothing_is_said() {
        let outside = Outside::new().unwrap();
        assert_eq!(outside.answers(&view(ssh("erp.example.com"), 80)).await, None);
    }
}
