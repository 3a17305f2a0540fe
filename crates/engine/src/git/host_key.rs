use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::GitError;

/// The known_hosts files that decide which SSH host keys are trusted: the user's own and Slipway's.
#[derive(Debug, Clone, Default)]
pub struct HostKeys {
    files: Vec<PathBuf>,
}

impl HostKeys {
    /// Trusts what these files say; a file that doesn't exist says nothing.
    pub fn new(files: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { files: files.into_iter().collect() }
    }

    /// Checks the key that a host shows (`key` in SSH's wire format).
    pub(super) fn check(&self, host: &str, port: u16, key: &[u8]) -> Result<(), GitError> {
        let name = display_name(host, port);
        let kind = kind_of(key);
        let mut trusted = false;
        let mut contradicted = None;
        for file in &self.files {
            let Ok(text) = fs::read_to_string(file) else { continue };
            for (at, line) in text.lines().enumerate() {
                let Some(record) = Record::parse(line) else { continue };
                if record.kind != kind || !record.names(host, port) {
                    continue;
                }
                let same = record.key == key;
                match record.marker {
                    None if same => trusted = true,
                    None => contradicted = contradicted.or(Some(format!("{}:{}", file.display(), at + 1))),
                    Some("@revoked") if same => {
                        return Err(changed(name, key, format!("{}:{}", file.display(), at + 1)));
                    }
                    // Certificate authorities sign host certificates, which libssh2 doesn't know.
                    Some(_) => {}
                }
            }
        }
        match (trusted, contradicted) {
            (true, _) => Ok(()),
            (false, Some(known_at)) => Err(changed(name, key, known_at)),
            (false, None) => {
                let line = format!("{name} {kind} {}", STANDARD.encode(key));
                Err(GitError::HostKeyUnknown { host: name, fingerprint: fingerprint(key), line })
            }
        }
    }
}

/// Records that the user trusts a host key: `line` is the one of [`GitError::HostKeyUnknown`].
pub fn trust_host_key(known_hosts: &Path, line: &str) -> Result<(), GitError> {
    if Record::parse(line).is_none() || line.contains('\n') {
        return Err(GitError::BadRef { name: line.to_owned() });
    }
    if let Some(folder) = known_hosts.parent() {
        fs::create_dir_all(folder).map_err(GitError::io(folder))?;
    }
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(known_hosts).map_err(GitError::io(known_hosts))?;
    file.write_all(format!("{line}\n").as_bytes()).map_err(GitError::io(known_hosts))
}

fn changed(host: String, key: &[u8], known_at: String) -> GitError {
    GitError::HostKeyChanged { host, fingerprint: fingerprint(key), known_at }
}

/// As `ssh-keygen -l` shows it.
fn fingerprint(key: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key)))
}

fn display_name(host: &str, port: u16) -> String {
    if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") }
}

/// The key's algorithm: the first string of the wire format.
fn kind_of(key: &[u8]) -> &str {
    let Some((length, rest)) = key.split_first_chunk::<4>() else { return "" };
    let length = u32::from_be_bytes(*length) as usize;
    rest.get(..length).and_then(|kind| std::str::from_utf8(kind).ok()).unwrap_or("")
}

/// One line of a known_hosts file, see sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT".
struct Record<'a> {
    marker: Option<&'a str>,
    hosts: &'a str,
    kind: &'a str,
    key: Vec<u8>,
}

impl<'a> Record<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let mut first = fields.next().filter(|f| !f.starts_with('#'))?;
        let marker = first.starts_with('@').then_some(first);
        if marker.is_some() {
            first = fields.next()?;
        }
        let kind = fields.next()?;
        let key = STANDARD.decode(fields.next()?).ok()?;
        (kind_of(&key) == kind).then_some(Self { marker, hosts: first, kind, key })
    }

    fn names(&self, host: &str, port: u16) -> bool {
        let wanted = display_name(&host.to_ascii_lowercase(), port);
        if let Some(hashed) = self.hosts.strip_prefix("|1|") {
            return hash_matches(hashed, &wanted);
        }
        let mut found = false;
        for pattern in self.hosts.split(',') {
            let pattern = pattern.to_ascii_lowercase();
            match pattern.strip_prefix('!') {
                Some(pattern) if glob(pattern.as_bytes(), wanted.as_bytes()) => return false,
                Some(_) => {}
                None => found |= glob(pattern.as_bytes(), wanted.as_bytes()),
            }
        }
        found
    }
}

