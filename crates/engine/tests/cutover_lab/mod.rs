//! A small server: PostgreSQL, Caddy and Odoo in real containers, and one environment whose releases are versions of `lab_mod`.

mod asks;
mod files;
mod load;
mod look;

pub(crate) use asks::{asks, serve};
pub(crate) use load::{Load, get};

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread::sleep,
    time::{Duration, Instant},
};

use slipway_engine::{
    cutover::{Lane, Limits, Live, Plan, Slot, script},
    render::caddy::{CADDYFILE, MOUNTS, Site, Tls},
};

const ODOO: &str = "odoo:19.0";
const DOMAIN: &str = "lab.example";

pub(crate) struct Lab {
    pub(crate) slug: String,
    /// The port of Caddy's HTTP on 127.0.0.1.
    pub(crate) port: u16,
    root: tempfile::TempDir,
    script: PathBuf,
    next: u32,
}

/// One cut over, prepared: containers created, plan written.
pub(crate) struct Case {
    pub(crate) plan: Plan,
}

impl Lab {
    /// `None`, with the reason printed, where there is no Docker or an image is missing.
    pub(crate) fn new(name: &str) -> Option<Self> {
        for image in [ODOO, "postgres:17", "caddy:2"] {
            let found = Command::new("docker").args(["image", "inspect", image]).output();
            if !found.is_ok_and(|o| o.status.success()) {
                println!("SKIPPED: no Docker, or no image {image} in it");
                return None;
            }
        }
        let root = tempfile::Builder::new().prefix("slipway-lab").tempdir().unwrap();
        let slug = format!("lab-{name}-{}", std::process::id());
        let script = root.path().join("cutover.sh");
        fs::write(&script, script::TEXT).unwrap();
        let mut lab = Self { slug, port: 0, root, script, next: 0 };
        lab.set_up();
        Some(lab)
    }

    fn set_up(&mut self) {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cutover_lab/addons");
        for release in ["old", "good", "migration_fails", "health_fails"] {
            copy(&sources.join("old"), &self.addons(release));
            copy(&sources.join(release), &self.addons(release));
        }
        self.set_up_stale(&sources);
        self.sh("chmod -R a+rX \"$1\"", &[&self.root()]);
        let caddy = self.root.path().join("caddy");
        for dir in ["sites", "data", "config", &format!("gate/{}", self.slug)] {
            fs::create_dir_all(caddy.join(dir)).unwrap();
        }
        fs::create_dir_all(self.root.path().join(&self.slug)).unwrap();
        fs::write(caddy.join("Caddyfile"), CADDYFILE).unwrap();
        fs::write(caddy.join(format!("sites/{}.caddy", self.slug)), self.site(Tls::Plain).render().unwrap())
            .unwrap();
        let (network, db, data) = (self.network(), self.db(), self.volume());
        self.docker(&["network", "create", "LABELS", &network]);
        self.docker(&["volume", "create", "LABELS", &data]);
        self.docker(&[
            "run",
            "-d",
            "LABELS",
            "--name",
            &db,
            "--network",
            &network,
            "-e",
            "POSTGRES_PASSWORD=x",
            "postgres:17",
        ]);
        let mounts = MOUNTS.map(|(from, to)| format!("{}/{from}:{to}", self.root()));
        let mut run =
            vec!["run", "-d", "LABELS", "--name", "PROXY", "--network", &network, "-p", "127.0.0.1::80"];
        let proxy = self.proxy();
        run[4] = &proxy;
        mounts.iter().for_each(|m| run.extend(["-v", m]));
        run.push("caddy:2");
        self.docker(&run);
        let port = self.docker(&["port", &proxy, "80/tcp"]);
        self.port = port.trim().rsplit(':').next().unwrap().parse().unwrap();
        self.until("PostgreSQL", || self.try_sql("postgres", "select 1").status.success());
        sleep(Duration::from_secs(1));
        self.until("PostgreSQL", || self.try_sql("postgres", "select 1").status.success());
        self.sql("postgres", "create role odoo login password 'odoo'");
        self.sql(
            "postgres",
            "create database tpl owner odoo template template0 encoding 'UTF8' lc_collate 'C'",
        );
        self.odoo(
            &["run", "--rm"],
            "old",
            "",
            &[
                "odoo",
                "-d",
                "tpl",
                "-i",
                "base,web,lab_mod",
                "--stop-after-init",
                "--no-http",
                "--max-cron-threads=0",
            ],
        );
    }

    /// The old release serves in slot a from a fresh copy of the template.
    pub(crate) fn reset(&self) {
        self.reset_empty();
        let database = self.database();
        self.sql(
            "postgres",
            &format!("create database {database} owner odoo template tpl strategy file_copy"),
        );
        self.sql("postgres", &format!("alter database {database} set search_path = \"$user\", public"));
        self.sql("postgres", &format!("comment on database {database} is 'it''s ours'"));
        self.files(&format!("cp -al tpl {database}"));
        self.web("old", Slot::A, "old", "unless-stopped");
        self.docker(&["start", &self.container("old")]);
        fs::write(self.gate(Slot::A), "").unwrap();
        self.until("the old release", || self.version() == "one");
        self.until("its login page", || get(self.port, DOMAIN, "/web/login").is_ok_and(|a| a.status == 200));
    }

