//! Answers OpenSSH's questions for a password or a passphrase.
//!
//! OpenSSH takes answers only from a terminal or from a program it runs, and closes every other descriptor. So the
//! program is a small script, and the secret comes to it through a named pipe in a folder that only this user can
//! enter: it is in no argument, no environment and no file.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::{io::AsyncWriteExt, net::unix::pipe, process::Command, time::sleep};

use super::SshSpec;
use crate::RemoteError;

/// The answers for one attempt to connect.
pub(super) struct Askpass {
    folder: PathBuf,
    answers: Vec<(PathBuf, SecretString)>,
}

/// What OpenSSH asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) password: bool,
    pub(super) passphrase: bool,
}

impl Askpass {
    /// Prepares the script and its pipes in `folder`. `who` is `user@host` as OpenSSH names it in its questions.
    pub(super) async fn prepare(folder: &Path, spec: &SshSpec, who: &str) -> Result<Self, RemoteError> {
        let failed = |e: io::Error| RemoteError::io("Preparing the log in", &e);
        fs::write(folder.join("who"), format!("{who}\n")).map_err(failed)?;
        let script = folder.join("askpass");
        fs::write(&script, include_str!("askpass.sh")).map_err(failed)?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        let mut answers = vec![];
        for (name, secret) in [("password", &spec.password), ("passphrase", &spec.passphrase)] {
            let Some(secret) = secret else { continue };
            if secret.expose_secret().contains('\n') {
                return Err(RemoteError::bad_input(
                    format!("The {name} contains a line break."),
                    "Enter it again, without the line break at its end.",
                ));
            }
            let path = folder.join(name);
            let made =
                Command::new("mkfifo").arg("-m").arg("600").arg(&path).status().await.map_err(failed)?;
            if !made.success() {
                return Err(failed(io::ErrorKind::Other.into()));
            }
            answers.push((path, secret.clone()));
        }
        Ok(Self { folder: folder.to_owned(), answers })
    }

    /// Makes ssh ask the script.
    pub(super) fn arm(&self, ssh: &mut Command) {
        ssh.env("SSH_ASKPASS", self.folder.join("askpass")).env("SSH_ASKPASS_REQUIRE", "force");
    }

    /// Answers for as long as it is polled.
    pub(super) async fn answer(&self) {
        let each = self.answers.iter().map(|(path, secret)| async move {
            loop {
                // Opening fails until the script has the other end open.
                if let Ok(mut pipe) = pipe::OpenOptions::new().open_sender(path) {
                    let line = SecretString::from(format!("{}\n", secret.expose_secret()));
                    // A script that went away has no use for the answer.
                    let _ = pipe.write_all(line.expose_secret().as_bytes()).await;
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        futures::future::join_all(each).await;
        // Nothing to answer: nothing to end either.
        futures::future::pending::<()>().await;
    }

    /// What has been asked so far.
    pub(super) fn asked(&self) -> Asked {
        let notes = fs::read_to_string(self.folder.join("asked")).unwrap_or_default();
        let has = |kind| notes.lines().any(|line| line == kind);
        Asked { password: has("password"), passphrase: has("passphrase") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(folder: &Path, question: &str) -> (bool, String) {
        let output = Command::new(folder.join("askpass")).arg(question).output().await.unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    #[tokio::test]
    async fn the_password_is_given_to_its_server_only() {
        let folder = tempfile::tempdir().unwrap();
        let spec = SshSpec { password: Some("p w'\"\\n$x".into()), ..SshSpec::new("x", folder.path()) };
        let askpass = Askpass::prepare(folder.path(), &spec, "me@target").await.unwrap();
        let questions = async {
            assert_eq!(
                ask(folder.path(), "me@target's password: ").await,
                (true, "p w'\"\\n$x\n".to_owned())
            );
            assert!(ask(folder.path(), "(me@target) Password: ").await.0);
            assert_eq!(ask(folder.path(), "me@jump's password: ").await, (false, String::new()));
            assert_eq!(ask(folder.path(), "Are you sure (yes/no)? ").await, (false, String::new()));
            assert_eq!(askpass.asked(), Asked { password: true, passphrase: false });
            assert_eq!(ask(folder.path(), "Enter passphrase for key '/k': ").await, (false, String::new()));
            assert_eq!(askpass.asked(), Asked { password: true, passphrase: true });
        };
        tokio::select! { () = questions => {}, () = askpass.answer() => unreachable!() }
    }
}
