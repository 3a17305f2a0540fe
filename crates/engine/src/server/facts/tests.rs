use super::*;

const SAMPLE: &str = "root\t/home/o/.slipway\ntime\t1700000000\ncpus\t2\nmemory_kb\t4096000\nroot_disk_kb\t104857600 52428800\n\
    tool\tflock\ndocker\t27.3.1\n\
    container\tabc\tslipway-acme-production-aa\trunning\tacme-production\tweb\t0190a000-0000-7000-8000-000000000001\ta\tdeadbeef\t1.5\t2048\t10240\t\tslipway-acme-production,other\n\
    container\tdef\tslipway-acme-production-bb\texited\tacme-production\tweb\t\tb\t\t1.5\t2048\t10240\t\n\
    gate\ta\nmodule\tbase\tinstalled\t\nmodule\tsale\tto upgrade\ttrue\ndemo\t3\nmax_connections\t100\nnonsense\ndb_bytes\t\n";

#[test]
fn reads_what_the_script_prints() {
    let facts = Facts::parse(SAMPLE);
    assert_eq!(facts.root, "/home/o/.slipway");
    assert_eq!(facts.memory_mb, 4000);
    assert_eq!(facts.root_disk_mb, Disk { total: 102_400, free: 51_200 });
    assert_eq!(facts.docker, "27.3.1");
    assert_eq!(facts.networks.iter().collect::<Vec<_>>(), ["slipway-acme-production"]);
    assert_eq!(facts.installed().collect::<Vec<_>>(), ["base", "sale"]);
    assert_eq!(facts.waiting().collect::<Vec<_>>(), [("sale", "to upgrade")]);
    assert!(facts.imported.contains("sale") && !facts.imported.contains("base"));
    assert_eq!(facts.live("acme-production").map(|c| c.id.as_str()), Some("abc"));
    assert_eq!(facts.live("other"), None);
    assert_eq!((facts.db_bytes, facts.max_connections, facts.demo_modules), (None, Some(100), Some(3)));
}

/// What the script says of a server with this `docker`.
fn said_with(docker: &str) -> Facts {
    let dir = tempfile::tempdir().unwrap();
    said_of(docker, dir.path(), "")
}

/// The same with what is in this folder of ours, and of this environment.
fn said_of(docker: &str, root: &std::path::Path, slug: &str) -> Facts {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("docker");
    fs::write(&program, format!("#!/bin/sh\n{docker}\n")).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
    let mut command = std::process::Command::new("sh");
    let said =
        command.args(["-c", SCRIPT, "facts.sh"]).arg(root).arg(slug).env("PATH", path).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    Facts::parse(&String::from_utf8(said.stdout).unwrap())
}

#[test]
fn half_an_answer_of_docker_is_no_empty_server() {
    let facts = said_with(r"case $1 in info) printf '27.3.1\t/var/lib/docker\n' ;; *) : ;; esac");
    assert_eq!((facts.docker.as_str(), facts.docker_error), ("27.3.1", None));
    let facts = said_with("case $1 in info) printf '27.3.1\t/\n' ;; *) echo timeout >&2; exit 1 ;; esac");
    assert_eq!(facts.docker_error.as_deref(), Some("timeout "));
    assert_eq!(facts.check_docker().unwrap_err().code, ErrorCode::DockerFailed);
    // Some versions of the client call it a success when the daemon doesn't answer.
    let facts = said_with("case $1 in info) printf '\t\n'; echo 'Cannot connect' >&2 ;; esac");
    assert!(facts.docker_error.unwrap().starts_with("Cannot connect"));
}

#[test]
fn what_could_not_be_asked_is_not_taken_for_nothing() {
    let database = |state: &str, running: &str| {
        let line = format!("container\tabc\tslipway-acme-db\t{running}\tacme\tdb\n");
        let facts = Facts::parse(&format!("{line}{state}unfinished\tb1\n"));
        facts.check_database("acme").map_err(|error| error.code)
    };
    assert_eq!(database("database\tclosed\n", "running"), Err(ErrorCode::DatabaseFailed));
    assert_eq!(database("", "running"), Err(ErrorCode::DatabaseFailed));
    assert_eq!(database("database\tnone\n", "running"), Ok(()));
    assert_eq!(database("database\topen\n", "running"), Ok(()));
    // Deploying starts it, and asks then.
    assert_eq!(database("", "exited"), Ok(()));
}

#[test]
fn an_empty_journal_is_one_that_somebody_has_to_end() {
    let dir = tempfile::tempdir().unwrap();
    for (name, journal) in [
        ("empty", ""),
        ("cut", "{\"action\":\"begin\",\"ev\":\"start\"}\n"),
        ("undone", "{\"action\":\"end\",\"ev\":\"reverted\"}\n"),
    ] {
        let cutover = dir.path().join("acme/cutovers").join(name);
        std::fs::create_dir_all(&cutover).unwrap();
        std::fs::write(cutover.join("journal.jsonl"), journal).unwrap();
    }
    let docker = "case $1 in info) printf '27.3.1\t/\n' ;; esac";
    let facts = said_of(docker, dir.path(), "acme");
    assert_eq!(facts.unfinished, ["cut", "empty"]);
}

#[test]
fn tells_docker_problems_apart() {
    let mut facts = Facts { docker: "19.03.5".into(), ..Facts::default() };
    assert_eq!(facts.check_docker().unwrap_err().code, ErrorCode::DockerTooOld);
    for (why, code) in [
        ("missing", ErrorCode::NoDocker),
        ("Got permission denied while trying to connect", ErrorCode::NoRightToDocker),
        ("Cannot connect to the Docker daemon", ErrorCode::DockerFailed),
    ] {
        facts.docker_error = Some(why.into());
        assert_eq!(facts.check_docker().unwrap_err().code, code, "{why}");
    }
}

#[test]
fn the_release_that_committed_last() {
    let last = |lines: &str| Facts::parse(lines).last_committed().map(|last| last.deployment.clone());
    // By the server's numbers, whatever its clock said.
    let numbered = "committed\taaaaaaaaaaa1\t2026-11-26T12:00:00Z\t1\ncommitted\taaaaaaaaaaa2\t2026-11-26T11:00:00Z\t2\n";
    assert_eq!(last(numbered).as_deref(), Some("aaaaaaaaaaa2"));
    // An older version of Slipway gives no number: what it deployed afterwards is the last one all the same.
    let mixed =
        "committed\taaaaaaaaaaa1\t2026-11-26T11:00:00Z\t1\ncommitted\taaaaaaaaaaa2\t2026-11-26T12:00:00Z\t\n";
    assert_eq!(last(mixed).as_deref(), Some("aaaaaaaaaaa2"));
}
