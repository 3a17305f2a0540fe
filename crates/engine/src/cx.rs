//! What every step of one deployment has at hand, and how a step is run: once, remembered, limited, cancellable.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::error::{EngineError, ErrorCode};
use crate::model::{Deployment, DeploymentId, Level, Settings, Step, StepStatus};
use crate::odoo::series::Series;
use crate::server::{Connection, Facts, Layout};
use crate::steps::PrepareStep;
use crate::store::LogSink;

/// One deployment under way.
pub(crate) struct Cx {
    /// Store, keychain and home.
    pub engine: Engine,
    /// As it was claimed.
    pub deployment: Deployment,
    /// Frozen when it was queued.
    pub settings: Settings,
    /// Names on the server. Its root is known once connected.
    pub layout: Layout,
    /// Ends what can be ended safely.
    pub cancel: CancellationToken,
    log: LogSink,
    step: std::sync::Mutex<Step>,
    connection: OnceCell<(Connection, Facts)>,
}
