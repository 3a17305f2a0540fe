//! `slipway`: the engine on the command line.

mod args;
mod commands;
mod exit;
mod output;
mod prompt;
mod run;
mod view;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use slipway_engine::engine::{Engine, EngineOptions};
use slipway_engine::error::EngineError;
use slipway_engine::redact::Redactor;
use slipway_engine::secrets::KeychainChoice;

use args::{Cli, Command, SecretsChoice};
use exit::Exit;
use output::{Output, complain};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let out = Output::new(cli.json);
    let redactor = Redactor::new();
    log_to_stderr(&redactor);
    match dispatch(cli, out, redactor).await {
        Ok(exit) => exit.into(),
        Err(error) => {
            report(out, &error);
            Exit::of(&error).into()
        }
    }
}

async fn dispatch(cli: Cli, out: Output, redactor: Redactor) -> Result<Exit, EngineError> {
    if let Command::Completions { shell } = cli.command {
        commands::completions::run(shell);
        return Ok(Exit::Success);
    }
    let options = EngineOptions {
        keychain: match cli.secrets {
            None => KeychainChoice::AsBefore,
            Some(SecretsChoice::Keychain) => KeychainChoice::System,
            Some(SecretsChoice::File) => KeychainChoice::File,
        },
        ask_passphrase: Some(prompt::ask_passphrase()),
        redactor,
        patience: cli.patience.map(Duration::from_secs),
    };
    let home = match cli.home {
        Some(home) => home,
        None => slipway_engine::engine::default_home()?,
    };
    let engine = Engine::open(&home, options).await?;
    match cli.command {
        Command::Server(command) => commands::server::run(&engine, out, command).await,
        Command::Project(command) => commands::project::run(&engine, out, command).await,
        Command::Env(command) => commands::env::run(&engine, out, command).await,
        Command::Plan { env, reference } => commands::plan::run(&engine, out, &env, reference).await,
        Command::Deploy(args) => commands::deploy::run(&engine, out, args).await,
        Command::Status { refresh } => commands::status::run(&engine, out, refresh).await,
        Command::History { env, number, refresh } => {
            commands::history::run(&engine, out, &env, number, refresh).await
        }
        Command::Logs { deployment, step, level, follow } => {
            commands::logs::run(&engine, out, &deployment, step.as_deref(), &level, follow).await
        }
        Command::Cancel { deployment } => commands::cancel::run(&engine, out, &deployment).await,
        Command::Retry { deployment, run } => commands::retry::run(&engine, out, &deployment, &run).await,
        Command::Rollback(args) => commands::rollback::run(&engine, out, args).await,
        Command::Snapshots { env, download: None, .. } => commands::snapshots::list(&engine, out, &env).await,
        Command::Snapshots { env, download: Some(of), to } => {
            commands::snapshots::download(&engine, out, &env, &of, &to).await
        }
        Command::Open { env, print } => commands::open::run(&engine, out, &env, print).await,
        Command::Work { until_idle, look_every } => {
            commands::work::run(&engine, until_idle, Duration::from_secs(look_every.max(1))).await
        }
        Command::Completions { .. } => Ok(Exit::Success),
    }
}

/// What the libraries say goes to standard error when RUST_LOG asks for it, without secrets.
fn log_to_stderr(redactor: &Redactor) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "error".into());
    let logger =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(redactor.writer(std::io::stderr));
    // Only a second logger could make this fail, and there is none.
    let _ = logger.try_init();
}

fn report(out: Output, error: &EngineError) {
    if out.is_json() {
        out.json_line(&serde_json::json!({ "error": error }));
        return;
    }
    complain(&format!("error: {}", error.message));
    if let Some(detail) = &error.detail {
        let lines: Vec<&str> = detail.trim().lines().collect();
        for line in &lines[lines.len().saturating_sub(15)..] {
            complain(&format!("  | {line}"));
        }
    }
    complain(&format!("hint: {}", error.hint));
}
