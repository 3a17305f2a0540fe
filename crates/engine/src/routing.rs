//! The site of an environment at the server's proxy. Changing it means reloading the proxy, which fails what it holds at
//! that moment: it waits for all cut overs on the server, and is left alone while it is as it should be.

use std::time::Duration;

use slipway_remote::Cmd;

use crate::cx::Cx;
use crate::error::{EngineError, ErrorCode};
use crate::model::{Settings, Tls};
use crate::render::caddy::{self, Site};
use crate::server::Slot;

/// `routing.sh DIR SLUG`: the new file comes by stdin. Exit: 0 as it should be (says "changed" if it wasn't) · 12 cut overs
/// in the way · 13 the proxy refused it (the old one is back)
const SCRIPT: &str = include_str!("routing.sh");
const IN_THE_WAY: i32 = 12;
const REFUSED: i32 = 13;
/// How long to wait for other cut overs of the server.
const LIMIT: Duration = Duration::from_secs(900);
/// Odoo's own default for `limit_time_real`, in seconds.
const LIMIT_TIME_REAL_S: u64 = 120;

/// The site that these settings ask for. `ports` are those of the websocket in slots a and b.
pub(crate) fn site(settings: &Settings, ports: (u16, u16)) -> Site {
    let environment = &settings.environment;
    let slug = settings.slug();
    let limit =
        environment.options.get("limit_time_real").and_then(|v| v.parse().ok()).unwrap_or(LIMIT_TIME_REAL_S);
    Site {
        domain: environment.domain.clone().unwrap_or_else(|| format!("{slug}.localhost")).to_lowercase(),
        slug,
        tls: match &environment.tls {
            Tls::Acme { email } => {
                caddy::Tls::Acme { email: email.clone(), directory: None, trusted_root: None }
            }
            Tls::Internal => caddy::Tls::Internal,
            Tls::Own { .. } => caddy::Tls::Own,
            Tls::Plain => caddy::Tls::Plain,
        },
        https_port: settings.server.https_port,
        socket_port_a: ports.0,
        socket_port_b: ports.1,
        hold: Duration::from_secs(u64::from(environment.hold_limit_s)),
        limit_time_real: Duration::from_secs(limit),
    }
}

/// A site with another websocket port in one slot.
pub(crate) fn with_port(mut site: Site, slot: Slot, port: u16) -> Site {
    match slot {
        Slot::A => site.socket_port_a = port,
        Slot::B => site.socket_port_b = port,
    }
    site
}

/// Makes the proxy serve the site like this.
///
/// # Errors
/// When the site can't be written, or the proxy refuses it; then the old one is in force.
pub(crate) async fn apply(cx: &Cx, site: &Site) -> Result<(), EngineError> {
    let text = site.render().map_err(|e| EngineError::bad_input(e.to_string()))?;
    let (cert, key) = match &cx.settings.environment.tls {
        Tls::Own { cert_file, key_file } => (cert_file.as_str(), key_file.as_str()),
        _ => ("", ""),
    };
    let cmd = Cmd::new("sh")
        .args(["-c", SCRIPT, "routing.sh", &cx.layout().caddy(), &site.slug, cert, key])
        .stdin(bytes::Bytes::from(text))
        .limit(LIMIT + Duration::from_secs(60));
    let out = cx.connection().await?.run(cmd).await?;
    match out.code {
        0 => {
            if out.stdout.contains("changed") {
                cx.info(format!("The proxy serves {}", site.domain));
            }
            Ok(())
        }
        IN_THE_WAY => Err(EngineError::new(
            ErrorCode::RoutingFailed,
            "Other cut overs on this server didn't end in time.",
        )
        .hint("Retry when they have ended: changing a site must not fail the requests that they hold.")),
        REFUSED => Err(EngineError::new(ErrorCode::RoutingFailed, "The proxy refused the site.")
            .hint("Check the domain and the certificate's files. The former site is in force.")
            .detail(out.stderr)),
        _ => Err(EngineError::new(ErrorCode::RoutingFailed, "The site could not be put on the server.")
            .detail(out.stderr)),
    }
}
