//! What a server looks like right now, learnt in one round trip by `facts.sh`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slipway_remote::{Cmd, DockerAccess, Host};

use crate::error::{EngineError, ErrorCode};
use crate::history::HistoryEntry;
use crate::model::DeploymentId;
use crate::server::{ReleaseManifest, Slot};

const SCRIPT: &str = include_str!("facts.sh");

/// Oldest Docker Engine that Slipway works with (API 1.41).
pub const DOCKER_MIN: (u32, u32) = (20, 10);

/// The state of a server, and of one environment on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Absolute path of Slipway's folder on the server.
    pub root: String,
    /// The search path of the SSH user's commands.
    pub path: String,
    /// The server's clock, seconds since the epoch.
    pub time: i64,
    /// `uname -s`.
    pub os: String,
    /// `uname -m`.
    pub arch: String,
    /// Processors online.
    pub cpus: f64,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// Memory available in MiB.
    pub memory_free_mb: u64,
    /// Size and free room of the disk that holds Docker's data, in MiB.
    pub docker_disk_mb: Disk,
    /// Size and free room of the disk that holds Slipway's folder, in MiB.
    pub root_disk_mb: Disk,
    /// Docker Engine's version, such as `27.3.1`.
    pub docker: String,
    /// Why Docker didn't answer, in its own words.
    pub docker_error: Option<String>,
    /// Programs found on the server, of those that the cut over uses.
    pub tools: Vec<String>,
    /// All containers with Slipway's label.
    pub containers: Vec<ContainerFact>,
    /// All networks of Slipway's that its containers are on.
    pub networks: BTreeSet<String>,
    /// Slots whose gate is open.
    pub gates: Vec<Slot>,
    /// Who prepares a deployment of the environment, if anybody: the lease as JSON.
    pub lease: Option<String>,
    /// Whether the environment's database password was generated already.
    pub has_db_password: bool,
    /// A checksum of the proxy's site file.
    pub site: Option<String>,
    /// What `release.json` says, of each release that is still on the server.
    pub releases: Vec<ReleaseManifest>,
    /// Short ids of deployments whose cut over has neither committed nor reverted.
    pub unfinished: Vec<String>,
    /// Each cut over that committed and is still on the server.
    #[serde(default)]
    pub committed: Vec<Committed>,
    /// What the database server says of the environment's database; `None` when it could not be asked.
    #[serde(default)]
    pub database: Option<DatabaseState>,
    /// Short ids of deployments whose cut over went back.
    #[serde(default)]
    pub undone: Vec<String>,
    /// The database's size in bytes, when it exists.
    pub db_bytes: Option<u64>,
    /// How many modules have their demo data; `None` when it isn't known.
    pub demo_modules: Option<u64>,
    /// How many connections its server takes.
    #[serde(default)]
    pub max_connections: Option<u32>,
    /// Modules that Odoo knows as anything but uninstalled: name and state.
    pub modules: Vec<(String, String)>,
    /// Those of the modules that were imported in Odoo: they are in the database alone, and have no folder.
    #[serde(default)]
    pub imported: BTreeSet<String>,
    /// The installed version of the module `base`, which begins with the database's series: `19.0.1.3`.
    #[serde(default)]
    pub database_version: Option<String>,
    /// The newest lines of the environment's history, oldest first: [`Facts::HISTORY_LINES`] at most.
    #[serde(skip)]
    pub history: Vec<HistoryEntry>,
    /// The size in bytes of each dump among the environment's snapshots, by the short id of the deployment it was taken for.
    #[serde(skip)]
    pub snapshots: BTreeMap<String, u64>,
}

/// A cutover that committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// Its place among the environment's releases, which the server counts. What an older version committed has none.
    pub number: Option<u64>,
    /// When, by the server's clock.
    pub at: Timestamp,
    /// The short id of its deployment.
    pub deployment: String,
}

/// Whether there is a database, and whether it can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseState {
    /// There is none of that name.
    None,
    /// It takes connections.
    Open,
    /// It takes none: a cutover is in its middle, or somebody closed it.
    Closed,
}

