//! What the answers look like. Programs rely on these: a field may come, none may go or mean something else.

use jiff::Timestamp;
use serde::Serialize;
use slipway_engine::engine::EnvironmentView;
use slipway_engine::model::{
    DeploymentError, DeploymentId, DeploymentSummary, Lane, Status, Step, StepRecord, StepStatus, Trigger,
};

/// An environment.
#[derive(Debug, Serialize)]
pub(crate) struct Environment {
    /// `project/name`.
    pub(crate) name: String,
    /// How its newest deployment stands; `pending` before the first one.
    pub(crate) status: Status,
    /// The branch that it deploys.
    pub(crate) branch: String,
    /// The name of its server.
    pub(crate) server: Option<String>,
    /// Where a browser finds it.
    pub(crate) address: Option<String>,
    /// What it serves.
    pub(crate) live: Option<Deployment>,
    /// Its newest deployment.
    pub(crate) latest: Option<Deployment>,
}

/// A deployment.
#[derive(Debug, Serialize)]
pub(crate) struct Deployment {
    pub(crate) id: DeploymentId,
    /// `project/name` of its environment.
    pub(crate) environment: String,
    /// Its place among the environment's deployments, from 1.
    pub(crate) number: i64,
    pub(crate) status: Status,
    /// Whether nobody carries it on any more. One whose error is `outcome_unknown` may still be found to have succeeded.
    pub(crate) finished: bool,
    pub(crate) trigger: Trigger,
    /// The branch, tag or commit that was asked for, if any was.
    #[serde(rename = "ref")]
    pub(crate) reference: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) lane: Option<Lane>,
    pub(crate) who: String,
    /// Why it didn't succeed.
    pub(crate) error: Option<DeploymentError>,
    pub(crate) queued_at: Timestamp,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    /// Milliseconds that the prepare part took.
    pub(crate) build_ms: Option<i64>,
    /// Milliseconds that the cut over and all after it took.
    pub(crate) deploy_ms: Option<i64>,
    /// Milliseconds that requests were held.
    pub(crate) pause_ms: Option<i64>,
}

/// A deployment with its steps.
#[derive(Debug, Serialize)]
pub(crate) struct DeploymentWithSteps {
    #[serde(flatten)]
    pub(crate) deployment: Deployment,
    /// All 15 of them.
    pub(crate) steps: Vec<StepView>,
}

/// A step.
#[derive(Debug, Serialize)]
pub(crate) struct StepView {
    /// From 1.
    pub(crate) number: u8,
    pub(crate) step: Step,
    pub(crate) title: &'static str,
    pub(crate) status: StepStatus,
    /// Its latest line.
    pub(crate) message: Option<String>,
}

impl Environment {
    pub(crate) fn new(
        view: &EnvironmentView,
        latest: Option<DeploymentSummary>,
        live: Option<DeploymentSummary>,
    ) -> Self {
        let name = view.name();
        let of = |summary| Deployment::new(summary, name.clone());
        Self {
            status: latest.as_ref().map_or(Status::Pending, |d| d.status),
            branch: view.environment.branch.clone(),
            server: view.server.as_ref().map(|server| server.name.clone()),
            address: view.address(),
            live: live.map(of),
            latest: latest.map(of),
            name,
        }
    }
}

impl Deployment {
    pub(crate) fn new(d: DeploymentSummary, environment: String) -> Self {
        Self {
            id: d.id,
            environment,
            number: d.number,
            status: d.status,
            finished: d.status.is_finished(),
            trigger: d.trigger,
            reference: d.git_ref,
            commit: d.commit,
            subject: d.subject,
            lane: d.lane,
            who: d.who,
            error: d.error,
            queued_at: d.queued_at,
            started_at: d.started_at,
            finished_at: d.finished_at,
            build_ms: d.build_ms,
            deploy_ms: d.deploy_ms,
            pause_ms: d.pause_ms,
        }
    }
}

impl From<StepRecord> for StepView {
    fn from(record: StepRecord) -> Self {
        let StepRecord { step, status, message, .. } = record;
        Self { number: step.number(), step, title: step.title(), status, message }
    }
}
