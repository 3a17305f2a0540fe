//! What Docker's errors mean.

use std::error::Error;

use bollard::ClientVersion;

use crate::{RemoteError, RemoteErrorKind};

const HINT: &str = "Docker's message says why.";

impl From<bollard::errors::Error> for RemoteError {
    fn from(error: bollard::errors::Error) -> Self {
        use bollard::errors::Error as E;
        match error {
            E::DockerResponseServerError { status_code, message } => {
                said(&message, format!("Docker refused (status {status_code}): {}", sentence(&message)))
            }
            E::DockerStreamError { error } => said(&error, format!("Docker failed: {}", sentence(&error))),
            E::DockerContainerWaitError { error, code } if error.is_empty() => Self::new(
                RemoteErrorKind::CommandFailed { code: code.try_into().unwrap_or(-1) },
                format!("The container ended with status {code}."),
                "Its log says why.",
            ),
            E::DockerContainerWaitError { error, .. } => {
                said(&error, format!("Docker failed: {}", sentence(&error)))
            }
            E::RequestTimeoutError => Self::new(
                RemoteErrorKind::TimedOut,
                "Docker did not answer in time.",
                "See whether the server is overloaded, then try again.",
            ),
            E::IOError { .. } | E::HyperResponseError { .. } | E::HyperLegacyError { .. } => {
                from_transport(&error)
            }
            other => Self::new(
                RemoteErrorKind::DockerFailed,
                format!("Docker's answer was not understood: {other}."),
                HINT,
            ),
        }
    }
}

/// An error of the host's, if that is what it comes from; otherwise the connection broke.
fn from_transport(error: &bollard::errors::Error) -> RemoteError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut words = vec![];
    while let Some(e) = cause {
        if let Some(error) = e.downcast_ref::<RemoteError>() {
            return error.clone();
        }
        words.push(e.to_string());
        cause = e.source();
    }
    RemoteError::new(
        RemoteErrorKind::ConnectionLost,
        "The connection to Docker was lost.",
        "See whether Docker runs on the server, then try again.",
    )
    .detail(words.join(": "))
}

/// Docker passes on what the kernel and its storage said, in words only. “no space left on device” is Go's text for
/// ENOSPC.
fn said(words: &str, message: String) -> RemoteError {
    if words.to_lowercase().contains("no space left on device") {
        return RemoteError::new(
            RemoteErrorKind::DiskFull,
            "The server's disk is full: Docker could not write.",
            "Make room on the server (old images take most: docker system df), then try again.",
        )
        .detail(words);
    }
    RemoteError::new(RemoteErrorKind::DockerFailed, message, HINT).detail(words)
}

fn sentence(words: &str) -> String {
    let words = words.trim().lines().next().unwrap_or_default();
    if words.ends_with('.') { words.to_owned() } else { format!("{words}.") }
}

pub(super) fn not_installed(host: &str) -> RemoteError {
    RemoteError::new(
        RemoteErrorKind::NoDocker,
        format!("Docker is not installed on {host}."),
        "Install it there (docs.docker.com/engine/install), or give the path of its socket.",
    )
}

pub(super) fn not_running(host: &str, socket: &str) -> RemoteError {
    RemoteError::new(
        RemoteErrorKind::NoDocker,
        format!("Docker does not run on {host}: there is no {socket}."),
        "Start it there: systemctl enable --now docker.",
    )
}

pub(super) fn no_right(host: &str, user: &str) -> RemoteError {
    RemoteError::new(
        RemoteErrorKind::NoRightToDocker,
        format!("The user {user} may not use Docker on {host}."),
        format!(
            "Let it: usermod -aG docker {user} (then connect again), or have Slipway use sudo for this server."
        ),
    )
}

pub(super) fn too_old(host: &str, version: &ClientVersion) -> RemoteError {
    RemoteError::new(
        RemoteErrorKind::DockerTooOld,
        format!("Docker on {host} is too old: its API is {version}, and Slipway needs 1.41."),
        "Update it to Docker 20.10 or newer.",
    )
}

/// What the docker program, or sudo before it, said when it failed.
///
/// Their words, for they tell nothing else: sudo's “a password is required”, Docker's “permission denied while trying to
/// connect” and “Cannot connect to the Docker daemon”.
pub(super) fn from_program(error: RemoteError, host: &str, user: &str) -> RemoteError {
    let RemoteErrorKind::CommandFailed { code } = error.kind else { return error };
    let words = error.detail.clone().unwrap_or_default();
    let better = match () {
        () if code == 127 || words.contains("command not found") => not_installed(host),
        () if words.contains("password is required") || words.contains("permission denied") => {
            no_right(host, user)
        }
        () if words.contains("Cannot connect to the Docker daemon") => {
            not_running(host, "daemon to connect to")
        }
        () => return error,
    };
    better.detail(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_from_other_refusals() {
        let refused = |message: &str| {
            let message = message.to_owned();
            RemoteError::from(bollard::errors::Error::DockerResponseServerError { status_code: 500, message })
                .kind
        };
        assert_eq!(refused("write /x: no space left on device"), RemoteErrorKind::DiskFull);
        assert_eq!(refused("No such image"), RemoteErrorKind::DockerFailed);
    }
}
