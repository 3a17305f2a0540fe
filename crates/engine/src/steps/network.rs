//! Step 3: the environment's own network, and the proxy on it.

use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::models::NetworkConnectRequest;

use super::PrepareStep;
use super::image::ensure_image;
use crate::containers;
use crate::cx::Cx;
use crate::error::EngineError;
use crate::model::Step;
use crate::render::caddy;
use crate::server::{CADDY, CADDY_IMAGE, Facts, Upload};

/// Makes the network and, on a new server, starts the proxy.
pub(crate) struct CreatingNetwork<'a> {
    pub facts: &'a Facts,
}

impl PrepareStep for CreatingNetwork<'_> {
    const STEP: Step = Step::CreatingNetwork;
    const LIMIT: Duration = Duration::from_secs(900);
    type Output = ();

    async fn run(&self, cx: &Cx) -> Result<(), EngineError> {
        let docker = &cx.connection().await?.docker;
        let network = cx.layout().network();
        let is_new = !self.facts.networks.contains(&network);
        if is_new {
            containers::ensure_network(docker, &network, containers::labels(&cx.layout().slug, "network"))
                .await?;
            cx.info(format!("Created the isolated network {network}"));
        }
        let proxy = self.facts.container(CADDY);
        if !proxy.is_some_and(|c| c.is_running() && c.recipe == containers::proxy_recipe(&cx.settings.server))
        {
            start_proxy(cx).await?;
            for other in self.facts.networks.iter().filter(|n| **n != network) {
                join(docker, other).await?;
            }
        } else if !is_new {
            cx.info("The network is there");
            return Ok(());
        }
        join(docker, &network).await?;
        cx.info("The proxy is on the network");
        Ok(())
    }
}

/// Creates and starts the proxy with its folder; an old one of another recipe is replaced.
async fn start_proxy(cx: &Cx) -> Result<(), EngineError> {
    let connection = cx.connection().await?;
    ensure_image(cx, CADDY_IMAGE, false).await?;
    let files = [
        Upload::mounted("Caddyfile", caddy::CADDYFILE),
        Upload::mounted("sites/.keep", ""),
        Upload::mounted("gate/.keep", ""),
        Upload::mounted("data/.keep", ""),
        Upload::mounted("config/.keep", ""),
    ];
    connection.put(&cx.layout().caddy(), &files).await?;
    let server = &cx.settings.server;
    // Environments that are deployed side by side for the first time all come here.
    containers::create_shared(&connection.docker, CADDY, containers::proxy(cx.layout(), server)).await?;
    connection.docker.start_container(CADDY, None).await?;
    cx.info(format!("Started the proxy on ports {} and {}", server.http_port, server.https_port));
    Ok(())
}

async fn join(docker: &Docker, network: &str) -> Result<(), EngineError> {
    let request = NetworkConnectRequest { container: CADDY.into(), endpoint_config: None };
    match docker.connect_network(network, request).await {
        // Already on it: 403 from older Engines, 409 from newer ones.
        Ok(()) | Err(DockerError::DockerResponseServerError { status_code: 403 | 409, .. }) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
