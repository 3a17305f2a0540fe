//! Servers' host keys: who somebody has said to be the right one.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{RemoteError, SshSpec};

/// The key by which a server proves who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct HostKey {
    /// The server as known_hosts files name it: `example.com`, `[example.com]:2222`. Behind a jump host that is not
    /// known itself, this is the jump host.
    pub host: String,
    /// Its kind: `ssh-ed25519`, `ecdsa-sha2-nistp256`, …
    pub algorithm: String,
    /// What to compare with what the server's owner says: `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// The line for a known_hosts file.
    pub line: String,
}

/// Remembers that `key` is the right one, in Slipway's own known_hosts file. Any other key it held for that server is
/// forgotten. The user's own files are never touched.
pub fn trust_host_key(spec: &SshSpec, key: &HostKey) -> Result<(), RemoteError> {
    let mut words = key.line.split(' ');
    let is_one_line = !key.line.contains(['\n', '\r', '\0']);
    if !is_one_line || words.next() != Some(key.host.as_str()) || words.next() != Some(key.algorithm.as_str())
    {
        return Err(RemoteError::bad_input(
            "That is not a host key's line.",
            "Ask for the server's key again.",
        ));
    }
    remember(&spec.known_hosts, key).map_err(|e| RemoteError::io("Writing the known hosts", &e))
}

fn remember(file: &Path, key: &HostKey) -> io::Result<()> {
    let before = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(e),
    };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Written aside (readable by the user alone) and renamed, so that ssh never reads half of it.
    let mut aside = tempfile::NamedTempFile::new_in(folder)?;
    for line in before.lines().filter(|line| line.split(' ').next() != Some(key.host.as_str())) {
        writeln!(aside, "{line}")?;
    }
    writeln!(aside, "{}", key.line)?;
    aside.as_file().sync_all()?;
    aside.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(host: &str, blob: &str) -> HostKey {
        HostKey {
            host: host.to_owned(),
            algorithm: "ssh-ed25519".to_owned(),
            fingerprint: "SHA256:x".to_owned(),
            line: format!("{host} ssh-ed25519 {blob}"),
        }
    }

    #[test]
    fn a_changed_key_takes_the_place_of_the_old_one_and_of_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let spec = SshSpec {
            known_hosts: folder.path().join("new/known_hosts"),
            ..SshSpec::new("x", folder.path())
        };
        for (host, blob) in [("[a]:22", "1"), ("b", "2"), ("[a]:22", "3")] {
            trust_host_key(&spec, &key(host, blob)).unwrap();
        }
        let text = fs::read_to_string(&spec.known_hosts).unwrap();
        assert_eq!(text, "b ssh-ed25519 2\n[a]:22 ssh-ed25519 3\n");
    }

    #[test]
    fn a_line_that_would_add_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let spec = SshSpec::new("x", folder.path());
        let mut key = key("a", "1");
        key.line.push_str("\n* ssh-ed25519 evil");
        assert!(trust_host_key(&spec, &key).is_err());
        assert!(!spec.known_hosts.exists());
    }
}
