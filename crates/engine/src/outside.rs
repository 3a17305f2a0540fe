//! A look at the page as a visitor has it: from this computer, over HTTPS, by the environment's own address.

use std::time::Duration;

use crate::cx::Cx;
use crate::engine::EnvironmentView;
use crate::model::{ServerKind, Tls};

const LIMIT: Duration = Duration::from_secs(15);

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
    let url = format!("{address}/web/login");
    match ask(cx, &view, &url).await {
        Ok(status) if status < 400 => cx.info(format!("{address} answers")),
        Ok(status) => cx.warn(format!("{address} answers with HTTP {status}")),
        Err(error) => cx.warn(format!(
            "{address} could not be reached from this computer: {error}. The release itself answers through the proxy"
        )),
    }
}

async fn ask(cx: &Cx, view: &EnvironmentView, url: &str) -> Result<u16, String> {
    let mut client =
        reqwest::Client::builder().timeout(LIMIT).redirect(reqwest::redirect::Policy::limited(5));
    // A certificate of the proxy's own authority is known to nobody here.
    if matches!(view.environment.tls, Tls::Internal | Tls::Own { .. }) {
        client = client.danger_accept_invalid_certs(true);
    }
    // `*.localhost` is this computer in browsers, but not in every resolver.
    let is_here =
        matches!(cx.settings.server.kind, ServerKind::Local) || cx.settings.server.bind.starts_with("127.");
    if view.host().ends_with(".localhost") && is_here {
        client = client.resolve(&view.host(), ([127, 0, 0, 1], 0).into());
    }
    let client = client.build().map_err(|e| e.to_string())?;
    let answer = client.get(url).send().await.map_err(|e| root_cause(&e))?;
    Ok(answer.status().as_u16())
}

/// The innermost reason: the outer ones only repeat the address.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
