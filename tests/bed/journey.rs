//! Everything a whole-system test begins with: a server, a desktop, the sample project and an environment, ready for its first
//! deployment.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::{Ran, Slipway};
use crate::http::{self, Answer};
use crate::load::Load;
use crate::process::until;
use crate::sample::Sample;
use crate::server::Server;

/// Tables that a living Odoo writes to by itself: when its jobs ran, and who of its processes is there.
const RESTLESS: &str = "'ir_cron', 'ir_cron_progress', 'ir_cron_trigger', 'bus_bus', 'bus_presence'";

/// A server, a desktop's home, the sample project and the environment `production`.
#[derive(Debug)]
pub struct Journey {
    /// The desktop that the environment was added on.
    pub slipway: Slipway,
    /// The sample's repository. The environment follows its branch `live`, which begins at the commit `initial`.
    pub sample: Sample,
    /// The server. Dropped last.
    pub server: Server,
    project: String,
    series: String,
}

/// All rows and files of an environment, as sums: equal exactly when the data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Number of rows and a sum over them, by table.
    pub tables: BTreeMap<String, String>,
    /// A sum by path in the filestore.
    pub files: BTreeMap<String, String>,
}

impl Journey {
    /// On the suite's Docker daemon, with Odoo 19.0.
    pub fn start() -> Self {
        Self::on(Server::start(), "19.0")
    }

    /// On this server, with this series of Odoo.
    pub fn on(server: Server, series: &str) -> Self {
        Self::with(server, series, &[])
    }

    /// The same, with these settings of the server on top.
    pub fn with(server: Server, series: &str, more: &[&str]) -> Self {
        let journey = Self { series: series.to_owned(), ..Self::from_nothing(server) };
        journey.set_up(&journey.slipway, more);
        journey
    }

    /// The same, but the home is empty: the test itself adds server, project and environment.
    pub fn from_nothing(server: Server) -> Self {
        let sample = Sample::create(server.scratch("repository"));
        sample.set_branch("live", "initial");
        Self::known(server, sample)
    }

    /// That of a server, a desktop's home and a repository that are there already.
    pub(crate) fn known(server: Server, sample: Sample) -> Self {
        Self {
            slipway: Slipway::new(server.scratch("home")),
            project: server.unique("acme"),
            series: "19.0".to_owned(),
            sample,
            server,
        }
    }

    /// Another desktop, of another person: a home of its own that knows the same server, project and environment.
    pub fn desktop(&self, person: &str) -> Slipway {
        self.desktop_with(person, &[])
    }

    /// The same, with other settings of the server.
    pub fn desktop_with(&self, person: &str, server: &[&str]) -> Slipway {
        let slipway = Slipway::new(self.server.scratch(person)).env("USER", person);
        self.set_up(&slipway, server);
        slipway
    }

    /// The environment as the command line calls it.
    pub fn env(&self) -> String {
        self.env_named("production")
    }

    /// Another environment of the project as the command line calls it.
    pub fn env_named(&self, name: &str) -> String {
        format!("{}/{name}", self.project)
    }

    /// The project's name.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The environment's name on the server.
    pub fn slug(&self) -> String {
        format!("{}-production", self.project)
    }

    /// The environment's folder on the server.
    pub fn folder(&self) -> std::path::PathBuf {
        self.server.home().join(".slipway").join(self.slug())
    }

    /// The name that the environment answers to.
    pub fn host(&self) -> String {
        format!("{}.localhost", self.slug())
    }

    /// Adds an environment to the project on `slipway`, with the settings of `production` and these on top.
    pub fn add_environment(&self, slipway: &Slipway, name: &str, more: &[&str]) -> Ran {
        let env = self.env_named(name);
        let mut args = vec!["env", "add", &env, "--server", "demo", "--branch", "live"];
        args.extend(["--modules", "acme_base,acme_sla", "--memory", "1024", "--cpus", "1"]);
        args.extend(more);
        slipway.run(&args)
    }

    /// Changes the environment's settings.
    pub fn set(&self, settings: &[&str]) {
        let env = self.env();
        self.slipway.must(&[&["env", "set", &env], settings].concat());
    }

    /// Points the branch at a commit of the sample and deploys, whatever comes of it.
    pub fn deploy(&self, commit: &str) -> Ran {
        self.sample.set_branch("live", commit);
        self.slipway.run(&["deploy", &self.env()])
    }

    /// The same, and panics unless it ends with this exit code.
    pub fn deploy_ends(&self, commit: &str, code: i32) -> Ran {
        let ran = self.deploy(commit);
        assert_eq!(ran.code, Some(code), "the deployment of {commit} ended otherwise: {}", ran.told());
        ran
    }

