//! What the command line and the window call: one type, one file a subject.

mod deployments;
mod destroy;
mod environments;
mod history;
mod install_docker;
mod keychain;
mod live;
mod projects;
mod pushes;
mod rollbacks;
mod servers;
mod snapshots;

pub use crate::download::{DownloadPart, DownloadProgress, Downloaded};
pub use deployments::DeployRequest;
pub use environments::EnvironmentView;
pub use keychain::KeychainStatus;
pub use live::{Live, Usage};
pub use projects::References;
pub use rollbacks::RollbackPreview;
pub use servers::ServerReport;
pub use slipway_remote::HostKey;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::error::{EngineError, ErrorCode};
use crate::model::{SecretBearer, Settings};
use crate::queue::Queue;
use crate::redact::Redactor;
use crate::secrets::{AskPassphrase, Keychain, KeychainChoice, SecretRef};
use crate::store::Store;

/// Slipway's engine on one home. Clones share it.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    queue: Queue,
    redactor: Redactor,
    secrets: Secrets,
    patience: Duration,
}

/// How long a server may stay away in the middle of a cut over, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// How to open an engine.
#[derive(Clone, Default)]
pub struct EngineOptions {
    /// Where secrets are kept.
    pub keychain: KeychainChoice,
    /// Asks for the passphrase of the encrypted file.
    pub ask_passphrase: Option<AskPassphrase>,
    /// Stands on the log as well.
    pub redactor: Redactor,
    /// How long a server that stays away in the middle of a cut over is looked for before its outcome is recorded as unknown;
    /// half an hour when not given.
    pub patience: Option<Duration>,
}

/// The keychain, opened when the first secret is needed: who has none needs no keychain.
struct Secrets {
    options: EngineOptions,
    opened: OnceCell<Arc<dyn Keychain>>,
}

impl Engine {
    /// Opens the home, making it if there is none.
    ///
    /// # Errors
    /// When the folder or the store in it can't be used.
    pub async fn open(home: &Path, options: EngineOptions) -> Result<Self, EngineError> {
        let store = Store::open(home).await?;
        let queue = Queue::new(store.clone());
        let redactor = options.redactor.clone();
        let patience = options.patience.unwrap_or(PATIENCE);
        let secrets = Secrets { options, opened: OnceCell::new() };
        Ok(Self { inner: Arc::new(Inner { store, queue, redactor, secrets, patience }) })
    }

    /// The folder that holds all state.
    pub fn home(&self) -> &Path {
        self.inner.store.home()
    }

    /// What is remembered.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Who may carry out what.
    pub fn queue(&self) -> &Queue {
        &self.inner.queue
    }

    /// What takes secrets out of texts.
    pub fn redactor(&self) -> &Redactor {
        &self.inner.redactor
    }

    /// How long a server that stays away in the middle of a cut over is looked for.
    pub(crate) fn patience(&self) -> Duration {
        self.inner.patience
    }

    /// The keychain.
    ///
    /// # Errors
    /// When there is none, or it stays locked.
    pub async fn keychain(&self) -> Result<&Arc<dyn Keychain>, EngineError> {
        let EngineOptions { keychain, ask_passphrase, .. } = &self.inner.secrets.options;
        self.open_keychain(keychain.clone(), ask_passphrase.clone()).await
    }

    /// The keychain, opened in this way unless it is open already.
    async fn open_keychain(
        &self,
        choice: KeychainChoice,
        ask: Option<AskPassphrase>,
    ) -> Result<&Arc<dyn Keychain>, EngineError> {
        let open = || crate::secrets::open(self.home(), choice, ask);
        self.inner.secrets.opened.get_or_try_init(open).await
    }

    /// Keeps a secret; returns the name to remember it by.
    ///
    /// # Errors
    /// As for [`Engine::keychain`].
    pub async fn keep_secret(&self, secret: SecretString) -> Result<SecretRef, EngineError> {
        let name = SecretRef::new();
        self.keychain().await?.set(&name, secret).await?;
        Ok(name)
    }

    /// A secret by its name. From here on it is taken out of all that is logged.
    ///
    /// # Errors
    /// As for [`Engine::keychain`], and when it isn't there.
    pub async fn secret(&self, name: &SecretRef) -> Result<SecretString, EngineError> {
        let secret = self.keychain().await?.get(name).await?;
        self.inner.redactor.register(&secret);
        Ok(secret)
    }

    /// Reads every secret of these settings, so that each is taken out of all that is logged afterwards. It is called before Odoo's
    /// output is shown or kept, since another process may have given Odoo the secrets. One that was replaced since is gone from the
    /// keychain, and can't be learnt any more.
    ///
    /// # Errors
    /// As for [`Engine::keychain`].
    pub(crate) async fn learn_secrets(&self, settings: &Settings) -> Result<(), EngineError> {
        for name in settings.secret_refs() {
            match self.secret(name).await {
                Err(error) if error.code == ErrorCode::SecretNotFound => {
                    tracing::warn!(secret = %name, "not in the keychain any more, so it can't be looked for in logs");
                }
                learnt => drop(learnt?),
            }
        }
        Ok(())
    }

    /// Where mirrors of repositories are kept.
    pub(crate) fn mirrors(&self) -> PathBuf {
        self.home().join("mirrors")
    }
}

/// Where state is kept when nobody says otherwise: `slipway` below the user's data folder.
///
/// # Errors
/// When the user has no home.
pub fn default_home() -> Result<PathBuf, EngineError> {
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let home = || {
        std::env::home_dir().map(|home| {
            if cfg!(target_os = "macos") {
                home.join("Library/Application Support")
            } else if cfg!(windows) {
                home.join("AppData/Roaming")
            } else {
                home.join(".local/share")
            }
        })
    };
    let found = data.or_else(home).ok_or_else(|| {
        EngineError::bad_input("This user has no home folder.")
            .hint("Say where to keep state: --home DIR or SLIPWAY_HOME.")
    })?;
    Ok(found.join("slipway"))
}
