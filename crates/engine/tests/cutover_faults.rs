//! The cutover's script where the power goes, or where a call to Docker fails, hangs or happens twice, at every point: one release serves
//! afterwards, with the data that belong to it, nothing is left, and what is said is true.
//!
//! Every run takes a choice of the cells; `SLIPWAY_FAULTS=all`, which `make test-faults` sets, takes all.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests: a failure is a panic, and a long one says where it is and how many cells held"
)]

mod fault_lab;

use fault_lab::{Lab, Machine};
use slipway_engine::cutover::Lane;

const LANES: [Lane; 4] = [Lane::Code, Lane::Update, Lane::Restore, Lane::First];

/// Cells that were tried, and those that did not hold.
#[derive(Default)]
struct Matrix {
    cells: usize,
    broken: Vec<String>,
}

impl Matrix {
    fn cell(&mut self, name: &str, held: Result<(), String>) {
        self.cells += 1;
        if let Err(what) = held {
            println!("{name}: {what}");
            self.broken.push(name.to_owned());
        }
    }

    fn ends(self) {
        let held = self.cells - self.broken.len();
        println!("{} cells, {held} held", self.cells);
        assert!(
            self.cells > 0 && self.broken.is_empty(),
            "{} cells, {held} held; not: {:?}",
            self.cells,
            self.broken
        );
    }
}

/// True for the cells of every run: each `every`-th one, so that all lanes, actions and faults are among them.
fn is_chosen(number: usize, every: usize) -> bool {
    std::env::var("SLIPWAY_FAULTS").is_ok_and(|faults| faults == "all") || number.is_multiple_of(every)
}

/// The actions of this lane on its way forward, by a run that nothing disturbs.
fn actions(lab: &Lab, lane: Lane) -> Vec<String> {
    let machine = lab.machine(lane);
    let out = machine.call("run", &[]);
    assert_eq!(machine.end(), Ok(fault_lab::End::New), "{lane}: {out:?}\n{}", machine.failures());
    let mut actions = machine.begun();
    actions.dedup();
    actions
}

/// After the power came back: what the boot entry does, and the next desktop if that could not.
fn recovers(machine: &Machine<'_>, committed: bool) -> Result<(), String> {
    machine.call("boot", &[]);
    if !["none", "committed", "reverted", "cancelled"].contains(&machine.status().as_str()) {
        machine.call("revert", &[]);
    }
    let end = machine.end()?;
    if committed && end == fault_lab::End::Old { Err("what was committed is undone".into()) } else { Ok(()) }
}

#[test]
fn power_cuts_on_the_way_forward() {
    let Some(lab) = Lab::new() else { return };
    let mut matrix = Matrix::default();
    let mut number = 0;
    for lane in LANES {
        let actions = actions(&lab, lane);
        let commit = actions.iter().position(|action| action == "commit").unwrap();
        for (place, action) in actions.iter().enumerate().filter(|(_, action)| *action != "begin") {
            for flushed in [false, true] {
                number += 1;
                if !is_chosen(number, 13) {
                    continue;
                }
                let machine = lab.machine(lane);
                machine.call("run", &[("KILL_AT", action)]);
                if flushed {
                    machine.flush();
                }
                machine.cut_power();
                let name = format!(
                    "{lane}, {action}, {}",
                    if flushed { "all on the disk" } else { "what was synced" }
                );
                matrix.cell(&name, recovers(&machine, place > commit));
            }
        }
    }
    matrix.ends();
}

/// Where a cutover is undone, the way back is cut off in its turn.
#[test]
fn power_cuts_on_the_way_back() {
    let Some(lab) = Lab::new() else { return };
    let mut matrix = Matrix::default();
    let mut number = 0;
    for lane in LANES {
        for died in ["healthy", "hold_crons"] {
            let machine = lab.machine(lane);
            machine.call("run", &[("KILL_AT", died)]);
            let forward = machine.begun().len();
            machine.call("revert", &[]);
            matrix.cell(&format!("{lane}, {died}, undone"), machine.end().map(|_| ()));
            let back: Vec<String> = machine.begun().split_off(forward);
            for action in back.iter().filter(|action| *action != "revert") {
                for flushed in [false, true] {
                    number += 1;
                    if !is_chosen(number, 11) {
                        continue;
                    }
                    let machine = lab.machine(lane);
                    machine.call("run", &[("KILL_AT", died)]);
                    machine.call("revert", &[("KILL_AT", action)]);
                    if flushed {
                        machine.flush();
                    }
                    machine.cut_power();
                    let disk = if flushed { "all on the disk" } else { "what was synced" };
                    matrix.cell(
                        &format!("{lane}, {died}, back at {action}, {disk}"),
                        recovers(&machine, false),
                    );
                }
            }
        }
    }
    matrix.ends();
}

/// The n-th call of all that a cutover makes fails, hangs, or happens twice.
#[test]
fn calls_to_docker_that_go_wrong() {
    let Some(lab) = Lab::new() else { return };
    let mut matrix = Matrix::default();
    let mut number = 0;
    for lane in LANES {
        let machine = lab.machine(lane);
        machine.call("run", &[]);
        let calls = machine.calls();
        assert!(calls > 10, "{lane}: {calls} calls");
        for call in 1..=calls {
            for fault in ["fail", "hang", "twice"] {
                number += 1;
                if !is_chosen(number, 25) {
                    continue;
                }
                let machine = lab.machine(lane);
                machine.fault(Some(format!("{call} {fault}")));
                machine.call("run", &[]);
                machine.fault(None);
                // What the next desktop does, where the script could not end.
                if !["committed", "reverted", "cancelled"].contains(&machine.status().as_str()) {
                    machine.call("revert", &[]);
                }
                matrix.cell(&format!("{lane}, call {call} of {calls}: {fault}"), machine.end().map(|_| ()));
            }
        }
    }
    matrix.ends();
}
