//! The applications of the base image in one environment: the database is what Odoo makes of one of its own manager.
#![expect(clippy::unwrap_used, reason = "a test tells what is wrong by panicking")]

use std::collections::BTreeSet;
use std::process::Output;
use std::time::Duration;

use slipway_tests::{Docker, Journey, Server};

/// How long a series may take to install all that it has, on a busy machine.
const LONG: Duration = Duration::from_secs(1800);

/// What has to be the same: how the database sorts, extensions, functions and whether an index may use them, indexes,
/// constraints, columns, and modules.
const SHAPE: &str = "\
    select 'database', concat_ws(' ', datcollate, datctype, pg_encoding_to_char(encoding)) \
        from pg_database where datname = current_database() \
    union all select 'extension', extname || ' ' || extversion from pg_extension \
    union all select 'function', concat(oid::regprocedure, ' ', provolatile) from pg_proc \
        where pronamespace = 'public'::regnamespace \
    union all select 'index', indexdef from pg_indexes where schemaname = 'public' \
    union all select 'constraint', concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) from pg_constraint \
        where connamespace = 'public'::regnamespace \
    union all select 'column', concat_ws(' ', table_name, column_name, data_type, is_nullable) \
        from information_schema.columns where table_schema = 'public' \
    union all select 'module', name || ' ' || state from ir_module_module where state <> 'uninstalled' \
    order by 1, 2";

/// A database as Odoo's own manager makes it, by the documentation of the official image: the role may do everything.
struct Manager<'a> {
    docker: &'a Docker,
    name: String,
    label: String,
    image: String,
}

impl<'a> Manager<'a> {
    fn start(journey: &'a Journey, series: &str) -> Self {
        let (docker, slug) = (journey.server.docker(), journey.slug());
        let name = format!("{slug}-manager");
        let label = format!("slipway.env={slug}");
        docker.must(&["network", "create", "--label", &label, &name]);
        let this = Self { docker, name, label, image: format!("odoo:{series}") };
        let database = format!("{}-db", this.name);
        let mut args = vec!["-d", "--network-alias", "db", "--name", &database];
        for setting in ["POSTGRES_USER=odoo", "POSTGRES_PASSWORD=odoo", "POSTGRES_DB=postgres"] {
            args.extend(["-e", setting]);
        }
        this.container(&args, &["postgres:17"]);
        journey.eventually("its PostgreSQL answers", LONG, || {
            this.run(
                &["--rm", "--entrypoint", "psql", "-e", "PGPASSWORD=odoo"],
                &["postgres:17", "-h", "db", "-U", "odoo", "-d", "postgres", "-c", "select 1"],
            )
            .status
            .success()
        });
        this
    }

    /// Makes a database, and installs the modules in it. Returns what Odoo logged.
    fn install(&self, journey: &Journey, modules: &str) -> String {
        let create = "import odoo.tools, sys; odoo.tools.config.parse_config(sys.argv[1:]); \
            import odoo.service.db; odoo.service.db._create_empty_database('own')";
        let at = ["--db_host=db", "--db_user=odoo", "--db_password=odoo"];
        let made = [&[self.image.as_str(), "-c", create, "--unaccent"], &at[..]].concat();
        self.container(&["--rm", "--entrypoint", "python3"], &made);
        if self.image.ends_with("14.0") {
            // Of its own, it makes unaccent alone before 16.0; what we make more is all that may differ.
            let more = "create extension pg_trgm; alter function unaccent(text) immutable";
            self.docker.must(&[
                "exec",
                &format!("{}-db", self.name),
                "psql",
                "-q",
                "-U",
                "odoo",
                "-d",
                "own",
                "-c",
                more,
            ]);
        }
        let odoo = format!("{}-odoo", self.name);
        let mut command =
            vec![self.image.as_str(), "odoo", "-d", "own", "-i", modules, "--stop-after-init", "--no-http"];
        if self.image.ends_with("14.0") {
            command.push("--without-demo=all");
        }
        command.extend(at);
        self.container(&["-d", "--name", &odoo], &command);
        let ended = || self.docker.must(&["inspect", "-f", "{{.State.Running}} {{.State.ExitCode}}", &odoo]);
        journey.eventually("Odoo has installed them by itself", LONG, || ended().starts_with("false"));
        let log = self.docker.run(&["logs", &odoo]).stderr;
        let log = String::from_utf8_lossy(&log).into_owned();
        assert_eq!(ended(), "false 0", "{log}");
        log
    }

