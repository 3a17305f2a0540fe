//! What follows from the memory and the CPUs that an environment reserves. `docs/sizing.md` shows it for usual sizes.
//!
//! # Processes
//! Odoo's own rule of thumb: a worker serves about six people, and there should be `2 × CPUs + 1` of them. The memory of
//! Odoo's container, without 128 MiB for the master and 128 for the event process, has room for one process a 384 MiB; one of
//! them, or two where there are six, carry out scheduled actions. With room for fewer than two workers, threads do better:
//! one process with everything in it.
//!
//! # Memory limits
//! Odoo's limits count address space (`memory_info().vms`, `RLIMIT_AS` in `odoo/service/server.py`, 14.0 to 19.0). That is near
//! to the memory in use only if threads share one arena of malloc: a process of 14.0 with 16 threads has 93 MB in use and
//! 1225 MB of address space by default, 272 with [`ARENAS`]. Of what a worker maps, some 96 MiB are no memory of its own: they
//! are shared with the master, or never used. Beyond the soft limit a worker is replaced after its request: all processes have
//! room for theirs at once. At the hard limit a request fails: it is what one process may have while the others are as they
//! begin, some 128 MiB each. The programs that Odoo starts inherit it: `wkhtmltopdf` 0.12.6 maps between 1024 and 1280 MiB
//! whatever it prints, and crashes below (tried in the image of 14.0), while it uses a tenth of that. So the hard limit leaves
//! room for it in small containers, too, where the container itself limits what is really used.
//!
//! # Connections
//! Each process of Odoo has a pool of its own, and in the code lane two containers serve at once.

use crate::odoo::series::Series;

/// The variable of Odoo's containers that keeps address space near to memory.
pub const ARENAS: (&str, &str) = ("MALLOC_ARENA_MAX", "1");

/// Connections of PostgreSQL that Odoo leaves to others: three of the superuser's, Slipway's own, dumps.
const OTHER_CONNECTIONS: u32 = 20;
/// PostgreSQL's own default of `max_connections`.
const DEFAULT_CONNECTIONS: u32 = 100;
/// What the master and the event process take together, in MiB.
const FIXED_MB: u64 = 256;
/// What a worker needs at least, in MiB.
const WORKER_MB: u64 = 384;
/// What a process takes as it begins, in MiB.
const FRESH_MB: u64 = 128;
/// What a worker maps at least that is no memory of its own, in MiB.
const SHARED_MB: u64 = 96;
/// The soft limit is never below what a process with many modules maps as it begins: it would be replaced for ever. In MiB.
const SOFT_MIN_MB: u64 = 384;
/// The hard limit is never below what the programs that print reports map. In MiB.
const HARD_MIN_MB: u64 = 2048;

/// Odoo's part, in one container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizing {
    /// HTTP worker processes; 0: threads.
    pub workers: u32,
    /// Cron threads (or processes).
    pub cron_threads: u32,
    /// `limit_memory_soft` in MiB.
    pub memory_soft_mb: u64,
    /// `limit_memory_hard` in MiB.
    pub memory_hard_mb: u64,
}

/// Odoo's part with so much memory for its container. `workers`: as many as the environment itself asks for, if it does.
pub fn sizing(series: Series, cpus: f64, memory_mb: u64, workers: Option<u32>) -> Sizing {
    let room = memory_mb.saturating_sub(FIXED_MB);
    let processes = room / WORKER_MB;
    let cron_threads = if processes < 6 { 1 } else { series.facts().cron_threads };
    let by_cpu = (cpus.clamp(0.0, 16.0) * 2.0) as u64 + 1;
    let fitting = by_cpu.min(processes.saturating_sub(cron_threads.into())).min(32) as u32;
    let workers = workers.unwrap_or(if fitting < 2 { 0 } else { fitting });
    let (soft, hard) = if workers == 0 {
        (memory_mb - memory_mb / 8, memory_mb)
    } else {
        let processes = u64::from(workers) + u64::from(cron_threads);
        (room / processes + SHARED_MB, room.saturating_sub(FRESH_MB * (processes - 1)))
    };
    let memory_soft_mb = soft.max(SOFT_MIN_MB);
    Sizing {
        workers,
        cron_threads,
        memory_soft_mb,
        memory_hard_mb: hard.max(HARD_MIN_MB).max(memory_soft_mb + 64),
    }
}

impl Sizing {
    /// Processes that have a pool of connections: with workers, master and event process as well.
    fn pools(self) -> u32 {
        if self.workers == 0 { 1 } else { self.workers.saturating_add(self.cron_threads + 2) }
    }

    /// `max_connections` of a PostgreSQL that is made for it: eight for each process, 32 for a single one.
    pub fn max_connections(self) -> u32 {
        let pool = if self.workers == 0 { 32 } else { 8 };
        let wanted = self.pools().saturating_mul(2 * pool).saturating_add(OTHER_CONNECTIONS);
        wanted.clamp(DEFAULT_CONNECTIONS, 5000)
    }

    /// Whether two containers can't ask for more connections than there are.
    pub fn connections_suffice(self, max_connections: u32) -> bool {
        let pools = self.pools().saturating_mul(2 * self.db_maxconn(max_connections));
        pools.saturating_add(OTHER_CONNECTIONS) <= max_connections
    }

    /// `db_maxconn`, the size of one pool, where PostgreSQL takes so many connections.
    pub fn db_maxconn(self, max_connections: u32) -> u32 {
        (max_connections.saturating_sub(OTHER_CONNECTIONS) / 2 / self.pools()).clamp(4, 32)
    }
}

