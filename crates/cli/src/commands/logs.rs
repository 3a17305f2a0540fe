//! `slipway logs`.

use futures::TryStreamExt;
use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;
use slipway_engine::events::EventKind;
use slipway_engine::model::{Level, Step};

use crate::exit::Exit;
use crate::output::Output;
use crate::view::View;

/// How long to wait for what the store has.
const READY: std::time::Duration = std::time::Duration::from_millis(400);

/// Carries it out.
pub(crate) async fn run(
    engine: &Engine,
    out: Output,
    deployment: &str,
    step: Option<&str>,
    level: &str,
    follow: bool,
) -> Result<Exit, EngineError> {
    let least: Level = level.parse().map_err(|_| {
        EngineError::bad_input(format!("{level:?} is no level."))
            .hint("Choose debug, info, warning or error.")
    })?;
    let only = step.map(step_named).transpose()?;
    let deployment = engine.deployment(deployment).await?;
    let mut view = View::new(out, least);
    let mut events = engine.store().follow(deployment.id, 0);
    // Its stream ends with the deployment. An end that was corrected later has something after it.
    loop {
        let next = if follow {
            events.try_next().await?
        } else {
            // What is there comes at once; nothing more is waited for.
            match tokio::time::timeout(READY, events.try_next()).await {
                Ok(next) => next?,
                Err(_) => None,
            }
        };
        let Some(event) = next else { break };
        if wanted(&event.kind, only, least) {
            view.show(&event);
        }
    }
    Ok(Exit::Success)
}

fn wanted(kind: &EventKind, only: Option<Step>, least: Level) -> bool {
    match kind {
        EventKind::Line { step, level, .. } => *level >= least && only.is_none_or(|s| s == *step),
        EventKind::StepChanged { step, .. } => only.is_none_or(|s| s == *step),
        EventKind::StatusChanged { .. } | EventKind::Progress { .. } => only.is_none(),
    }
}

fn step_named(text: &str) -> Result<Step, EngineError> {
    let word = text.trim().to_lowercase().replace([' ', '-'], "_");
    let found = word.parse().ok().or_else(|| word.parse().ok().and_then(Step::from_number));
    found.ok_or_else(|| {
        let names: Vec<String> = Step::all().map(|s| s.to_string()).collect();
        EngineError::bad_input(format!("{text:?} is no step."))
            .hint(format!("Choose one of: {}.", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_named_by_word_title_or_number() {
        for text in ["health_check", "Health Check", "health-check", "13"] {
            assert_eq!(step_named(text).unwrap(), Step::HealthCheck);
        }
        assert!(step_named("lunch").is_err());
    }
}
