//! Secrets kept in files of the home, encrypted with [age](https://age-encryption.org/v1).
//!
//! `key.age` holds a random key, encrypted with the user's passphrase; every secret is a file of its own,
//! encrypted to that key. So the passphrase's deliberate slowness is paid once for each process, and two
//! processes that write two secrets can't undo one another.

use super::{Backend, PassphraseFor, SecretRef};
use crate::error::{EngineError, ErrorCode};
use crate::file::{replace, written_aside};
use age::{DecryptError, scrypt, x25519};
use secrecy::{ExposeSecret, SecretString};
use std::{
    io,
    path::{Path, PathBuf},
};

pub(super) struct FileBackend {
    folder: PathBuf,
    key: x25519::Identity,
}

impl FileBackend {
    /// Whether a home keeps its secrets so.
    pub(super) fn exists(folder: &Path) -> bool {
        folder.join(KEY_FILE).exists()
    }

    /// Opens the secrets of a folder, or begins them.
    pub(super) fn open(
        folder: &Path,
        passphrase: impl FnOnce(PassphraseFor) -> Result<SecretString, EngineError>,
    ) -> Result<Self, EngineError> {
        let key = match std::fs::read(folder.join(KEY_FILE)) {
            Ok(locked) => unlock(&locked, passphrase(PassphraseFor::Opening)?)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(folder, passphrase(PassphraseFor::Creating)?, None)?
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self { folder: folder.to_owned(), key })
    }

    fn path(&self, name: &SecretRef) -> PathBuf {
        self.folder.join(format!("{name}.age"))
    }
}

impl Backend for FileBackend {
    fn get(&self, name: &SecretRef) -> Result<Option<SecretString>, EngineError> {
        let encrypted = match std::fs::read(self.path(name)) {
            Ok(encrypted) => encrypted,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let secret = age::decrypt(&self.key, &encrypted).map_err(unreadable)?;
        let secret = String::from_utf8(secret)
            .map_err(|_| EngineError::new(ErrorCode::SecretNotFound, "An encrypted secret is not a text."))?;
        Ok(Some(SecretString::from(secret)))
    }

    fn set(&self, name: &SecretRef, secret: &SecretString) -> Result<(), EngineError> {
        let encrypted =
            age::encrypt(&self.key.to_public(), secret.expose_secret().as_bytes()).map_err(not_encrypted)?;
        replace(&self.path(name), &encrypted)
    }

    fn delete(&self, name: &SecretRef) -> Result<(), EngineError> {
        match std::fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn describe(&self) -> &'static str {
        "files encrypted with a passphrase"
    }
}

const KEY_FILE: &str = "key.age";

/// Makes a key, or opens the one that another process made meanwhile. `work` is the binary logarithm of the
/// work that a passphrase costs; without one, about a second's.
fn create(
    folder: &Path,
    passphrase: SecretString,
    work: Option<u8>,
) -> Result<x25519::Identity, EngineError> {
    if passphrase.expose_secret().is_empty() {
        return Err(
            EngineError::bad_input("The passphrase is empty.").hint("Choose a passphrase of several words.")
        );
    }
    std::fs::create_dir_all(folder)?;
    #[cfg(unix)]
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;

    let key = x25519::Identity::generate();
    let mut recipient = scrypt::Recipient::new(passphrase.clone());
    if let Some(work) = work {
        recipient.set_work_factor(work);
    }
    let locked =
        age::encrypt(&recipient, key.to_string().expose_secret().as_bytes()).map_err(not_encrypted)?;
    match written_aside(folder, &locked)?.persist_noclobber(folder.join(KEY_FILE)) {
        Ok(_) => Ok(key),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            unlock(&std::fs::read(folder.join(KEY_FILE))?, passphrase)
        }
        Err(error) => Err(error.error.into()),
    }
}

fn unlock(locked: &[u8], passphrase: SecretString) -> Result<x25519::Identity, EngineError> {
    let key = age::decrypt(&scrypt::Identity::new(passphrase), locked).map_err(|error| match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
            EngineError::new(
                ErrorCode::WrongPassphrase,
                "The passphrase does not open the encrypted secrets.",
            )
        }
        error => unreadable(error),
    })?;
    let key = SecretString::from(String::from_utf8_lossy(&key).into_owned());
    key.expose_secret().parse().map_err(|error| {
        EngineError::new(ErrorCode::StoreCorrupt, "The secrets' key is not one.").detail(error)
    })
}

fn unreadable(error: DecryptError) -> EngineError {
    EngineError::new(ErrorCode::StoreCorrupt, "An encrypted secret can't be read.").detail(error)
}

fn not_encrypted(error: age::EncryptError) -> EngineError {
    EngineError::internal("A secret could not be encrypted.").detail(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(passphrase: &'static str) -> impl FnOnce(PassphraseFor) -> Result<SecretString, EngineError> {
        move |_| Ok(SecretString::from(passphrase))
    }

    /// A folder whose passphrase costs little.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        create(folder.path(), SecretString::from("correct horse"), Some(2)).unwrap();
        folder
    }

    #[test]
    fn a_secret_survives_closing_and_stands_nowhere_in_plain_text() {
        let folder = folder();
        let name = SecretRef::new();
        let open = || FileBackend::open(folder.path(), given("correct horse")).unwrap();
        open().set(&name, &SecretString::from("hunter2-grüße")).unwrap();
        assert_eq!(open().get(&name).unwrap().unwrap().expose_secret(), "hunter2-grüße");
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            let bytes = std::fs::read(file.path()).unwrap();
            assert!(!bytes.windows(7).any(|w| w == b"hunter2"), "{:?}", file.path());
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.path());
            }
        }
        open().delete(&name).unwrap();
        open().delete(&name).unwrap();
        assert!(open().get(&name).unwrap().is_none());
    }

    #[test]
    fn a_wrong_passphrase_is_told_apart_from_a_broken_file() {
        let folder = folder();
        let code = |result: Result<FileBackend, EngineError>| result.err().map(|error| error.code);
        let wrong = FileBackend::open(folder.path(), given("wrong"));
        assert_eq!(code(wrong), Some(ErrorCode::WrongPassphrase));
        std::fs::write(folder.path().join(KEY_FILE), b"not an age file").unwrap();
        let broken = FileBackend::open(folder.path(), given("correct horse"));
        assert_eq!(code(broken), Some(ErrorCode::StoreCorrupt));
    }

    #[test]
    fn whoever_comes_second_uses_the_first_ones_key() {
        let folder = folder();
        let first = FileBackend::open(folder.path(), given("correct horse")).unwrap();
        let second = create(folder.path(), SecretString::from("correct horse"), Some(2)).unwrap();
        assert_eq!(second.to_public(), first.key.to_public());
    }

    #[test]
    fn an_empty_passphrase_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let result = FileBackend::open(&folder.path().join("secrets"), given(""));
        assert_eq!(result.err().unwrap().code, ErrorCode::BadInput);
        assert!(!folder.path().join("secrets").exists());
    }

    #[test]
    fn the_passphrase_asked_for_is_a_new_one_only_at_first() {
        let folder = folder();
        let mut asked = None;
        FileBackend::open(folder.path(), |purpose| {
            asked = Some(purpose);
            Ok(SecretString::from("correct horse"))
        })
        .unwrap();
        assert_eq!(asked, Some(PassphraseFor::Opening));
    }
}