    fn shape(&self) -> BTreeSet<String> {
        let database = format!("{}-db", self.name);
        let args = ["exec", &database, "psql", "-XAtq", "-U", "odoo", "-d", "own", "-c", SHAPE];
        self.docker.lines(&args).into_iter().collect()
    }

    fn container(&self, args: &[&str], command: &[&str]) {
        let ran = self.run(args, command);
        assert!(ran.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }

    fn run(&self, args: &[&str], command: &[&str]) -> Output {
        let all = [&["run", "--label", &self.label, "--network", &self.name], args, command].concat();
        self.docker.run(&all)
    }
}

/// The applications of an image, by the manifests in it.
fn applications(docker: &Docker, series: &str) -> String {
    let list = "import ast, glob, odoo\n\
        for path in sorted(glob.glob(odoo.__path__[0] + '/addons/*/__manifest__.py')):\n \
            manifest = ast.literal_eval(open(path).read())\n \
            if manifest.get('application') and manifest.get('installable', True): print(path.split('/')[-2])";
    let image = format!("odoo:{series}");
    let found = docker.lines(&["run", "--rm", "--entrypoint", "python3", &image, "-c", list]);
    assert!(found.len() > 20, "{found:?}");
    found.join(",")
}

/// What Odoo logged as an error, without times and names of processes and databases.
fn errors(log: &str) -> BTreeSet<String> {
    let said = log.lines().filter_map(|line| {
        let fields: Vec<&str> = line.splitn(6, ' ').collect();
        (fields.len() == 6 && matches!(fields[3], "ERROR" | "CRITICAL")).then(|| fields[5].to_owned())
    });
    said.collect()
}

/// What Odoo logged in the environment's first deployment.
fn log_of_update(journey: &Journey, deployment: &str) -> String {
    let file = journey.folder().join("cutovers").join(&deployment[24..]).join("update.log");
    let log = std::fs::read_to_string(&file).unwrap();
    assert!(log.contains("Modules loaded"), "{} has Odoo's log: {log}", file.display());
    log
}

/// Deploys an environment with these modules, and returns what Odoo logged.
fn deploy(journey: &Journey, modules: &str) -> String {
    journey.set(&["--modules", modules, "--memory", "4096"]);
    journey.sample.set_branch("live", "initial");
    let ran = journey.slipway.start(&["deploy", &journey.env()]).wait(LONG);
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    assert_eq!(journey.get("/web/login").unwrap().status, 200);
    log_of_update(journey, ran.result()["deployment"]["id"].as_str().unwrap())
}

fn installs_all_of(series: &str) {
    let journey = Journey::on(Server::start(), series);
    let modules = applications(journey.server.docker(), series);
    let manager = Manager::start(&journey, series);
    // Side by side: each has a process that installs, and a PostgreSQL of its own.
    let (log, own) = std::thread::scope(|scope| {
        let own = scope.spawn(|| manager.install(&journey, &modules));
        (deploy(&journey, &modules), own.join().unwrap())
    });
    assert_eq!(errors(&log), errors(&own), "what Odoo logs as errors, here and by itself");
    let ours: BTreeSet<String> = journey.sql(SHAPE).lines().map(str::to_owned).collect();
    let theirs = manager.shape();
    assert!(theirs.len() > 5000, "{}", theirs.len());
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
    assert_eq!((only(&ours, &theirs), only(&theirs, &ours)), (vec![], vec![]), "only here, and only there");
    for module in modules.split(',') {
        assert!(ours.contains(&format!("module|{module} installed")), "{module} is installed");
    }
}

/// Those of 19.0 that make indexes by SQL of their own: the one fails without, the other logs an error and goes on.
#[test]
fn indexes_of_applications() {
    let journey = Journey::start();
    let log = deploy(&journey, "hr_recruitment,website_sale");
    assert_eq!(errors(&log), BTreeSet::new(), "what Odoo logs as errors");
    let made = "select indexname from pg_indexes where indexdef ~* '(gin|gist) .*unaccent'";
    let made = journey.sql(made);
    for (index, of) in [
        ("ir_attachment_index_content_applicant_trgm_idx", "init() of hr_recruitment's ir.attachment"),
        ("product_template_name_gist_idx", "models.Index of website_sale's product.template"),
        ("product_template__name_index", "a field's index='trigram'"),
    ] {
        assert!(made.lines().any(|name| name == index), "{index}, {of}: {made}");
    }
}

#[test]
#[ignore = "many minutes: make test-apps"]
fn all_of_19() {
    installs_all_of("19.0");
}

#[test]
#[ignore = "many minutes: make test-apps"]
fn all_of_14() {
    installs_all_of("14.0");
}
