//! Commands as values: a program and its arguments, never a shell string. Quoting happens here and nowhere else.

use std::{fmt, time::Duration};

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncRead;

use crate::RemoteError;

/// How long a command may take when nobody said otherwise.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(60);

/// Linux takes at most 128 KiB in one argument, and sshd hands the whole command to the login shell as one.
#[cfg(any(unix, test))]
const LONGEST: usize = 120 * 1024;

/// One command: a program, its arguments, variables, standard input and time limit.
///
/// `Display` is for people and logs: quoted as one would type it, with secrets as `[secret]`.
pub struct Cmd {
    argv: Vec<String>,
    variables: Vec<(String, String)>,
    stdin: Option<Stdin>,
    limit: Option<Duration>,
    shown: Option<String>,
}

/// What a command reads. Secrets travel here, because everybody on a server can read a command's arguments.
pub enum Stdin {
    /// Nothing.
    Null,
    /// These bytes.
    Bytes(Bytes),
    /// A secret, exactly as it is (no newline is added).
    Secret(SecretString),
    /// A stream of unknown length. The command sees its end as end of file, also when it is cut or cancelled, so it
    /// must be able to tell a whole input from half of one.
    Stream(Box<dyn AsyncRead + Send + Unpin>),
}

impl Cmd {
    /// A command without arguments. It reads nothing and may take [`DEFAULT_LIMIT`].
    pub fn new(program: impl Into<String>) -> Self {
        Self { argv: vec![program.into()], variables: vec![], stdin: None, limit: None, shown: None }
    }

    /// A POSIX shell script in one round trip, with `args` as `$1`, `$2`, …
    ///
    /// The script is a constant; whatever varies goes into `args`, which no shell ever interprets. It can be given
    /// standard input like any command.
    pub fn script<I, S>(body: &'static str, args: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let cmd = Self::new("sh").arg("-c").arg(body).arg("sh").args(args);
        let shown = quoted(cmd.argv.iter().skip(4).map(String::as_str));
        let first = body.lines().find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
        let shown = format!("script `{}…` {shown}", first.unwrap_or_default().trim());
        Self { shown: Some(shown.trim_end().to_owned()), ..cmd }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.argv.push(arg.into());
        self
    }

    /// More arguments.
    pub fn args<I, S>(mut self, args: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.argv.extend(args.into_iter().map(Into::into));
        self
    }

    /// A variable in the command's environment. Others on the server can see it: nothing secret.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// What the command reads.
    pub fn stdin(mut self, stdin: impl Into<Stdin>) -> Self {
        self.stdin = Some(stdin.into());
        self
    }

    /// How long it may take. After that it is ended, on the server too.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The program's name.
    pub fn program(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    /// The whole argv as it is executed: `env NAME=value …` before the program when there are variables.
    pub fn words(&self) -> Result<Vec<String>, RemoteError> {
        let mut words = Vec::with_capacity(self.argv.len() + self.variables.len() + 1);
        if !self.variables.is_empty() {
            words.push("env".to_owned());
        }
        for (name, value) in &self.variables {
            let valid = name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric())
                && name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
            if !valid {
                return Err(RemoteError::bad_input(
                    format!("“{}” is not the name of an environment variable.", name.escape_debug()),
                    "Use letters, digits and underscores, and do not begin with a digit.",
                ));
            }
            words.push(format!("{name}={value}"));
        }
        if self.program().is_empty() || (!self.variables.is_empty() && self.program().contains('=')) {
            return Err(RemoteError::bad_input(
                format!("“{}” cannot be run as a program.", self.program().escape_debug()),
                "Give the name or the path of a program.",
            ));
        }
        words.extend(self.argv.iter().cloned());
        Ok(words)
    }

    pub(crate) fn into_parts(self) -> (Option<Stdin>, Option<Duration>) {
        (self.stdin, self.limit)
    }

    pub(crate) fn stdin_ref(&self) -> Option<&Stdin> {
        self.stdin.as_ref()
    }
}

impl Stdin {
    /// How many bytes will be sent, if that is known beforehand.
    pub(crate) fn length(&self) -> Option<usize> {
        match self {
            Self::Null => Some(0),
            Self::Bytes(bytes) => Some(bytes.len()),
            Self::Secret(secret) => Some(secret.expose_secret().len()),
            Self::Stream(_) => None,
        }
    }
}

/// Words as one line that any POSIX shell splits into exactly these words again.
#[cfg(any(unix, test))]
pub(crate) fn shell_line(words: &[String]) -> Result<String, RemoteError> {
    let line = shlex::try_join(words.iter().map(String::as_str)).map_err(|_| {
        RemoteError::bad_input(
            "An argument contains a NUL byte.",
            "No program can be given such an argument.",
        )
    })?;
    if line.len() > LONGEST {
        return Err(RemoteError::bad_input(
            format!("The command is {} KiB long; a server takes {} KiB.", line.len() / 1024, LONGEST / 1024),
            "Send what is long by standard input.",
        ));
    }
    Ok(line)
}

