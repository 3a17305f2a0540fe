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
    status: Status,
    address: Option<String>,
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
        rows.push(Row {
            environment: view.name(),
            status: last.as_ref().map_or(Status::Pending, |d| d.status),
            address: view.address(),
            last,
        });
    }
    out.value(&rows, |rows| {
        if rows.is_empty() {
            return "No environments yet. Begin with `slipway server add`; `slipway --help` shows the way."
                .into();
        }
        let now = jiff::Timestamp::now();
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|r| {
                let commit =
                    r.last.as_ref().and_then(|d| d.commit.as_deref()).map_or("", |c| &c[..c.len().min(7)]);
                let when = r.last.as_ref().map(|d| ago(d.queued_at, now)).unwrap_or_default();
                vec![
                    r.environment.clone(),
                    r.status.to_string(),
                    commit.into(),
                    when,
                    r.address.clone().unwrap_or_default(),
                ]
            })
            .collect();
        table(&["ENVIRONMENT", "STATUS", "COMMIT", "WHEN", "ADDRESS"], &cells)
    });
    Ok(Exit::Success)
}
