//! What one cut over is told: every variable of the script, typed, checked and quoted in one place.

use std::{fmt::Write as _, time::Duration};

use serde::{Deserialize, Serialize};

use crate::model::{Environment, Lane};
use crate::server::Slot;

/// A web container and its slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The container's name.
    pub container: String,
    /// Where it answers: alias `<slug>-<slot>`, port 8069.
    pub slot: Slot,
}

/// A file of a module's `static` folder that the new release has otherwise than what is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaticFile {
    /// Where Odoo serves it: `/<module>/static/…`.
    pub address: String,
    /// Where it stands in the new container, unless the new release hasn't got it any more.
    pub path: String,
}

/// How long the parts of a cut over may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// For requests in flight to finish, before the stop ends them.
    pub drain: Duration,
    /// Between SIGTERM and SIGKILL when the old container is stopped.
    pub stop: Duration,
    /// For `odoo -u` or `-i`.
    pub update: Duration,
    /// For the new container to become healthy.
    pub health: Duration,
    /// For comparing what is served with what was deployed; a third of it where requests wait meanwhile.
    pub served: Duration,
    /// For `pg_dump` in the code lane; it goes on behind while the new release already serves.
    pub dump: Duration,
    /// For Docker to answer again before each attempt at undoing.
    pub docker: Duration,
}

impl Limits {
    /// The usual ones, but for what an environment sets.
    pub fn of(environment: &Environment) -> Self {
        let seconds = |limit: u32| Duration::from_secs(limit.into());
        Self {
            update: seconds(environment.update_limit_s),
            health: seconds(environment.health_limit_s),
            ..Self::default()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            drain: Duration::from_secs(30),
            stop: Duration::from_secs(30),
            update: Duration::from_secs(3600),
            health: Duration::from_secs(180),
            served: Duration::from_secs(60),
            dump: Duration::from_secs(4 * 3600),
            docker: Duration::from_secs(300),
        }
    }
}

/// Everything the script has to know. Containers are created before, with all their settings: the script starts,
/// stops, renames and clones what stands ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The environment's slug, `[a-z0-9-]`, at most 40 bytes.
    pub slug: String,
    /// The deployment's short id, 12 hexadecimal digits.
    pub deployment: String,
    /// Which way to go.
    pub lane: Lane,
    /// Slipway's folder on the server, absolute.
    pub root: String,
    /// Whether `docker` has to be called by `sudo -n`.
    pub docker_sudo: bool,
    /// Docker's socket, absolute, when it isn't the default one.
    pub docker_socket: Option<String>,
    /// What serves now; `None` when nothing does (not in the code lane).
    pub old: Option<Live>,
    /// What shall serve.
    pub new: Live,
    /// The created container that runs `odoo -u` or `-i` and ends; `None` in the code lane, and where there is nothing to update
    /// in a restore, or in an update lane without an old container.
    pub update: Option<String>,
    /// The environment's PostgreSQL container.
    pub postgres: String,
    /// The environment's database.
    pub database: String,
    /// Odoo's role, who owns the database.
    pub role: String,
    /// Caddy's container.
    pub proxy: String,
    /// The data volume, mounted at /var/lib/odoo.
    pub volume: String,
    /// The release's image, also used to move files in the data volume.
    pub image: String,
    /// The image's id (`sha256:…`), which the running container must have.
    pub image_id: Option<String>,
    /// The domain that the proxy answers to while the cutover lasts, without port. A changed one is its site's after the commit.
    pub domain: String,
    /// Modules that must be installed at the end.
    pub modules: Vec<String>,
    /// Those of them that the update updates: an earlier state of theirs is no excuse.
    #[serde(default)]
    pub updated: Vec<String>,
    /// Installed modules that nothing deployed has a folder of: Odoo can neither load nor update them, and never could.
    #[serde(default)]
    pub absent: Vec<String>,
    /// What changed in modules' `static` folders; those of modules that aren't installed count for nothing.
    pub static_files: Vec<StaticFile>,
    /// What says that Odoo is up: `/web/health` from 15.0, `/web/login` before.
    pub health_path: String,
    /// `/websocket` from 16.0, `/longpolling/poll` before.
    pub websocket_path: String,
    /// 8072 when workers > 0, else 8069.
    pub websocket_port: u16,
    /// How long things may take.
    pub limits: Limits,
    /// What must stay free on the disk, in KiB, above what is needed.
    pub margin_kib: u64,
}

