//! The first deployment: what stands on the server afterwards, and that nothing does after one that failed.
#![expect(clippy::unwrap_used, reason = "a test tells what is wrong by panicking")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use slipway_tests::{Arguments, Daemon, Journey, Options, Server, http};

/// How long Odoo may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn the_first_one_makes_all_that_is_needed_and_destroy_takes_it_away() {
    let journey = Journey::start();
    let plan = journey.slipway.must(&["plan", &journey.env()]).result().clone();
    assert_eq!(plan["lane"], "first", "{plan:#}");
    let arguments = Arguments::watch();
    let ran = journey.deploy_ends("initial", 0);
    let passwords = ["db_password", "superuser_password"]
        .map(|name| fs::read_to_string(journey.folder().join(name)).unwrap());
    arguments.assert_without(&passwords.each_ref().map(|password| password.trim()));
    journey.assert_serves("1.0");
    let page = journey.get("/acme").unwrap();
    assert_eq!(page.status, 200);
    let deployment = &ran.result()["deployment"];
    assert_eq!((&deployment["status"], &deployment["lane"]), (&"success".into(), &"first".into()));
    all_steps_ran(&journey, deployment["id"].as_str().unwrap());

    containers_are_right(&journey, deployment);
    configuration_is_right(&journey);
    secrets_are_nowhere(&journey);

    // Only whoever types its name destroys it.
    let docker = journey.server.docker();
    let refused = journey.slipway.run(&["env", "destroy", &journey.env(), "--confirm", "yes"]);
    assert_eq!((refused.code, refused.error()), (Some(3), "bad_input"), "{}", refused.told());
    journey.assert_serves("1.0");
    let other = docker.must(&["volume", "create", &format!("{}-not-slipways", journey.slug())]);
    journey.slipway.must(&["env", "destroy", &journey.env(), "--confirm", &journey.env()]);
    let label = format!("slipway.env={}", journey.slug());
    assert_eq!(docker.containers(&[&label]), Vec::<String>::new());
    for kind in ["network", "volume", "image"] {
        let left = docker.lines(&[kind, "ls", "-q", "--filter", &format!("label={label}")]);
        assert_eq!(left, Vec::<String>::new(), "{kind}s that are left");
    }
    assert!(!journey.folder().exists(), "its folder on the server is left");
    assert_ne!(journey.get("/web/login").map_or(0, |answer| answer.status), 200, "nothing answers any more");
    assert!(!journey.server.crontab().contains(&journey.slug()), "its crontab entries are gone");
    assert_eq!(docker.must(&["volume", "rm", &other]), other, "what isn't Slipway's is still there");
    let gone = journey.slipway.run(&["history", &journey.env()]);
    assert_eq!(gone.error(), "not_found", "{}", gone.told());
}

fn all_steps_ran(journey: &Journey, id: &str) {
    let logs = journey.slipway.must(&["logs", id, "--level", "debug"]);
    let done: Vec<&str> = logs
        .lines
        .iter()
        .filter(|line| {
            line["event"] == "step_changed" && matches!(line["status"].as_str(), Some("done" | "skipped"))
        })
        .filter_map(|line| line["step"].as_str())
        .collect();
    let steps = [
        "initializing",
        "connecting",
        "creating_network",
        "creating_database",
        "cloning_repositories",
        "pulling_image",
        "generating_config",
        "installing_dependencies",
        "verifying_dns",
        "taking_snapshot",
        "initializing_database",
        "starting_container",
        "health_check",
        "configuring_routing",
        "completed",
    ];
    assert_eq!(done, steps, "the fifteen steps, each once, in order");
    assert!(
        logs.lines.iter().any(|line| line["level"] == "debug" && line["step"] == "initializing_database"),
        "Odoo's own words"
    );
}

fn inspect(journey: &Journey, name: &str) -> Value {
    let said = journey.server.docker().must(&["inspect", name]);
    serde_json::from_str::<Value>(&said).unwrap()[0].clone()
}

