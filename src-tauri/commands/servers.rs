//! Servers.

use serde::Serialize;
use slipway_engine::engine::{Engine, HostKey};
use slipway_engine::error::EngineError;
use slipway_engine::model::{Server, ServerId, ServerKind};
use slipway_engine::server::{Capacity, Disk};
use tauri::State;
use tauri::ipc::Channel;

use super::{GivenSecret, names_and_values, with_secrets};
use crate::app::App;
use crate::once::WishId;

/// What a server is like now.
#[derive(Serialize, specta::Type)]
pub(crate) struct ServerReport {
    /// Docker Engine's version.
    docker: String,
    /// `uname -s`.
    os: String,
    /// `uname -m`.
    arch: String,
    /// Slipway's folder on it.
    root: String,
    /// Memory that is free, in MiB.
    memory_free_mb: u64,
    /// The disk that holds Docker's data, in MiB.
    disk: Disk,
    /// What it has (`has`) and what the environments on it reserve (`others`).
    capacity: Capacity,
    /// What is deployed there, by this desktop or another.
    deployed: Vec<Deployed>,
}

/// An environment that is found on a server.
#[derive(Serialize, specta::Type)]
pub(crate) struct Deployed {
    /// Its name on the server.
    slug: String,
    /// Whether its Odoo runs.
    running: bool,
    /// The commit that runs.
    commit: String,
}

/// A new server, to be filled in and added: this computer, or one over SSH.
#[tauri::command]
#[specta::specta]
pub(crate) fn draft_server(local: bool) -> Server {
    if local {
        return Server::new("This computer", ServerKind::Local);
    }
    let kind = ServerKind::Ssh {
        destination: String::new(),
        user: None,
        port: None,
        key_file: None,
        password: None,
        passphrase: None,
        config_file: None,
    };
    Server::new("", kind)
}

/// Connects to a server, saved or not, and reports. `unknown_host_key` means: scan its key, show it, trust it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn test_server(
    app: State<'_, App>,
    server: Server,
    secrets: Vec<GivenSecret>,
) -> Result<ServerReport, EngineError> {
    let engine = app.engine()?;
    server.validate()?;
    let saved = saved(engine, &server).await;
    let test = engine.test_server(&server);
    let report = with_secrets(engine, &server, saved.as_ref(), secrets, test).await?;
    let facts = &report.facts;
    let mut deployed: Vec<Deployed> = Vec::new();
    for container in facts.containers.iter().filter(|c| c.role == "web") {
        if !deployed.iter().any(|d| d.slug == container.env) {
            let live = facts.live(&container.env).unwrap_or(container);
            let (running, commit) = (live.is_running(), live.commit.clone());
            deployed.push(Deployed { slug: container.env.clone(), running, commit });
        }
    }
    Ok(ServerReport {
        docker: facts.docker.clone(),
        os: facts.os.clone(),
        arch: facts.arch.clone(),
        root: facts.root.clone(),
        memory_free_mb: facts.memory_free_mb,
        disk: facts.docker_disk_mb,
        capacity: report.capacity,
        deployed,
    })
}

/// Installs Docker from the packages of a server's own system, saying what it does through the channel. The user has agreed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn install_docker(
    app: State<'_, App>,
    id: WishId,
    server: Server,
    secrets: Vec<GivenSecret>,
    channel: Channel<String>,
) -> Result<(), EngineError> {
    app.once
        .run(id, async {
            let engine = app.engine()?;
            server.validate()?;
            let saved = saved(engine, &server).await;
            // A page that is gone hears nothing; the work goes on.
            let say = |line: &str| drop(channel.send(line.to_owned()));
            let install = engine.install_docker(&server, say, &app.stop);
            with_secrets(engine, &server, saved.as_ref(), secrets, install).await
        })
        .await
}

/// The key that a server shows now; nothing for this computer.
#[tauri::command]
#[specta::specta]
pub(crate) async fn scan_host_key(
    app: State<'_, App>,
    server: Server,
) -> Result<Option<HostKey>, EngineError> {
    server.validate()?;
    // No login, so no secrets: they may not be kept yet.
    app.engine()?.host_key(&without_secrets(server)).await
}

/// Trusts a server's key from now on. The user has compared its fingerprint.
#[tauri::command]
#[specta::specta]
pub(crate) async fn trust_host_key(
    app: State<'_, App>,
    id: WishId,
    server: Server,
    key: HostKey,
) -> Result<(), EngineError> {
    app.once.run(id, async { app.engine()?.trust_host_key(&without_secrets(server), &key).await }).await
}

/// Adds a server. New values of its secrets come along, under the names that it refers to them by.
#[tauri::command]
#[specta::specta]
pub(crate) async fn add_server(
    app: State<'_, App>,
    id: WishId,
    server: Server,
    secrets: Vec<GivenSecret>,
) -> Result<(), EngineError> {
    app.once
        .run(id, async {
            let engine = app.engine()?;
            server.validate()?;
            engine.keep_secrets_of(&server, names_and_values(secrets)).await?;
            let added = engine.add_server(server.clone()).await;
            if added.is_err() {
                engine.forget_secrets_of(&server, None).await?;
            }
            added
        })
        .await
}

/// Changes how a server is reached.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_server(
    app: State<'_, App>,
    id: WishId,
    server: Server,
    secrets: Vec<GivenSecret>,
) -> Result<(), EngineError> {
    app.once
        .run(id, async {
            let engine = app.engine()?;
            server.validate()?;
            let before = engine.store().server(server.id).await?;
            engine.keep_secrets_of(&server, names_and_values(secrets)).await?;
            engine.store().update_server(server.clone()).await?;
            engine.forget_secrets_of(&before, Some(&server)).await
        })
        .await
}

/// Forgets a server. Nothing on it is touched.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_server(
    app: State<'_, App>,
    id: WishId,
    server: ServerId,
) -> Result<(), EngineError> {
    app.once
        .run(id, async {
            let engine = app.engine()?;
            let server = engine.store().server(server).await?;
            engine.remove_server(&server.name).await
        })
        .await
}

/// The server as it is saved, if it is: its secrets stay.
async fn saved(engine: &Engine, server: &Server) -> Option<Server> {
    engine.store().server(server.id).await.ok()
}

fn without_secrets(mut server: Server) -> Server {
    if let ServerKind::Ssh { password, passphrase, .. } = &mut server.kind {
        *password = None;
        *passphrase = None;
    }
    server
}