/// Size and free room of a disk, in MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Disk {
    /// All of it.
    pub total: u64,
    /// What is free for an ordinary user.
    pub free: u64,
}

/// A container with Slipway's label.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerFact {
    /// Docker's id, in full.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `running`, `exited`, `created`, …
    pub state: String,
    /// The environment's slug.
    pub env: String,
    /// `web`, `db`, `update`, `caddy`, …
    pub role: String,
    /// The deployment that made it.
    pub deployment: Option<DeploymentId>,
    /// The slot of a web container.
    pub slot: Option<Slot>,
    /// The commit of the main repository.
    pub commit: String,
    /// Reserved processors.
    pub cpus: f64,
    /// Reserved memory in MiB.
    pub memory_mb: u64,
    /// Reserved disk in MiB.
    pub disk_mb: u64,
    /// A hash of what the container was made from, where that matters (database, proxy).
    pub recipe: String,
}

impl ContainerFact {
    /// Whether Docker has it running.
    pub fn is_running(&self) -> bool {
        self.state == "running"
    }
}

impl Facts {
    /// How much of the history comes with the facts. As many as `facts.sh` says.
    pub const HISTORY_LINES: usize = 15;

    /// Asks the server. `slug` may be empty: then only what concerns the whole server is learnt.
    /// `docker` says how Docker is reached.
    pub async fn learn(
        host: &dyn Host,
        root: &str,
        slug: &str,
        docker: &DockerAccess,
    ) -> Result<Self, EngineError> {
        let sudo = if docker.sudo { "sudo" } else { "" };
        let mut cmd = Cmd::script(SCRIPT, [root, slug, sudo]);
        if let Some(socket) = &docker.socket {
            cmd = cmd.env("DOCKER_HOST", format!("unix://{socket}"));
        }
        let out = host.run(cmd).await?;
        let facts = Self::parse(&out.stdout);
        if out.code != 0 {
            let detail = if out.stderr.trim().is_empty() { out.stdout } else { out.stderr };
            return Err(EngineError::new(ErrorCode::ServerUnusable, "The server could not be examined")
                .hint("Check that the SSH user may write its home folder and run a POSIX shell")
                .detail(detail));
        }
        Ok(facts)
    }

    /// The container that serves the environment: the one in the open slot, or else the one that Docker keeps running.
    pub fn live(&self, slug: &str) -> Option<&ContainerFact> {
        let web = || self.containers.iter().filter(|c| c.env == slug && c.role == "web");
        web()
            .find(|c| c.slot.is_some_and(|s| self.gates.contains(&s)) && c.is_running())
            .or_else(|| web().find(|c| c.is_running()))
            .or_else(|| web().find(|c| c.slot.is_some_and(|s| self.gates.contains(&s))))
    }

    /// The record of the release that a deployment left on the server.
    pub fn release(&self, deployment: DeploymentId) -> Option<&ReleaseManifest> {
        self.releases.iter().find(|r| r.deployment == deployment)
    }

    /// The record of the release that is live. Where no container is, it was removed by hand: then of the one that was live last,
    /// which the database was last used with.
    pub fn last_release(&self, slug: &str) -> Option<&ReleaseManifest> {
        match self.live(slug) {
            Some(live) => self.release(live.deployment?),
            None => {
                let last = self.last_committed()?;
                self.releases.iter().find(|r| r.deployment.short() == last.deployment)
            }
        }
    }

    /// Whether a deployment's cut over was begun there, however it ended.
    pub fn has_begun(&self, deployment: DeploymentId) -> bool {
        let short = deployment.short();
        let committed = self.committed.iter().map(|committed| &committed.deployment);
        self.unfinished.iter().chain(&self.undone).chain(committed).any(|begun| *begun == short)
    }

    /// Whether a deployment is the one that was committed last.
    pub fn is_last_committed(&self, deployment: DeploymentId) -> bool {
        self.last_committed().is_some_and(|last| last.deployment == deployment.short())
    }

