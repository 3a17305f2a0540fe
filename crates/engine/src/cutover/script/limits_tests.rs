//! A Docker that hangs, fails or tells half, and a clock that is set: a stand-in for `docker` on the script's path.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::tests::with_functions;

/// Runs shell commands with all of the script's functions, and with a `docker` of these lines.
fn with_docker(root: &Path, docker: &str, commands: &str) -> String {
    put(root, "docker", docker);
    let output = with_functions(root, commands, b"");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn put(root: &Path, name: &str, script: &str) {
    let file = root.join(name);
    std::fs::write(&file, ["#!/bin/sh\n", script].concat()).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn a_call_that_hangs_has_an_end() {
    // By sudo it runs as another user, whose processes can't be ended: it is left alone.
    for docker in ["DOCKER=docker", "DOCKER='sudo -n docker'"] {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "sudo", "shift; trap '' TERM; \"$@\"\n");
        let begun = Instant::now();
        let commands =
            format!("{docker}; CALL_S=1; d ps; echo $?; bg 1 $DOCKER ps; [ $? != 0 ] && echo late");
        let said = with_docker(root.path(), "exec sleep 6 >/dev/null 2>&1\n", &commands);
        let code: i32 = said.lines().next().unwrap().parse().unwrap();
        assert!(matches!(code, 124 | 137) && said.ends_with("late\n"), "{docker}: {said}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{docker}: {:?}", begun.elapsed());
    }
}

#[test]
fn what_a_call_reads_and_says_passes_through_either_way() {
    for docker in ["DOCKER=docker", "DOCKER='sudo -n docker'"] {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "sudo", "shift; exec \"$@\"\n");
        let commands = format!("{docker}; echo asked | d exec; echo $?; ls \"$DIR\" | grep -c call");
        let said = with_docker(root.path(), "read -r word; echo \"$1 $word\"; exit 3\n", &commands);
        assert_eq!(said, "exec asked\n3\n0\n", "{docker}");
    }
}

#[test]
fn a_conversation_that_hangs_has_an_end() {
    let root = tempfile::tempdir().unwrap();
    // The first one hangs after a half answer; who asks again gets one.
    let docker = "[ ! -e \"$0.asked\" ] || { echo fine; exit; }; : >\"$0.asked\"; printf half; exec sleep 20 >/dev/null\n";
    let commands =
        "TALK_S=1; proxy() { :; }; converse psql docker exec && exec 4>\"$DIR/psql.in\" 3<\"$DIR/psql.out\"
        TALKS=1; ( interrupt ) & INTERRUPTS=$!; sql 'select 1'; echo $?; sql 'select 2'; echo $?; hush";
    let begun = Instant::now();
    let said = with_docker(root.path(), docker, commands);
    assert_eq!(said, "1\nfine\n0\n");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[test]
fn who_could_not_ask_knows_nothing() {
    let root = tempfile::tempdir().unwrap();
    let commands = "for what in exists absent running exited gone half_made; do $what x && echo $what; done; \
        seal && echo sealed; OLD=; seal && echo sealed; drop_db x && echo dropped; fresh >/dev/null && echo fresh; :";
    assert_eq!(with_docker(root.path(), "echo 'no Docker' >&2; exit 1\n", commands), "");
}

#[test]
fn an_update_is_done_when_it_has_ended() {
    // The client that waits is killed at once; the container goes on for a while.
    let docker = "case $1 in
        wait) exit 1 ;;
        ps) echo x >>\"$0.asked\"; if [ \"$(wc -l <\"$0.asked\")\" -lt 4 ]; then echo running; else echo exited; fi ;;
        inspect) if [ \"$(wc -l <\"$0.asked\")\" -lt 4 ]; then echo 'running 0 false'; else echo 'exited 0 false'; fi ;;
        esac\n";
    let root = tempfile::tempdir().unwrap();
    let commands = "indexable() { :; }; unmark() { :; }; nap() { :; }; update; echo $?";
    assert_eq!(with_docker(root.path(), docker, commands), "0\n");
    let asked = std::fs::read_to_string(root.path().join("docker.asked")).unwrap();
    assert_eq!(asked.lines().count(), 4);

    let root = tempfile::tempdir().unwrap();
    let late = "UPDATE_S=1; indexable() { :; }; update; echo $?";
    let still = "case $1 in ps) echo running ;; inspect) echo 'running 0 false' ;; wait) exit 1 ;; esac\n";
    let said = with_docker(root.path(), still, late);
    assert!(said.contains("its update limit") && said.ends_with("running 0 false\n1\n"), "{said}");
}

#[test]
fn a_clock_that_is_set_ends_no_wait_and_prolongs_none() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "date", "echo x >>\"$0.asked\"; echo \"$(wc -l <\"$0.asked\")000\"\n");
    let begun = Instant::now();
    assert_eq!(with_docker(root.path(), "", "until_s 2 false; echo $?"), "1\n");
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn a_closed_gate_opens_without_docker_while_nothing_else_was_touched() {
    let root = tempfile::tempdir().unwrap();
    let commands = "mkdir -p \"$GATES\"; CALL_S=1 TALK_S=1 UP_S=1 REVERT_S=1 ACT=begin; j start; step gate_close; ACT=drain; j start
        ls \"$GATES\"; echo closed; nap() { sleep 0.1; ls \"$GATES\"; exit; }; revert";
    let said = with_docker(root.path(), "exec sleep 30 >/dev/null 2>&1\n", commands);
    assert_eq!(said, "closed\na\n", "what served before is let through before Docker has said anything");
}
