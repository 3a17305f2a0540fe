//! Secrets kept in memory, for tests.

use super::{Backend, SecretRef};
use crate::error::EngineError;
use secrecy::SecretString;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

#[derive(Default)]
pub(super) struct MemoryBackend {
    secrets: Mutex<HashMap<SecretRef, SecretString>>,
}

impl Backend for MemoryBackend {
    fn get(&self, name: &SecretRef) -> Result<Option<SecretString>, EngineError> {
        Ok(self.secrets.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }

    fn set(&self, name: &SecretRef, secret: &SecretString) -> Result<(), EngineError> {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.insert(name.clone(), secret.clone());
        Ok(())
    }

    fn delete(&self, name: &SecretRef) -> Result<(), EngineError> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }

    fn describe(&self) -> &'static str {
        "in memory"
    }
}