    /// The cutover that committed last: by the server's numbers, and by its clock where one has none.
    fn last_committed(&self) -> Option<&Committed> {
        self.committed.iter().max_by(|one, other| match (one.number, other.number) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => one.at.cmp(&other.at),
        })
    }

    /// Whether the environment's database could be asked.
    pub fn runs_database(&self, slug: &str) -> bool {
        self.containers.iter().any(|c| c.env == slug && c.role == "db" && c.is_running())
    }

    /// That what is known of the database is enough to plan by. What could not be read is not taken for "there is none".
    ///
    /// # Errors
    /// When it lets nobody in, or when its server runs and doesn't answer.
    pub fn check_database(&self, slug: &str) -> Result<(), EngineError> {
        let error = |message: String| EngineError::new(ErrorCode::DatabaseFailed, message);
        match self.database {
            Some(DatabaseState::Closed) if !self.unfinished.is_empty() => Err(error(format!(
                "The database of {slug} lets nobody in: a cutover is in its middle."
            ))
            .hint("Wait until it has ended. One that nobody ends is ended by the next deployment.")),
            Some(DatabaseState::Closed) => Err(error(format!("The database of {slug} lets nobody in.")).hint(
                "Somebody closed it by hand. PostgreSQL opens it: alter database … allow_connections true",
            )),
            None if self.runs_database(slug) => {
                Err(error(format!("The database server of {slug} runs, but could not be asked for its databases."))
                    .hint(format!("Its log says why: docker logs --tail 50 slipway-{slug}-db")))
            }
            _ => Ok(()),
        }
    }

    /// The modules that are installed, also those that wait for an upgrade or for their removal.
    pub fn installed(&self) -> impl Iterator<Item = &str> {
        let is_installed = |state: &str| matches!(state, "installed" | "to upgrade" | "to remove");
        self.modules.iter().filter(move |(_, state)| is_installed(state)).map(|(name, _)| name.as_str())
    }

    /// Modules that wait for what Odoo does with them at its next update: name and state.
    pub fn waiting(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.modules.iter().map(|(name, state)| (name.as_str(), state.as_str()));
        all.filter(|(_, state)| matches!(*state, "to upgrade" | "to install" | "to remove"))
    }

    /// A named container of ours.
    pub fn container(&self, name: &str) -> Option<&ContainerFact> {
        self.containers.iter().find(|c| c.name == name)
    }

    /// An error when the server can't be deployed to, with what to do about it.
    pub fn check_docker(&self) -> Result<(), EngineError> {
        if let Some(why) = &self.docker_error {
            return Err(docker_error(why));
        }
        let mut parts = self.docker.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
        let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if found < DOCKER_MIN {
            return Err(EngineError::new(
                ErrorCode::DockerTooOld,
                format!("The server has Docker {}, which is too old", self.docker),
            )
            .hint(format!("Install Docker {}.{} or newer on the server", DOCKER_MIN.0, DOCKER_MIN.1)));
        }
        for tool in ["flock", "setsid", "tar", "awk", "timeout"] {
            if !self.tools.iter().any(|t| t == tool) {
                return Err(EngineError::new(
                    ErrorCode::ServerUnusable,
                    format!("The server has no `{tool}`"),
                )
                .hint("Install util-linux, coreutils, tar and awk on the server"));
            }
        }
        Ok(())
    }

    fn parse(text: &str) -> Self {
        let mut facts = Self::default();
        for line in text.lines() {
            let mut fields = line.split('\t');
            let Some(key) = fields.next() else { continue };
            let rest: Vec<&str> = fields.collect();
            let first = rest.first().copied().unwrap_or_default();
            facts.take(key, first, &rest);
        }
        facts
    }

    fn take(&mut self, key: &str, first: &str, rest: &[&str]) {
        match key {
            "root" => first.clone_into(&mut self.root),
            "path" => first.clone_into(&mut self.path),
            "time" => self.time = first.parse().unwrap_or(0),
            "os" => first.clone_into(&mut self.os),
            "arch" => first.clone_into(&mut self.arch),
            "cpus" => self.cpus = first.parse().unwrap_or(0.0),
            "memory_kb" => self.memory_mb = kib(first) / 1024,
            "memory_free_kb" => self.memory_free_mb = kib(first) / 1024,
            "root_disk_kb" => self.root_disk_mb = disk(first),
            "docker_disk_kb" => self.docker_disk_mb = disk(first),
            "tool" => self.tools.push(first.to_owned()),
            "docker" => first.clone_into(&mut self.docker),
            "docker_error" => self.docker_error = Some(first.to_owned()),
            "container" => {
                self.containers.push(container(rest));
                let on = rest.get(12).into_iter().flat_map(|names| names.split(','));
                self.networks.extend(on.filter(|name| name.starts_with("slipway-")).map(str::to_owned));
            }
            "gate" => self.gates.extend(first.parse::<Slot>().ok()),
            "lease" => self.lease = Some(first.to_owned()),
            "db_password" => self.has_db_password = true,
            "site" => self.site = Some(first.to_owned()),
            "release" => match serde_json::from_str(first) {
                Ok(record) => self.releases.push(record),
                Err(error) => tracing::warn!(%error, "a release record on the server can't be read"),
            },
            "history" => self.history.extend(HistoryEntry::parse(first)),
            "snapshot" => {
                let (short, bytes) = first.split_once(' ').unwrap_or((first, ""));
                self.snapshots.insert(short.to_owned(), bytes.trim().parse().unwrap_or(0));
            }
            "committed" => {
                let at = rest.get(1).and_then(|at| at.parse().ok()).unwrap_or_default();
                let number = rest.get(2).and_then(|number| number.parse().ok());
                self.committed.push(Committed { number, at, deployment: first.to_owned() });
            }
            "unfinished" => self.unfinished.push(first.to_owned()),
            "undone" => self.undone.push(first.to_owned()),
            "database" => {
                self.database = match first {
                    "none" => Some(DatabaseState::None),
                    "open" => Some(DatabaseState::Open),
                    "closed" => Some(DatabaseState::Closed),
                    _ => None,
                }
            }
            "db_bytes" => self.db_bytes = first.parse().ok(),
            "demo" => self.demo_modules = first.parse().ok(),
            "max_connections" => self.max_connections = first.parse().ok(),
            "database_version" => self.database_version = Some(first.to_owned()).filter(|v| !v.is_empty()),
            "module" => {
                if rest.get(2) == Some(&"true") {
                    self.imported.insert(first.to_owned());
                }
                self.modules.push((first.to_owned(), rest.get(1).copied().unwrap_or_default().to_owned()));
            }
            _ => {}
        }
    }
}