fn containers_are_right(journey: &Journey, deployment: &Value) {
    let (web, db) = (inspect(journey, &journey.web()), inspect(journey, &journey.database_container()));
    for (container, role) in [(&web, "web"), (&db, "db")] {
        let labels = &container["Config"]["Labels"];
        assert_eq!(labels["slipway.managed"], "1");
        assert_eq!(labels["slipway.env"], journey.slug());
        assert_eq!(labels["slipway.role"], role);
        assert_eq!(
            (&labels["slipway.cpus"], &labels["slipway.memory_mb"]),
            (&"1".into(), &"1024".into()),
            "{labels:#}"
        );
        let host = &container["HostConfig"];
        assert_eq!(host["NanoCpus"], 1_000_000_000_u64, "{role}: one CPU");
        assert_eq!(host["RestartPolicy"]["Name"], "unless-stopped", "{role} comes back after a reboot");
        assert_eq!(host["Privileged"], false);
        let ports = container["NetworkSettings"]["Ports"].as_object().unwrap();
        assert!(ports.values().all(Value::is_null), "{role} publishes no port: {ports:?}");
        let networks: Vec<&String> =
            container["NetworkSettings"]["Networks"].as_object().unwrap().keys().collect();
        assert_eq!(
            networks,
            [&format!("slipway-{}", journey.slug())],
            "{role} is on the environment's network only"
        );
    }
    let memory = |container: &Value| container["HostConfig"]["Memory"].as_u64().unwrap() >> 20;
    assert!(memory(&web) > 0 && memory(&db) > 0, "both have a limit");
    assert!(
        memory(&web) + memory(&db) <= 1024,
        "together no more than the environment has: {} {}",
        memory(&web),
        memory(&db)
    );
    assert_eq!(web["Config"]["Labels"]["slipway.deployment"], deployment["id"]);
    assert_eq!(web["Config"]["Labels"]["slipway.commit"], deployment["commit"]);

    // Isolated: the proxy is there, and nobody else. From another network nobody finds the database.
    let network = format!("slipway-{}", journey.slug());
    let docker = journey.server.docker();
    let members =
        docker.must(&["network", "inspect", "-f", "{{range .Containers}}{{.Name}} {{end}}", &network]);
    let mut members: Vec<&str> = members.split_whitespace().collect();
    members.sort_unstable();
    let (web, db) = (journey.web(), journey.database_container());
    let mut expected = ["slipway-caddy", &web, &db];
    expected.sort_unstable();
    assert_eq!(members, expected);
    let address =
        docker.must(&["inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", &db]);
    let reach = format!("timeout 3 bash -c '</dev/tcp/{address}/5432'");
    let outside = docker.run(&["run", "--rm", "--entrypoint", "bash", "postgres:17", "-c", &reach]);
    assert!(!outside.status.success(), "a container of another network reaches the database");
}

fn configuration_is_right(journey: &Journey) {
    let docker = journey.server.docker();
    let conf = docker.must(&["exec", &journey.web(), "cat", "/etc/odoo/odoo.conf"]);
    let value = |option: &str| {
        conf.lines()
            .filter_map(|line| line.split_once(" = "))
            .find(|(key, _)| *key == option)
            .map(|(_, value)| value)
    };
    let database = journey.database();
    for (option, expected) in [
        ("proxy_mode", "True"),
        ("list_db", "False"),
        ("db_name", database.as_str()),
        ("db_user", "odoo"),
        ("workers", "0"),
        ("addons_path", "/opt/slipway/addons/main"),
    ] {
        assert_eq!(value(option), Some(expected), "{option} in odoo.conf");
    }
    // What Odoo keeps and its connections are no more than its container and PostgreSQL have. The hard limit may be more: printing
    // a report maps far more than it uses.
    let number = |option: &str| value(option).and_then(|value| value.parse::<u64>().ok()).unwrap();
    let memory = inspect(journey, &journey.web())["HostConfig"]["Memory"].as_u64().unwrap();
    let (soft, hard) = (number("limit_memory_soft"), number("limit_memory_hard"));
    assert!(soft < hard && soft <= memory, "{soft} and {hard} in a container of {memory}");
    let connections: u64 = journey.sql("show max_connections").parse().unwrap();
    assert!(2 * number("db_maxconn") < connections, "of {connections} connections, in both slots");
    assert_eq!(value("dbfilter"), Some(format!("^{database}$").as_str()));
    assert!(
        value("admin_passwd").is_some_and(|hash| hash.starts_with("$pbkdf2-sha512$")),
        "a hash, not a password"
    );
    let role =
        journey.sql("select rolsuper or rolcreatedb or rolcreaterole from pg_roles where rolname = 'odoo'");
    assert_eq!(role, "f", "Odoo's role may do nothing but own its database");
    // Odoo shows the manager's page all the same, and refuses what it asks for.
    let manager = journey.get("/web/database/manager").unwrap().text();
    assert!(manager.contains("disabled by the administrator"), "the database manager is closed");
    let (address, host) = (journey.server.http(), journey.host());
    let list = http::request(address, &host, "/web/database/list", Some("{}"), PATIENCE).unwrap().text();
    assert!(list.contains("AccessDenied"), "databases are not listed: {list}");
}

