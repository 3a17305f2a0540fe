use std::fmt;

use sha2::{Digest, Sha256};

use super::GitError;

/// A repository's address, checked and taken apart. `Display` never shows a password, because none is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitUrl {
    text: String,
    kind: Kind,
    user: Option<String>,
    host: String,
    port: Option<u16>,
    path: String,
}

/// How the repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Https,
    Http,
    Ssh,
    /// A folder of this computer, as a path or `file://`.
    Local,
}

impl GitUrl {
    /// Takes `https://`, `http://`, `ssh://`, `file://`, `user@host:path` and absolute paths. Refuses what Git would run
    /// as a program (`ext::`), what it would read as an option (`-…`), and secrets in the address.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        let bad = |why| GitError::BadUrl { url: without_password(text), why };
        if text.trim() != text || text.is_empty() {
            return Err(bad("it is empty or has spaces around it"));
        }
        if text.chars().any(char::is_control) {
            return Err(bad("it holds control characters"));
        }
        if text.starts_with('-') {
            return Err(bad("it starts with a dash"));
        }
        if text.starts_with('/') {
            return Ok(Self::local(text, text));
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return Self::with_scheme(text, scheme, rest);
        }
        if text.contains("::") {
            return Err(bad("remote helpers are not supported"));
        }
        let Some((who, path)) = text.split_once(':') else {
            return Err(bad("it has neither a scheme nor a host"));
        };
        if who.contains('/') || path.is_empty() {
            return Err(bad("it has neither a scheme nor a host"));
        }
        let (user, host) = match who.rsplit_once('@') {
            Some((user, host)) => (Some(user.to_owned()), host),
            None => (None, who),
        };
        check_login(user.as_deref(), host).map_err(bad)?;
        Ok(Self {
            text: text.to_owned(),
            kind: Kind::Ssh,
            user,
            host: host.to_owned(),
            port: None,
            path: path.to_owned(),
        })
    }

    fn local(text: &str, path: &str) -> Self {
        Self {
            text: text.to_owned(),
            kind: Kind::Local,
            user: None,
            host: "this computer".to_owned(),
            port: None,
            path: path.to_owned(),
        }
    }

    fn with_scheme(text: &str, scheme: &str, rest: &str) -> Result<Self, GitError> {
        let bad = |why| GitError::BadUrl { url: without_password(text), why };
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "https" => Kind::Https,
            "http" => Kind::Http,
            "ssh" | "git+ssh" => Kind::Ssh,
            "file" if rest.starts_with('/') => return Ok(Self::local(text, rest)),
            "file" => return Err(bad("a file:// address needs an absolute path")),
            "git" => return Err(bad("git:// is neither private nor safe; use https or ssh")),
            _ => return Err(bad("its scheme is not https, http, ssh or file")),
        };
        let (authority, path) = rest.split_once('/').ok_or_else(|| bad("it has no path"))?;
        if path.is_empty() {
            return Err(bad("it has no path"));
        }
        let (user, host) = match authority.rsplit_once('@') {
            Some((login, _)) if login.contains(':') => {
                return Err(bad(
                    "it holds a password or token; give that as the repository's credential instead",
                ));
            }
            Some((user, host)) => (Some(user.to_owned()), host),
            None => (None, authority),
        };
        let (host, port) = split_port(host).ok_or_else(|| bad("its port is not a number"))?;
        check_login(user.as_deref(), host).map_err(bad)?;
        Ok(Self { text: text.to_owned(), kind, user, host: host.to_owned(), port, path: format!("/{path}") })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// The host's name; "this computer" for a folder.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The login in the address, if it names one.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The port to connect to.
    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(match self.kind {
            Kind::Https => 443,
            Kind::Http => 80,
            Kind::Ssh | Kind::Local => 22,
        })
    }

    pub(super) fn is_loopback(&self) -> bool {
        matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "[::1]")
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The folder name of this address's mirror: readable, and different for different addresses.
    pub fn mirror_name(&self) -> String {
        let last = self.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let readable: String = last
            .trim_end_matches(".git")
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
            .take(40)
            .collect();
        format!("{readable}-{}.git", hex::encode(&Sha256::digest(self.text.as_bytes())[..6]))
    }

    /// A submodule's address, which may be relative to this one (`../other.git`), as Git reads it.
    pub fn join(&self, relative: &str) -> Result<Self, GitError> {
        if !relative.starts_with("./") && !relative.starts_with("../") {
            return Self::parse(relative);
        }
        let bad = |why| GitError::BadUrl { url: relative.to_owned(), why };
        let mut path = self.path.trim_end_matches('/').to_owned();
        let mut rest = relative;
        loop {
            if let Some(r) = rest.strip_prefix("./") {
                rest = r;
            } else if let Some(r) = rest.strip_prefix("../") {
                let cut = path.rfind('/').map_or(0, |at| at);
                if path.is_empty() {
                    return Err(bad("it leads above the root of the host"));
                }
                path.truncate(cut);
                rest = r;
            } else {
                break;
            }
        }
        if rest.is_empty() {
            return Err(bad("it names no repository"));
        }
        let joined = if path.is_empty() && !self.path.starts_with('/') {
            rest.to_owned()
        } else {
            format!("{path}/{rest}")
        };
        let front = self.text.strip_suffix(self.path.as_str()).unwrap_or_default();
        Self::parse(&format!("{front}{joined}"))
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn check_login(user: Option<&str>, host: &str) -> Result<(), &'static str> {
    // A leading dash would become an option of ssh (CVE-2017-1000117).
    let odd = |s: &str| {
        s.is_empty() || s.starts_with('-') || s.contains(|c: char| c.is_whitespace() || "'\"`$\\".contains(c))
    };
    if odd(host) {
        return Err("its host name is not valid");
    }
    if user.is_some_and(odd) {
        return Err("its user name is not valid");
    }
    Ok(())
}