/// PostgreSQL's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Postgres {
    /// `max_connections`.
    pub max_connections: u32,
    /// `shared_buffers` in MiB: a quarter, as PostgreSQL's documentation recommends.
    pub shared_buffers_mb: u64,
    /// `effective_cache_size` in MiB.
    pub effective_cache_mb: u64,
    /// `maintenance_work_mem` in MiB.
    pub maintenance_mb: u64,
    /// `work_mem` in MiB, for one sort or hash: two each in all that Odoo does at once.
    pub work_mb: u64,
}

/// PostgreSQL's part with so much memory for its container, for an Odoo of this size.
pub fn postgres(memory_mb: u64, odoo: Sizing) -> Postgres {
    // A single process answers as many requests at once as half its connections.
    let at_once = if odoo.workers == 0 { 16 } else { u64::from(odoo.workers) + u64::from(odoo.cron_threads) };
    Postgres {
        max_connections: odoo.max_connections(),
        shared_buffers_mb: (memory_mb / 4).max(64),
        effective_cache_mb: memory_mb * 3 / 4,
        maintenance_mb: (memory_mb / 16).clamp(16, 1024),
        work_mb: (memory_mb / 4 / (2 * at_once)).clamp(4, 64),
    }
}

impl Postgres {
    /// As the server's arguments.
    pub fn args(self) -> Vec<String> {
        [
            format!("max_connections={}", self.max_connections),
            format!("shared_buffers={}MB", self.shared_buffers_mb),
            format!("effective_cache_size={}MB", self.effective_cache_mb),
            format!("maintenance_work_mem={}MB", self.maintenance_mb),
            format!("work_mem={}MB", self.work_mb),
        ]
        .into_iter()
        .flat_map(|setting| ["-c".to_owned(), setting])
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::containers::share_memory;

    const CPUS: [f64; 9] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, f64::NAN];

    #[test]
    fn the_documentation_shows_what_is_done() {
        let text = include_str!("../../../../docs/sizing.md");
        for (total, cpus) in [
            (512, 1.0),
            (768, 1.0),
            (1024, 1.0),
            (2048, 2.0),
            (4096, 2.0),
            (8192, 4.0),
            (16_384, 8.0),
            (32_768, 16.0),
        ] {
            let (database_mb, odoo_mb) = share_memory(total);
            let odoo = sizing(Series::V19, cpus, odoo_mb, None);
            let pg = postgres(database_mb, odoo);
            let row = format!(
                "| {total} | {cpus} | {odoo_mb} | {} | {} | {} | {} | {} | {database_mb} | {} | {} | {} | {} | {} |",
                odoo.workers,
                odoo.cron_threads,
                odoo.memory_soft_mb,
                odoo.memory_hard_mb,
                odoo.db_maxconn(pg.max_connections),
                pg.max_connections,
                pg.shared_buffers_mb,
                pg.work_mb,
                pg.maintenance_mb,
                pg.effective_cache_mb,
            );
            assert!(text.lines().any(|line| line == row), "docs/sizing.md has no row\n{row}");
        }
    }

    #[test]
    fn all_of_it_fits_in_what_is_reserved() {
        for cpus in CPUS {
            let mut before = 0;
            for total in (256..=65_536).step_by(7) {
                let (database_mb, odoo_mb) = share_memory(total);
                let odoo = sizing(Series::V19, cpus, odoo_mb, None);
                let pg = postgres(database_mb, odoo);
                let at = format_args!("{total} MiB, {cpus} CPUs: {odoo:?} {pg:?}");
                assert!(odoo.memory_soft_mb < odoo.memory_hard_mb, "{at}");
                assert!(odoo.workers >= before && odoo.workers != 1 && odoo.workers <= 32, "{at}");
                before = odoo.workers;
                assert!(odoo.memory_hard_mb <= odoo_mb.max(HARD_MIN_MB), "{at}");
                // Below that, what a process maps as it begins is more than there is: the container alone limits it.
                if odoo_mb >= 512 {
                    let processes = u64::from(odoo.workers + odoo.cron_threads);
                    let own = processes * odoo.memory_soft_mb.saturating_sub(SHARED_MB);
                    assert!(odoo.memory_soft_mb <= odoo_mb, "{at}");
                    assert!(odoo.workers == 0 || FIXED_MB + own <= odoo_mb, "{at}");
                }
                if database_mb >= 192 {
                    let at_once = if odoo.workers == 0 { 16 } else { odoo.workers + odoo.cron_threads };
                    let work = u64::from(at_once) * pg.work_mb;
                    assert!(pg.shared_buffers_mb + pg.maintenance_mb + work <= database_mb, "{at}");
                }
                assert!(odoo.connections_suffice(pg.max_connections), "{at}");
            }
        }
    }

    #[test]
    fn a_database_of_before_is_not_asked_for_more_than_it_takes() {
        for workers in [0, 2, 5] {
            let odoo = sizing(Series::V19, 2.0, 4096, Some(workers));
            assert!(odoo.connections_suffice(DEFAULT_CONNECTIONS), "{workers} workers");
        }
    }

    #[test]
    fn workers_that_an_environment_asks_for_are_not_replaced_for_ever() {
        let many = sizing(Series::V19, 1.0, 768, Some(u32::MAX));
        assert!(many.memory_soft_mb >= SOFT_MIN_MB && many.memory_hard_mb >= HARD_MIN_MB);
        assert!(many.db_maxconn(DEFAULT_CONNECTIONS) == 4 && !many.connections_suffice(DEFAULT_CONNECTIONS));
        assert_eq!(postgres(256, many).max_connections, 5000);
    }
}
