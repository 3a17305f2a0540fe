//! Step 9: does the domain lead to this server? A wrong answer stops nothing by itself: the old release goes on
//! being reachable in the same way. It is told, with what was expected and what was found.

use std::net::IpAddr;
use std::time::Duration;

use tokio::net::lookup_host;

use super::PrepareStep;
use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::model::{ServerKind, Step, Tls};

/// Compares what the domain resolves to with the server's address.
pub(crate) struct VerifyingDns;

impl PrepareStep for VerifyingDns {
    const STEP: Step = Step::VerifyingDns;
    const LIMIT: Duration = Duration::from_secs(30);
    type Output = ();

    async fn run(&self, cx: &Cx) -> Result<(), EngineError> {
        let Some(domain) = &cx.settings.environment.domain else {
            cx.info("No domain of its own: nothing to check");
            return Ok(());
        };
        if domain == "localhost" || domain.ends_with(".localhost") {
            cx.info(format!("{domain} always leads to the computer that asks"));
            return Ok(());
        }
        let expected = expected(cx).await;
        let found = resolve(domain).await;
        let names = |ips: &[IpAddr]| ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if expected.is_empty() {
            cx.warn(format!(
                "{domain} leads to {}; the server's own address is not known, so this can't be compared",
                names(&found)
            ));
            return Ok(());
        }
        if found.iter().any(|ip| expected.contains(ip)) {
            cx.info(format!("{domain} leads to {}, as expected", names(&found)));
            return Ok(());
        }
        let found = if found.is_empty() { "nothing".to_owned() } else { names(&found) };
        let told = format!("{domain} should lead to {}, but leads to {found}", names(&expected));
        // A certificate authority would refuse, and count the failure: better to stop on the first deployment.
        if matches!(cx.settings.environment.tls, Tls::Acme { .. }) && cx.is_first().await? {
            return Err(EngineError::new(ErrorCode::DnsMismatch, told)
                .hint("Set the domain's A or AAAA record to the server's address, wait until it is known, and retry"));
        }
        cx.warn(format!("{told}. Behind a load balancer or CDN this may be right"));
        Ok(())
    }
}

/// The addresses that the world should find: the server's public address if set, or else where SSH goes to.
async fn expected(cx: &Cx) -> Vec<IpAddr> {
    let server = &cx.settings.server;
    match (&server.public_address, &server.kind) {
        (Some(address), _) => resolve(address).await,
        (None, ServerKind::Ssh { destination, .. }) => {
            resolve(destination.rsplit_once('@').map_or(destination, |(_, host)| host)).await
        }
        (None, ServerKind::Local) => vec![],
    }
}

async fn resolve(name: &str) -> Vec<IpAddr> {
    if let Ok(ip) = name.parse() {
        return vec![ip];
    }
    let mut ips: Vec<IpAddr> = match lookup_host((name, 0)).await {
        Ok(found) => found.map(|a| a.ip()).collect(),
        Err(_) => vec![],
    };
    ips.sort_unstable();
    ips.dedup();
    ips
}
