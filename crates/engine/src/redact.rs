//! Takes secrets out of everything that is logged.
//!
//! **Invariant:** every line of a deployment's log and every line of Slipway's own log goes through one
//! [`Redactor`], so a secret that a tool repeats is never stored or shown.

use regex::{Captures, Regex};
use secrecy::{ExposeSecret, SecretString};
use std::{
    borrow::Cow,
    collections::BTreeSet,
    io,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};
use tracing_subscriber::fmt::MakeWriter;

/// What stands in the place of a secret.
pub const REPLACEMENT: &str = "[secret]";

/// Values shorter than this many bytes are not looked for: they would tear ordinary words out of every line and
/// tell by the gaps what they are.
const SHORTEST: usize = 4;

/// Knows the secrets of this process, and the shapes that secrets have, and takes both out of text. Clones share
/// what they know.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<RwLock<Known>>,
}

#[derive(Default)]
struct Known {
    values: BTreeSet<String>,
    pattern: Option<Regex>,
}

impl Redactor {
    /// One that knows the shapes only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns a secret, also as it looks within JSON and within a URL, and each line of one that has several.
    pub fn register(&self, secret: &SecretString) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.values.len();
        for line in secret.expose_secret().lines().map(str::trim) {
            let json = serde_json::Value::from(line).to_string();
            let forms = [line.to_owned(), json.trim_matches('"').to_owned(), percent_encoded(line)];
            known.values.extend(forms.into_iter().filter(|form| form.len() >= SHORTEST));
        }
        if known.values.len() == before {
            return;
        }
        // Longest first: where one secret begins like another, the longer one is taken out whole.
        let mut values: Vec<&String> = known.values.iter().collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        let alternatives: Vec<String> = values.into_iter().map(|value| regex::escape(value)).collect();
        match Regex::new(&alternatives.join("|")) {
            Ok(pattern) => known.pattern = Some(pattern),
            // Only secrets of megabytes can be too much for it; the shapes still stand.
            Err(error) => tracing::error!(%error, "a secret is too large to be looked for in logs"),
        }
    }

    /// The text without secrets.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut text = Cow::Borrowed(text);
        if let Some(pattern) = &known.pattern {
            replace(&mut text, pattern, |_| REPLACEMENT.to_owned());
        }
        for (pattern, keep) in SHAPES.iter() {
            replace(&mut text, pattern, |found| match keep {
                Keep::Nothing => REPLACEMENT.to_owned(),
                Keep::Around => {
                    let part = |name| found.name(name).map_or("", |m| m.as_str());
                    format!("{}{REPLACEMENT}{}", part("before"), part("after"))
                }
            });
        }
        text
    }

    /// A writer for [`tracing_subscriber`] whose lines have no secrets.
    pub fn writer<M>(&self, inner: M) -> RedactedWriter<M> {
        RedactedWriter { inner, redactor: self.clone() }
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Redactor({} values)", known.values.len())
    }
}

enum Keep {
    Nothing,
    Around,
}

/// The shapes of secrets that nobody registered: passwords within URLs, tokens of the large Git hosts (their
/// prefixes are documented by GitHub and GitLab), authorisation headers, and assignments to telling names.
static SHAPES: LazyLock<Vec<(Regex, Keep)>> = LazyLock::new(|| {
    let shapes = [
        (r"(?P<before>\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(?P<after>@)", Keep::Around),
        (r"(?P<before>\bhttps?://)[^\s:/@]+(?P<after>@)", Keep::Around),
        (
            r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|gl[a-z]{2,6}-[A-Za-z0-9_-]{20,})",
            Keep::Nothing,
        ),
        (r"(?i)(?P<before>\bauthorization\W{1,4}(?:basic|bearer|token)\s+)[^\s'\x22,]+", Keep::Around),
        (
            r"(?i)(?P<before>\b\w*(?:password|passwd|passphrase|secret|token|api_?key)\w{0,3}\s?=\s?)[^\s&'\x22,;]+",
            Keep::Around,
        ),
        (
            r"(?i)(?P<before>[\x22']\w*(?:password|passwd|passphrase|secret|token|api_?key)[\x22']\s?:\s?[\x22'])[^\x22']+",
            Keep::Around,
        ),
    ];
    shapes.into_iter().filter_map(|(shape, keep)| Some((Regex::new(shape).ok()?, keep))).collect()
});

fn replace(text: &mut Cow<'_, str>, pattern: &Regex, by: impl Fn(&Captures<'_>) -> String) {
    if let Cow::Owned(changed) = pattern.replace_all(text, by) {
        *text = Cow::Owned(changed);
    }
}

