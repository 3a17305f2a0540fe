//! A deployment: one attempt to bring an environment to a commit.

use super::{
    DeploymentId, Environment, EnvironmentId, Owner, Project, SecretBearer, SecretRef, Server, SnapshotId,
    Status, Step,
};
use crate::error::{EngineError, ErrorCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One attempt to bring an environment to a commit, and all that is known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Deployment {
    /// Its identity.
    pub id: DeploymentId,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// Its place among the environment's deployments, in the order in which this computer learnt of them, from 1.
    pub number: i64,
    /// What asked for it.
    pub trigger: Trigger,
    /// How far it got.
    pub status: Status,
    /// The branch, tag or commit that was asked for; the environment's branch when not given.
    pub git_ref: Option<String>,
    /// The main repository's commit, once it is known.
    pub commit: Option<String>,
    /// The commit of each repository by its name, once they are known.
    pub commits: BTreeMap<String, String>,
    /// The first line of the main commit's message.
    pub subject: Option<String>,
    /// Who wrote the main commit.
    pub author: Option<String>,
    /// How it is cut over, once that is known.
    pub lane: Option<Lane>,
    /// Who asked for it.
    pub who: String,
    /// Environment, project and server as they were when it was queued.
    pub settings: Settings,
    /// The plan, once it is made.
    pub plan: Option<serde_json::Value>,
    /// Why it didn't succeed.
    pub error: Option<DeploymentError>,
    /// When it was asked for.
    pub queued_at: Timestamp,
    /// When it was first begun.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How long the prepare part took, in milliseconds.
    pub build_ms: Option<i64>,
    /// How long the cut over and all after it took, in milliseconds.
    pub deploy_ms: Option<i64>,
    /// How long requests were held, in milliseconds.
    pub pause_ms: Option<i64>,
    /// The snapshot it took.
    pub snapshot_id: Option<SnapshotId>,
    /// The deployment that it goes back to.
    pub rollback_of: Option<DeploymentId>,
    /// The deployment that it tries again.
    pub retry_of: Option<DeploymentId>,
    /// The data that it brings back.
    pub restore: Option<Restore>,
    /// What runs because of it.
    pub release: Option<ReleaseRecord>,
    /// Whether its cut over was committed: from then on it only goes forward.
    pub point_of_no_return: bool,
    /// When somebody asked to cancel it.
    pub cancel_requested_at: Option<Timestamp>,
    /// The process that carries it out.
    pub owner: Option<Owner>,
    /// How many processes have carried it on so far.
    pub attempts: u32,
    /// Whether another desktop carried it out. Then it is known here from the server's history alone: there are no steps,
    /// and the settings are those that the environment had here when it was learnt of.
    #[serde(default)]
    pub elsewhere: bool,
}

/// A deployment as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of Deployment")]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct DeploymentSummary {
    pub id: DeploymentId,
    pub environment_id: EnvironmentId,
    pub number: i64,
    pub trigger: Trigger,
    pub status: Status,
    pub git_ref: Option<String>,
    pub commit: Option<String>,
    pub subject: Option<String>,
    pub author: Option<String>,
    pub lane: Option<Lane>,
    pub who: String,
    pub error: Option<DeploymentError>,
    pub queued_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub build_ms: Option<i64>,
    pub deploy_ms: Option<i64>,
    pub pause_ms: Option<i64>,
    pub snapshot_id: Option<SnapshotId>,
    pub rollback_of: Option<DeploymentId>,
    pub retry_of: Option<DeploymentId>,
    pub point_of_no_return: bool,
    pub cancel_requested_at: Option<Timestamp>,
    #[serde(default)]
    pub elsewhere: bool,
}

/// What asked for a deployment.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum Trigger {
    /// A person.
    Manual,
    /// A new commit seen on the branch.
    GitPush,
    /// A call from a Git host.
    Webhook,
    /// A call from a program.
    Api,
    /// The time.
    Scheduled,
    /// Changed settings of an environment that deploys them by itself.
    AutoDeploy,
    /// Changed settings, deployed by a person.
    ConfigUpdate,
    /// Going back to an earlier deployment.
    Rollback,
    /// Trying an earlier deployment again.
    Retry,
}

/// How a deployment is cut over.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub enum Lane {
    /// There is no release yet: the database is made and the modules installed.
    First,
    /// The new container starts beside the old one; no request waits.
    Code,
    /// Requests are held while the database is cloned and updated.
    Update,
    /// A database and filestore that were prepared take the place of the live ones.
    Restore,
}

/// Environment, project and server as they were when a deployment was queued: later changes of settings don't
/// reach a deployment that is under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Settings {
    /// The environment.
    pub environment: Environment,
    /// Its project.
    pub project: Project,
    /// Its server.
    pub server: Server,
    /// How the user wanted it carried out.
    #[serde(default)]
    pub options: DeployOptions,
}

impl SecretBearer for Settings {
    fn secret_refs(&self) -> Vec<&SecretRef> {
        [self.environment.secret_refs(), self.project.secret_refs(), self.server.secret_refs()].concat()
    }
}

impl Settings {
    /// Checks everything that can be checked without the project's content and the server.
    ///
    /// # Errors
    /// `bad_input`, saying which setting makes no sense.
    pub fn validate(&self) -> Result<(), EngineError> {
        self.server.validate()?;
        self.project.validate()?;
        self.environment.validate()
    }
}

/// How a deployment is to be carried out, beyond the settings of its environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct DeployOptions {
    /// Ask the registry for a newer base image.
    pub pull: bool,
    /// Modules to update whatever changed; `all` for every one.
    pub update: Vec<String>,
    /// Wait when another desktop is deploying the environment.
    pub wait: bool,
    /// Take the environment over from another desktop.
    pub take_over: bool,
    /// The commits that are live when it begins, instead of the branch's newest.
    pub live_commits: bool,
    /// Go back to an older commit than what is live.
    pub back: bool,
}

impl Settings {
    /// The environment's name on its server.
    pub fn slug(&self) -> String {
        super::slug(&self.project.name, &self.environment.name)
    }
}

/// Data that a deployment brings back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Restore {
    /// The snapshot that it comes from.
    pub snapshot_id: SnapshotId,
}

/// What runs because of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct ReleaseRecord {
    /// The release's image, by name.
    pub image: String,
    /// The image's digest, as the proof compares it.
    pub image_id: Option<String>,
    /// The slot that its web container has, `a` or `b`.
    pub slot: String,
    /// Installed modules by name, each with the hash of its content.
    pub modules: BTreeMap<String, String>,
}

/// Why a deployment didn't succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct DeploymentError {
    /// What kind of error it is.
    pub code: ErrorCode,
    /// One sentence: what happened.
    pub message: String,
    /// What to do next.
    pub hint: String,
    /// The step that it happened in.
    pub step: Option<Step>,
    /// The likely cause, where one is known: a module and line, or what the tool underneath said.
    pub cause: Option<String>,
}

impl DeploymentError {
    /// The error of a deployment, from what ended its step.
    pub fn new(error: EngineError, step: Option<Step>) -> Self {
        let EngineError { code, message, hint, detail } = error;
        Self { code, message, hint, step, cause: detail }
    }
}
