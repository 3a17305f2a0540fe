//! Carrying a queued deployment out and watching it, or leaving it to a process in the background.

use std::process::{Command, Stdio};

use futures::TryStreamExt;
use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;
use slipway_engine::model::{DeployOptions, Deployment, DeploymentId, Level};
use slipway_engine::worker::{Until, Worker};
use tokio_util::sync::CancellationToken;

use crate::args::Run;
use crate::exit::Exit;
use crate::output::{Output, complain, duration};
use crate::view::View;

impl From<&Run> for DeployOptions {
    fn from(run: &Run) -> Self {
        Self { wait: run.wait, take_over: run.take_over, ..Self::default() }
    }
}

/// Watches `deployment` to its end, working on it in this process unless another one has it; or, detached, starts a
/// process in the background and returns.
pub(crate) async fn carry_out(
    engine: &Engine,
    out: Output,
    deployment: &Deployment,
    run: &Run,
) -> Result<Exit, EngineError> {
    if run.detach {
        start_background(engine)?;
        out.value(deployment, |d| {
            format!(
                "Deployment {} is queued. Watch it with `slipway logs {} -f`.",
                d.id.short(),
                d.id.short()
            )
        });
        return Ok(Exit::Success);
    }
    let stop = CancellationToken::new();
    let worker = tokio::spawn(Worker::new(engine.clone()).run(Until::Finished(deployment.id), stop.clone()));
    let watched = watch(engine, out, deployment.id).await;
    stop.cancel();
    if let Ok(Err(error)) = worker.await {
        complain(&format!("warning: {}", error.message));
    }
    watched?;
    finish(engine, out, deployment.id).await
}

/// Shows events until the last one. The first Ctrl-C asks for a cancel, which does the safe thing.
async fn watch(engine: &Engine, out: Output, id: DeploymentId) -> Result<(), EngineError> {
    let mut view = View::new(out, Level::Info);
    let mut events = engine.store().follow(id, 0);
    let mut asked = false;
    loop {
        tokio::select! {
            event = events.try_next() => match event? {
                Some(event) => {
                    view.show(&event);
                    if event.is_last() {
                        break;
                    }
                }
                None => break,
            },
            signal = tokio::signal::ctrl_c() => {
                if asked || signal.is_err() {
                    complain("Leaving. The deployment goes on where a process works on it: slipway logs -f shows it.");
                    break;
                }
                asked = true;
                complain("Cancelling; once more to leave at once.");
                engine.cancel(id).await?;
            }
        }
    }
    view.finish();
    Ok(())
}

/// Says how it ended.
async fn finish(engine: &Engine, out: Output, id: DeploymentId) -> Result<Exit, EngineError> {
    let deployment = engine.store().deployment(id).await?;
    if out.is_json() {
        out.json_line(&serde_json::json!({ "deployment": deployment }));
    } else {
        out.line(&summary(engine, &deployment).await?);
    }
    Ok(Exit::of_deployment(deployment.status, deployment.error.as_ref().map(|e| e.code)))
}

async fn summary(engine: &Engine, d: &Deployment) -> Result<String, EngineError> {
    let view = engine.environment_by_id(d.environment_id).await?;
    let commit = d.commit.as_deref().map_or("", |c| &c[..c.len().min(7)]);
    let took = duration(d.build_ms.unwrap_or(0) + d.deploy_ms.unwrap_or(0));
    let mut lines = vec![format!("{} {}: {} {commit} in {took}", view.name(), d.id.short(), d.status)];
    if let Some(pause) = d.pause_ms.filter(|p| *p > 0) {
        lines.push(format!("Requests were held for {}.", duration(pause)));
    }
    if let Some(error) = &d.error {
        lines.push(format!(
            "{}{}",
            error.message,
            error.step.map(|s| format!(" (in {})", s.title())).unwrap_or_default()
        ));
        if let Some(cause) = &error.cause {
            lines.extend(cause.lines().take(15).map(|l| format!("  | {l}")));
        }
        lines.push(format!("Next: {}", error.hint));
    } else if let Some(address) = view.address() {
        lines.push(address);
    }
    Ok(lines.join("\n"))
}

/// A process of our own that outlives this one and this terminal.
pub(crate) fn start_background(engine: &Engine) -> Result<(), EngineError> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("--home")
        .arg(engine.home())
        .args(["work", "--until-idle"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()?;
    Ok(())
}
