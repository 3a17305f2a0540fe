//! `slipway status`.

use serde::Serialize;
use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;
use slipway_engine::model::{DeploymentSummary, Status};

use crate::exit::Exit;
use crate::output::{Output, ago, table};

#[derive(Serialize)]
struct Row {
    environment: String,
    /// Of the last attempt.
    status: Status,
    address: Option<String>,
    /// The deployment whose release serves.
    live: Option<DeploymentSummary>,
    /// The last attempt, whatever it came to.
    last: Option<DeploymentSummary>,
}

/// Carries it out.
pub(crate) async fn run(engine: &Engine, out: Output, refresh: bool) -> Result<Exit, EngineError> {
    let mut rows = vec![];
    for view in engine.environments().await? {
        if refresh
            && view.server.is_some()
            && let Err(error) = engine.refresh(&view).await
        {
            // The others are still worth showing, and of this one what is known here.
            out.note(&format!("{}: {}", view.name(), error.message));
        }
        let last = engine.history(view.environment.id, 1).await?.into_iter().next();
        let live = engine.store().live_deployment(view.environment.id).await?;
        rows.push(Row {
            environment: view.name(),
            status: last.as_ref().map_or(Status::Pending, |d| d.status),
            address: view.address(),
            live,
            last,
        });
    }
    out.value(&rows, |rows| {
        if rows.is_empty() {
            return "No environments yet. Begin with `slipway server add`; `slipway --help` shows the way."
                .into();
        }
        let now = jiff::Timestamp::now();
        let cells: Vec<Vec<String>> = rows.iter().map(|row| row.cells(now)).collect();
        table(&["ENVIRONMENT", "LIVE", "LAST ATTEMPT", "WHEN", "ADDRESS"], &cells)
    });
    Ok(Exit::Success)
}

impl Row {
    fn cells(&self, now: jiff::Timestamp) -> Vec<String> {
        let commit = |deployment: &Option<DeploymentSummary>| {
            let commit = deployment.as_ref().and_then(|d| d.commit.as_deref());
            commit.map(|c| c[..c.len().min(7)].to_owned())
        };
        let attempt = match commit(&self.last) {
            Some(commit) => format!("{} ({commit})", self.status),
            None => self.status.to_string(),
        };
        vec![
            self.environment.clone(),
            commit(&self.live).unwrap_or_else(|| "nothing".to_owned()),
            attempt,
            self.last.as_ref().map(|d| ago(d.queued_at, now)).unwrap_or_default(),
            self.address.clone().unwrap_or_default(),
        ]
    }
}