fn docker_error(why: &str) -> EngineError {
    // Docker's client gives no code for these; the words are stable since 1.x (docker/cli, `client/errors.go`).
    let lower = why.to_lowercase();
    let (code, message, hint) = if why == "missing" {
        (
            ErrorCode::NoDocker,
            "There is no Docker on the server",
            "Install Docker Engine 20.10 or newer on the server",
        )
    } else if lower.contains("permission denied") {
        (
            ErrorCode::NoRightToDocker,
            "The SSH user has no right to use Docker",
            "Add the user to the `docker` group on the server and connect again, or choose sudo for Docker in the server's settings",
        )
    } else {
        (
            ErrorCode::DockerFailed,
            "Docker on the server does not answer",
            "Start it: `sudo systemctl start docker`",
        )
    };
    EngineError::new(code, message).hint(hint).detail(why)
}

fn container(fields: &[&str]) -> ContainerFact {
    let text = |i: usize| fields.get(i).copied().unwrap_or_default();
    ContainerFact {
        id: text(0).into(),
        name: text(1).into(),
        state: text(2).into(),
        env: text(3).into(),
        role: text(4).into(),
        deployment: text(5).parse().ok(),
        slot: text(6).parse().ok(),
        commit: text(7).into(),
        cpus: text(8).parse().unwrap_or(0.0),
        memory_mb: text(9).parse().unwrap_or(0),
        disk_mb: text(10).parse().unwrap_or(0),
        recipe: text(11).into(),
    }
}

fn kib(text: &str) -> u64 {
    text.trim().parse().unwrap_or(0)
}

fn disk(text: &str) -> Disk {
    let mut parts = text.split_whitespace().map(kib);
    Disk { total: parts.next().unwrap_or(0) / 1024, free: parts.next().unwrap_or(0) / 1024 }
}

#[cfg(test)]
mod tests;
