//! The interface as the app holds it: whether it is on, where, and by which token.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;
use tokio::sync::Mutex;

use crate::kept::Kept;
use crate::serve::Serving;
use crate::token::{Digest, Token};

/// How the interface stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct ApiStatus {
    /// Whether the user wants it.
    pub on: bool,
    /// The TCP port on 127.0.0.1 that it listens on when it is on.
    pub port: u16,
    /// Whether a token was made: without one it answers nobody.
    pub has_token: bool,
    /// Where it listens now, such as `http://127.0.0.1:7867`; nothing while it doesn't.
    pub address: Option<String>,
    /// Why it doesn't listen although it is on, or why what was chosen before isn't known.
    pub problem: Option<EngineError>,
}

/// The interface of one home. It serves for as long as this lives.
pub struct Api {
    engine: Engine,
    file: PathBuf,
    /// Shared with what serves, so that a new token counts from the next request on.
    token: Allowed,
    now: Mutex<Now>,
}

/// The digest of the token that is good now.
pub(crate) type Allowed = Arc<RwLock<Option<Digest>>>;

struct Now {
    kept: Kept,
    serving: Option<Serving>,
    problem: Option<EngineError>,
}

impl Api {
    /// Reads what the user chose before, from the home that the engine works on. Serves nothing yet: [`Self::begin`] does.
    pub fn of(engine: Engine) -> Self {
        let file = engine.home().join("api.json");
        let (kept, problem) = match Kept::read(&file) {
            Ok(kept) => (kept, None),
            Err(error) => (Kept::default(), Some(error)),
        };
        let token = Arc::new(RwLock::new(kept.token_sha256.clone()));
        Self { engine, file, token, now: Mutex::new(Now { kept, serving: None, problem }) }
    }

    /// Serves if the user wants it. A port that can't be had is told by [`Self::status`].
    pub async fn begin(&self) {
        let mut now = self.now.lock().await;
        if !now.kept.on || now.serving.is_some() {
            return;
        }
        match self.serve(now.kept.port).await {
            Ok(serving) => now.serving = Some(serving),
            Err(error) => {
                tracing::warn!(code = %error.code, %error, "the API doesn't listen");
                now.problem = Some(error);
            }
        }
    }

    /// How it stands.
    pub async fn status(&self) -> ApiStatus {
        self.now.lock().await.status()
    }

    /// Turns it on, on this port of 127.0.0.1, or off; and keeps that.
    ///
    /// # Errors
    /// `bad_input` for a port that can't be had, or when it can't be kept; then it is as it was.
    pub async fn turn(&self, on: bool, port: u16) -> Result<ApiStatus, EngineError> {
        let mut now = self.now.lock().await;
        let kept = Kept { on, port, ..now.kept.clone() };
        let stays = on && now.serving.as_ref().is_some_and(|serving| serving.port() == port);
        let new = if on && !stays { Some(self.serve(port).await?) } else { None };
        kept.write(&self.file)?;
        now.kept = kept;
        now.problem = None;
        if !stays && let Some(before) = std::mem::replace(&mut now.serving, new) {
            before.end().await;
        }
        Ok(now.status())
    }

    /// Makes a new token. The one before is good for nothing any more.
    ///
    /// # Errors
    /// When it can't be kept; then the one before stays.
    pub async fn new_token(&self) -> Result<Token, EngineError> {
        let mut now = self.now.lock().await;
        let token = Token::new();
        let kept = Kept { token_sha256: Some(token.digest()), ..now.kept.clone() };
        kept.write(&self.file)?;
        if !kept.on {
            // What could not be read was written anew.
            now.problem = None;
        }
        now.kept = kept;
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = Some(token.digest());
        Ok(token)
    }

    async fn serve(&self, port: u16) -> Result<Serving, EngineError> {
        Serving::begin(self.engine.clone(), Arc::clone(&self.token), port).await
    }
}

impl Now {
    fn status(&self) -> ApiStatus {
        ApiStatus {
            on: self.kept.on,
            port: self.kept.port,
            has_token: self.kept.token_sha256.is_some(),
            address: self.serving.as_ref().map(|serving| format!("http://127.0.0.1:{}", serving.port())),
            problem: self.problem.clone(),
        }
    }
}
