//! What can't work is refused before anything is touched: with a code, a sentence that names what is wrong, and nothing on the
//! server afterwards.

use slipway_tests::{Journey, Ran, Slipway};

/// The exit code of a command that was refused before anything was touched.
const REFUSED: i32 = 3;

/// Panics unless the deployment of this environment is refused with this code, saying all of this.
fn refused(journey: &Journey, env: &str, more: &[&str], code: &str, says: &[&str]) {
    let ran = journey.slipway.run(&[&["deploy", env], more].concat());
    assert_eq!((ran.code, ran.error()), (Some(REFUSED), code), "deploy {env} {more:?}: {}", ran.told());
    explains(&ran, says);
    assert_eq!(on_the_server(journey), Vec::<String>::new(), "deploy {env}: what it left on the server");
    let history = journey.slipway.must(&["history", env]);
    let last = &history.result()[0];
    assert_eq!(
        (&last["status"], &last["error"]["code"]),
        (&"failed".into(), &code.into()),
        "its history tells it so"
    );
}

/// Panics unless this command is refused with this code, saying all of this.
fn refused_at_once(slipway: &Slipway, args: &[&str], code: &str, says: &[&str]) {
    let ran = slipway.run(args);
    assert_eq!((ran.code, ran.error()), (Some(REFUSED), code), "{args:?}: {}", ran.told());
    explains(&ran, says);
}

fn explains(ran: &Ran, says: &[&str]) {
    let told = ran.result().to_string();
    assert!(
        told.contains("\"hint\":\"") && !told.contains("\"hint\":\"\""),
        "an error says what to do next: {told}"
    );
    for words in says {
        assert!(told.contains(words), "{words:?} is not in {told}");
    }
}

/// Everything of ours that Docker has, but the proxy, which is the server's own.
fn on_the_server(journey: &Journey) -> Vec<String> {
    let docker = journey.server.docker();
    let mut found = docker.containers(&["slipway.managed=1"]);
    for kind in ["network", "volume"] {
        found.extend(docker.lines(&[
            kind,
            "ls",
            "--format",
            "{{.Name}}",
            "--filter",
            "label=slipway.managed=1",
        ]));
    }
    // The suite's daemon is shared: what earlier tests left there of others isn't ours.
    found.retain(|name| name.contains(journey.project()) || name == "slipway-caddy");
    found
}

#[test]
fn of_content_that_can_not_be_deployed() {
    let mut journey = Journey::start();
    let env = journey.env();
    let settings = ["--modules", "acme_base,acme_sla"];

    journey.set(&["--modules", "acme_bsae"]);
    refused(&journey, &env, &[], "module_not_found", &["acme_bsae", "acme_base"]);
    journey.set(&settings);

    journey.set(&["--branch", "no-such-branch"]);
    refused(&journey, &env, &[], "git_ref_not_found", &["no-such-branch"]);
    journey.set(&["--branch", "live"]);
    refused(&journey, &env, &["--ref", "v9.9.9"], "git_ref_not_found", &["v9.9.9"]);

    journey.sample.checkout("live");
    let manifest = journey.sample.git(&["show", "HEAD:acme_base/__manifest__.py"]);
    journey.sample.change("broken", "acme_base/__manifest__.py", manifest.replace("\"depends\"", "depends"));
    refused(&journey, &env, &[], "manifest_invalid", &["acme_base/__manifest__.py"]);
    journey.sample.change(
        "wrong-series",
        "acme_base/__manifest__.py",
        manifest.replace("\"1.0.0\"", "\"17.0.1.0.0\""),
    );
    refused(&journey, &env, &[], "wrong_series", &["17.0", "19.0"]);
    // An image of one's own may bring a module along that nobody else knows: a warning, in the plan already.
    let missing = manifest.replace("\"web\"]", "\"web\", \"acme_bills\"]");
    journey.sample.change("missing", "acme_base/__manifest__.py", missing);
    let plan = journey.slipway.must(&["plan", &env]).result().clone();
    assert!(plan["warnings"].to_string().contains("acme_bills"), "{plan:#}");
    journey.sample.set_branch("live", "initial");
}