fn split_port(host: &str) -> Option<(&str, Option<u16>)> {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => Some((name, Some(port.parse().ok()?))),
        _ => Some((host, None)),
    }
}

/// For messages: what stands between `//` and `@` after a colon is left out.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((login, _)) => {
            let user = login.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:[secret]@{}", &rest[login.len() + 1..])
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_usual_forms_apart() {
        for (text, user, host, port) in [
            ("https://github.com/acme/odoo.git", None, "github.com", 443),
            ("ssh://git@git.acme.example:2222/acme/odoo.git", Some("git"), "git.acme.example", 2222),
            ("git@github.com:acme/odoo.git", Some("git"), "github.com", 22),
            ("work:acme/odoo.git", None, "work", 22),
            ("ssh://git@[::1]:2222/x", Some("git"), "[::1]", 2222),
            ("file:///srv/git/odoo.git", None, "this computer", 22),
        ] {
            let url = GitUrl::parse(text).unwrap();
            assert_eq!((url.user(), url.host(), url.port()), (user, host, port), "{text}");
        }
    }

    #[test]
    fn refuses_what_could_run_or_leak_something() {
        for text in [
            "",
            " https://a/b",
            "ext::sh -c id",
            "-oProxyCommand=x:y",
            "ssh://-oProxyCommand=x/y",
            "git@-h:x",
            "git://a/b",
            "https://a",
            "https://a/",
            "ftp://a/b",
            "a\nb:c",
            "relative/path",
            "https://a:b/c",
            "file://host/x",
            "git@h`id`:x",
        ] {
            assert!(matches!(GitUrl::parse(text), Err(GitError::BadUrl { .. })), "{text:?}");
        }
        let error = GitUrl::parse("https://me:s3cret@host/repo").unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[test]
    fn resolves_relative_submodules_as_git_does() {
        for (base, relative, want) in [
            ("https://h/team/a.git", "../b.git", "https://h/team/b.git"),
            ("https://h/team/a.git/", "../../x/b.git", "https://h/x/b.git"),
            ("git@h:team/a.git", "../b.git", "git@h:team/b.git"),
            ("git@h:a.git", "../b.git", "git@h:b.git"),
            ("/srv/git/a.git", "../b.git", "/srv/git/b.git"),
            ("https://h/a.git", "./sub.git", "https://h/a.git/sub.git"),
            ("https://h/a.git", "https://other/b.git", "https://other/b.git"),
        ] {
            let base = GitUrl::parse(base).unwrap();
            assert_eq!(base.join(relative).map(|u| u.to_string()).unwrap(), want);
        }
        assert!(GitUrl::parse("https://h/a.git").unwrap().join("../../../../b").is_err());
    }

    #[test]
    fn mirror_names_differ_where_addresses_differ() {
        let a = GitUrl::parse("https://h/a/Odoo Addons.git").unwrap().mirror_name();
        let b = GitUrl::parse("https://h/b/Odoo Addons.git").unwrap().mirror_name();
        assert!(a.starts_with("odoo-addons-") && a.ends_with(".git") && a != b);
    }
}