    /// Nothing serves and there is no database.
    pub(crate) fn reset_empty(&self) {
        for slot in [Slot::A, Slot::B] {
            fs::remove_file(self.gate(slot)).ok();
        }
        // As in a cut over: nobody may be in flight when the container goes.
        sleep(Duration::from_secs(2));
        self.sh(
            "docker ps -aq --filter label=slipway.env=$1 --filter name=-web- | xargs -r docker rm -f -v",
            &[&self.slug],
        );
        let names =
            "select datname from pg_database where datname not in ('postgres','template0','template1','tpl')";
        for name in self.sql("postgres", names).lines() {
            self.sql("postgres", &format!("drop database \"{name}\" with (force)"));
        }
        self.files("for x in *; do [ $x = tpl ] || rm -rf $x; done");
    }

    /// Makes ready what prepare makes ready on a real server.
    pub(crate) fn case(&mut self, lane: Lane, release: &str) -> Case {
        self.next += 1;
        let deployment = format!("{:012x}", 0xc0de_0000_0000_u64 + u64::from(self.next));
        let (new, update) = (self.container(&deployment), self.container(&format!("{deployment}-update")));
        let has_old = lane != Lane::First;
        let slot = if has_old { Slot::B } else { Slot::A };
        self.web(&deployment, slot, release, "no");
        let flag = if lane == Lane::First { ["-i", "base,web,lab_mod"] } else { ["-u", "lab_mod"] };
        let updates = matches!(lane, Lane::First | Lane::Update);
        if updates {
            let database = self.database();
            let command = [
                "odoo",
                "-d",
                &database,
                flag[0],
                flag[1],
                "--stop-after-init",
                "--no-http",
                "--max-cron-threads=0",
            ];
            self.odoo(&["create", "--name", &update], release, "", &command);
        }
        let plan = Plan {
            slug: self.slug.clone(),
            deployment,
            lane,
            root: self.root(),
            docker_sudo: false,
            docker_socket: None,
            old: has_old.then(|| Live { container: self.container("old"), slot: Slot::A }),
            new: Live { container: new, slot },
            update: updates.then_some(update),
            postgres: self.db(),
            database: self.database(),
            role: "odoo".into(),
            proxy: self.proxy(),
            volume: self.volume(),
            image: ODOO.into(),
            image_id: None,
            domain: DOMAIN.into(),
            modules: ["base", "web", "lab_mod"].map(Into::into).into(),
            static_files: vec![],
            updated: if updates { vec!["lab_mod".into()] } else { vec![] },
            absent: vec![],
            health_path: "/web/health".into(),
            websocket_path: "/websocket".into(),
            websocket_port: 8069,
            limits: Limits { health: Duration::from_secs(60), ..Limits::default() },
            margin_kib: 100_000,
        };
        let case = Case { plan };
        self.write(&case);
        case
    }

    /// Writes a case's plan, again after it was changed.
    pub(crate) fn write(&self, case: &Case) {
        fs::create_dir_all(case.plan.dir()).unwrap();
        fs::write(case.plan.path(), case.plan.render().unwrap()).unwrap();
    }

    /// Calls the script in one of its modes, with variables for its test hooks.
    pub(crate) fn call(&self, case: &Case, mode: &str, env: &[(&str, &str)]) -> Output {
        let shell = std::env::var("SLIPWAY_TEST_SHELL").unwrap_or_else(|_| "sh".into());
        let mut words = shell.split(' ');
        let mut command = Command::new(words.next().unwrap());
        command.args(words).arg(&self.script).arg(mode).arg(case.plan.path());
        command.envs(env.iter().copied()).output().unwrap()
    }

    /// Replaces a piece of the script: what the tests of a safeguard take away to see that they would notice.
    pub(crate) fn break_script(&self, from: &str, to: &str) {
        assert!(script::TEXT.contains(from));
        fs::write(&self.script, script::TEXT.replace(from, to)).unwrap();
    }

    /// Puts the script back as it is.
    pub(crate) fn mend_script(&self) {
        fs::write(&self.script, script::TEXT).unwrap();
    }

    /// Runs shell commands in the folder of filestores.
    pub(crate) fn files(&self, commands: &str) -> String {
        let volume = format!("{}:/v", self.volume());
        let commands = format!("cd /v/filestore 2>/dev/null || exit 0; {commands}");
        self.docker(&[
            "run",
            "--rm",
            "LABELS",
            "--network",
            "none",
            "-u",
            "0",
            "-v",
            &volume,
            "--entrypoint",
            "sh",
            ODOO,
            "-c",
            &commands,
        ])
    }

