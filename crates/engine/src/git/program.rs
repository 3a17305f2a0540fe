use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::url::Kind;
use super::{Credential, GitError, GitUrl, RemoteRef};

/// Whether the `git` program could do what libgit2 could not: see the module's documentation.
pub(super) fn may_help(url: &GitUrl, credential: &Credential, error: &GitError) -> bool {
    url.kind() == Kind::Ssh
        && matches!(credential, Credential::Auto)
        && matches!(error, GitError::Unreachable { .. } | GitError::AuthenticationFailed { .. })
        && installed()
}

/// Never asks, and never accepts a host key that isn't in the user's known_hosts.
const SSH: &str = "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes";

/// The far repository's names, by `git ls-remote`.
pub(super) fn list(url: &GitUrl, stop: &Arc<AtomicBool>) -> Result<Vec<RemoteRef>, GitError> {
    list_by(SSH, url, stop)
}

pub(super) fn list_by(ssh: &str, url: &GitUrl, stop: &Arc<AtomicBool>) -> Result<Vec<RemoteRef>, GitError> {
    let mut heads = Vec::new();
    let mut command = git(ssh);
    command.args(["ls-remote", "--", url.as_str()]);
    run(command, url, stop, &mut |_| {}, &mut |line| {
        if let Some((sha, name)) = line.split_once('\t') {
            heads.push(RemoteRef { name: name.to_owned(), sha: sha.to_owned() });
        }
    })?;
    Ok(heads)
}

/// `git fetch` into the mirror.
pub(super) fn fetch(
    dir: &Path,
    url: &GitUrl,
    refspecs: &[String],
    stop: &Arc<AtomicBool>,
    on_line: &mut dyn FnMut(String),
) -> Result<(), GitError> {
    fetch_by(SSH, dir, url, refspecs, stop, on_line)
}

pub(super) fn fetch_by(
    ssh: &str,
    dir: &Path,
    url: &GitUrl,
    refspecs: &[String],
    stop: &Arc<AtomicBool>,
    on_line: &mut dyn FnMut(String),
) -> Result<(), GitError> {
    let mut command = git(ssh);
    command.arg("--git-dir").arg(dir).args(["fetch", "--progress", "--no-tags", "--no-write-fetch-head"]);
    command.args(["--no-recurse-submodules", "--no-auto-maintenance", "--", url.as_str()]).args(refspecs);
    run(command, url, stop, on_line, &mut |_| {})
}

fn installed() -> bool {
    git(SSH)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn git(ssh: &str) -> Command {
    let mut command = Command::new("git");
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .env("GIT_SSH_COMMAND", ssh)
        .env_remove("GIT_DIR")
        .env_remove("SSH_ASKPASS")
        .env_remove("GIT_ASKPASS")
        .stdin(Stdio::null());
    command
}

enum Said {
    Out(String),
    Err(String),
}

/// Runs to the end, or kills the program when told to stop.
fn run(
    mut command: Command,
    url: &GitUrl,
    stop: &Arc<AtomicBool>,
    on_err: &mut dyn FnMut(String),
    on_out: &mut dyn FnMut(String),
) -> Result<(), GitError> {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(GitError::io("git"))?;
    let (say, said) = channel();
    let readers = [
        child.stdout.take().map(|out| spawn_lines(out, say.clone(), Said::Out)),
        child.stderr.take().map(|err| spawn_lines(err, say.clone(), Said::Err)),
    ];
    drop(say);
    let mut last = String::new();
    loop {
        match said.recv_timeout(Duration::from_millis(50)) {
            Ok(Said::Out(line)) => on_out(line),
            Ok(Said::Err(line)) => {
                last.clone_from(&line);
                on_err(line);
            }
            Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => {
                // It may have ended by itself in between.
                let _ = child.kill();
                let _ = child.wait();
                return Err(GitError::Cancelled);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    for reader in readers.into_iter().flatten() {
        // A reader has nothing to say but what it has already sent.
        let _ = reader.join();
    }
    let status = child.wait().map_err(GitError::io("git"))?;
    if status.success() {
        Ok(())
    } else {
        Err(GitError::Unreachable { host: url.host().to_owned(), detail: last })
    }
}

fn spawn_lines(
    from: impl Read + Send + 'static,
    say: std::sync::mpsc::Sender<Said>,
    wrap: fn(String) -> Said,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        // Progress lines end in \r, all others in \n.
        while let Ok(chunk) = from.fill_buf() {
            let read = chunk.len();
            for &byte in chunk {
                if byte != b'\r' && byte != b'\n' {
                    line.push(byte);
                } else if !line.is_empty()
                    && say.send(wrap(String::from_utf8_lossy(&line).into_owned())).is_err()
                {
                    return;
                } else {
                    line.clear();
                }
            }
            if read == 0 {
                return;
            }
            from.consume(read);
        }
    })
}
