//! `slipway history`.

use slipway_engine::engine::Engine;
use slipway_engine::error::{EngineError, ErrorCode};
use slipway_engine::model::DeploymentSummary;

use crate::exit::Exit;
use crate::output::{Output, ago, duration, table};

/// Carries it out.
pub(crate) async fn run(
    engine: &Engine,
    out: Output,
    env: &str,
    number: u32,
    refresh: bool,
) -> Result<Exit, EngineError> {
    let view = engine.environment(env).await?;
    if refresh {
        engine.refresh(&view).await?;
    }
    let history = engine.history(view.environment.id, number).await?;
    out.value(&history, |history| {
        if history.is_empty() {
            return format!("{} was never deployed.", view.name());
        }
        let now = jiff::Timestamp::now();
        let rows: Vec<Vec<String>> = history.iter().map(|d| row(d, now)).collect();
        table(
            &[
                "DEPLOYMENT",
                "STATUS",
                "COMMIT",
                "SUBJECT",
                "TRIGGER",
                "LANE",
                "WHEN",
                "TOOK",
                "SNAPSHOT",
                "WHO",
            ],
            &rows,
        )
    });
    Ok(Exit::Success)
}

fn row(d: &DeploymentSummary, now: jiff::Timestamp) -> Vec<String> {
    let took = match (d.build_ms, d.deploy_ms) {
        (None, None) => String::new(),
        (build, deploy) => duration(build.unwrap_or(0) + deploy.unwrap_or(0)),
    };
    vec![
        d.id.short(),
        match &d.error {
            Some(error) if error.code == ErrorCode::OutcomeUnknown => "unknown".to_owned(),
            _ => d.status.to_string(),
        },
        d.commit.as_deref().map(|c| c[..c.len().min(7)].to_owned()).unwrap_or_default(),
        d.subject.as_deref().unwrap_or_default().chars().take(40).collect(),
        d.trigger.to_string(),
        d.lane.map(|l| l.to_string()).unwrap_or_default(),
        ago(d.queued_at, now),
        took,
        if d.snapshot_id.is_some() { "yes".into() } else { String::new() },
        if d.elsewhere { format!("{} (elsewhere)", d.who) } else { d.who.clone() },
    ]
}
