//! The record of a release, kept as `release.json` beside its files on the server.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::DeploymentId;

/// What a deployment brought to a server. Whoever connects later, from any desktop, learns from it what is live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReleaseManifest {
    /// The deployment that made it.
    pub deployment: DeploymentId,
    /// The Odoo series.
    pub series: String,
    /// Commit of each repository, by its name.
    pub commits: BTreeMap<String, String>,
    /// Git tree id of each module's folder, by the module's name.
    pub modules: BTreeMap<String, String>,
    /// Addons folders as Odoo sees them, in order.
    pub addons_path: Vec<String>,
    /// Tag of the release image; empty until it is built.
    #[serde(default)]
    pub image: String,
    /// Docker's id of the release image; empty until it is built.
    #[serde(default)]
    pub image_id: String,
    /// Requirements that pip was given, in order.
    #[serde(default)]
    pub pip: Vec<String>,
    /// Debian packages that apt was given, in order.
    #[serde(default)]
    pub apt: Vec<String>,
    /// The first line of the main repository's commit message.
    #[serde(default)]
    pub subject: String,
    /// Whose deployment it was: user and computer.
    #[serde(default)]
    pub who: String,
}
