//! What OpenSSH's messages mean. OpenSSH tells nothing but text, and this is the only place that reads it.
//!
//! The words are those of OpenSSH's sources 8.4 to 10.0 (sshconnect.c, sshconnect2.c, readconf.c, misc.c, kex.c) and of
//! the C library's strerror in the C locale, which every ssh we start runs in.

use super::{SshSpec, askpass::Asked};
use crate::{RemoteError, RemoteErrorKind};

/// What a failed attempt was about, as far as its log tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The host key is not known; the host as it was looked up, if it was said.
    UnknownKey(Option<String>),
    /// The host key is not the known one.
    ChangedKey,
    /// Anything else, with what to tell the user.
    Other(RemoteErrorKind, &'static str, &'static str),
}

/// Words of a log, and what they mean. The first that is found counts.
const MEANINGS: &[(&str, RemoteErrorKind, &str, &str)] = &[
    (
        "UNPROTECTED PRIVATE KEY FILE",
        RemoteErrorKind::AuthenticationFailed,
        "ssh refused the private key because other users can read it",
        "Make it yours alone: chmod 600 on the key's file.",
    ),
    (
        "Too many authentication failures",
        RemoteErrorKind::AuthenticationFailed,
        "the server ended the log in after too many keys",
        "Choose one private key for this server, so that not all of the agent's are tried.",
    ),
    (
        "Permission denied (",
        RemoteErrorKind::AuthenticationFailed,
        "the server accepted none of the keys and passwords offered",
        "Check the user, and that its public key is in ~/.ssh/authorized_keys on the server.",
    ),
    (
        "Could not resolve hostname",
        RemoteErrorKind::DnsFailed,
        "its name is not known",
        "Check the name, your DNS and your connection to the network.",
    ),
    (
        "Connection refused",
        RemoteErrorKind::Refused,
        "nothing listens on that port",
        "Check the port, and that sshd runs on the server and its firewall lets you in.",
    ),
    (
        "timed out",
        RemoteErrorKind::TimedOut,
        "it did not answer in time",
        "Check the address and the port, and that no firewall is in between.",
    ),
    (
        "No route to host",
        RemoteErrorKind::Unreachable,
        "there is no route to it",
        "Check the address and your connection to the network.",
    ),
    (
        "Network is unreachable",
        RemoteErrorKind::Unreachable,
        "there is no network to reach it by",
        "Check your connection to the network.",
    ),
    (
        "bad configuration option",
        RemoteErrorKind::BadInput,
        "the SSH configuration has an option that ssh does not know",
        "Correct your SSH configuration.",
    ),
    (
        "terminating, ",
        RemoteErrorKind::BadInput,
        "the SSH configuration has an error",
        "Correct your SSH configuration.",
    ),
    (
        "no matching ",
        RemoteErrorKind::Refused,
        "it and your ssh have no method in common",
        "Update the server's OpenSSH, or allow the older method in your SSH configuration.",
    ),
    (
        "Connection closed by",
        RemoteErrorKind::ConnectionLost,
        "it closed the connection",
        "The server may limit how often one may connect (MaxStartups, fail2ban). Wait a little and try again.",
    ),
    (
        "Connection reset by",
        RemoteErrorKind::ConnectionLost,
        "it cut the connection",
        "The server may limit how often one may connect (MaxStartups, fail2ban). Wait a little and try again.",
    ),
];

/// Reads the log of an attempt that failed.
pub(super) fn read(log: &str) -> Trouble {
    if log.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        return Trouble::ChangedKey;
    }
    // “No ED25519 host key is known for [example.com]:2222 and you have requested strict checking.”
    if log.contains("host key is known for ") || log.contains("Host key verification failed") {
        let host = log.split_once("host key is known for ").and_then(|(_, rest)| rest.split(' ').next());
        return Trouble::UnknownKey(host.map(str::to_owned));
    }
    let found = MEANINGS.iter().find(|(words, ..)| log.contains(words));
    found.map_or(
        Trouble::Other(RemoteErrorKind::ConnectionLost, "ssh gave up", "The details say why."),
        |(_, kind, what, hint)| Trouble::Other(kind.clone(), what, hint),
    )
}