/// The passwords of the environment are in their files and in odoo.conf, and nowhere else.
fn secrets_are_nowhere(journey: &Journey) {
    let folder = journey.folder();
    let docker = journey.server.docker();
    let mut said = String::new();
    for container in docker.containers(&[&format!("slipway.env={}", journey.slug())]) {
        said += &docker.must(&["inspect", &container]);
        let logs = docker.run(&["logs", &container]);
        said += &String::from_utf8_lossy(&[logs.stdout, logs.stderr].concat());
        said += &docker.must(&["top", &container, "-eo", "pid,args"]);
    }
    let images =
        docker.lines(&["image", "ls", "-q", "--filter", &format!("label=slipway.env={}", journey.slug())]);
    for image in images {
        said += &docker.must(&["image", "inspect", &image]);
        said += &docker.must(&["history", "--no-trunc", &image]);
    }
    said += &journey.slipway.must(&["logs", &journey.env(), "--level", "debug"]).stdout.join("\n");
    let mut bytes = said.into_bytes();
    read_all(journey.slipway.home(), &mut bytes, &|_| true);
    // On the server: all but the files that are there to hold them.
    let holders = ["db_password", "admin_password", "superuser_password", "odoo.conf"];
    read_all(&journey.server.home(), &mut bytes, &|path| {
        !holders.contains(&path.file_name().unwrap().to_string_lossy().as_ref())
    });
    for name in ["db_password", "superuser_password"] {
        let secret = fs::read_to_string(folder.join(name)).unwrap();
        let secret = secret.trim();
        assert!(secret.len() >= 20, "{name} is a real one");
        assert!(
            !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
            "{name} is somewhere it must not be"
        );
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(journey.server.home().join(".slipway")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o700, "nobody else gets into Slipway's folder");
    }
}

fn read_all(dir: &Path, bytes: &mut Vec<u8>, wanted: &dyn Fn(&Path) -> bool) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            read_all(&path, bytes, wanted);
        } else if kind.is_file() && wanted(&path) {
            bytes.extend(fs::read(&path).unwrap());
        }
    }
}

#[test]
fn one_that_fails_leaves_nothing_half() {
    let journey = Journey::start();
    journey.deploy_ends("load-fails", 4);
    let last = journey.last();
    assert_eq!(
        (&last["status"], &last["error"]["code"]),
        (&"failed".into(), &"module_load_failed".into()),
        "{last:#}"
    );
    assert_ne!(journey.get("/web/login").map_or(0, |answer| answer.status), 200, "nothing answers");
    let docker = journey.server.docker();
    let env = format!("slipway.env={}", journey.slug());
    for role in ["web", "update"] {
        assert_eq!(
            docker.containers(&[&env, &format!("slipway.role={role}")]),
            Vec::<String>::new(),
            "{role} containers"
        );
    }
    assert_eq!(journey.databases(), Vec::<String>::new(), "no half-made database");
    let files = docker.lines(&[
        "run",
        "--rm",
        "-v",
        &format!("slipway-{}-data:/v", journey.slug()),
        "--entrypoint",
        "sh",
        "caddy:2",
        "-c",
        "find /v/filestore -mindepth 1 -maxdepth 1 2>/dev/null; true",
    ]);
    assert_eq!(files, Vec::<String>::new(), "no half-made filestore");

    // The next one is a first deployment again.
    journey.deploy_ends("initial", 0);
    journey.assert_serves("1.0");
    assert_eq!(journey.last()["lane"], "first");
}

#[test]
fn odoo_14() {
    let journey = Journey::on(Server::with(Options { daemon: Daemon::Suite, ..Options::default() }), "14.0");
    journey.deploy_ends("initial", 0);
    journey.assert_serves("1.0");
    let conf = journey.server.docker().must(&["exec", &journey.web(), "cat", "/etc/odoo/odoo.conf"]);
    assert!(conf.contains("longpolling_port = 8072") && !conf.contains("gevent_port"), "{conf}");
    journey.make_ticket("from before");

    let load = journey.load("1.0");
    journey.deploy_ends("new-field", 0);
    let report = load.stop();
    report.assert_none_failed();
    journey.assert_serves("1.3");
    assert_eq!(journey.last()["lane"], "update");
    assert!(journey.tickets().contains(&"from before".to_owned()));

    let before = journey.data();
    journey.deploy_ends("migration-fails", 5);
    journey.assert_serves("1.3");
    before.assert_same(&journey.data());
    assert_eq!(journey.last()["status"], "rolled_back");
}
