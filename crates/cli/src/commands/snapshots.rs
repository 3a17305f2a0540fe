//! `slipway snapshots`.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use slipway_engine::engine::{DownloadPart, DownloadProgress, Engine};
use slipway_engine::error::EngineError;
use slipway_engine::model::Snapshot;
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::output::{Output, ago, bytes, complain, table};

/// Lists them.
pub(crate) async fn list(engine: &Engine, out: Output, env: &str) -> Result<Exit, EngineError> {
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

/// Brings one to this computer. Ctrl-C ends that and leaves no file.
pub(crate) async fn download(
    engine: &Engine,
    out: Output,
    env: &str,
    of: &str,
    to: &Path,
) -> Result<Exit, EngineError> {
    let view = engine.environment(env).await?;
    let snapshots = engine.snapshots(view.environment.id).await?;
    let snapshot = taken_before(of, &snapshots).ok_or_else(|| {
        EngineError::not_found(format!("{} has no snapshot that was taken before {of:?}.", view.name()))
            .hint(format!("`slipway snapshots {}` shows them.", view.name()))
    })?;
    let cancel = CancellationToken::new();
    let bar = if out.is_live() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{spinner} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    let say = |progress: DownloadProgress| {
        bar.set_message(words(progress));
        bar.tick();
    };
    let work = engine.download_snapshot(snapshot.id, to, say, &cancel);
    tokio::pin!(work);
    let done = tokio::select! {
        done = &mut work => done,
        _ = tokio::signal::ctrl_c() => {
            cancel.cancel();
            work.await
        }
    };
    bar.finish_and_clear();
    let done = done?;
    for path in &done.missing {
        complain(&format!("warning: the server has {path} no more; it is not in the file"));
    }
    out.value(&done, |d| format!("{} ({}, {} files)", d.path, bytes(d.bytes), d.files));
    Ok(Exit::Success)
}

fn taken_before<'s>(of: &str, snapshots: &'s [Snapshot]) -> Option<&'s Snapshot> {
    snapshots.iter().find(|s| !of.is_empty() && s.deployment_id.to_string().ends_with(of))
}

fn words(progress: DownloadProgress) -> String {
    let what = match progress.part {
        DownloadPart::Database => "Database",
        DownloadPart::Files => "Files",
    };
    match progress.of {
        Some(of) => format!("{what}: {} of {}", bytes(progress.done), bytes(of.max(progress.done))),
        None => format!("{what}: {}", bytes(progress.done)),
    }
}