/// Why a plan can't be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A value has characters that its place can't hold, or is too long.
    #[error("{field} can't be {value:?}: {rule}")]
    BadValue {
        /// The plan's field.
        field: &'static str,
        /// What it was.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// The lane needs something that isn't there, or the other way round.
    #[error("a cut over by the lane {lane} {rule}")]
    WrongLane {
        /// The lane.
        lane: Lane,
        /// What it needs.
        rule: &'static str,
    },
}

impl Plan {
    /// The folder of this cut over on the server.
    pub fn dir(&self) -> String {
        format!("{}/{}/cutovers/{}", self.root, self.slug, self.deployment)
    }

    /// Where the rendered plan lies.
    pub fn path(&self) -> String {
        format!("{}/plan.sh", self.dir())
    }

    /// Where the journal lies.
    pub fn journal(&self) -> String {
        format!("{}/journal.jsonl", self.dir())
    }

    /// Database and filestore as they were before: the clone (update lane), the former live one (restore lane), or the
    /// links alone (code lane). They stay after the commit, until the snapshot is made of them.
    pub fn before(&self) -> String {
        format!("before_{}", self.deployment)
    }

    /// Database and filestore of a release that failed, for as long as undoing takes.
    pub fn failed(&self) -> String {
        format!("failed_{}", self.deployment)
    }

    /// Where a restore prepares the database and the filestore.
    pub fn staging(&self) -> String {
        format!("restore_{}", self.deployment)
    }

    /// The folder of the snapshot; in the code lane the script leaves `dump` in it.
    pub fn snapshot(&self) -> String {
        format!("{}/{}/snapshots/{}", self.root, self.slug, self.deployment)
    }

    /// The plan as shell assignments.
    pub fn render(&self) -> Result<String, PlanError> {
        self.check()?;
        let old = self.old.as_ref();
        let seconds = |d: Duration| d.as_secs().max(1).to_string();
        let mut docker = if self.docker_sudo { "sudo -n docker".to_owned() } else { "docker".to_owned() };
        if let Some(socket) = &self.docker_socket {
            docker = format!("{docker} -H unix://{socket}");
        }
        let values = [
            ("SLUG", self.slug.clone()),
            ("DEP", self.deployment.clone()),
            ("LANE", self.lane.to_string()),
            ("ROOT", self.root.clone()),
            ("DIR", self.dir()),
            ("LOCK", format!("{}/{}/flock", self.root, self.slug)),
            ("SERVER_LOCK", format!("{}/caddy/lock", self.root)),
            ("GATES", format!("{}/caddy/gate/{}", self.root, self.slug)),
            ("SNAPSHOT", self.snapshot()),
            ("DOCKER", docker),
            ("OLD", old.map(|o| o.container.clone()).unwrap_or_default()),
            ("OLD_SLOT", old.map(|o| o.slot.to_string()).unwrap_or_default()),
            ("NEW", self.new.container.clone()),
            ("NEW_SLOT", self.new.slot.to_string()),
            ("UPD", self.update.clone().unwrap_or_default()),
            ("PG", self.postgres.clone()),
            ("DB", self.database.clone()),
            ("SNAP", self.before()),
            ("FAILED", self.failed()),
            ("STAGE", self.staging()),
            ("ROLE", self.role.clone()),
            ("PROXY", self.proxy.clone()),
            ("VOLUME", self.volume.clone()),
            ("IMAGE", self.image.clone()),
            ("IMAGE_ID", self.image_id.clone().unwrap_or_default()),
            ("SITE", self.domain.clone()),
            ("MODULES", self.modules.join(",")),
            ("STATIC", self.static_facts()),
            ("UPDATED", self.updated.join(",")),
            ("ABSENT", self.absent.join(",")),
            ("HEALTH_PATH", self.health_path.clone()),
            ("WS_PATH", self.websocket_path.clone()),
            ("WS_PORT", self.websocket_port.to_string()),
            ("DRAIN_S", seconds(self.limits.drain)),
            ("STOP_S", seconds(self.limits.stop)),
            ("UPDATE_S", seconds(self.limits.update)),
            ("HEALTH_S", seconds(self.limits.health)),
            ("SERVED_S", seconds(self.limits.served / if self.holds_requests() { 3 } else { 1 })),
            ("DUMP_S", seconds(self.limits.dump)),
            ("REVERT_S", seconds(self.limits.docker)),
            ("MARGIN_K", self.margin_kib.to_string()),
        ];
        let mut text = String::new();
        for (name, value) in values {
            let _ = writeln!(text, "{name}={}", quote(&value));
        }
        Ok(text)
    }