fn quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    // Only for people to read, so a NUL byte may stay as it is.
    shlex::Quoter::new().allow_nul(true).join(words).unwrap_or_default()
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.variables {
            write!(f, "{name}={} ", quoted(std::iter::once(value.as_str())))?;
        }
        match &self.shown {
            Some(shown) => f.write_str(shown)?,
            None => f.write_str(&quoted(self.argv.iter().map(String::as_str)))?,
        }
        match &self.stdin {
            None | Some(Stdin::Null) => Ok(()),
            Some(Stdin::Bytes(bytes)) => write!(f, " < [{} bytes]", bytes.len()),
            Some(Stdin::Secret(_)) => f.write_str(" < [secret]"),
            Some(Stdin::Stream(_)) => f.write_str(" < [stream]"),
        }
    }
}

impl fmt::Debug for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cmd({self})")
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Bytes(_) => "Bytes",
            Self::Secret(_) => "[secret]",
            Self::Stream(_) => "Stream",
        })
    }
}

impl From<Bytes> for Stdin {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Stdin {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<String> for Stdin {
    fn from(text: String) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<&str> for Stdin {
    fn from(text: &str) -> Self {
        Self::Bytes(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<SecretString> for Stdin {
    fn from(secret: SecretString) -> Self {
        Self::Secret(secret)
    }
}

impl From<Box<dyn AsyncRead + Send + Unpin>> for Stdin {
    fn from(stream: Box<dyn AsyncRead + Send + Unpin>) -> Self {
        Self::Stream(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NASTY: &[&str] = &[
        "",
        " ",
        "a b",
        "'",
        "''",
        "\"",
        "\\",
        "\\\\'",
        "$HOME",
        "`id`",
        "$(id)",
        "!!",
        "^a",
        "~",
        "*",
        "?",
        "a\nb",
        "a\tb",
        "-n",
        "--",
        "é ü 漢",
        "#",
        "a;b&c|d>e<f",
        "{a,b}",
        "%s",
        "\r",
        "\u{1}",
        "a=b",
        "[x]",
    ];

    #[cfg(unix)]
    #[test]
    fn every_argument_comes_back_from_a_real_shell() {
        let words: Vec<String> =
            ["printf", "%s\\0"].into_iter().chain(NASTY.iter().copied()).map(str::to_owned).collect();
        let line = shell_line(&words).unwrap();
        for shell in ["sh", "bash"] {
            let output = std::process::Command::new(shell).arg("-c").arg(&line).output().unwrap();
            let got: Vec<&str> =
                std::str::from_utf8(&output.stdout).unwrap().split_terminator('\0').collect();
            assert_eq!(got, NASTY, "{shell}");
        }
    }

    #[test]
    fn a_secret_is_shown_by_nothing() {
        let cmd = Cmd::new("psql").arg("-c").arg("select 'a'").stdin(SecretString::from("hunter2"));
        assert_eq!(cmd.to_string(), r#"psql -c "select 'a'" < [secret]"#);
        assert!(!format!("{cmd:?}{:?}", cmd.stdin).contains("hunter2"));
        assert!(!cmd.words().unwrap().concat().contains("hunter2"));
    }

    #[test]
    fn variables_come_before_the_program_and_their_names_are_checked() {
        let cmd = Cmd::new("odoo").env("PGAPPNAME", "a b").arg("-d");
        assert_eq!(cmd.words().unwrap(), ["env", "PGAPPNAME=a b", "odoo", "-d"]);
        for name in ["", "1A", "A-B", "A=B", "A B"] {
            assert_eq!(
                Cmd::new("x").env(name, "").words().unwrap_err().kind,
                crate::RemoteErrorKind::BadInput
            );
        }
        assert!(Cmd::new("a=b").env("A", "").words().is_err());
        assert!(Cmd::new("").words().is_err());
    }

    #[test]
    fn a_nul_byte_and_an_endless_command_are_refused() {
        assert!(shell_line(&["a\0b".to_owned()]).is_err());
        assert!(shell_line(&["x".repeat(LONGEST + 1)]).is_err());
    }

    #[test]
    fn a_script_shows_its_first_line_and_arguments_only() {
        let cmd = Cmd::script("# why\nset -e\nrm -rf \"$1\"\n", ["a b"]);
        assert_eq!(cmd.to_string(), "script `set -e…` 'a b'");
        assert_eq!(cmd.words().unwrap()[3..], ["sh", "a b"]);
    }
}
