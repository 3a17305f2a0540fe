//! The container in which a cut over moves files of the data volume.

use bollard::models::{ContainerCreateBody, HostConfig};

use super::{bounded_log, labels};
use crate::model::DeploymentId;
use crate::server::Layout;

/// Seconds after which one that nobody removed ends by itself.
const LIFE_S: u32 = 86_400;

/// It does nothing but wait for `docker exec`, without a network. Started while the image is built, since its start would
/// take longer than the hard links do; a cut over that doesn't find it starts one of its own.
pub(crate) fn files(layout: &Layout, deployment: DeploymentId, image: &str) -> ContainerCreateBody {
    let mut labels = labels(&layout.slug, "files");
    labels.insert("slipway.deployment".into(), deployment.to_string());
    ContainerCreateBody {
        image: Some(image.into()),
        entrypoint: Some(vec!["sleep".into()]),
        cmd: Some(vec![LIFE_S.to_string()]),
        user: Some("0".into()),
        labels: Some(labels),
        host_config: Some(HostConfig {
            binds: Some(vec![format!("{}:/var/lib/odoo", layout.data())]),
            network_mode: Some("none".into()),
            auto_remove: Some(true),
            log_config: Some(bounded_log()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}