/// `HashKnownHosts`: base64 salt, `|`, base64 HMAC-SHA1 of the name with that salt as its key.
fn hash_matches(hashed: &str, name: &str) -> bool {
    let Some((salt, hash)) = hashed.split_once('|') else { return false };
    let (Ok(salt), Ok(hash)) = (STANDARD.decode(salt), STANDARD.decode(hash)) else { return false };
    let Ok(mac) = Hmac::<Sha1>::new_from_slice(&salt) else { return false };
    mac.chain_update(name.as_bytes()).verify_slice(&hash).is_ok()
}

/// `*` and `?` as in ssh_config(5). Linear in time but for the last star, so a hostile file can't hang us.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, seed: u8) -> Vec<u8> {
        let mut key = (kind.len() as u32).to_be_bytes().to_vec();
        key.extend(kind.as_bytes());
        key.extend([seed; 32]);
        key
    }

    fn keys(text: String) -> (tempfile::TempDir, HostKeys) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("known_hosts");
        fs::write(&file, text).unwrap();
        (dir, HostKeys::new([file, PathBuf::from("/nonexistent/known_hosts")]))
    }

    #[test]
    fn plain_patterns_ports_and_other_keys() {
        let (a, b) = (key("ssh-ed25519", 1), key("ssh-ed25519", 2));
        let b64 = STANDARD.encode(&a);
        let (_dir, known) = keys(format!(
            "# c\n\ngit.example,!x.corp,*.corp ssh-ed25519 {b64} me\n[git.example]:2222 ssh-ed25519 {b64}\n"
        ));
        assert!(known.check("git.example", 22, &a).is_ok());
        assert!(known.check("GIT.example", 2222, &a).is_ok());
        assert!(known.check("y.corp", 22, &a).is_ok());
        assert!(matches!(known.check("x.corp", 22, &a), Err(GitError::HostKeyUnknown { .. })));
        assert!(matches!(known.check("git.example", 2223, &a), Err(GitError::HostKeyUnknown { .. })));
        let error = known.check("git.example", 22, &b).unwrap_err();
        assert!(
            matches!(&error, GitError::HostKeyChanged { known_at, .. } if known_at.ends_with(":3")),
            "{error}"
        );
    }

    #[test]
    fn hashed_names_and_revoked_keys() {
        let a = key("ssh-ed25519", 1);
        let b64 = STANDARD.encode(&a);
        let salt = [7u8; 20];
        let hash =
            Hmac::<Sha1>::new_from_slice(&salt).unwrap().chain_update(b"h.example").finalize().into_bytes();
        let line = format!("|1|{}|{} ssh-ed25519 {b64}\n", STANDARD.encode(salt), STANDARD.encode(hash));
        let (_dir, known) = keys(line.clone());
        assert!(known.check("h.example", 22, &a).is_ok());
        assert!(known.check("i.example", 22, &a).is_err());
        let (_dir, known) = keys(format!("{line}@revoked * ssh-ed25519 {b64}\n"));
        assert!(matches!(known.check("h.example", 22, &a), Err(GitError::HostKeyChanged { .. })));
    }

    #[test]
    fn an_unknown_key_can_be_trusted_by_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("deep/known_hosts");
        let known = HostKeys::new([file.clone()]);
        let a = key("ecdsa-sha2-nistp256", 9);
        let Err(GitError::HostKeyUnknown { line, fingerprint, host }) = known.check("g", 2200, &a) else {
            panic!()
        };
        assert_eq!(host, "[g]:2200");
        assert!(fingerprint.starts_with("SHA256:") && fingerprint.len() == 50);
        trust_host_key(&file, &line).unwrap();
        assert!(known.check("g", 2200, &a).is_ok());
        assert!(trust_host_key(&file, "nonsense").is_err());
    }
}
