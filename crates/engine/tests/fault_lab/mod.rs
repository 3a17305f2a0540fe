//! One environment on a machine whose disk can lose what was not synced: the cutover's script, PostgreSQL, and a stand-in for Docker.
//!
//! All that a server keeps lies on one ext4 file system in a file. A power cut is a copy of that file, as it is at that moment: what had
//! reached the disk. Everything is ended, the copy is mounted, and PostgreSQL and the script's boot entry do what they do after a reboot.

mod end;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

pub(crate) use end::End;
use slipway_engine::cutover::{Lane, Limits, Live, Plan, Slot, script};

const DEPLOYMENT: &str = "0123456789ab";
const OLD: &str = "slipway-lab-old";
/// For the script in any of its modes: far more than all limits of one that holds.
const CALL_LIMIT: Duration = Duration::from_secs(150);
const MARK: &str = "SLIPWAY_FAULT_LAB";
/// The disk that every machine begins with a copy of: an empty PostgreSQL.
pub(crate) struct Lab {
    dir: tempfile::TempDir,
    postgresql: PathBuf,
}

/// A machine with a cutover that is laid and not begun.
pub(crate) struct Machine<'a> {
    lab: &'a Lab,
    dir: tempfile::TempDir,
    pub(crate) lane: Lane,
    plan: Plan,
}

