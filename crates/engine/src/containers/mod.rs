//! The containers that Slipway makes: what each is created with, and making sure of one.

mod caddy;
mod database;
mod ensure;
mod files;
mod web;

pub(crate) use caddy::{proxy, proxy_recipe};
pub(crate) use database::{database, database_limits};
pub(crate) use ensure::{create, create_shared, end, ensure_network, ensure_volume};
pub(crate) use files::files;
pub(crate) use web::{WebSpec, update, web};

use std::collections::HashMap;

use bollard::models::{HostConfigLogConfig, RestartPolicy, RestartPolicyNameEnum};

use crate::server::Reservation;

/// Bytes in a MiB.
const MIB: i64 = 1024 * 1024;

/// The labels that everything of ours carries; `role` tells what it is.
pub(crate) fn labels(env: &str, role: &str) -> HashMap<String, String> {
    [("slipway.managed", "1"), ("slipway.env", env), ("slipway.role", role)]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}

fn reserve(labels: &mut HashMap<String, String>, r: Reservation) {
    labels.insert("slipway.cpus".into(), r.cpus.to_string());
    labels.insert("slipway.memory_mb".into(), r.memory_mb.to_string());
    labels.insert("slipway.disk_mb".into(), r.disk_mb.to_string());
}

/// Log files that can't fill the disk: three of 10 MB.
fn bounded_log() -> HostConfigLogConfig {
    HostConfigLogConfig {
        typ: Some("json-file".into()),
        config: Some(
            [("max-size", "10m"), ("max-file", "3")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        ),
    }
}

fn restart(name: RestartPolicyNameEnum) -> RestartPolicy {
    RestartPolicy { name: Some(name), maximum_retry_count: None }
}

/// How an environment's memory is shared: a quarter to the database, at least 192 MiB, the rest to Odoo.
/// Returns (database, Odoo) in MiB.
pub(crate) fn share_memory(total_mb: u64) -> (u64, u64) {
    let database = (total_mb / 4).max(192).min(total_mb / 2);
    (database, total_mb.saturating_sub(database))
}

#[cfg(test)]
mod tests {
    #[test]
    fn memory_is_shared_without_loss() {
        for total in [512, 1024, 2048, 64_000] {
            let (db, odoo) = super::share_memory(total);
            assert_eq!(db + odoo, total);
            assert!(db >= 192 && odoo >= db, "{total}: {db} {odoo}");
        }
    }
}
