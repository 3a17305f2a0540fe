//! What a program and all that it started use of the machine, as Linux counts it.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::process::descendants;

/// The kernel's unit for the time of processes: a hundredth of a second, everywhere.
const TICK: Duration = Duration::from_millis(10);

/// When a process was started, to a hundredth of a second.
pub fn started(pid: u32) -> SystemTime {
    let after_boot = TICK * u32::try_from(stat(pid, 22).expect("the process lives")).unwrap();
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    SystemTime::now() - Duration::from_secs_f64(uptime).saturating_sub(after_boot)
}

/// The processor time that a process and those below it have used so far.
pub fn processor_time(pid: u32) -> Duration {
    let used = |pid| Some(stat(pid, 14)? + stat(pid, 15)?);
    TICK * u32::try_from(all(pid).filter_map(used).sum::<u64>()).unwrap()
}

/// The memory of a process and those below it, in bytes: what several share is shared out among them.
pub fn memory(pid: u32) -> u64 {
    let share = |pid| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    all(pid).filter_map(share).sum::<u64>() * 1024
}

fn all(pid: u32) -> impl Iterator<Item = u32> {
    std::iter::once(pid).chain(descendants(pid))
}

/// A field of a process's `stat`, counted from 1 as in `man proc`.
fn stat(pid: u32, field: usize) -> Option<u64> {
    // "pid (name) state …": the name may hold spaces and parentheses, so count from its last parenthesis.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(field - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_started_and_uses_something() {
        let me = std::process::id();
        assert!(started(me) <= SystemTime::now());
        assert!(started(me).elapsed().unwrap() < Duration::from_secs(3600));
        let before = processor_time(me);
        let until = SystemTime::now() + Duration::from_millis(300);
        while SystemTime::now() < until {}
        assert!(processor_time(me) - before >= Duration::from_millis(50));
        assert!(memory(me) > 100_000);
    }
}
