//! Names of everything that Slipway has on a server. Named after the environment and the deployment alone,
//! so that whoever comes after a crash finds things without remembering them.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};

use crate::model::DeploymentId;

/// The proxy's container: one for each server.
pub const CADDY: &str = "slipway-caddy";
/// The proxy's image. The gate needs `health_upstream`, which Caddy has since 2.8.
pub const CADDY_IMAGE: &str = "caddy:2";

/// One of the two places behind the proxy in which a web container can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum Slot {
    /// The first.
    A,
    /// The second.
    B,
}

impl Slot {
    /// The slot that isn't this one.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// Where things of one environment are on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Slipway's folder on the server, absolute.
    pub root: String,
    /// `<project>-<environment>`.
    pub slug: String,
}

impl Layout {
    /// The layout below `root`.
    pub fn new(root: impl Into<String>, slug: impl Into<String>) -> Self {
        Self { root: root.into(), slug: slug.into() }
    }

    /// The environment's folder.
    pub fn dir(&self) -> String {
        format!("{}/{}", self.root, self.slug)
    }

    /// The folder of one release.
    pub fn release(&self, deployment: DeploymentId) -> String {
        format!("{}/releases/{}", self.dir(), deployment.short())
    }

    /// The folder of one cut over.
    pub fn cutover(&self, deployment: DeploymentId) -> String {
        format!("{}/cutovers/{}", self.dir(), deployment.short())
    }

    /// The folder of one snapshot.
    pub fn snapshot(&self, deployment: DeploymentId) -> String {
        format!("{}/snapshots/{}", self.dir(), deployment.short())
    }

    /// The file with the password of Odoo's database role.
    pub fn db_password(&self) -> String {
        format!("{}/db_password", self.dir())
    }

    /// The proxy's folder.
    pub fn caddy(&self) -> String {
        format!("{}/caddy", self.root)
    }

    /// The environment's own Docker network.
    pub fn network(&self) -> String {
        format!("slipway-{}", self.slug)
    }

    /// The database's container, and its volume.
    pub fn db(&self) -> String {
        format!("slipway-{}-db", self.slug)
    }

    /// The volume with Odoo's filestore and sessions.
    pub fn data(&self) -> String {
        format!("slipway-{}-data", self.slug)
    }

    /// The database's name.
    pub fn database(&self) -> String {
        self.slug.replace('-', "_")
    }

    /// The web container of a deployment.
    pub fn web(&self, deployment: DeploymentId) -> String {
        format!("slipway-{}-{}", self.slug, deployment.short())
    }

    /// The container that runs a deployment's update.
    pub fn update(&self, deployment: DeploymentId) -> String {
        format!("slipway-{}-{}-update", self.slug, deployment.short())
    }

    /// The container in which a deployment's cut over moves files of the data volume.
    pub fn files(&self, deployment: DeploymentId) -> String {
        format!("slipway-{}-{}-files", self.slug, deployment.short())
    }

    /// The release image of a deployment.
    pub fn image(&self, deployment: DeploymentId) -> String {
        format!("slipway/{}:{}", self.slug, deployment.short())
    }

    /// The network alias of a slot, for plain requests.
    pub fn alias(&self, slot: Slot) -> String {
        format!("{}-{slot}", self.slug)
    }

    /// The network alias of a slot, for websockets.
    pub fn alias_ws(&self, slot: Slot) -> String {
        format!("{}-{slot}-ws", self.slug)
    }
}
