//! Programs and processes: run one with a limit, see who lives, end by pid.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Runs a program to its end and gives its standard output. Panics when it fails or takes longer than a minute.
pub(crate) fn must(command: &mut Command) -> String {
    let output = run(command, Duration::from_secs(60));
    assert!(
        output.status.success(),
        "{command:?} ended with {}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Runs a program to its end, whatever that is. Panics when it can't be started or doesn't end within the limit.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Output {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("can't start {command:?}: {error}"));
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let out = thread::spawn(move || read_all(&mut out));
    let err = thread::spawn(move || read_all(&mut err));
    let Some(status) = wait(&mut child, limit) else {
        child.kill().ok();
        child.wait().ok();
        panic!("{command:?} did not end within {limit:?}");
    };
    Output { status, stdout: out.join().unwrap(), stderr: err.join().unwrap() }
}

/// Waits for a child, at most so long.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<std::process::ExitStatus> {
    until(limit, || child.try_wait().unwrap())
}

/// Asks again every 20 ms until there is an answer, at most so long.
pub(crate) fn until<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal (such as `KILL`, `STOP`) to processes by pid. One that is gone already is fine.
pub(crate) fn signal(name: &str, pids: &[u32]) {
    if !pids.is_empty() {
        Command::new("kill")
            .arg(format!("-{name}"))
            .arg("--")
            .args(pids.iter().map(u32::to_string))
            .stderr(Stdio::null())
            .status()
            .expect("there is a kill program");
    }
}

/// All processes below this one, whatever their depth.
pub(crate) fn descendants(pid: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = pids().filter_map(|p| Some((p, parent(p)?))).collect();
    let mut found = vec![pid];
    let mut next = 0;
    while next < found.len() {
        let of = found[next];
        found.extend(parents.iter().filter(|(_, parent)| *parent == of).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// The processes that were started with this in their environment.
pub(crate) fn with_environment(entry: &str) -> Vec<u32> {
    pids()
        .filter(|pid| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.split(|byte| *byte == 0).any(|one| one == entry.as_bytes())
        })
        .collect()
}

/// The short name of a process, as the kernel keeps it.
pub(crate) fn name(pid: u32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned())
}

/// Is there a program of this name, and where?
pub(crate) fn find_program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // The system's programs are not on everybody's PATH.
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/libexec"].map(Into::into))
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// Are we root?
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// The last lines of a log, for the message of a failure.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Six hex digits that differ between processes and within one.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let mixed = since.as_nanos() as u64 ^ (u64::from(std::process::id()) << 20);
    let count = u64::from(COUNT.fetch_add(1, Ordering::SeqCst));
    // Multiplying spreads what differs in the low bits over all that is kept.
    format!("{:06x}", (mixed.wrapping_add(count).wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 40)
}

/// All processes.
pub(crate) fn pids() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn parent(pid: u32) -> Option<u32> {
    // "pid (name) state ppid …": the name may hold spaces and parentheses, so count from its last parenthesis.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn read_all(from: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).ok();
    bytes
}