    /// Deploys a commit that is older than what is live, and panics unless it goes live.
    pub fn deploy_back(&self, commit: &str) -> Ran {
        self.sample.set_branch("live", commit);
        self.slipway.must(&["deploy", &self.env(), "--back"])
    }

    /// GET from the environment, through the proxy.
    pub fn get(&self, path: &str) -> std::io::Result<Answer> {
        http::get(self.server.http(), &self.host(), path)
    }

    /// Which release answers, if one does.
    pub fn release(&self) -> Option<String> {
        let answer = self.get("/acme/version").ok().filter(|answer| answer.status == 200)?;
        let said: Value = serde_json::from_slice(&answer.body).ok()?;
        said["release"].as_str().map(str::to_owned)
    }

    /// Panics unless this release answers, and people can log in to it.
    pub fn assert_serves(&self, release: &str) {
        assert_eq!(self.release().as_deref(), Some(release), "which version answers /acme/version");
        assert_eq!(
            self.get("/web/login").map(|answer| answer.status).ok(),
            Some(200),
            "the login page answers"
        );
    }

    /// Starts constant requests against the environment and waits until `release` has answered some.
    pub fn load(&self, release: &str) -> Load {
        let load = Load::start(self.server.http(), &self.host());
        assert!(load.saw(release, Duration::from_secs(30)), "{release} answers: {:#?}", load.so_far());
        load
    }

    /// Calls a method of a model as the administrator: `call("res.partner", "create", json!([[{"name": "X"}]]))`.
    pub fn call(&self, model: &str, method: &str, args: Value) -> Value {
        let call = json!({
            "jsonrpc": "2.0", "method": "call", "id": 1,
            "params": {
                "service": "object", "method": "execute_kw",
                "args": [self.database(), 2, "admin", model, method, args],
            },
        });
        let answer = http::request(
            self.server.http(),
            &self.host(),
            "/jsonrpc",
            Some(&call.to_string()),
            Duration::from_secs(60),
        );
        let answer: Value = serde_json::from_slice(&answer.unwrap().body).unwrap();
        assert!(answer["error"].is_null(), "{model}.{method}: {answer:#}");
        answer["result"].clone()
    }