    fn holds_requests(&self) -> bool {
        matches!(self.lane, Lane::Update | Lane::Restore)
    }

    /// As `served.py` reads them.
    fn static_facts(&self) -> String {
        let facts = self.static_files.iter().map(|file| format!("file\t{}\t{}", file.address, file.path));
        facts.collect::<Vec<_>>().join("\n")
    }

    fn check(&self) -> Result<(), PlanError> {
        const NAME: &str = "lower-case letters, digits, - and _, at most 63 bytes";
        const PATH: &str = "an absolute path of letters, digits and ._-@+/";
        let require = |field, value: &str, rule, good: bool| {
            if good { Ok(()) } else { Err(PlanError::BadValue { field, value: value.to_owned(), rule }) }
        };
        let names = [
            ("role", &self.role, 63),
            ("database", &self.database, 63),
            ("postgres", &self.postgres, 63 + 20),
            ("proxy", &self.proxy, 63),
            ("volume", &self.volume, 63 + 20),
            ("new.container", &self.new.container, 63 + 20),
        ];
        let others = [self.old.as_ref().map(|o| &o.container), self.update.as_ref()];
        let others = others.into_iter().flatten().map(|name| ("old or update", name, 63 + 20));
        for (field, value, most) in names.into_iter().chain(others) {
            require(field, value, NAME, is_name(value, "-_") && value.len() <= most)?;
        }
        require(
            "slug",
            &self.slug,
            "[a-z0-9-], at most 40 bytes",
            is_name(&self.slug, "-") && self.slug.len() <= 40,
        )?;
        let hex = self.deployment.len() == 12
            && self.deployment.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        require("deployment", &self.deployment, "12 hexadecimal digits", hex)?;
        let paths = [
            Some(&self.root),
            Some(&self.health_path),
            Some(&self.websocket_path),
            self.docker_socket.as_ref(),
        ];
        for path in paths.into_iter().flatten() {
            require("path", path, PATH, is_path(path))?;
        }
        for module in self.modules.iter().chain(&self.updated).chain(&self.absent) {
            require("modules", module, "a module's technical name", is_module(module))?;
        }
        for file in &self.static_files {
            let rule = "an address /<module>/static/… and an absolute path, without control characters";
            let module = file.address.strip_prefix('/').and_then(|rest| rest.split_once("/static/"));
            let good = module.is_some_and(|(name, _)| is_module(name))
                && file.path.starts_with('/')
                && !format!("{}{}", file.address, file.path).chars().any(char::is_control);
            require("static_files", &file.address, rule, good)?;
        }
        let printable = |text: &str, more: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.as_bytes().contains(&b))
        };
        require("domain", &self.domain, "a domain or an address", printable(&self.domain, ".-"))?;
        for image in [Some(&self.image), self.image_id.as_ref()].into_iter().flatten() {
            require(
                "image",
                image,
                "an image's name or id",
                printable(image, "./:_-@") && !image.starts_with('-'),
            )?;
        }
        self.check_lane()
    }

    fn check_lane(&self) -> Result<(), PlanError> {
        let wrong = |rule| Err(PlanError::WrongLane { lane: self.lane, rule });
        match (self.lane, &self.old, &self.update) {
            (Lane::First, Some(_), _) => wrong("takes no old container"),
            (Lane::First, _, None) | (Lane::Update, Some(_), None) => wrong("needs an update container"),
            (Lane::Code, None, _) => wrong("needs an old container"),
            (Lane::Code, _, Some(_)) => wrong("takes no update container"),
            (_, Some(old), _) if old.slot == self.new.slot => {
                wrong("needs the new container in the other slot")
            }
            (_, Some(old), _) if old.container == self.new.container => {
                wrong("needs two different containers")
            }
            _ => Ok(()),
        }
    }
}

fn is_name(text: &str, more: &str) -> bool {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || more.as_bytes().contains(&b);
    text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && text.bytes().all(good)
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@+/".contains(&b))
}

/// Whether a module of this name could be in a folder that Odoo loads modules from: it is imported by it.
pub(crate) fn is_module(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// One word for a POSIX shell. The only place where a plan's values are quoted.
fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
pub(crate) mod tests;
