//! Whether a server can bear one environment more.

use serde::{Deserialize, Serialize};

use super::Facts;
use crate::error::{EngineError, ErrorCode};

/// What an environment reserves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Reservation {
    /// Processors.
    #[cfg_attr(feature = "bindings", specta(type = i32))]
    pub cpus: f64,
    /// MiB of memory.
    pub memory_mb: u64,
    /// MiB of disk.
    pub disk_mb: u64,
}

/// What a server has, what its other environments reserve, and what one wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct Capacity {
    /// The server's own size.
    pub has: Reservation,
    /// The sum of what the other environments reserve.
    pub others: Reservation,
    /// What this environment wants.
    pub wants: Reservation,
}

impl Capacity {
    /// Adds up the server's containers, each environment once, leaving out `slug` itself.
    pub fn of(facts: &Facts, slug: &str, wants: Reservation) -> Self {
        let mut others = Reservation::default();
        let mut seen: Vec<&str> = Vec::new();
        // What serves was created with the newest settings; an environment that never served has its database alone.
        let of = |role: &'static str| facts.containers.iter().filter(move |c| c.role == role);
        let reserving = of("web").filter(|c| c.is_running()).chain(of("db"));
        for c in reserving.filter(|c| c.env != slug) {
            if seen.contains(&c.env.as_str()) {
                continue;
            }
            seen.push(&c.env);
            others.cpus += c.cpus;
            others.memory_mb += c.memory_mb;
            others.disk_mb += c.disk_mb;
        }
        let has =
            Reservation { cpus: facts.cpus, memory_mb: facts.memory_mb, disk_mb: facts.docker_disk_mb.total };
        Self { has, others, wants }
    }

    /// Refuses, with the numbers, when anything is too much.
    ///
    /// # Errors
    /// `capacity_exceeded`.
    pub fn check(&self) -> Result<(), EngineError> {
        let over: Vec<String> = [
            over("CPU", self.others.cpus, self.wants.cpus, self.has.cpus, ""),
            over(
                "memory",
                self.others.memory_mb as f64,
                self.wants.memory_mb as f64,
                self.has.memory_mb as f64,
                " MB",
            ),
            over(
                "disk",
                self.others.disk_mb as f64,
                self.wants.disk_mb as f64,
                self.has.disk_mb as f64,
                " MB",
            ),
        ]
        .into_iter()
        .flatten()
        .collect();
        if over.is_empty() {
            return Ok(());
        }
        Err(EngineError::new(
            ErrorCode::CapacityExceeded,
            format!("The server is too small: {}", over.join("; ")),
        )
        .hint("Reduce this environment's CPU, memory or disk, or choose another server"))
    }
}

fn over(what: &str, others: f64, wants: f64, has: f64, unit: &str) -> Option<String> {
    (others + wants > has + 0.001).then(|| {
        format!(
            "{what}: this environment wants {wants}{unit}, others have reserved {others}{unit}, the server has {has}{unit}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{ContainerFact, Disk};

    fn facts() -> Facts {
        let db = |env: &str, cpus| ContainerFact {
            env: env.into(),
            role: "db".into(),
            cpus,
            memory_mb: 1000,
            disk_mb: 5000,
            ..ContainerFact::default()
        };
        Facts {
            cpus: 4.0,
            memory_mb: 4000,
            docker_disk_mb: Disk { total: 20_000, free: 9_000 },
            containers: vec![db("a-x", 1.0), db("b-x", 1.5), db("me-x", 4.0)],
            ..Facts::default()
        }
    }

    #[test]
    fn counts_the_others_and_not_itself() {
        let c = Capacity::of(&facts(), "me-x", Reservation { cpus: 1.5, memory_mb: 2000, disk_mb: 10_000 });
        assert_eq!(c.others, Reservation { cpus: 2.5, memory_mb: 2000, disk_mb: 10_000 });
        c.check().unwrap();
    }

    #[test]
    fn refuses_with_numbers() {
        let c = Capacity::of(&facts(), "me-x", Reservation { cpus: 1.6, memory_mb: 2001, disk_mb: 1 });
        let e = c.check().unwrap_err();
        assert_eq!(e.code, ErrorCode::CapacityExceeded);
        assert!(
            e.message.contains("CPU") && e.message.contains("2001") && !e.message.contains("disk:"),
            "{}",
            e.message
        );
    }
}
