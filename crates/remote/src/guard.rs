//! Wraps every command so that it ends when it is cancelled, times out or loses the one who asked for it.
//!
//! All that is in `guard.sh`, which runs where the command runs: on the server, or here. There is no second round
//! trip, no record of process ids and nothing to clean up: closing the command's standard input is enough, and that
//! happens by itself when a future is dropped, this process dies or the connection breaks.

use std::{sync::LazyLock, time::Duration};

use crate::{Cmd, RemoteError, Stdin, cmd};

/// How much longer than we the server waits before it ends a command: only when it cannot hear us any more.
const SLACK: Duration = Duration::from_secs(5);

/// The longest a process without a limit of its own may run.
const NO_LIMIT: Duration = Duration::from_secs(24 * 3600);

/// The guard with a command in it: what is started.
#[cfg_attr(not(unix), expect(dead_code, reason = "commands are run on Unix only"))]
pub(crate) struct Guarded {
    pub(crate) argv: Vec<String>,
}

/// The other half of a command: what is done once it has been started.
pub(crate) struct Call {
    pub(crate) stdin: Stdin,
    pub(crate) limit: Duration,
    /// Whether the caller writes standard input.
    pub(crate) piped: bool,
    /// The command for people to read.
    pub(crate) shown: String,
}

/// What becomes of standard input when the command does not say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unset {
    /// It is empty.
    Null,
    /// The caller writes it.
    Piped,
}

impl Guarded {
    pub(crate) fn new(command: Cmd, unset: Unset) -> Result<(Self, Call), RemoteError> {
        let words = command.words()?;
        let shown = command.to_string();
        let take = match (command.stdin_ref(), unset) {
            (None, Unset::Piped) => "-".to_owned(),
            (None, Unset::Null) => "0".to_owned(),
            (Some(stdin), _) => stdin.length().map_or_else(|| "-".to_owned(), |n| n.to_string()),
        };
        let (stdin, limit) = command.into_parts();
        let piped = stdin.is_none() && unset == Unset::Piped;
        let limit = limit.unwrap_or(if unset == Unset::Piped { NO_LIMIT } else { cmd::DEFAULT_LIMIT });
        let seconds = (limit.min(NO_LIMIT * 30) + SLACK).as_secs().to_string();
        let argv = ["sh", "-c", GUARD.as_str(), "sh", &seconds, &take].into_iter().map(str::to_owned);
        let call = Call { stdin: stdin.unwrap_or(Stdin::Null), limit, piped, shown };
        Ok((Self { argv: argv.chain(words).collect() }, call))
    }

    /// The line to give to a server's login shell, which has to be a POSIX one.
    ///
    /// sshd starts the login shell as leader of a session, and `exec` passes that on to the guard. Where a server does
    /// it otherwise, `setsid` makes up for it.
    #[cfg(unix)]
    pub(crate) fn remote_line(&self) -> Result<String, RemoteError> {
        const LEAD: &str =
            "kill -0 -$$ 2>/dev/null && exec sh -c \"$0\" \"$@\"; exec setsid sh -c \"$0\" \"$@\"";
        let mut words = vec!["exec".to_owned(), "sh".to_owned(), "-c".to_owned(), LEAD.to_owned()];
        words.extend(self.argv.iter().skip(2).cloned());
        cmd::shell_line(&words)
    }
}

/// The guard without its comments, which need not travel with every command.
static GUARD: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("guard.sh").lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_knows_how_much_input_is_the_commands() {
        let take = |cmd, unset| Guarded::new(cmd, unset).unwrap().0.argv[5].clone();
        assert_eq!(take(Cmd::new("true"), Unset::Null), "0");
        assert_eq!(take(Cmd::new("true"), Unset::Piped), "-");
        assert_eq!(take(Cmd::new("cat").stdin("abc"), Unset::Null), "3");
        assert_eq!(take(Cmd::new("cat").stdin(Stdin::Null), Unset::Piped), "0");
        assert_eq!(
            take(Cmd::new("cat").stdin(Stdin::Stream(Box::new(tokio::io::empty()))), Unset::Null),
            "-"
        );
    }

    #[test]
    fn the_guard_travels_without_comments_and_waits_longer_than_we_do() {
        let (guarded, _) = Guarded::new(Cmd::new("true").limit(Duration::from_secs(7)), Unset::Null).unwrap();
        assert!(!guarded.argv[2].contains("# "));
        assert!(guarded.argv[2].len() < 1000);
        assert_eq!(guarded.argv[4], "12");
    }
}
