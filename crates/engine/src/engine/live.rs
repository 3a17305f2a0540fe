//! The Odoo that runs now: what it says, and what it uses.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::models::{ContainerCpuStats, ContainerMemoryStats, ContainerStatsResponse};
use bollard::query_parameters::{LogsOptionsBuilder, StatsOptionsBuilder};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use serde::Serialize;
use slipway_remote::Cmd;

use super::{Engine, EnvironmentView};
use crate::error::EngineError;
use crate::server::{Connection, Layout};

const DISK: &str = include_str!("../server/disk.sh");
/// How long counting the files of an environment may take, millions of them on a slow disk.
const DISK_LIMIT: Duration = Duration::from_secs(120);
/// How long until they are counted again: that reads the whole folder.
const DISK_EVERY: Duration = Duration::from_secs(300);

/// A running Odoo, with a connection to its server.
pub struct Live {
    connection: Connection,
    container: String,
    layout: Layout,
    engine: Engine,
}

/// What a container uses at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Usage {
    /// Processors in use: 1.5 is one and a half of them.
    #[cfg_attr(feature = "bindings", specta(type = i32))]
    pub cpus: f64,
    /// Bytes of memory in use, without what the kernel would give back.
    pub memory: u64,
    /// Bytes of memory that it may use.
    pub memory_limit: u64,
    /// Bytes on the server's disk: files, database, releases and snapshots. Counted every five minutes; nothing until it was.
    pub disk: Option<u64>,
}

impl Engine {
    /// Connects to the Odoo that an environment runs.
    ///
    /// # Errors
    /// Those of connecting, and `not_found` when nothing runs.
    pub async fn live(&self, view: &EnvironmentView) -> Result<Live, EngineError> {
        let settings = view.freeze()?;
        self.learn_secrets(&settings).await?;
        let (connection, facts) = Connection::open(self, &settings.server, &view.slug).await?;
        match facts.live(&view.slug).filter(|c| c.is_running()) {
            Some(container) => {
                let layout = Layout::new(facts.root.clone(), view.slug.clone());
                Ok(Live { container: container.name.clone(), layout, connection, engine: self.clone() })
            }
            None => {
                connection.host.close().await;
                Err(EngineError::not_found(format!("No Odoo runs for {}.", view.name()))
                    .hint("Deploy the environment."))
            }
        }
    }
}

impl Live {
    /// Its log, a line each, without secrets: the last `tail` lines, then what comes, until the container ends.
    pub fn log(&self, tail: u32) -> BoxStream<'static, Result<String, EngineError>> {
        let options = LogsOptionsBuilder::default()
            .follow(true)
            .stdout(true)
            .stderr(true)
            .tail(&tail.to_string())
            .build();
        let redactor = self.engine.redactor().clone();
        let said = self.connection.docker.logs(&self.container, Some(options));
        said.map_ok(move |output: LogOutput| {
            let text = String::from_utf8_lossy(output.as_ref());
            let lines: Vec<_> = text.lines().map(|line| Ok(redactor.redact(line).into_owned())).collect();
            stream::iter(lines)
        })
        .map_err(EngineError::from)
        .try_flatten()
        .boxed()
    }

    /// What it uses, about once a second, until the container ends.
    pub fn usage(&self) -> BoxStream<'static, Result<Usage, EngineError>> {
        let options = StatsOptionsBuilder::default().stream(true).build();
        let stats = self.connection.docker.stats(&self.container, Some(options)).map_err(EngineError::from);
        let state = (stats.boxed(), self.disk(), None);
        let looks = stream::unfold(state, async |(mut stats, mut disk, mut known)| {
            let next = loop {
                tokio::select! {
                    Some(counted) = disk.next() => known = counted,
                    next = stats.next() => break next?,
                }
            };
            Some((next.map(|stats| Usage { disk: known, ..usage(&stats) }), (stats, disk, known)))
        });
        looks.boxed()
    }

    /// What it takes of the disk, now and then. Nothing when it could not be counted.
    fn disk(&self) -> BoxStream<'static, Option<u64>> {
        let args = [self.layout.dir(), self.container.clone(), self.layout.db()];
        let looks =
            stream::unfold((self.connection.clone(), args, false), async |(connection, args, again)| {
                if again {
                    tokio::time::sleep(DISK_EVERY).await;
                }
                let counted = match connection.run(Cmd::script(DISK, args.clone()).limit(DISK_LIMIT)).await {
                    Ok(output) if output.code == 0 => output.stdout.trim().parse::<u64>().ok(),
                    _ => None,
                };
                Some((counted.map(|kilobytes| kilobytes * 1024), (connection, args, true)))
            });
        looks.boxed()
    }

    /// Ends the connection.
    pub async fn close(self) {
        self.connection.host.close().await;
    }
}

fn usage(stats: &ContainerStatsResponse) -> Usage {
    let cpus = match (&stats.cpu_stats, &stats.precpu_stats) {
        (Some(now), Some(before)) => cpus(now, before).unwrap_or_default(),
        _ => 0.0,
    };
    let memory = stats.memory_stats.as_ref();
    Usage {
        cpus,
        memory: memory.map(in_use).unwrap_or_default(),
        memory_limit: memory.and_then(|m| m.limit).unwrap_or_default(),
        disk: None,
    }
}

/// Processors in use between two looks: the container's share of the machine's time, times the machine's processors.
fn cpus(now: &ContainerCpuStats, before: &ContainerCpuStats) -> Option<f64> {
    let total = |stats: &ContainerCpuStats| stats.cpu_usage.as_ref()?.total_usage;
    let used = total(now)?.saturating_sub(total(before)?);
    let passed = now.system_cpu_usage?.saturating_sub(before.system_cpu_usage?);
    (passed > 0).then(|| used as f64 / passed as f64 * f64::from(now.online_cpus.unwrap_or(1)))
}

/// As `docker stats` counts it: without the file cache that nobody has used lately.
fn in_use(memory: &ContainerMemoryStats) -> u64 {
    let stats = memory.stats.as_ref();
    let cache = stats.and_then(|s| s.get("inactive_file").or_else(|| s.get("total_inactive_file")));
    memory.usage.unwrap_or_default().saturating_sub(cache.copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn use_is_counted_as_docker_counts_it() {
        let stats: ContainerStatsResponse = serde_json::from_value(json!({
            "cpu_stats": {"cpu_usage": {"total_usage": 3_000}, "system_cpu_usage": 24_000, "online_cpus": 4},
            "precpu_stats": {"cpu_usage": {"total_usage": 1_000}, "system_cpu_usage": 20_000},
            "memory_stats": {"usage": 900, "limit": 2_000, "stats": {"inactive_file": 300}},
        }))
        .unwrap();
        assert_eq!(usage(&stats), Usage { cpus: 2.0, memory: 600, memory_limit: 2_000, disk: None });
    }

    #[test]
    fn the_first_look_knows_no_use_yet() {
        let stats: ContainerStatsResponse =
            serde_json::from_value(json!({"cpu_stats": {"cpu_usage": {"total_usage": 3_000}}})).unwrap();
        assert_eq!(usage(&stats), Usage::default());
    }
}
