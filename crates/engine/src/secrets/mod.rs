//! Secrets: kept in the system's keychain, or in files encrypted with a passphrase where the user chose that.
//!
//! **Invariant:** the store, the logs and the settings know a secret by its [`SecretRef`] only, and no secret is
//! ever written in plain text.

mod file;
mod memory;
mod system;

pub use crate::model::{SecretBearer, SecretRef};

use crate::error::{EngineError, ErrorCode};
use async_trait::async_trait;
use file::FileBackend;
use memory::MemoryBackend;
use secrecy::SecretString;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use system::SystemBackend;

/// The environment variable that a passphrase is taken from where nobody can be asked.
pub const PASSPHRASE_VARIABLE: &str = "SLIPWAY_PASSPHRASE";

/// How long the keychain may take: a system keychain may ask its user to unlock it meanwhile.
const LIMIT: Duration = Duration::from_secs(120);

/// Where a home's secrets are kept.
#[derive(Clone, Default)]
pub enum KeychainChoice {
    /// Where this home keeps them already; the system's keychain for a new home.
    #[default]
    AsBefore,
    /// The keychain of the desktop: Keychain, Credential Manager or a Secret Service.
    System,
    /// Files in the home, encrypted with a passphrase.
    File,
}

/// Asks the user for a passphrase. `new` says that it will be the one from now on, so it should be asked twice.
pub type AskPassphrase = Arc<dyn Fn(PassphraseFor) -> Result<SecretString, EngineError> + Send + Sync>;

/// What a passphrase is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassphraseFor {
    /// To open the secrets that are there.
    Opening,
    /// To protect the secrets from now on: ask twice.
    Creating,
}

/// Where secrets are kept. None of its calls blocks the caller's thread.
#[async_trait]
pub trait Keychain: Send + Sync + fmt::Debug {
    /// The secret of this name; [`ErrorCode::SecretNotFound`] if there is none.
    async fn get(&self, name: &SecretRef) -> Result<SecretString, EngineError>;

    /// Keeps a secret under this name, in place of any other.
    async fn set(&self, name: &SecretRef, secret: SecretString) -> Result<(), EngineError>;

    /// Forgets a secret. It need not be there.
    async fn delete(&self, name: &SecretRef) -> Result<(), EngineError>;

    /// Where it keeps them, for people.
    fn describe(&self) -> &'static str;

    /// Keeps a secret under a new name.
    async fn add(&self, secret: SecretString) -> Result<SecretRef, EngineError> {
        let name = SecretRef::new();
        self.set(&name, secret).await?;
        Ok(name)
    }
}

/// Opens the keychain of a home. `ask` is asked for the passphrase of the encrypted files where
/// [`PASSPHRASE_VARIABLE`] isn't set; without it, that is an error.
pub async fn open(
    home: &Path,
    choice: KeychainChoice,
    ask: Option<AskPassphrase>,
) -> Result<Arc<dyn Keychain>, EngineError> {
    let folder = folder_of(home);
    off_thread(move || {
        let file = match choice {
            KeychainChoice::AsBefore => FileBackend::exists(&folder),
            KeychainChoice::System => false,
            KeychainChoice::File => true,
        };
        if file {
            let backend = FileBackend::open(&folder, |purpose| passphrase(purpose, ask.as_ref()))?;
            Ok(OffThread::over(backend))
        } else {
            Ok(OffThread::over(SystemBackend::open()?))
        }
    })
    .await
}

/// Whether a home keeps its secrets in encrypted files.
pub fn is_in_file(home: &Path) -> bool {
    FileBackend::exists(&folder_of(home))
}

fn folder_of(home: &Path) -> PathBuf {
    home.join("secrets")
}

/// A keychain that forgets everything at its end, for tests.
pub fn memory() -> Arc<dyn Keychain> {
    OffThread::over(MemoryBackend::default())
}

/// What can keep secrets. Its calls may block.
trait Backend: Send + Sync + 'static {
    fn get(&self, name: &SecretRef) -> Result<Option<SecretString>, EngineError>;
    fn set(&self, name: &SecretRef, secret: &SecretString) -> Result<(), EngineError>;
    /// Nothing happens if it isn't there.
    fn delete(&self, name: &SecretRef) -> Result<(), EngineError>;
    fn describe(&self) -> &'static str;
}

/// A keychain over calls that block: each goes to a thread for such, and has a limit.
struct OffThread<B>(Arc<B>);

impl<B: Backend> OffThread<B> {
    fn over(backend: B) -> Arc<dyn Keychain> {
        Arc::new(Self(Arc::new(backend)))
    }
}

#[async_trait]
impl<B: Backend> Keychain for OffThread<B> {
    async fn get(&self, name: &SecretRef) -> Result<SecretString, EngineError> {
        let (backend, name) = (self.0.clone(), name.clone());
        let found = off_thread(move || backend.get(&name)).await?;
        found.ok_or_else(|| {
            EngineError::new(
                ErrorCode::SecretNotFound,
                "A secret that the settings refer to is not in the keychain.",
            )
        })
    }

    async fn set(&self, name: &SecretRef, secret: SecretString) -> Result<(), EngineError> {
        let (backend, name) = (self.0.clone(), name.clone());
        off_thread(move || backend.set(&name, &secret)).await
    }

    async fn delete(&self, name: &SecretRef) -> Result<(), EngineError> {
        let (backend, name) = (self.0.clone(), name.clone());
        off_thread(move || backend.delete(&name)).await
    }

    fn describe(&self) -> &'static str {
        self.0.describe()
    }
}

impl<B: Backend> fmt::Debug for OffThread<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keychain({})", self.0.describe())
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    match tokio::time::timeout(LIMIT, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => Err(EngineError::internal("The keychain's thread ended early.").detail(error)),
        Err(_) => Err(EngineError::new(
            ErrorCode::KeychainUnavailable,
            format!("The keychain did not answer within {} s.", LIMIT.as_secs()),
        )),
    }
}

fn passphrase(purpose: PassphraseFor, ask: Option<&AskPassphrase>) -> Result<SecretString, EngineError> {
    if let Ok(given) = std::env::var(PASSPHRASE_VARIABLE) {
        return Ok(SecretString::from(given));
    }
    match ask {
        Some(ask) => ask(purpose),
        None => Err(EngineError::new(ErrorCode::KeychainLocked, "The encrypted secrets need a passphrase.")
            .hint(format!("Set {PASSPHRASE_VARIABLE}, or run Slipway where it can ask you."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[tokio::test]
    async fn a_secret_comes_back_until_it_is_deleted() {
        let keychain = memory();
        let name = keychain.add(SecretString::from("hunter2")).await.unwrap();
        assert_eq!(keychain.get(&name).await.unwrap().expose_secret(), "hunter2");
        keychain.set(&name, SecretString::from("hunter3")).await.unwrap();
        assert_eq!(keychain.get(&name).await.unwrap().expose_secret(), "hunter3");
        keychain.delete(&name).await.unwrap();
        keychain.delete(&name).await.unwrap();
        assert_eq!(keychain.get(&name).await.unwrap_err().code, ErrorCode::SecretNotFound);
    }
}
