//! Step 3: the environment's own network, and the proxy on it.

use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::models::NetworkConnectRequest;
use slipway_remote::Cmd;

use super::PrepareStep;
use super::image::ensure_image;
use crate::containers;
use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::model::Step;
use crate::render::caddy;
use crate::server::{CADDY, CADDY_IMAGE, Facts, Upload};

const REPLACE: &str = concat!(include_str!("../server/lock.sh"), include_str!("replace_proxy.sh"));
/// It waits as long for cutovers as a changed site does.
const REPLACE_LIMIT: Duration = Duration::from_secs(1200);
/// A proxy that is to take the place of the one that serves, and one whose place is being taken.
const NEXT: &str = "slipway-caddy-next";
const SET_ASIDE: &str = "slipway-caddy-old";

/// Makes the network and, on a new server, starts the proxy.
pub(crate) struct CreatingNetwork<'a> {
    pub facts: &'a Facts,
}

impl PrepareStep for CreatingNetwork<'_> {
    const STEP: Step = Step::CreatingNetwork;
    const LIMIT: Duration = Duration::from_secs(1500);
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
        if self.facts.container(SET_ASIDE).is_some() {
            cx.warn("The proxy's replacement was cut off; putting that right");
            replaced(cx).await?;
        }
        match self.facts.container(CADDY) {
            Some(proxy) if proxy.recipe != containers::proxy_recipe(&cx.settings.server) => {
                replace(cx).await?
            }
            Some(proxy) if proxy.is_running() => {
                if !is_new {
                    cx.info("The network is there");
                    return Ok(());
                }
            }
            _ => {
                start_proxy(cx).await?;
                for other in self.facts.networks.iter().filter(|n| **n != network) {
                    join(docker, other).await?;
                }
            }
        }
        join(docker, &network).await?;
        cx.info("The proxy is on the network");
        Ok(())
    }
}

/// Creates and starts the proxy with its folder.
async fn start_proxy(cx: &Cx) -> Result<(), EngineError> {
    let connection = cx.connection().await?;
    lay_folder(cx).await?;
    let server = &cx.settings.server;
    // Environments that are deployed side by side for the first time all come here.
    containers::create_shared(&connection.docker, CADDY, containers::proxy(cx.layout(), server)).await?;
    connection.docker.start_container(CADDY, None).await?;
    cx.info(format!("Started the proxy on ports {} and {}", server.http_port, server.https_port));
    Ok(())
}

/// Makes a proxy of today's settings beside the one that serves, and puts it in its place.
async fn replace(cx: &Cx) -> Result<(), EngineError> {
    let server = &cx.settings.server;
    cx.warn("The proxy of this server has other settings than wanted: it is replaced, and no site answers for some seconds");
    lay_folder(cx).await?;
    let docker = &cx.connection().await?.docker;
    containers::create(docker, NEXT, containers::proxy(cx.layout(), server)).await?;
    replaced(cx).await?;
    cx.info(format!("The proxy is on ports {} and {} now", server.http_port, server.https_port));
    Ok(())
}

async fn replaced(cx: &Cx) -> Result<(), EngineError> {
    let folder = cx.layout().caddy();
    let out = cx.connection().await?.run(Cmd::script(REPLACE, [folder]).limit(REPLACE_LIMIT)).await?;
    let error = |message: &str, hint: &str| {
        Err(EngineError::new(ErrorCode::RoutingFailed, message).hint(hint).detail(out.stderr.clone()))
    };
    match out.code {
        0 => Ok(()),
        12 => error(
            "The proxy could not be replaced: other environments of the server are being cut over.",
            "Deploy again when they have ended.",
        ),
        13 | 14 => error(
            "The proxy does not come up with this server's settings. The old one serves as before.",
            "Free the ports, or give the server others in its settings, and deploy again.",
        ),
        _ => error(
            "NO SITE OF THIS SERVER ANSWERS: neither the new proxy comes up nor the old one.",
            "See `docker ps -a` and `docker logs slipway-caddy` on the server, free its ports, and deploy again.",
        ),
    }
}

async fn lay_folder(cx: &Cx) -> Result<(), EngineError> {
    let connection = cx.connection().await?;
    ensure_image(cx, CADDY_IMAGE, false).await?;
    let files = [
        Upload::mounted("Caddyfile", caddy::CADDYFILE),
        Upload::mounted("sites/.keep", ""),
        Upload::mounted("gate/.keep", ""),
        Upload::mounted("data/.keep", ""),
        Upload::mounted("config/.keep", ""),
    ];
    connection.put(&cx.layout().caddy(), &files).await
}

async fn join(docker: &Docker, network: &str) -> Result<(), EngineError> {
    let request = NetworkConnectRequest { container: CADDY.into(), endpoint_config: None };
    match docker.connect_network(network, request).await {
        // Already on it: 403 from older Engines, 409 from newer ones.
        Ok(()) | Err(DockerError::DockerResponseServerError { status_code: 403 | 409, .. }) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    /// A Docker that knows the proxy that serves and the one that is to come, and refuses one word.
    const DOCKER: &str = r#"#!/bin/sh
case "$1 $2" in
  "$REFUSED "*) exit 1 ;;
  'inspect -f') echo bridge ;;
  'inspect slipway-caddy-old') exit 1 ;;
esac
exit 0
"#;

    fn ends(refused: &str) -> Option<i32> {
        let dir = tempfile::tempdir().unwrap();
        let docker = dir.path().join("docker");
        std::fs::write(&docker, DOCKER).unwrap();
        std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
        let mut sh = Command::new("sh");
        sh.args(["-c", REPLACE, "replace_proxy.sh"]).arg(dir.path());
        sh.env("PATH", path).env("REFUSED", refused).output().unwrap().status.code()
    }

    #[test]
    fn an_old_proxy_that_goes_on_is_not_called_the_new_one() {
        assert_eq!(ends("nothing"), Some(0));
        assert_eq!(ends("stop"), Some(14), "the old one could not be stopped, and serves");
        assert_eq!(ends("rename"), Some(14));
    }
}
