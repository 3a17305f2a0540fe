//! Secrets: kept in the system's keychain, or in files encrypted with a passphrase where the user chose that.
//!
//! **Invariant:** the store, the logs and the settings know a secret by its [`SecretRef`] only, and no secret is
//! ever written in plain text.

mod file;
mod memory;
mod system;

use crate::error::{EngineError, ErrorCode};
use file::FileBackend;
use memory::MemoryBackend;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::{fmt, path::Path, sync::Arc, time::Duration};
use system::SystemBackend;
use uuid::Uuid;

/// The environment variable that a passphrase is taken from where nobody can be asked.
pub const PASSPHRASE_VARIABLE: &str = "SLIPWAY_PASSPHRASE";

/// How long the keychain may take: a system keychain may ask its user to unlock it meanwhile.
const LIMIT: Duration = Duration::from_secs(120);

/// The name of a secret. It says nothing about the secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretRef(Uuid);

impl SecretRef {
    /// A new name, for a secret to be set.
    #[expect(clippy::new_without_default, reason = "two of them are never equal: there is no default one")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Settings that refer to secrets: when the settings go, so do the secrets.
pub trait SecretBearer {
    /// The secrets it refers to.
    fn secret_refs(&self) -> Vec<&SecretRef>;
}

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

/// The keychain. Clones share it. None of its calls blocks the caller's thread.
#[derive(Clone)]
pub struct Keychain {
    backend: Arc<dyn Backend>,
}

/// What can keep secrets. Its calls may block.
trait Backend: Send + Sync {
    fn get(&self, name: &SecretRef) -> Result<Option<SecretString>, EngineError>;
    fn set(&self, name: &SecretRef, secret: &SecretString) -> Result<(), EngineError>;
    /// Nothing happens if it isn't there.
    fn delete(&self, name: &SecretRef) -> Result<(), EngineError>;
    fn describe(&self) -> &'static str;
}

impl Keychain {
    /// Opens the keychain of a home. `ask` is asked for the passphrase of the encrypted files where
    /// [`PASSPHRASE_VARIABLE`] isn't set; without it, that is an error.
    pub async fn open(
        home: &Path,
        choice: KeychainChoice,
        ask: Option<AskPassphrase>,
    ) -> Result<Self, EngineError> {
        let folder = home.join("secrets");
        off_thread(move || {
            let file = match choice {
                KeychainChoice::AsBefore => FileBackend::exists(&folder),
                KeychainChoice::System => false,
                KeychainChoice::File => true,
            };
            let backend: Arc<dyn Backend> = if file {
                Arc::new(FileBackend::open(&folder, |purpose| passphrase(purpose, ask.as_ref()))?)
            } else {
                Arc::new(SystemBackend::open()?)
            };
            Ok(Self { backend })
        })
        .await
    }

    /// A keychain that forgets everything at its end, for tests.
    pub fn memory() -> Self {
        Self { backend: Arc::new(MemoryBackend::default()) }
    }

    /// The secret of this name.
    pub async fn get(&self, name: &SecretRef) -> Result<SecretString, EngineError> {
        let (backend, name) = (self.backend.clone(), name.clone());
        let found = off_thread(move || backend.get(&name)).await?;
        found.ok_or_else(|| {
            EngineError::new(
                ErrorCode::SecretNotFound,
                "A secret that the settings refer to is not in the keychain.",
            )
        })
    }

    /// Keeps a secret under this name, in place of any other.
    pub async fn set(&self, name: &SecretRef, secret: SecretString) -> Result<(), EngineError> {
        let (backend, name) = (self.backend.clone(), name.clone());
        off_thread(move || backend.set(&name, &secret)).await
    }

    /// Keeps a secret under a new name.
    pub async fn add(&self, secret: SecretString) -> Result<SecretRef, EngineError> {
        let name = SecretRef::new();
        self.set(&name, secret).await?;
        Ok(name)
    }

    /// Forgets a secret. It need not be there.
    pub async fn delete(&self, name: &SecretRef) -> Result<(), EngineError> {
        let (backend, name) = (self.backend.clone(), name.clone());
        off_thread(move || backend.delete(&name)).await
    }

    /// Where it keeps them, for people.
    pub fn describe(&self) -> &'static str {
        self.backend.describe()
    }
}

impl fmt::Debug for Keychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keychain({})", self.describe())
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
        let keychain = Keychain::memory();
        let name = keychain.add(SecretString::from("hunter2")).await.unwrap();
        assert_eq!(keychain.get(&name).await.unwrap().expose_secret(), "hunter2");
        keychain.set(&name, SecretString::from("hunter3")).await.unwrap();
        assert_eq!(keychain.get(&name).await.unwrap().expose_secret(), "hunter3");
        keychain.delete(&name).await.unwrap();
        keychain.delete(&name).await.unwrap();
        assert_eq!(keychain.get(&name).await.unwrap_err().code, ErrorCode::SecretNotFound);
    }
}