/// The error for a log that is not about host keys.
pub(super) fn explain(log: &str, spec: &SshSpec) -> RemoteError {
    let (kind, what, hint) = match read(log) {
        Trouble::Other(kind, what, hint) => (kind, what, hint),
        Trouble::UnknownKey(_) | Trouble::ChangedKey => (
            RemoteErrorKind::ConnectionLost,
            "its host key could not be checked",
            "Try again; if it stays, connect once with ssh in a terminal.",
        ),
    };
    RemoteError::new(kind, format!("Cannot connect to {}: {what}.", spec.describe()), hint).detail(log.trim())
}

/// The error for a log in that failed, with what was asked for on the way.
pub(super) fn explain_login(log: &str, asked: Asked, spec: &SshSpec) -> RemoteError {
    let error = explain(log, spec);
    if error.kind != RemoteErrorKind::AuthenticationFailed {
        return error;
    }
    let name = spec.describe();
    let detail = log.trim();
    match (asked.passphrase, spec.passphrase.is_some(), asked.password && spec.password.is_some()) {
        (true, false, _) => RemoteError::new(
            RemoteErrorKind::PassphraseNeeded,
            format!("Cannot connect to {name}: the private key is encrypted."),
            "Enter its passphrase, or add the key to your SSH agent.",
        )
        .detail(detail),
        (_, _, true) => RemoteError::new(
            RemoteErrorKind::AuthenticationFailed,
            format!("Cannot connect to {name}: the password is wrong, or this user may not log in with one."),
            "Enter the password again, or use a key.",
        )
        .detail(detail),
        (true, true, _) => RemoteError::new(
            RemoteErrorKind::PassphraseNeeded,
            format!(
                "Cannot connect to {name}: the private key's passphrase is wrong, or the key is not accepted."
            ),
            "Enter the passphrase again, and check that the public key is on the server.",
        )
        .detail(detail),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_has_its_kind() {
        let kind = |log: &str| explain(log, &SshSpec::new("x", "/tmp")).kind;
        use RemoteErrorKind as K;
        assert_eq!(kind("root@x: Permission denied (publickey,password)."), K::AuthenticationFailed);
        assert_eq!(kind("ssh: Could not resolve hostname x: Name or service not known"), K::DnsFailed);
        assert_eq!(kind("ssh: connect to host 127.0.0.1 port 1: Connection refused"), K::Refused);
        assert_eq!(kind("ssh: connect to host 10.0.0.1 port 22: Connection timed out"), K::TimedOut);
        assert_eq!(kind("Connection timed out during banner exchange"), K::TimedOut);
        assert_eq!(kind("ssh: connect to host h port 22: No route to host"), K::Unreachable);
        assert_eq!(kind("c: line 1: Bad configuration option: x\nc: terminating, 1 bad"), K::BadInput);
        assert_eq!(kind("kex_exchange_identification: Connection closed by remote host"), K::ConnectionLost);
        assert_eq!(kind("something nobody has seen yet"), K::ConnectionLost);
    }

    #[test]
    fn host_keys_are_told_apart() {
        let unknown = "No ED25519 host key is known for [127.0.0.1]:2222 and you have requested strict checking.\r\n\
                       Host key verification failed.";
        assert_eq!(read(unknown), Trouble::UnknownKey(Some("[127.0.0.1]:2222".to_owned())));
        let changed =
            "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.";
        assert_eq!(read(changed), Trouble::ChangedKey);
    }

    #[test]
    fn a_missing_passphrase_is_told_apart_from_a_refused_key() {
        let log = "root@x: Permission denied (publickey).";
        let spec = SshSpec::new("x", "/tmp");
        let asked = Asked { passphrase: true, password: false };
        assert_eq!(explain_login(log, asked, &spec).kind, RemoteErrorKind::PassphraseNeeded);
        assert_eq!(explain_login(log, Asked::default(), &spec).kind, RemoteErrorKind::AuthenticationFailed);
    }
}