    /// Makes a ticket, and a file that is in the filestore.
    pub fn make_ticket(&self, name: &str) {
        self.call("acme.ticket", "create", json!([[{ "name": name }]]));
        // Base64 of a text that no other file has, and longer than what Odoo would keep in the database.
        let text: String = name
            .bytes()
            .cycle()
            .take(3000)
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b) } else { 'x' })
            .collect();
        self.call("ir.attachment", "create", json!([[{ "name": name, "datas": text }]]));
    }

    /// The names of all tickets, in order.
    pub fn tickets(&self) -> Vec<String> {
        self.sql("select name from acme_ticket order by name").lines().map(str::to_owned).collect()
    }

    /// Asks the environment's database; rows as `psql -At` prints them.
    pub fn sql(&self, query: &str) -> String {
        self.server.docker().sql(&self.database_container(), &self.database(), query)
    }

    /// The databases there are, besides PostgreSQL's own.
    pub fn databases(&self) -> Vec<String> {
        let query =
            "select datname from pg_database where not datistemplate and datname <> 'postgres' order by 1";
        let rows = self.server.docker().sql(&self.database_container(), "postgres", query);
        rows.lines().map(str::to_owned).collect()
    }

    /// The container of the database.
    pub fn database_container(&self) -> String {
        format!("slipway-{}-db", self.slug())
    }

    /// The database's name.
    pub fn database(&self) -> String {
        self.slug().replace('-', "_")
    }

    /// The web container that runs. Panics unless there is exactly one.
    pub fn web(&self) -> String {
        let env = format!("label=slipway.env={}", self.slug());
        let running = self.server.docker().lines(&[
            "ps",
            "--format",
            "{{.Names}}",
            "--filter",
            &env,
            "--filter",
            "label=slipway.role=web",
        ]);
        let [one] = running.as_slice() else { panic!("one web container runs: {running:?}") };
        one.clone()
    }

    /// Sums over all rows and files, as they are now. Asks for the pages first, so that what Odoo makes when a page is asked
    /// for the first time is there.
    pub fn data(&self) -> Data {
        for page in ["/web/login", "/acme"] {
            self.get(page).ok();
        }
        self.data_of(&self.database())
    }

    /// The same of any database beside it, with the files of that name. Asks for no pages.
    pub fn data_of(&self, database: &str) -> Data {
        let sums = format!(
            "with sums as (select c.relname as name, query_to_xml(format('select count(*) as n, md5(string_agg(t::text, chr(10) \
             order by t::text)) as s from %I t', c.relname), false, true, '') as x from pg_class c \
             join pg_namespace n on n.oid = c.relnamespace \
             where c.relkind = 'r' and n.nspname = 'public' and c.relname not in ({RESTLESS})) \
             select name, concat_ws(' ', (xpath('/row/n/text()', x))[1]::text, (xpath('/row/s/text()', x))[1]::text) \
             from sums order by 1"
        );
        let tables = self.server.docker().sql(&self.database_container(), database, &sums);
        // The checklist is where Odoo notes which files to look at when it next removes unused ones.
        let files = self.in_filestores(&format!(
            "cd {database} && find . -path ./checklist -prune -o -type f -exec sha256sum {{}} +"
        ));
        Data {
            tables: tables
                .lines()
                .filter_map(|line| line.split_once('|'))
                .map(|(table, sum)| (table.to_owned(), sum.to_owned()))
                .collect(),
            files: files
                .lines()
                .filter_map(|line| line.split_once("  "))
                .map(|(sum, path)| (path.to_owned(), sum.to_owned()))
                .collect(),
        }
    }

    /// Runs a shell line where the filestores are, whatever runs of the environment, and gives what it printed.
    pub fn in_filestores(&self, line: &str) -> String {
        let volume = format!("slipway-{}-data:/v", self.slug());
        let line = format!("cd /v/filestore && {line}");
        let mut args = vec!["run", "--rm", "--network", "none", "-v", &volume, "--entrypoint", "sh"];
        args.extend(["caddy:2", "-c", &line]);
        self.server.docker().must(&args)
    }

    /// The environment's deployments, newest first, as `slipway history` tells them.
    pub fn history(&self) -> Vec<Value> {
        let ran = self.slipway.must(&["history", &self.env()]);
        ran.result().as_array().expect("history is a list").clone()
    }

    /// The newest deployment as `slipway history` tells it.
    pub fn last(&self) -> Value {
        self.history().into_iter().next().expect("there is a deployment")
    }

    /// Waits until `ask` is true, at most so long. Panics, saying what, when it never is.
    pub fn eventually(&self, what: &str, limit: Duration, mut ask: impl FnMut() -> bool) {
        assert!(until(limit, || ask().then_some(())).is_some(), "not within {limit:?}: {what}");
    }

    /// Adds the server on `slipway` under this name, with these settings on top.
    pub fn add_server(&self, slipway: &Slipway, name: &str, more: &[&str]) -> Ran {
        let server = &self.server;
        let host = format!("{}@{}:{}", server.user(), server.address(), server.port());
        let (http, https) = (server.http_port().to_string(), server.https_port().to_string());
        let key = server.key().display().to_string();
        let bind = server.address().to_string();
        let fingerprint = server.fingerprint();
        let mut args =
            vec!["server", "add", name, "--host", &host, "--key", &key, "--fingerprint", &fingerprint];
        let usual = [("--http-port", &http), ("--https-port", &https), ("--bind", &bind)];
        for (option, value) in usual.into_iter().filter(|(option, _)| !more.contains(option)) {
            args.extend([option, value.as_str()]);
        }
        args.extend(more);
        slipway.run(&args)
    }

    /// Adds server, project and environment on `slipway`, with these settings of the server on top.
    pub fn set_up(&self, slipway: &Slipway, more: &[&str]) {
        let added = self.add_server(slipway, "demo", more);
        assert_eq!(added.code, Some(0), "server add: {}", added.told());
        let url = self.sample.dir().display().to_string();
        slipway.must(&["project", "add", &self.project, "--url", &url, "--series", &self.series]);
        let added = self.add_environment(slipway, "production", &[]);
        assert_eq!(added.code, Some(0), "env add: {}", added.told());
    }
}

impl Data {
    /// Panics unless `after` holds the same rows and files, and names what differs.
    pub fn assert_same(&self, after: &Data) {
        assert!(self.tables.len() > 50, "the tables were read: {}", self.tables.len());
        assert!(!self.files.is_empty(), "there are files");
        assert_eq!(differing(&self.tables, &after.tables), Vec::<String>::new(), "tables whose rows differ");
        assert_eq!(differing(&self.files, &after.files), Vec::<String>::new(), "files that differ");
    }
}

/// What differs between two maps, in words.
pub(crate) fn differing(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let all = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    all.filter(|key| before.get(*key) != after.get(*key))
        .map(|key| format!("{key}: {:?} → {:?}", before.get(key), after.get(key)))
        .collect()
}
