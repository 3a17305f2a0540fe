//! `slipway snapshots`.

use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;

use crate::exit::Exit;
use crate::output::{Output, ago, bytes, table};

/// Carries it out.
pub(crate) async fn run(engine: &Engine, out: Output, env: &str) -> Result<Exit, EngineError> {
    let view = engine.environment(env).await?;
    let snapshots = engine.snapshots(view.environment.id).await?;
    out.value(&snapshots, |snapshots| {
        if snapshots.is_empty() {
            return format!(
                "{} has no snapshots yet: the second deployment takes the first one.",
                view.name()
            );
        }
        let now = jiff::Timestamp::now();
        let rows: Vec<Vec<String>> = snapshots
            .iter()
            .map(|s| {
                vec![
                    s.deployment_id.short(),
                    ago(s.created_at, now),
                    s.kind.to_string(),
                    s.state.to_string(),
                    bytes(u64::try_from(s.database_bytes).unwrap_or(0)),
                    s.kept_until.map(|t| t.strftime("%Y-%m-%d").to_string()).unwrap_or_default(),
                ]
            })
            .collect();
        table(&["BEFORE DEPLOYMENT", "WHEN", "KIND", "STATE", "DATABASE", "KEPT UNTIL"], &rows)
    });
    Ok(Exit::Success)
}
