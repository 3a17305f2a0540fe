//! The record of a release, kept as `release.json` beside its files on the server.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::DeploymentId;
use crate::render::caddy::Site;

/// What a deployment brought to a server. Whoever connects later, from any desktop, learns from it what is live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReleaseManifest {
    /// The deployment that made it.
    pub deployment: DeploymentId,
    /// The Odoo series.
    pub series: String,
    /// Commit of each repository, by its name.
    pub commits: BTreeMap<String, String>,
    /// The modules that each repository brought, by its name. Empty in a release that was made before this was recorded.
    #[serde(default)]
    pub modules: BTreeMap<String, Vec<String>>,
    /// The first line of the main repository's commit message.
    pub subject: String,
    /// Tag of the release image.
    pub image: String,
    /// Tag of the image of its dependencies, if it has any.
    #[serde(default)]
    pub dependencies: Option<String>,
    /// Docker's id of the base image.
    pub base_id: String,
    /// Of each repository's newest file the time in seconds since 1970; 0 where a file's time follows from its content. Empty in
    /// a release that was made before files had times.
    #[serde(default)]
    pub times: BTreeMap<String, u64>,
    /// Requirements that pip was given, in order.
    pub pip: Vec<String>,
    /// Debian packages that apt was given, in order.
    pub apt: Vec<String>,
    /// The site at the proxy while it serves.
    pub site: Site,
    /// The port of its websocket.
    pub live_port: u16,
    /// Whose deployment it was: user and computer.
    pub who: String,
    /// When it was made.
    pub at: Timestamp,
}
