//! The proxy's container: one for each server.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig, PortBinding, RestartPolicyNameEnum};

use super::{bounded_log, labels, restart};
use crate::model::Server;
use crate::server::{CADDY_IMAGE, Layout};

/// What the container is created with, in words: another recipe asks for another container.
pub(crate) fn proxy_recipe(server: &Server) -> String {
    const VERSION: u32 = 1;
    format!("{VERSION} {} {} {}", server.bind, server.http_port, server.https_port)
}

/// Caddy with its folder below Slipway's, its two ports published as the server says.
pub(crate) fn proxy(layout: &Layout, server: &Server) -> ContainerCreateBody {
    let mut labels = labels("", "caddy");
    labels.insert("slipway.recipe".into(), proxy_recipe(server));
    let publish = |port: u16| {
        Some(vec![PortBinding { host_ip: Some(server.bind.clone()), host_port: Some(port.to_string()) }])
    };
    let caddy = layout.caddy();
    let ports: HashMap<String, Option<Vec<PortBinding>>> = [
        ("80/tcp".to_owned(), publish(server.http_port)),
        ("443/tcp".to_owned(), publish(server.https_port)),
    ]
    .into();
    ContainerCreateBody {
        image: Some(CADDY_IMAGE.into()),
        entrypoint: Some(vec!["caddy".into()]),
        cmd: Some(
            ["run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"].map(str::to_owned).to_vec(),
        ),
        exposed_ports: Some(vec!["80/tcp".into(), "443/tcp".into()]),
        env: Some(vec!["XDG_DATA_HOME=/data".into(), "XDG_CONFIG_HOME=/config".into()]),
        labels: Some(labels),
        host_config: Some(HostConfig {
            binds: Some(vec![
                // The folder, not the file: a file that is replaced would stay the old one inside.
                format!("{caddy}:/etc/caddy:ro"),
                format!("{caddy}/data:/data"),
                format!("{caddy}/config:/config"),
            ]),
            port_bindings: Some(ports),
            restart_policy: Some(restart(RestartPolicyNameEnum::UNLESS_STOPPED)),
            log_config: Some(bounded_log()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}
