//! Secrets kept in the keychain of the desktop.

use super::{Backend, SecretRef};
use crate::error::{EngineError, ErrorCode};
use keyring::Entry;
use secrecy::{ExposeSecret, SecretString};

/// The name that Slipway's secrets stand under in the keychain.
const SERVICE: &str = "slipway";

pub(super) struct SystemBackend;

impl SystemBackend {
    pub(super) fn open() -> Result<Self, EngineError> {
        match Entry::store_status() {
            Ok(()) => Ok(Self),
            Err(error) => Err(EngineError::new(
                ErrorCode::KeychainUnavailable,
                "This computer has no keychain that can be reached, so there is no safe place for secrets.",
            )
            .detail(error)),
        }
    }
}

impl Backend for SystemBackend {
    fn get(&self, name: &SecretRef) -> Result<Option<SecretString>, EngineError> {
        match entry(name)?.get_password() {
            Ok(secret) => Ok(Some(SecretString::from(secret))),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(convert(error)),
        }
    }

    fn set(&self, name: &SecretRef, secret: &SecretString) -> Result<(), EngineError> {
        entry(name)?.set_password(secret.expose_secret()).map_err(convert)
    }

    fn delete(&self, name: &SecretRef) -> Result<(), EngineError> {
        match entry(name)?.delete_credential() {
            Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(error) => Err(convert(error)),
        }
    }

    fn describe(&self) -> &'static str {
        "the system's keychain"
    }
}

fn entry(name: &SecretRef) -> Result<Entry, EngineError> {
    Entry::new(SERVICE, &name.to_string()).map_err(convert)
}

fn convert(error: keyring::Error) -> EngineError {
    match error {
        keyring::Error::NoStorageAccess(error) => {
            EngineError::new(ErrorCode::KeychainLocked, "The system's keychain is locked.").detail(error)
        }
        keyring::Error::TooLong(_, limit) => EngineError::bad_input(format!(
            "The system's keychain takes secrets of at most {limit} characters."
        ))
        .hint("Use a shorter secret, or the encrypted file with `--secrets file`."),
        // Never the error itself: some of its variants carry the secret's bytes.
        keyring::Error::BadEncoding(_) | keyring::Error::BadDataFormat(..) => {
            EngineError::new(ErrorCode::SecretNotFound, "A secret in the system's keychain can't be read.")
        }
        error => {
            EngineError::new(ErrorCode::KeychainUnavailable, "The system's keychain did not do its work.")
                .detail(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::{KeychainChoice, open};

    /// Runs one test of this file again, in a process of its own: the keychain is found once for each process.
    fn run_alone(test: &str, set_up: impl FnOnce(&mut std::process::Command)) -> bool {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", &format!("secrets::system::tests::{test}"), "--ignored", "--nocapture"]);
        set_up(&mut command);
        command.status().unwrap().success()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn without_a_secret_service_the_error_says_what_to_do() {
        assert!(run_alone("child_without_a_secret_service", |command| {
            command
                .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
                .env_remove("XDG_RUNTIME_DIR");
        }));
    }

    #[tokio::test]
    #[ignore = "run by without_a_secret_service_the_error_says_what_to_do"]
    async fn child_without_a_secret_service() {
        let home = tempfile::tempdir().unwrap();
        let error = open(home.path(), KeychainChoice::AsBefore, None).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::KeychainUnavailable);
        assert!(error.hint.contains("--secrets file"), "{}", error.hint);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "nothing may be written");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn with_an_unlocked_secret_service_secrets_come_back() {
        let there = |program: &str| std::process::Command::new(program).arg("--version").output().is_ok();
        if !there("dbus-run-session") || !there("gnome-keyring-daemon") {
            eprintln!("skipped: there is no dbus-run-session or no gnome-keyring-daemon");
            return;
        }
        // A keyring of its own, unlocked with an empty home, so the user's own is left alone.
        let home = tempfile::tempdir().unwrap();
        let script = "echo pass | gnome-keyring-daemon --unlock --components=secrets >&2 && exec \"$@\"";
        let mut command = std::process::Command::new("dbus-run-session");
        command.args(["--", "sh", "-c", script, "sh"]).arg(std::env::current_exe().unwrap());
        command.args([
            "--exact",
            "secrets::system::tests::child_with_a_secret_service",
            "--ignored",
            "--nocapture",
        ]);
        command
            .env("HOME", home.path())
            .env("XDG_DATA_HOME", home.path())
            .env("XDG_RUNTIME_DIR", home.path());
        assert!(command.status().unwrap().success());
    }

    #[tokio::test]
    #[ignore = "run by with_an_unlocked_secret_service_secrets_come_back"]
    async fn child_with_a_secret_service() {
        let home = tempfile::tempdir().unwrap();
        let keychain = open(home.path(), KeychainChoice::System, None).await.unwrap();
        let name = keychain.add(SecretString::from("grüße")).await.unwrap();
        assert_eq!(keychain.get(&name).await.unwrap().expose_secret(), "grüße");
        keychain.delete(&name).await.unwrap();
        keychain.delete(&name).await.unwrap();
        assert_eq!(keychain.get(&name).await.unwrap_err().code, ErrorCode::SecretNotFound);
    }
}