    fn web(&self, id: &str, slot: Slot, release: &str, restart: &str) {
        let (name, slot_label) = (self.container(id), format!("slipway.slot={slot}"));
        // The old release runs none: what a cron wrote before the commit, the new one did.
        let crons = format!("--max-cron-threads={}", u8::from(release != "old"));
        let aliases = [format!("{}-{slot}", self.slug), format!("{}-{slot}-ws", self.slug)];
        let (database, filter) = (self.database(), format!("^{}$", self.database()));
        let how = [
            "create",
            "--name",
            &name,
            "--label",
            &slot_label,
            "--restart",
            restart,
            "--network-alias",
            &aliases[0],
            "--network-alias",
            &aliases[1],
        ];
        self.odoo(
            &how,
            release,
            "",
            &["odoo", "-d", &database, "--db-filter", &filter, "--no-database-list", "--proxy-mode", &crons],
        );
    }

    fn odoo(&self, how: &[&str], release: &str, more: &str, command: &[&str]) {
        let (network, host) = (self.network(), format!("HOST={}", self.db()));
        let data = format!("{}:/var/lib/odoo", self.volume());
        let addons = format!("{}:/mnt/extra-addons:ro", self.addons(release).display());
        let mut args = how.to_vec();
        args.extend(["LABELS", "--network", &network, "-e", &host, "-v", &data, "-v", &addons]);
        args.extend(more.split_whitespace().chain([ODOO]).chain(command.iter().copied()));
        self.docker(&args);
    }

    fn docker(&self, args: &[&str]) -> String {
        let labels = [
            "--label".into(),
            "slipway.test=cutover".into(),
            "--label".into(),
            format!("slipway.env={}", self.slug),
        ];
        let args =
            args.iter().flat_map(|a| if *a == "LABELS" { labels.to_vec() } else { vec![(*a).to_owned()] });
        let args: Vec<String> = args.collect();
        let out = Command::new("docker").args(&args).output().unwrap();
        assert!(out.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    fn sh(&self, script: &str, args: &[&str]) {
        assert!(
            Command::new("sh").arg("-c").arg(script).arg("sh").args(args).output().unwrap().status.success()
        );
    }

    pub(crate) fn until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(90);
        while !done() {
            assert!(Instant::now() < end, "waited too long for {what}");
            sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn site(&self, tls: Tls) -> Site {
        Site {
            slug: self.slug.clone(),
            domain: DOMAIN.into(),
            tls,
            https_port: 8443,
            socket_port_a: 8069,
            socket_port_b: 8069,
            hold: Duration::from_secs(60),
            limit_time_real: Duration::from_secs(120),
        }
    }

    /// What Caddy says to a site of the lab's main file, without loading it.
    pub(crate) fn caddy_accepts(&self, site: &str) -> Result<(), String> {
        let dir = self.root.path().join("caddy/try");
        fs::create_dir_all(dir.join("sites")).unwrap();
        fs::write(dir.join("Caddyfile"), CADDYFILE).unwrap();
        fs::write(dir.join("sites/x.caddy"), site).unwrap();
        let args = [
            "exec",
            &self.proxy(),
            "caddy",
            "adapt",
            "--config",
            "/etc/caddy/try/Caddyfile",
            "--adapter",
            "caddyfile",
        ];
        let out = Command::new("docker").args(args).output().unwrap();
        if out.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&out.stderr).into_owned()) }
    }

    pub(crate) fn gate(&self, slot: Slot) -> PathBuf {
        self.root.path().join(format!("caddy/gate/{}/{slot}", self.slug))
    }

    pub(crate) fn container(&self, id: &str) -> String {
        format!("slipway-{}-web-{id}", self.slug)
    }

    pub(crate) fn database(&self) -> String {
        self.slug.replace('-', "_")
    }

    pub(crate) fn root(&self) -> String {
        self.root.path().to_str().unwrap().to_owned()
    }

    pub(super) fn addons(&self, release: &str) -> PathBuf {
        self.root.path().join("addons").join(release)
    }

    fn network(&self) -> String {
        format!("slipway-{}", self.slug)
    }

    fn db(&self) -> String {
        format!("slipway-{}-db", self.slug)
    }

    fn proxy(&self) -> String {
        format!("slipway-{}-caddy", self.slug)
    }

    fn volume(&self) -> String {
        format!("slipway-{}-data", self.slug)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = Command::new("docker").args(["logs", "--tail", "40", &self.proxy()]).output();
            println!(
                "Caddy said: {}",
                said.map(|o| String::from_utf8_lossy(&o.stderr).into_owned()).unwrap_or_default()
            );
        }
        let script = "docker ps -aq --filter label=slipway.env=$1 | xargs -r docker rm -f -v
            docker volume rm -f slipway-$1-data; docker network rm slipway-$1";
        Command::new("sh").arg("-c").arg(script).arg("sh").arg(&self.slug).output().ok();
    }
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, target).map(drop).unwrap() }
    }
}
