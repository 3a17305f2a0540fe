//! The keychain as somebody without a terminal opens it.

use std::sync::Arc;

use secrecy::SecretString;
use serde::Serialize;

use super::Engine;
use crate::error::EngineError;
use crate::secrets::{self, AskPassphrase, KeychainChoice, SecretBearer, SecretRef};

/// Where secrets are kept, and whether they can be had.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct KeychainStatus {
    /// In files of the home that are encrypted with a passphrase; else in the system's keychain.
    pub in_file: bool,
    /// Where, in words; nothing while it can't be opened.
    pub place: Option<String>,
    /// Why it can't be opened: `keychain_locked` when only the passphrase is missing.
    pub error: Option<EngineError>,
}

impl Engine {
    /// Opens the keychain if it can be opened without asking, and says how it stands.
    pub async fn keychain_status(&self) -> KeychainStatus {
        let in_file = secrets::is_in_file(self.home());
        match self.keychain().await {
            Ok(keychain) => {
                KeychainStatus { in_file, place: Some(keychain.describe().to_owned()), error: None }
            }
            Err(error) => KeychainStatus { in_file, place: None, error: Some(error) },
        }
    }

    /// Whether secrets are in an encrypted file whose passphrase wasn't given yet. Asks nobody.
    pub fn waits_for_passphrase(&self) -> bool {
        secrets::is_in_file(self.home()) && !self.inner.secrets.opened.initialized()
    }

    /// Opens the encrypted file with its passphrase. A home without one gets it, and keeps its secrets in it from now on.
    ///
    /// # Errors
    /// `wrong_passphrase`; `conflict` when the system's keychain is in use already.
    pub async fn open_secrets_file(&self, passphrase: SecretString) -> Result<KeychainStatus, EngineError> {
        let ask: AskPassphrase = Arc::new(move |_| Ok(passphrase.clone()));
        self.open_keychain(KeychainChoice::File, Some(ask)).await?;
        Ok(self.keychain_status().await)
    }

    /// Keeps new secrets of settings that are about to be saved.
    ///
    /// # Errors
    /// `bad_input` for one that the settings don't refer to; those of the keychain.
    pub async fn keep_secrets_of(
        &self,
        bearer: &(dyn SecretBearer + Sync),
        given: Vec<(SecretRef, SecretString)>,
    ) -> Result<(), EngineError> {
        if let Some((stray, _)) = given.iter().find(|(name, _)| !bearer.secret_refs().contains(&name)) {
            return Err(EngineError::bad_input(format!(
                "A secret is named {stray}, which nothing refers to."
            )));
        }
        for (name, secret) in given {
            self.keychain().await?.set(&name, secret).await?;
        }
        Ok(())
    }

    /// Forgets the secrets that `before` referred to and `after` doesn't.
    ///
    /// # Errors
    /// Those of the keychain.
    pub async fn forget_secrets_of(
        &self,
        before: &(dyn SecretBearer + Sync),
        after: Option<&(dyn SecretBearer + Sync)>,
    ) -> Result<(), EngineError> {
        let kept = after.map(SecretBearer::secret_refs).unwrap_or_default();
        for name in before.secret_refs().into_iter().filter(|name| !kept.contains(name)) {
            self.keychain().await?.delete(name).await?;
        }
        Ok(())
    }
}