#[test]
fn of_settings_that_make_no_sense() {
    let journey = Journey::start();
    let slipway = &journey.slipway;
    let (env, project) = (journey.env(), journey.project());

    refused_at_once(slipway, &["deploy", "production"], "bad_input", &["project/name"]);
    refused_at_once(slipway, &["deploy", "nobody/nothing"], "not_found", &["nobody/nothing"]);
    refused_at_once(slipway, &["plan", &format!("{project}/prodution")], "not_found", &[&env]);

    let homeless = format!("{project}/homeless");
    slipway.must(&["env", "add", &homeless, "--branch", "live"]);
    refused_at_once(slipway, &["deploy", &homeless], "no_server", &[]);

    for (setting, value) in [
        ("--cpus", "0"),
        ("--memory", "10"),
        ("--branch", ""),
        ("--domain", "not a domain"),
        ("--tls", "acme"),
        ("--tls", "magic"),
        ("--kind", "test"),
        ("--modules", "sale;drop"),
        ("--hold-limit", "0"),
        ("--health-limit", "5"),
        ("--update-limit", "86400"),
        ("--option", "workers"),
        ("--option", "Bad Name=1"),
        ("--option", "db_name=other"),
        ("--option", "proxy_mode=False"),
        ("--option", "addons_path=/tmp"),
        ("--option", "logfile=/tmp/odoo.log"),
        ("--option", "log_level=critical"),
        ("--option", "log_handler=odoo.modules.loading:CRITICAL"),
        ("--option", "syslog=True"),
        ("--option", "xmlrpc_port=80"),
        ("--option", "server_wide_modules=queue_job"),
        ("--variable", "ODOO_LOGFILE=/tmp/odoo.log"),
        ("--variable", "PGHOST=elsewhere"),
        ("--server", "nowhere"),
    ] {
        let code = if setting == "--server" { "not_found" } else { "bad_input" };
        refused_at_once(slipway, &["env", "set", &env, setting, value], code, &[]);
    }
    for name in ["Production", "pro duction", "../x", "-x", "x/y", ""] {
        refused_at_once(slipway, &["env", "add", &format!("{project}/{name}")], "bad_input", &[]);
    }
    refused_at_once(slipway, &["env", "add", &env], "conflict", &[]);

    for (args, code) in [
        (["--series", "19.1", "--url", "/srv/x"], "bad_input"),
        (["--series", "19.0", "--url", "--upload-pack=touch /tmp/x"], "bad_input"),
    ] {
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        let url = format!("--url={}", args[3]);
        refused_at_once(slipway, &["project", "add", "other", "--series", &args[1], &url], code, &[]);
    }

    // A series that nobody knows yet, and a repository that isn't there: known only when they are used.
    let other = format!("{project}-b");
    slipway.must(&["project", "add", &other, "--series", "19.0", "--url", "/srv/no/such/repository.git"]);
    let env = format!("{other}/production");
    slipway.must(&["env", "add", &env, "--server", "demo", "--memory", "1024", "--cpus", "1"]);
    let ran = slipway.run(&["deploy", &env]);
    assert_ne!(ran.code, Some(0), "there is nothing to deploy");
    assert!(ran.error().starts_with("git_"), "a repository that isn't there: {}", ran.told());
    explains(&ran, &["/srv/no/such/repository.git"]);
    assert_eq!(on_the_server(&journey), Vec::<String>::new(), "what it left on the server");
}

#[test]
fn of_more_than_the_server_has() {
    let journey = Journey::start();
    let env = journey.env();
    let cpus = std::thread::available_parallelism().unwrap().get();
    for (setting, value, says) in [
        ("--cpus", format!("{}.5", cpus + 1), "CPU"),
        ("--memory", "16000000".to_owned(), "memory"),
        ("--disk", "1000000000".to_owned(), "disk"),
    ] {
        let before = journey.slipway.must(&["env", "show", &env]).result().clone();
        journey.set(&[setting, &value]);
        refused(&journey, &env, &[], "capacity_exceeded", &[says, &value]);
        journey.set(&[
            "--cpus",
            "1",
            "--memory",
            "1024",
            "--disk",
            &before["environment"]["disk_mb"].to_string(),
        ]);
    }
}
