use std::path::PathBuf;

use git2::{Cred, CredentialType, ErrorClass, ErrorCode};
use secrecy::{ExposeSecret, SecretString};

use super::GitUrl;

/// How to log in at a Git host. Secrets stay in memory; nothing of this is ever written to the mirror.
#[derive(Debug, Clone, Default)]
pub enum Credential {
    /// What Git itself would use: the SSH agent, the usual key files without passphrase, and for HTTPS the configured
    /// credential helpers.
    #[default]
    Auto,
    /// One SSH private key.
    SshKey {
        /// The private key's file.
        file: PathBuf,
        /// Its passphrase, if it has one.
        passphrase: Option<SecretString>,
    },
    /// A token or password over HTTPS.
    Token {
        /// The login. Hosts that only look at the token take any (`git` when `None`); Bitbucket wants `x-token-auth`.
        user: Option<String>,
        /// The token.
        token: SecretString,
    },
}

/// The ways of one [`Credential`], each of which is tried once: libgit2 asks again and again until it gets an error.
pub(super) struct Attempts {
    left: Vec<Way>,
    url: GitUrl,
}

enum Way {
    Agent,
    KeyFile { file: PathBuf, passphrase: Option<SecretString> },
    UserPass { user: String, token: SecretString },
    Helper,
}

impl Attempts {
    pub(super) fn new(credential: &Credential, url: &GitUrl, home: Option<PathBuf>) -> Self {
        // Taken from the end, so the first to try stands last.
        let left = match credential.clone() {
            Credential::Auto => {
                let key = |name: &str| {
                    home.as_ref().map(|home| home.join(".ssh").join(name)).filter(|f| f.is_file())
                };
                let files = ["id_rsa", "id_ecdsa", "id_ed25519"].into_iter().filter_map(key);
                let keys = files.map(|file| Way::KeyFile { file, passphrase: None });
                keys.chain([Way::Helper, Way::Agent]).collect()
            }
            Credential::SshKey { file, passphrase } => vec![Way::KeyFile { file, passphrase }],
            Credential::Token { user, token } => {
                let user = user.or_else(|| url.user().map(str::to_owned)).unwrap_or_else(|| "git".to_owned());
                vec![Way::UserPass { user, token }]
            }
        };
        Self { left, url: url.clone() }
    }

    /// Answers libgit2's question with the next way that fits, and calls `tried` with its name.
    pub(super) fn next(
        &mut self,
        user: Option<&str>,
        allowed: CredentialType,
        tried: &mut dyn FnMut(String),
    ) -> Result<Cred, git2::Error> {
        let user = user.or(self.url.user()).unwrap_or("git").to_owned();
        if allowed.contains(CredentialType::USERNAME) {
            return Cred::username(&user);
        }
        while let Some(way) = self.left.pop() {
            if !allowed.contains(way.needs()) {
                continue;
            }
            tried(way.name());
            // A way that can't even start (no agent, no helper, an encrypted key) isn't the end: the next one is tried.
            if let Ok(cred) = way.credential(&self.url, &user) {
                return Ok(cred);
            }
        }
        Err(git2::Error::new(ErrorCode::Auth, ErrorClass::Callback, "no way to log in is left"))
    }
}

impl Way {
    fn needs(&self) -> CredentialType {
        match self {
            Self::Agent | Self::KeyFile { .. } => CredentialType::SSH_KEY,
            Self::UserPass { .. } | Self::Helper => CredentialType::USER_PASS_PLAINTEXT,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Agent => "the SSH agent".to_owned(),
            Self::KeyFile { file, .. } => format!("the key {}", file.display()),
            Self::UserPass { .. } => "the token".to_owned(),
            Self::Helper => "Git's credential helper".to_owned(),
        }
    }

    fn credential(&self, url: &GitUrl, user: &str) -> Result<Cred, git2::Error> {
        match self {
            Self::Agent => Cred::ssh_key_from_agent(user),
            Self::KeyFile { file, passphrase } => {
                Cred::ssh_key(user, None, file, passphrase.as_ref().map(ExposeSecret::expose_secret))
            }
            Self::UserPass { user, token } => Cred::userpass_plaintext(user, token.expose_secret()),
            Self::Helper => Cred::credential_helper(&git2::Config::open_default()?, url.as_str(), url.user()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_is_tried_once_and_only_where_it_fits() {
        let url = GitUrl::parse("https://h/r.git").unwrap();
        let token = Credential::Token { user: None, token: "t".to_owned().into() };
        let mut tried = Vec::new();
        let mut attempts = Attempts::new(&token, &url, None);
        let mut ask = |allowed| attempts.next(None, allowed, &mut |way| tried.push(way)).is_ok();
        assert!(ask(CredentialType::USERNAME));
        assert!(ask(CredentialType::USER_PASS_PLAINTEXT));
        assert!(!ask(CredentialType::USER_PASS_PLAINTEXT));
        assert_eq!(tried, ["the token"]);

        let mut attempts = Attempts::new(&token, &url, None);
        let error = attempts.next(None, CredentialType::SSH_KEY, &mut |_| panic!("a token is no SSH key"));
        assert_eq!(error.err().map(|e| e.code()), Some(ErrorCode::Auth));
    }
}