pub(crate) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Makes writers whose lines have no secrets; for `tracing_subscriber::fmt().with_writer(…)`, which writes each
/// event at once.
#[derive(Clone, Debug)]
pub struct RedactedWriter<M> {
    inner: M,
    redactor: Redactor,
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for RedactedWriter<M> {
    type Writer = Redacted<M::Writer>;
    fn make_writer(&'a self) -> Self::Writer {
        Redacted { inner: self.inner.make_writer(), redactor: self.redactor.clone() }
    }
}

/// A writer whose lines have no secrets.
#[derive(Debug)]
pub struct Redacted<W> {
    inner: W,
    redactor: Redactor,
}

impl<W: io::Write> io::Write for Redacted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.inner.write_all(self.redactor.redact(&text).as_bytes())?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    fn redactor(secrets: &[&str]) -> Redactor {
        let redactor = Redactor::new();
        for secret in secrets {
            redactor.register(&SecretString::from(*secret));
        }
        redactor
    }

    #[test]
    fn every_shape_is_a_valid_expression() {
        assert_eq!(SHAPES.len(), 6);
    }

    #[test]
    fn registered_values_are_taken_out_in_every_form() {
        let redactor = redactor(&["p@ss\"word", "hunter2"]);
        assert_eq!(redactor.redact("say p@ss\"word!"), "say [secret]!");
        assert_eq!(redactor.redact(r#"{"x": "p@ss\"word"}"#), r#"{"x": "[secret]"}"#);
        assert_eq!(redactor.redact("x?y=p%40ss%22word"), "x?y=[secret]");
        assert_eq!(redactor.redact("hunter2hunter2"), "[secret][secret]");
        assert_eq!(redactor.redact("nothing here"), "nothing here");
    }

    #[test]
    fn the_longer_of_two_secrets_goes_whole() {
        assert_eq!(redactor(&["abcd", "abcdefgh"]).redact("abcdefgh"), "[secret]");
    }

    #[test]
    fn each_line_of_a_key_is_taken_out_and_short_values_are_left() {
        let redactor = redactor(&["-----BEGIN KEY-----\nb3BlbnNzaC1rZXk\n-----END KEY-----\n", "abc"]);
        assert_eq!(redactor.redact("got b3BlbnNzaC1rZXk"), "got [secret]");
        assert_eq!(redactor.redact("abc"), "abc");
    }

    #[test]
    fn shapes_of_secrets_are_known_without_registering() {
        let redactor = Redactor::new();
        for (text, expected) in [
            (
                "fetch https://me:s3cret@git.example.com/a.git",
                "fetch https://me:[secret]@git.example.com/a.git",
            ),
            ("fetch https://tok3n@git.example.com/a", "fetch https://[secret]@git.example.com/a"),
            ("ssh://git@git.example.com/a", "ssh://git@git.example.com/a"),
            ("git@git.example.com:a/b", "git@git.example.com:a/b"),
            ("ghp_0123456789abcdefghijABCDEFGHIJ", "[secret]"),
            ("glpat-0123456789abcdefghij", "[secret]"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer [secret]"),
            ("PGPASSWORD=x1 psql", "PGPASSWORD=[secret] psql"),
            ("admin_passwd = pbkdf2$x", "admin_passwd = [secret]"),
            (r#"{"password": "x y", "a": 1}"#, r#"{"password": "[secret]", "a": 1}"#),
            ("password reset requested", "password reset requested"),
            ("https://example.com/a@b", "https://example.com/a@b"),
            ("at 10:20 mail me@example.com", "at 10:20 mail me@example.com"),
        ] {
            assert_eq!(redactor.redact(text), expected);
        }
    }

    #[test]
    fn a_value_learnt_later_is_known_to_earlier_clones() {
        let first = Redactor::new();
        let clone = first.clone();
        first.register(&SecretString::from("learnt-later"));
        assert_eq!(clone.redact("learnt-later"), "[secret]");
        assert!(!format!("{clone:?}").contains("learnt"));
    }

    #[test]
    fn the_tracing_writer_takes_secrets_out() {
        #[derive(Clone, Default)]
        struct Sink(Arc<Mutex<Vec<u8>>>);
        impl io::Write for Sink {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let sink = Sink::default();
        let inner = sink.clone();
        let writer = redactor(&["hunter2"]).writer(move || inner.clone());
        let subscriber = tracing_subscriber::fmt().with_writer(writer).with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, || tracing::info!(value = "hunter2", "said hunter2"));
        let written = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert!(written.contains("said [secret]") && !written.contains("hunter2"), "{written}");
    }
}