impl Lab {
    /// `None`, with the reason printed, where a program is missing, this is no root, or no file can be mounted as a disk.
    pub(crate) fn new() -> Option<Self> {
        let postgresql = fs::read_dir("/usr/lib/postgresql").ok().and_then(|versions| {
            versions
                .flatten()
                .map(|version| version.path().join("bin"))
                .find(|bin| bin.join("initdb").exists())
        });
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|said| said.stdout == b"0\n");
        let has =
            |program: &str| Command::new("sh").args(["-c", "command -v \"$1\"", "sh", program]).output();
        let missing = ["mkfs.ext4", "mount", "runuser", "python3"];
        let missing = missing.iter().find(|program| !has(program).is_ok_and(|said| said.status.success()));
        let (Some(postgresql), true, None) = (postgresql, is_root, missing) else {
            println!("SKIPPED: needs root, PostgreSQL's programs, mkfs.ext4, mount, runuser and python3");
            return None;
        };
        let lab = Self { dir: folder(), postgresql };
        let dir = lab.dir.path();
        must(Command::new("truncate").args(["-s", "400M"]).arg(dir.join("disk.img")));
        must(Command::new("mkfs.ext4").arg("-q").arg(dir.join("disk.img")));
        if let Err(why) = mount(dir) {
            println!("SKIPPED: no file can be mounted as a disk here: {why}");
            return None;
        }
        for folder in ["root/lab", "root/caddy/gate/lab", "docker", "data/filestore/lab/aa", "pg"] {
            fs::create_dir_all(dir.join("disk").join(folder)).unwrap();
        }
        must(Command::new("chown").arg("postgres").args([dir.join("disk/pg"), dir.join("sock")]));
        fs::set_permissions(dir.join("disk/pg"), fs::Permissions::from_mode(0o700)).unwrap();
        lab.as_postgres(dir, "initdb", &["-A", "trust", "-E", "UTF8", "-D", &at(dir, "disk/pg")]);
        lab.start(dir);
        lab.sql(dir, "postgres", "create role odoo login");
        lab.stop(dir, "fast");
        // A mount namespace that was made meanwhile keeps the disk mounted, and what was written in memory.
        must(Command::new("sync").arg("-f").arg(dir.join("disk")));
        must(Command::new("umount").arg(dir.join("disk")));
        Some(lab)
    }

    /// A machine of its own, with everything ready for a cutover by this lane.
    pub(crate) fn machine(&self, lane: Lane) -> Machine<'_> {
        let dir = folder();
        let (from, to) = (self.dir.path().join("disk.img"), dir.path().join("disk.img"));
        must(Command::new("cp").arg("--sparse=always").args([from, to]));
        let machine = Machine { lab: self, plan: plan(dir.path(), lane), dir, lane };
        machine.set_up();
        machine
    }

    fn as_postgres(&self, dir: &Path, program: &str, args: &[&str]) {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(self.postgresql.join(program)).args(args);
        must(command.env(MARK, dir).current_dir("/"));
    }

    fn start(&self, dir: &Path) {
        fs::remove_file(dir.join("sock/log")).ok();
        let options = format!("-k {} -c listen_addresses='' -c max_connections=40", at(dir, "sock"));
        let (data, log) = (at(dir, "disk/pg"), at(dir, "sock/log"));
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(self.postgresql.join("pg_ctl"));
        command.args(["-D", &data, "-w", "-s", "-l", &log, "-o", &options, "start"]);
        let out = command.env(MARK, dir).current_dir("/").output().unwrap();
        assert!(out.status.success(), "{}", fs::read_to_string(&log).unwrap_or_default());
    }

    fn stop(&self, dir: &Path, how: &str) {
        self.as_postgres(dir, "pg_ctl", &["-D", &at(dir, "disk/pg"), "-s", "-m", how, "stop"]);
    }

    fn sql(&self, dir: &Path, database: &str, statement: &str) -> String {
        let said = self.try_sql(dir, database, statement);
        assert!(said.status.success(), "{statement}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }

    fn try_sql(&self, dir: &Path, database: &str, statement: &str) -> Output {
        let mut psql = Command::new(self.postgresql.join("psql"));
        psql.args([
            "-XAtq",
            "-F",
            " ",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
            "-d",
            database,
            "-c",
            statement,
        ]);
        psql.env("PGHOST", dir.join("sock")).output().unwrap()
    }
}

impl Machine<'_> {
    fn set_up(&self) {
        let dir = self.dir.path();
        mount(dir).unwrap();
        must(Command::new("chown").arg("postgres").arg(dir.join("sock")));
        for folder in ["bin", "inside"] {
            fs::create_dir_all(dir.join(folder)).unwrap();
        }
        let program = dir.join("bin/docker");
        fs::write(&program, include_str!("docker.py")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink(&program, dir.join("inside/wget")).unwrap();
        self.lab.start(dir);
        self.container("slipway-lab-db", "running - unless-stopped");
        self.container("slipway-caddy", "running - unless-stopped");
        if self.lane != Lane::First {
            self.lab.sql(dir, "postgres", "create database lab owner odoo");
            self.fill("lab", "live order");
            fs::write(self.on_disk("data/filestore/lab/aa/live"), "live").unwrap();
            self.container(OLD, "running a unless-stopped");
            fs::write(self.on_disk("root/caddy/gate/lab/a"), "").unwrap();
        } else {
            fs::remove_dir_all(self.on_disk("data/filestore/lab")).unwrap();
        }
        if self.lane == Lane::Restore {
            let staging = self.plan.staging();
            self.lab.sql(dir, "postgres", &format!("create database {staging} owner odoo"));
            self.fill(&staging, "older order");
            let files = self.on_disk(&format!("data/filestore/{staging}/aa"));
            fs::create_dir_all(&files).unwrap();
            fs::write(files.join("older"), "older").unwrap();
        }
        self.container(&self.plan.new.container, &format!("created {} no", self.plan.new.slot));
        if let Some(update) = &self.plan.update {
            self.container(update, "created - no");
        }
        fs::create_dir_all(self.plan.dir()).unwrap();
        fs::write(self.plan.path(), self.plan.render().unwrap()).unwrap();
        fs::write(self.script(), script::TEXT).unwrap();
        self.flush();
    }

    fn fill(&self, database: &str, what: &str) {
        let text = format!(
            "create table ir_module_module (name text, state text); insert into ir_module_module values ('base', 'installed');
             create table ir_cron (id int primary key); insert into ir_cron values (1);
             create table ir_attachment (id serial, type text, res_model text, res_id int, create_uid int, url text, store_fname text);
             alter table ir_attachment owner to odoo; create table orders (id serial, what text); insert into orders (what) select '{what} ' || n from generate_series(1, 1000) n;
             alter table ir_module_module owner to odoo; alter table orders owner to odoo; alter table ir_cron owner to odoo"
        );
        self.lab.sql(self.dir.path(), database, &text);
    }

    fn container(&self, name: &str, state: &str) {
        fs::write(self.on_disk("docker").join(name), format!("{state}\n")).unwrap();
    }

    fn on_disk(&self, path: &str) -> PathBuf {
        self.dir.path().join("disk").join(path)
    }

    fn script(&self) -> PathBuf {
        Path::new(&self.plan.dir()).join("cutover.sh")
    }

    /// Brings to the disk what the machine has written.
    pub(crate) fn flush(&self) {
        must(Command::new("sync").arg("-f").arg(self.dir.path().join("disk")));
    }

    /// Sets how the stand-in for Docker behaves from now on: `3 fail`, `3 hang`, `3 twice`, or as usual.
    pub(crate) fn fault(&self, fault: Option<String>) {
        fs::remove_file(self.dir.path().join("calls")).ok();
        let file = self.dir.path().join("fault");
        match fault {
            Some(fault) => fs::write(file, fault).unwrap(),
            None => fs::remove_file(file).unwrap_or_default(),
        }
    }

    /// How often the stand-in was called since the last fault was set.
    pub(crate) fn calls(&self) -> usize {
        fs::read_to_string(self.dir.path().join("calls")).map_or(0, |calls| calls.lines().count())
    }

    /// Calls the script in one of its modes, with its test hooks.
    pub(crate) fn call(&self, mode: &str, hooks: &[(&str, &str)]) -> Output {
        let path = format!("{}:{}", at(self.dir.path(), "bin"), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.arg(self.script()).args([mode, &self.plan.path()]);
        command
            .env(MARK, self.dir.path())
            .env("PATH", path)
            .env("SLIPWAY_FAULT_POSTGRESQL", &self.lab.postgresql);
        command.env("SLIPWAY_FAULT_LANE", self.lane.to_string()).envs(hooks.iter().copied());
        command.envs([("CALL_S", "3"), ("UP_S", "2"), ("TALK_S", "4"), ("FILES_S", "6")]);
        // What it leaves behind when it is killed may hold what it wrote to: files, and no pipes to wait for.
        let (said, complained) = (self.dir.path().join("said"), self.dir.path().join("complained"));
        let files = [&said, &complained].map(|path| fs::File::create(path).unwrap());
        let [stdout, stderr] = files;
        let mut child = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn().unwrap();
        let until = Instant::now() + CALL_LIMIT;
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > until => {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    panic!(
                        "{mode} does not end in {CALL_LIMIT:?}: {}",
                        fs::read_to_string(self.plan.journal()).unwrap_or_default()
                    );
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        Output { status, stdout: fs::read(said).unwrap(), stderr: fs::read(complained).unwrap() }
    }

    /// Lines of the journal that tell of failures and warnings.
    pub(crate) fn failures(&self) -> String {
        let journal = fs::read_to_string(self.plan.journal()).unwrap_or_default();
        let told = |line: &&str| {
            ["\"ev\":\"fail\"", "\"ev\":\"warn\"", "\"ev\":\"lost\""].iter().any(|ev| line.contains(ev))
        };
        journal.lines().filter(told).collect::<Vec<_>>().join("\n")
    }

    /// The actions that the journal tells of as begun, in their order.
    pub(crate) fn begun(&self) -> Vec<String> {
        let journal = fs::read_to_string(self.plan.journal()).unwrap_or_default();
        let lines = journal.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines
            .filter(|line| line["ev"] == "start")
            .filter_map(|line| Some(line["action"].as_str()?.to_owned()))
            .collect()
    }

    /// The power goes, and comes back: what was not on the disk is gone.
    pub(crate) fn cut_power(&self) {
        let dir = self.dir.path();
        must(Command::new("cp").arg("--sparse=always").args([dir.join("disk.img"), dir.join("after.img")]));
        self.end_processes();
        self.unmount().unwrap();
        fs::rename(dir.join("after.img"), dir.join("disk.img")).unwrap();
        mount(dir).unwrap();
        // The number of the process of before is another's after a reboot, and its sockets are gone.
        fs::remove_file(self.on_disk("pg/postmaster.pid")).ok();
        for name in [".s.PGSQL.5432", ".s.PGSQL.5432.lock"] {
            fs::remove_file(dir.join("sock").join(name)).ok();
        }
        self.lab.start(dir);
        for entry in fs::read_dir(self.on_disk("docker")).unwrap().flatten() {
            let state = fs::read_to_string(entry.path()).unwrap();
            // Docker starts again what ran and has a policy to.
            if state.starts_with("running") && !state.trim_end().ends_with("unless-stopped") {
                fs::write(entry.path(), state.replacen("running", "exited", 1)).unwrap();
            }
        }
    }

    /// PostgreSQL's own processes, whose environment can't be read, end a moment after the first one of them.
    fn unmount(&self) -> Result<(), String> {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let Err(why) = tried(Command::new("umount").arg(self.on_disk(""))) else { return Ok(()) };
            if Instant::now() > until {
                return Err(format!("the disk stays in use: {why}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends all that runs on the machine, at once.
    fn end_processes(&self) {
        let mark = format!("{MARK}={}", self.dir.path().display()).into_bytes();
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let pids: Vec<String> = fs::read_dir("/proc")
                .unwrap()
                .flatten()
                .filter(|entry| {
                    fs::read(entry.path().join("environ"))
                        .is_ok_and(|all| all.split(|b| *b == 0).any(|one| one == mark))
                })
                .filter_map(|entry| entry.file_name().into_string().ok())
                .collect();
            if pids.is_empty() {
                return;
            }
            if Instant::now() > until {
                println!("processes that don't end: {pids:?}");
                return;
            }
            Command::new("kill").arg("-9").args(&pids).output().unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the script says of itself.
    pub(crate) fn status(&self) -> String {
        String::from_utf8_lossy(&self.call("status", &[]).stdout).trim().to_owned()
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        self.end_processes();
        // A test that fails already must not end all others with a second panic.
        if let Err(why) = self.unmount() {
            println!("{}: {why}", self.on_disk("").display());
            tried(Command::new("umount").arg("--lazy").arg(self.on_disk(""))).ok();
        }
    }
}

fn plan(dir: &Path, lane: Lane) -> Plan {
    let has_old = lane != Lane::First;
    let new = format!("slipway-lab-{DEPLOYMENT}");
    let second = Duration::from_secs(1);
    Plan {
        slug: "lab".into(),
        deployment: DEPLOYMENT.into(),
        lane,
        root: at(dir, "disk/root"),
        docker_sudo: false,
        docker_socket: None,
        old: has_old.then(|| Live { container: OLD.into(), slot: Slot::A }),
        new: Live { container: new.clone(), slot: if has_old { Slot::B } else { Slot::A } },
        update: matches!(lane, Lane::First | Lane::Update).then(|| format!("{new}-update")),
        postgres: "slipway-lab-db".into(),
        database: "lab".into(),
        role: "odoo".into(),
        proxy: "slipway-caddy".into(),
        volume: "slipway-lab-data".into(),
        image: "image".into(),
        image_id: None,
        domain: "lab.example".into(),
        modules: vec!["base".into()],
        updated: vec![],
        absent: vec![],
        static_files: vec![],
        health_path: "/web/health".into(),
        websocket_path: "/websocket".into(),
        websocket_port: 8072,
        limits: Limits {
            drain: second,
            stop: second,
            update: 10 * second,
            health: 5 * second,
            dump: 20 * second,
            docker: 5 * second,
            ..Limits::default()
        },
        margin_kib: 1000,
    }
}

/// A folder that PostgreSQL's user can go into.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("slipway-faults-").tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["disk", "sock"] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    dir
}

fn mount(dir: &Path) -> Result<(), String> {
    tried(Command::new("mount").args(["-o", "loop"]).args([dir.join("disk.img"), dir.join("disk")]))
}

fn at(dir: &Path, path: &str) -> String {
    dir.join(path).display().to_string()
}

fn must(command: &mut Command) {
    tried(command).unwrap();
}

fn tried(command: &mut Command) -> Result<(), String> {
    let out = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if out.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&out.stderr)))
    }
}
