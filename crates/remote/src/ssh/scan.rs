//! Asks a server for its host key.

use std::{fs, io, path::Path, process::Stdio};

use tokio::process::Command;

use super::{
    SshSpec,
    askpass::Askpass,
    config,
    log::{self, Trouble},
    master,
};
use crate::{HostKey, RemoteError, limits};

/// Lets ssh itself go through the motions, without logging in, and note the key in a file of its own: so it is the key
/// that will be checked, under the name it will be checked by, also behind jump hosts. The jump hosts' keys must be known.
/// If the first one's is not, that is the one returned; the user has to trust it first.
pub(super) async fn scan_host_key(spec: &SshSpec) -> Result<HostKey, RemoteError> {
    let what = format!("asking {} for its host key", spec.describe());
    let mut hop = spec.clone();
    for _ in 0..8 {
        match limits::within(spec.connect_limit, &what, scan(&hop)).await? {
            Found::Key(key) => return Ok(key),
            Found::Jump(destination) => {
                hop = SshSpec { destination, user: None, port: None, key_file: None, password: None, ..hop };
            }
        }
    }
    Err(RemoteError::bad_input(
        format!("The jump hosts to {} lead in a circle.", spec.describe()),
        "Correct ProxyJump in your SSH configuration.",
    ))
}

enum Found {
    Key(HostKey),
    /// First this one's key must be known.
    Jump(String),
}

async fn scan(spec: &SshSpec) -> Result<Found, RemoteError> {
    let attempt = attempt(spec).await?;
    if let Some(key) = attempt.key {
        return Ok(Found::Key(key));
    }
    match (log::read(&attempt.log), attempt.first_jump) {
        (Trouble::UnknownKey(_) | Trouble::ChangedKey, Some(jump)) => Ok(Found::Jump(as_destination(&jump))),
        _ => Err(log::explain(&attempt.log, spec)),
    }
}

/// What came of going through the motions.
pub(super) struct Attempt {
    /// The server's key, if it was reached.
    pub(super) key: Option<HostKey>,
    /// What ssh said, and the jump hosts' ssh too.
    pub(super) log: String,
    first_jump: Option<String>,
}

pub(super) async fn attempt(spec: &SshSpec) -> Result<Attempt, RemoteError> {
    config::check(spec)?;
    let folder = master::folder(spec)?;
    let at = folder.path();
    let resolved = config::write(at, spec).await?;
    let askpass = Askpass::prepare(at, spec, &resolved.who()).await?;
    let noted = at.join("noted");
    let mut ssh = config::ssh(&at.join("config"), spec);
    askpass.arm(&mut ssh);
    // These are for the server alone: jump hosts only get the configuration file, with its strictness.
    for option in [
        "StrictHostKeyChecking=accept-new",
        "GlobalKnownHostsFile=none",
        "HashKnownHosts=no",
        "CheckHostIP=no",
        "PreferredAuthentications=none",
        "ControlMaster=no",
        "ControlPath=none",
    ] {
        ssh.args(["-o", option]);
    }
    ssh.arg("-o").arg(format!("UserKnownHostsFile=\"{}\"", noted.display()));
    ssh.arg("--").arg(&spec.destination).arg("true");
    let output = ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = tokio::select! {
        output = output => output.map_err(|e| config::no_ssh(&e))?,
        () = askpass.answer() => return Err(RemoteError::io("Asking for a host key", &io::ErrorKind::Interrupted.into())),
    };
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(Attempt { key: read(&noted).await?, log, first_jump: resolved.first_jump })
}

/// `user@host:port`, as ProxyJump has it, in the form that ssh takes as destination.
fn as_destination(jump: &str) -> String {
    if jump.starts_with("ssh://") { jump.to_owned() } else { format!("ssh://{jump}") }
}

async fn read(noted: &Path) -> Result<Option<HostKey>, RemoteError> {
    let text = fs::read_to_string(noted).unwrap_or_default();
    let Some(line) = text.lines().find(|line| !line.trim().is_empty()) else { return Ok(None) };
    let mut words = line.split(' ');
    let (Some(host), Some(algorithm)) = (words.next(), words.next()) else { return Ok(None) };
    // “256 SHA256:… [127.0.0.1]:2222 (ED25519)”
    let output = Command::new("ssh-keygen").arg("-l").arg("-f").arg(noted).output().await;
    let output = output.map_err(|e| config::no_ssh(&e))?;
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some(fingerprint) = shown.split_whitespace().nth(1) else { return Ok(None) };
    Ok(Some(HostKey {
        host: host.to_owned(),
        algorithm: algorithm.to_owned(),
        fingerprint: fingerprint.to_owned(),
        line: line.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_host_with_a_port_is_a_destination() {
        assert_eq!(as_destination("me@gate:2222"), "ssh://me@gate:2222");
        assert_eq!(as_destination("ssh://gate"), "ssh://gate");
    }
}
