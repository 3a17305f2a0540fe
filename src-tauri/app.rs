//! What all parts of the app share.

use std::path::Path;
use std::sync::Arc;

use slipway_api::Api;
use slipway_engine::engine::{Engine, EngineOptions};
use slipway_engine::error::{EngineError, ErrorCode};
use slipway_engine::redact::Redactor;
use slipway_engine::secrets::AskPassphrase;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::downloads::Downloads;
use crate::follow::Follows;
use crate::once::Once;
use crate::pulse::Pulse;
use crate::settings::Kept;
use crate::signals::Signals;

/// The app behind its window. One for each process, for as long as that lives.
pub(crate) struct App {
    engine: Result<Engine, EngineError>,
    /// With which programs ask for deployments, if the user wants it.
    api: Option<Api>,
    /// Mutations that were asked for, by their ids.
    pub(crate) once: Once,
    /// Downloads that are under way.
    pub(crate) downloads: Downloads,
    /// What the window follows.
    pub(crate) follows: Follows,
    /// The way to the window.
    pub(crate) signals: Signals,
    /// What is live and doesn't answer.
    pub(crate) pulse: Pulse,
    /// New commits are looked for at once.
    pub(crate) look_for_commits: Notify,
    /// What the user chose for the app itself.
    pub(crate) settings: Kept,
    /// Ends what goes on in the background.
    pub(crate) stop: CancellationToken,
    /// Nothing is carried out here any more.
    pub(crate) worker_ended: CancellationToken,
}

impl App {
    /// Opens a home. One that can't be opened is no reason not to start: the window says why.
    pub(crate) async fn open(home: Result<&Path, EngineError>, redactor: Redactor) -> Self {
        let ask_passphrase: AskPassphrase = Arc::new(|_| {
            // The window asks, when it opens and in its settings; whoever needs a secret before that doesn't wait for it.
            Err(EngineError::new(ErrorCode::KeychainLocked, "The encrypted secrets need their passphrase.")
                .hint("Type it in Settings → Secrets, then try again."))
        });
        let ask_passphrase = Some(ask_passphrase);
        let options = EngineOptions { redactor, ask_passphrase, ..EngineOptions::default() };
        let engine = match home {
            Ok(home) => Engine::open(home, options).await,
            Err(error) => Err(error),
        };
        let settings = Kept::read(engine.as_ref().ok().map(Engine::home));
        Self {
            api: engine.as_ref().ok().cloned().map(Api::of),
            engine,
            once: Once::default(),
            downloads: Downloads::default(),
            follows: Follows::default(),
            signals: Signals::default(),
            pulse: Pulse::default(),
            look_for_commits: Notify::new(),
            settings,
            stop: CancellationToken::new(),
            worker_ended: CancellationToken::new(),
        }
    }

    /// The engine.
    ///
    /// # Errors
    /// Why the home could not be opened.
    pub(crate) fn engine(&self) -> Result<&Engine, EngineError> {
        self.engine.as_ref().map_err(Clone::clone)
    }

    /// The interface for other programs.
    ///
    /// # Errors
    /// Why the home could not be opened.
    pub(crate) fn api(&self) -> Result<&Api, EngineError> {
        self.engine()?;
        self.api.as_ref().ok_or_else(|| EngineError::internal("There is no API."))
    }
}
