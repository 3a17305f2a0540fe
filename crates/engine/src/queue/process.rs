//! Which process this is, and whether another one still lives.

use crate::model::Owner;
use std::path::Path;
use uuid::Uuid;

/// This process.
pub(super) fn this() -> Owner {
    let pid = std::process::id();
    Owner {
        pid,
        process_started: started(pid).unwrap_or_default(),
        machine: machine().unwrap_or_default(),
        host: host(),
        instance: Uuid::now_v7(),
    }
}

/// Whether the owner's process is surely gone. Only ever true for processes of this boot of this machine.
pub(super) fn is_dead(owner: &Owner, this: &Owner) -> bool {
    if owner.machine.is_empty() || owner.machine != this.machine || owner.process_started.is_empty() {
        return false;
    }
    started(owner.pid).is_none_or(|started| started != owner.process_started)
}

/// When a living process began, in its system's own words. Linux: the 22nd field of `/proc/PID/stat`, in clock ticks
/// since the boot (proc_pid_stat(5)). A zombie is dead: nobody has only read its exit status yet.
#[cfg(target_os = "linux")]
fn started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18).map(str::to_owned)
}

/// Elsewhere on Unix, `ps` knows it, to the second.
#[cfg(all(unix, not(target_os = "linux")))]
fn started(pid: u32) -> Option<String> {
    let output = std::process::Command::new("ps")
        .args(["-o", "stat=,lstart=", "-p", &pid.to_string()])
        .env("LC_ALL", "C")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (state, started) = text.trim().split_once(' ')?;
    if state.starts_with('Z') {
        return None;
    }
    Some(started.trim().to_owned())
}

/// Where it can't be told, heartbeats alone decide.
#[cfg(not(unix))]
fn started(_pid: u32) -> Option<String> {
    None
}

/// This boot of this machine. Process numbers of two containers on one machine are not the same numbers, so the namespace
/// belongs to it.
#[cfg(target_os = "linux")]
fn machine() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link(Path::new("/proc/self/ns/pid")).ok()?;
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

#[cfg(target_os = "macos")]
fn machine() -> Option<String> {
    let output =
        std::process::Command::new("/usr/sbin/sysctl").args(["-n", "kern.bootsessionuuid"]).output().ok()?;
    let boot = String::from_utf8(output.stdout).ok()?;
    Some(boot.trim().to_owned()).filter(|boot| !boot.is_empty())
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn machine() -> Option<String> {
    None
}

/// The machine's name, for people.
fn host() -> String {
    let from_kernel = std::fs::read_to_string(Path::new("/proc/sys/kernel/hostname")).ok();
    let from_shell = || ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let from_program = || {
        let output = std::process::Command::new("hostname").output().ok()?;
        String::from_utf8(output.stdout).ok()
    };
    let name = from_kernel.or_else(from_shell).or_else(from_program).unwrap_or_default();
    if name.trim().is_empty() { "this computer".to_owned() } else { name.trim().to_owned() }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn this_process_lives_and_a_killed_one_does_not_even_before_it_is_reaped() {
        let me = this();
        assert!(!is_dead(&me, &this()));
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let owner = Owner { pid: child.id(), process_started: started(child.id()).unwrap(), ..this() };
        assert!(!is_dead(&owner, &me));
        child.kill().unwrap();
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while !is_dead(&owner, &me) && std::time::Instant::now() < limit {}
        assert!(is_dead(&owner, &me), "a zombie counts as alive");
        child.wait().unwrap();
        assert!(is_dead(&owner, &me));
    }

    #[test]
    fn a_number_that_is_used_again_is_another_process() {
        let me = this();
        let earlier = Owner { process_started: "1".into(), ..me.clone() };
        assert!(is_dead(&earlier, &me));
    }

    #[test]
    fn nothing_is_said_of_other_machines() {
        let me = this();
        let gone = Owner { process_started: "1".into(), ..me.clone() };
        assert!(!is_dead(&Owner { machine: "another".into(), ..gone.clone() }, &me));
        assert!(!is_dead(
            &Owner { machine: String::new(), ..gone.clone() },
            &Owner { machine: String::new(), ..me }
        ));
    }
}
