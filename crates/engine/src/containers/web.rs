//! The containers of one release: the one that serves, and the one that updates the database.

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, NetworkingConfig, RestartPolicyNameEnum,
};

use super::{MIB, bounded_log, labels, reserve, restart, share_memory};
use crate::model::DeploymentId;
use crate::render::sizing::ARENAS;
use crate::server::{Layout, Reservation, Slot};

/// Seconds that Odoo gets to finish its requests when it is told to stop.
const STOP_S: i64 = 30;

/// What both containers of a release are made from.
#[derive(Clone, Debug)]
pub(crate) struct WebSpec<'a> {
    /// Names on the server.
    pub layout: &'a Layout,
    /// Whose release.
    pub deployment: DeploymentId,
    /// The release image.
    pub image: &'a str,
    /// Commit of the main repository.
    pub commit: &'a str,
    /// Where it will stand behind the proxy.
    pub slot: Slot,
    /// Limits.
    pub reservation: Reservation,
    /// `NAME=value`, none of them secret.
    pub variables: Vec<String>,
    /// Whether the release has a file of secret variables.
    pub secret_variables: bool,
}

/// The container that serves. It isn't restarted by Docker until its cut over is committed: a crash loop would hide.
pub(crate) fn web(spec: &WebSpec<'_>) -> ContainerCreateBody {
    let layout = spec.layout;
    let mut labels = labels(&layout.slug, "web");
    labels.insert("slipway.deployment".into(), spec.deployment.to_string());
    labels.insert("slipway.slot".into(), spec.slot.to_string());
    labels.insert("slipway.commit".into(), spec.commit.into());
    reserve(&mut labels, spec.reservation);
    let aliases = vec![layout.alias(spec.slot), layout.alias_ws(spec.slot)];
    body(spec, labels, vec![], Some(aliases))
}

/// The container that runs `odoo -i/-u …` once and ends. `odoo_args` are Odoo's own.
pub(crate) fn update(spec: &WebSpec<'_>, odoo_args: Vec<String>) -> ContainerCreateBody {
    let mut labels = labels(&spec.layout.slug, "update");
    labels.insert("slipway.deployment".into(), spec.deployment.to_string());
    body(spec, labels, odoo_args, None)
}

fn body(
    spec: &WebSpec<'_>,
    labels: std::collections::HashMap<String, String>,
    odoo_args: Vec<String>,
    aliases: Option<Vec<String>>,
) -> ContainerCreateBody {
    let layout = spec.layout;
    let release = layout.release(spec.deployment);
    let mut binds = vec![
        format!("{release}/odoo.conf:/etc/odoo/odoo.conf:ro"),
        format!("{}:/var/lib/odoo", layout.data()),
    ];
    // The image's own entrypoint would put the database's password on Odoo's command line; the configuration file has it.
    let mut command = vec!["odoo".to_owned(), "--config=/etc/odoo/odoo.conf".to_owned()];
    let mut entrypoint = vec![];
    if spec.secret_variables {
        binds.push(format!("{release}/secret.env:/run/slipway/secret.env:ro"));
        entrypoint = ["sh", "-c", "set -a; . /run/slipway/secret.env; set +a; exec \"$@\"", "odoo"]
            .map(str::to_owned)
            .to_vec();
    }
    if entrypoint.is_empty() {
        entrypoint = vec![command.remove(0)];
    }
    command.extend(odoo_args);
    let (_, odoo_mb) = share_memory(spec.reservation.memory_mb);
    ContainerCreateBody {
        image: Some(spec.image.into()),
        entrypoint: Some(entrypoint),
        cmd: Some(command),
        // The environment's own come last, and win.
        env: Some([vec![format!("{}={}", ARENAS.0, ARENAS.1)], spec.variables.clone()].concat()),
        labels: Some(labels),
        stop_timeout: Some(STOP_S),
        host_config: Some(HostConfig {
            binds: Some(binds),
            network_mode: Some(layout.network()),
            memory: i64::try_from(odoo_mb).ok().map(|mb| mb * MIB),
            // No swap on top: a worker that grows is ended by Odoo's own limit, not by a machine that crawls.
            memory_swap: i64::try_from(odoo_mb).ok().map(|mb| mb * MIB),
            nano_cpus: Some((spec.reservation.cpus * 1e9) as i64),
            restart_policy: Some(restart(RestartPolicyNameEnum::NO)),
            log_config: Some(bounded_log()),
            init: Some(true),
            ..HostConfig::default()
        }),
        networking_config: aliases.map(|aliases| NetworkingConfig {
            endpoints_config: Some(
                [(
                    layout.network(),
                    EndpointSettings { aliases: Some(aliases), ..EndpointSettings::default() },
                )]
                .into(),
            ),
        }),
        ..ContainerCreateBody::default()
    }
}
