//! A Docker daemon as the tests look at it: by its own client, not by the code that is under test.

use std::process::{Command, Output};
use std::time::Duration;

use crate::process::{must, run};

/// A Docker daemon.
#[derive(Clone, Debug)]
pub struct Docker {
    host: String,
}

impl Docker {
    /// The suite's daemon: `DOCKER_HOST`, else the one that `scripts/dockerd` finds or starts.
    pub fn of_the_suite() -> Self {
        let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        let host = host.unwrap_or_else(|| must(&mut Command::new(crate::root().join("scripts/dockerd"))));
        Self::at(host)
    }

    /// The daemon at this `DOCKER_HOST`.
    pub fn at(host: impl Into<String>) -> Self {
        Self { host: host.into() }
    }

    /// Its `DOCKER_HOST`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path of its socket. Panics when it isn't a Unix socket.
    pub fn socket(&self) -> &str {
        self.host.strip_prefix("unix://").expect("the suite's Docker daemon listens on a Unix socket")
    }

    /// Runs `docker ARGS` and gives what it printed. Panics when it fails.
    pub fn must(&self, args: &[&str]) -> String {
        must(&mut self.command(args))
    }

    /// Runs `docker ARGS`, whatever comes of it.
    pub fn run(&self, args: &[&str]) -> Output {
        run(&mut self.command(args), Duration::from_secs(300))
    }

    /// Runs `docker ARGS` and gives the lines it printed.
    pub fn lines(&self, args: &[&str]) -> Vec<String> {
        self.must(args).lines().map(str::to_owned).collect()
    }

    /// Asks a database of a running PostgreSQL container, as its superuser; rows as `psql -At` prints them.
    pub fn sql(&self, container: &str, database: &str, query: &str) -> String {
        self.must(&["exec", container, "psql", "-XAtq", "-U", "postgres", "-d", database, "-c", query])
    }

    /// The names of the containers, running or not, with all these labels (`key` or `key=value`).
    pub fn containers(&self, labels: &[&str]) -> Vec<String> {
        let filters: Vec<String> = labels.iter().map(|label| format!("label={label}")).collect();
        let mut args = vec!["ps", "-a", "--format", "{{.Names}}"];
        for filter in &filters {
            args.extend(["--filter", filter]);
        }
        self.lines(&args)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", &self.host).args(args);
        command
    }

    /// Removes all that Slipway made for environments whose slug starts with one of these, and whatever mounts from
    /// `dir`. What belongs to somebody else stays.
    pub(crate) fn clean(&self, slugs: &[String], dir: &str) {
        let ours = |slug: &str| slugs.iter().any(|prefix| slug.starts_with(prefix.as_str()));
        let format = r#"{{.Id}} {{index .Config.Labels "slipway.env"}} {{range .Mounts}}{{.Source}},{{end}}"#;
        for id in self.tidy(&["ps", "-aq", "--no-trunc"]) {
            let said = self.tidy(&["inspect", "--format", format, &id]);
            let Some((_, rest)) = said.first().and_then(|line| line.split_once(' ')) else { continue };
            let (slug, mounts) = rest.split_once(' ').unwrap_or((rest, ""));
            if ours(slug) || mounts.split(',').any(|source| source.starts_with(dir)) {
                self.tidy(&["rm", "-fv", &id]);
            }
        }
        for kind in ["network", "volume"] {
            let name = if kind == "network" { "{{.ID}}" } else { "{{.Name}}" };
            let format = format!(r#"{name} {{{{.Label "slipway.env"}}}}"#);
            let listed = self.tidy(&[kind, "ls", "--filter", "label=slipway.env", "--format", &format]);
            for line in listed {
                if let Some((id, slug)) = line.split_once(' ')
                    && ours(slug)
                {
                    self.tidy(&[kind, "rm", id]);
                }
            }
        }
        let images = ["image", "ls", "--filter", "label=slipway.env", "--format", "{{.ID}}"];
        for id in self.tidy(&images) {
            let format = r#"{{index .Config.Labels "slipway.env"}}"#;
            if self
                .tidy(&["image", "inspect", "--format", format, &id])
                .first()
                .is_some_and(|slug| ours(slug))
            {
                self.tidy(&["image", "rm", "-f", &id]);
            }
        }
    }

    /// For cleaning up, where a thing that went away by itself is fine.
    pub(crate) fn tidy(&self, args: &[&str]) -> Vec<String> {
        let output = self.command(args).output();
        let text = output.map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }
}
