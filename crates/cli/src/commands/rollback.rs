//! `slipway rollback`.

use slipway_engine::engine::{Engine, RollbackPreview};
use slipway_engine::error::{EngineError, ErrorCode};

use crate::args::Rollback;
use crate::exit::Exit;
use crate::output::{Output, table};
use crate::prompt;
use crate::run::carry_out;

/// Says what would be lost, asks, and carries it out.
pub(crate) async fn run(engine: &Engine, out: Output, args: Rollback) -> Result<Exit, EngineError> {
    let view = engine.environment(&args.env).await?;
    let target = match engine.deployment(&args.to).await {
        // Another desktop may have deployed it.
        Err(error) if error.code == ErrorCode::NotFound => {
            engine.refresh(&view).await?;
            engine.deployment(&args.to).await?
        }
        found => found?,
    };
    let preview = engine.preview_rollback(&view, &target, args.data).await?;
    if out.is_json() {
        out.json_line(&serde_json::json!({ "rollback": preview }));
    } else {
        out.line(&describe(&preview));
    }
    if let Some(question) = question(&preview, &view.name()).filter(|_| !args.yes)
        && !prompt::confirm(&question, "Read what would be lost, then repeat with --yes.")?
    {
        return Err(EngineError::new(ErrorCode::Cancelled, "Nothing was changed."));
    }
    let deployment = engine.rollback(&view, &target, args.data, (&args.run).into(), None).await?;
    carry_out(engine, out, &deployment, &args.run).await
}

const NOT_COUNTED: &str = "Changed views and settings, and deletions, go back too.";

/// What is asked before something would be lost.
fn question(preview: &RollbackPreview, name: &str) -> Option<String> {
    let to = preview.to.short();
    if let Some(then) = preview.data_from {
        let loses = preview.losses.iter().map(|l| l.created + l.changed).sum::<u64>();
        let then = then.strftime("%Y-%m-%d %H:%M:%S UTC");
        return Some(format!(
            "Roll back {name} to {to} with its data? {loses} rows made or changed since {then} would be lost. (yes/no)"
        ));
    }
    updated(preview).map(|modules| {
        format!("Roll back {name} to {to}? What only the newer {modules} has would be removed. (yes/no)")
    })
}

/// The modules that the older code updates.
fn updated(preview: &RollbackPreview) -> Option<String> {
    let names: Vec<&str> = preview.plan.update.iter().map(|m| m.module.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn describe(preview: &RollbackPreview) -> String {
    let mut lines = vec![format!(
        "Back to {} {}",
        preview.commit[..preview.commit.len().min(7)].to_owned(),
        preview.subject.as_deref().unwrap_or_default()
    )];
    match preview.data_from {
        None => lines.push(match updated(preview) {
            None if !preview.plan.install.is_empty() => {
                format!("Code only, on today's data. {} would be installed.", preview.plan.install.join(", "))
            }
            None => "Code only: the data stays as it is.".into(),
            Some(modules) => format!(
                "Code only, on today's data. {modules} would be updated with the older code: Odoo removes the fields and \
                 records that only the newer version has, with what was entered in them. A snapshot of now is kept."
            ),
        }),
        Some(_) if preview.losses.is_empty() => {
            lines.push(format!("No record was made or changed since. {NOT_COUNTED}"))
        }
        Some(_) => {
            let rows: Vec<Vec<String>> = preview
                .losses
                .iter()
                .take(25)
                .map(|l| {
                    vec![
                        l.label.clone(),
                        l.model.clone(),
                        l.created.to_string(),
                        l.changed.to_string(),
                        l.first.clone(),
                        l.last.clone(),
                    ]
                })
                .collect();
            lines.push(NOT_COUNTED.into());
            lines.push(table(&["WOULD BE LOST", "MODEL", "MADE", "CHANGED", "FIRST", "LAST"], &rows));
        }
    }
    lines.join("\n")
}
