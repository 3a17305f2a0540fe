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
    if args.data && !args.yes {
        let loses = preview.losses.iter().map(|l| l.created + l.changed).sum::<u64>();
        let question = format!(
            "Roll back {} to {} with its data? {loses} rows made or changed since {} would be lost. (yes/no)",
            view.name(),
            target.id.short(),
            preview.data_from.map(|t| t.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default()
        );
        if !prompt::confirm(&question, "Read what would be lost, then repeat with --yes.")? {
            return Err(EngineError::new(ErrorCode::Cancelled, "Nothing was changed."));
        }
    }
    let deployment = engine.rollback(&view, &target, args.data, (&args.run).into(), None).await?;
    carry_out(engine, out, &deployment, &args.run).await
}

fn describe(preview: &RollbackPreview) -> String {
    let mut lines = vec![format!(
        "Back to {} {}",
        preview.commit[..preview.commit.len().min(7)].to_owned(),
        preview.subject.as_deref().unwrap_or_default()
    )];
    match preview.data_from {
        None => lines.push("Code only: the data stays as it is.".into()),
        Some(_) if preview.losses.is_empty() => {
            lines.push("Nothing was made or changed since: no data would be lost.".into())
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
            lines.push(table(&["WOULD BE LOST", "MODEL", "MADE", "CHANGED", "FIRST", "LAST"], &rows));
        }
    }
    lines.join("\n")
}
