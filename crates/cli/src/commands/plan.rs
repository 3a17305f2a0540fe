//! `slipway plan`.

use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;
use slipway_engine::plan::Plan;

use crate::exit::Exit;
use crate::output::{Output, bytes, duration};

/// Carries it out.
pub(crate) async fn run(
    engine: &Engine,
    out: Output,
    env: &str,
    reference: Option<String>,
) -> Result<Exit, EngineError> {
    let view = engine.environment(env).await?;
    let plan = engine.plan(&view, reference).await?;
    out.value(&plan, describe);
    Ok(Exit::Success)
}

fn describe(plan: &Plan) -> String {
    let mut lines = vec![format!("Lane: {}", plan.lane)];
    lines.extend(plan.why.iter().map(|w| format!("  {w}")));
    for (name, change) in &plan.repositories {
        let short = |sha: &str| sha[..sha.len().min(7)].to_owned();
        let old = change.old.as_deref().map_or_else(|| "nothing".into(), short);
        lines.push(format!("{name}: {old} → {}", short(&change.new)));
    }
    for commit in plan.commits.iter().take(15) {
        lines.push(format!(
            "  {} {} ({})",
            &commit.sha[..commit.sha.len().min(7)],
            commit.subject,
            commit.author
        ));
    }
    if plan.commits.len() > 15 {
        lines.push(format!("  … and {} more", plan.commits.len() - 15));
    }
    for module in &plan.update {
        lines.push(format!("Update {}: {}", module.module, module.reasons.join("; ")));
    }
    if !plan.install.is_empty() {
        lines.push(format!("Install {}", plan.install.join(", ")));
    }
    for module in &plan.code_only {
        lines.push(format!("New code in {}, no update needed", module.module));
    }
    for (what, difference) in [("pip", &plan.pip), ("apt", &plan.apt)] {
        lines.extend(difference.added.iter().map(|r| format!("{what} + {r}")));
        lines.extend(difference.removed.iter().map(|r| format!("{what} - {r}")));
    }
    lines.push(format!("Disk: at most {} needed, {} free", bytes(plan.disk_needed), bytes(plan.disk_free)));
    lines.push(match plan.predicted_pause_ms {
        Some(0) => "Pause: none; no request will wait".into(),
        Some(ms) => format!("Pause: about {}; requests are held meanwhile", duration(ms)),
        None => "Pause: not known yet".into(),
    });
    lines.extend(plan.warnings.iter().map(|w| format!("! {w}")));
    lines.join("\n")
}
