//! What becomes of a deployment when the server has too little: of what it promised to others, or of disk for the dumps.

use slipway_tests::Journey;

#[test]
fn what_others_have_reserved_is_theirs() {
    let journey = Journey::live();
    let server = journey.slipway.must(&["server", "test", "demo"]).result().clone();
    let (memory, cpus) = (
        server["capacity"]["has"]["memory_mb"].as_u64().unwrap(),
        server["capacity"]["has"]["cpus"].as_f64().unwrap(),
    );
    let staging = journey.env_named("staging");
    let too_much = [
        (
            "memory",
            vec!["--memory".to_owned(), (memory - 512).to_string(), "--cpus".into(), "0.5".into()],
            "1024 MB",
        ),
        (
            "CPU",
            vec!["--cpus".to_owned(), (cpus - 0.5).to_string(), "--memory".into(), "512".into()],
            "reserved 1,",
        ),
    ];
    assert_eq!(journey.add_environment(&journey.slipway, "staging", &[]).code, Some(0));
    for (what, settings, others) in too_much {
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        journey.slipway.must(&[&["env", "set", &staging], settings.as_slice()].concat());
        let ran = journey.slipway.run(&["deploy", &staging]);
        assert_eq!((ran.code, ran.error()), (Some(3), "capacity_exceeded"), "{}", ran.told());
        for words in [what, settings[1], others] {
            assert!(ran.told().contains(words), "{words:?} is told: {}", ran.told());
        }
        let left =
            journey.server.docker().containers(&[&format!("slipway.env={}-staging", journey.project())]);
        assert_eq!(left, Vec::<String>::new(), "nothing was made");
    }
    journey.assert_serves("1.0");
}

#[test]
fn a_full_disk_of_the_dumps_costs_no_deployment() {
    let mut journey = Journey::live();
    journey.make_ticket("kept");
    let snapshots = journey.folder().join("snapshots").display().to_string();
    let on_server = |line: &str| {
        let said = journey.server.ssh(line);
        assert!(said.status.success(), "{line}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    // A disk of its own for the dumps, on which there is room for none.
    on_server(&format!(
        "mkdir -p {snapshots} && mount -t tmpfs -o size=64k,mode=700 slipway-test {snapshots}"
    ));
    let ran = journey.deploy_ends("new-field", 0);
    journey.assert_serves("1.3");
    let warned = |ran: &slipway_tests::Ran, what: &str| {
        ran.lines
            .iter()
            .any(|l| l["level"] == "warning" && l["text"].as_str().is_some_and(|t| t.contains(what)))
    };
    assert!(warned(&ran, "The lasting snapshot could not be made"), "{:#?}", ran.lines);
    assert_eq!(on_server(&format!("find {snapshots} -type f")), "", "no half dump is left");
    let clone = format!("before_{}", &ran.result()["deployment"]["id"].as_str().unwrap()[24..]);
    assert!(journey.databases().contains(&clone), "the clone is kept: {:?}", journey.databases());
    let listed = journey.slipway.must(&["snapshots", &journey.env()]).result().clone();
    assert_eq!((&listed[0]["kind"], &listed[0]["state"]), (&"clone".into(), &"ready".into()), "{listed:#}");

    // Once there is room, the next deployment makes up for it.
    on_server(&format!("umount {snapshots}"));
    journey.sample.checkout("live");
    journey.sample.release("2.0");
    let ran = journey.slipway.run(&["deploy", &journey.env()]);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    assert!(!warned(&ran, "snapshot"), "{}", ran.told());
    assert_eq!(journey.databases(), [journey.database()]);
    let listed = journey.slipway.must(&["snapshots", &journey.env()]).result().clone();
    let kinds: Vec<&str> = listed.as_array().unwrap().iter().map(|s| s["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["dump", "dump"], "{listed:#}");
    assert!(journey.tickets().contains(&"kept".to_owned()));
}

#[test]
fn what_earlier_deployments_left_goes_with_the_next() {
    let journey = Journey::live();
    let docker = journey.server.docker();
    let database = format!("slipway-{}-db", journey.slug());
    let psql = |query: &str| docker.sql(&database, "postgres", query);
    let folder = journey.folder();
    // Each whole copy, and how the cutover ended that it belongs to.
    let left = [
        ("before_aaaaaaaaaaa1", "reverted"),
        ("failed_aaaaaaaaaaa2", "reverted"),
        ("restore_aaaaaaaaaaa3", ""),
        ("before_aaaaaaaaaaa4", "committed"),
        ("before_aaaaaaaaaaa5", ""),
    ];
    for (copy, end) in left {
        let id = copy.split_once('_').unwrap().1;
        psql(&format!("create database {copy}"));
        docker.must(&[
            "exec",
            "-u",
            "0",
            &journey.web(),
            "mkdir",
            &format!("/var/lib/odoo/filestore/{copy}"),
        ]);
        if !end.is_empty() {
            let cutover = folder.join("cutovers").join(id);
            std::fs::create_dir_all(&cutover).unwrap();
            let line = format!(
                "{{\"t\":\"2026-11-26T10:00:00Z\",\"id\":\"{id}\",\"action\":\"end\",\"ev\":\"{end}\"}}\n"
            );
            std::fs::write(cutover.join("journal.jsonl"), line).unwrap();
        }
    }
    // Somebody's own is nobody's leftover.
    psql("create database before_christmas");

    let ran = journey.deploy_ends("new-field", 0);
    journey.assert_serves("1.3");
    let databases =
        psql("select string_agg(datname, ' ' order by datname) from pg_database where datname ~ '_'");
    let live = journey.sql("select current_database()");
    let mut expected = ["before_christmas", &live];
    expected.sort_unstable();
    assert_eq!(databases, expected.join(" "), "{}", ran.told());
    for (copy, saved) in [("aaaaaaaaaaa1", false), ("aaaaaaaaaaa4", true), ("aaaaaaaaaaa5", true)] {
        let dump = folder.join("snapshots").join(copy).join("dump");
        assert_eq!(dump.exists(), saved, "{copy} is a clone of a release that served: {}", ran.told());
    }
    let log = journey.slipway.must(&["logs", &journey.env()]).lines;
    let said: String = log.iter().filter_map(|line| Some(line["text"].as_str()?.to_owned() + "\n")).collect();
    for (copy, _) in &left[..3] {
        assert!(said.contains(&format!("database {copy}")), "its removal is told: {said}");
        assert!(said.contains(&format!("files {copy}")), "its removal is told: {said}");
    }
}

#[test]
fn a_database_gets_its_new_limits_with_the_release_that_asked_for_them() {
    let journey = Journey::live();
    let database = format!("slipway-{}-db", journey.slug());
    let memory = || journey.server.docker().must(&["inspect", "-f", "{{.HostConfig.Memory}}", &database]);
    let before = memory();
    journey.slipway.must(&["env", "set", &journey.env(), "--memory", "1600"]);
    journey.deploy_ends("load-fails", 5);
    assert_eq!(memory(), before, "the old release needs what it had");
    journey.deploy_ends("code-only", 0);
    assert_ne!(memory(), before);
    journey.assert_serves("1.1");
}
