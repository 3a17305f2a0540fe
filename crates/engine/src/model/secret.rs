//! Names of secrets. The secrets themselves are in the [keychain](crate::secrets).

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The name of a secret. It says nothing about the secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
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
