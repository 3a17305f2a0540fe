//! The PostgreSQL container of an environment.

use bollard::models::{
    ContainerCreateBody, ContainerUpdateBody, EndpointSettings, HostConfig, NetworkingConfig,
    RestartPolicyNameEnum,
};

use super::{MIB, bounded_log, labels, reserve, restart, share_memory};
use crate::render::sizing::{Sizing, postgres};
use crate::server::{Layout, Reservation};

/// PostgreSQL, on the environment's own network only, its data in a volume. `data_dir` is where the image keeps its data
/// (`/var/lib/postgresql/data` up to 17, `/var/lib/postgresql` from 18). `odoo` is who will ask it.
pub(crate) fn database(
    layout: &Layout,
    image: &str,
    data_dir: &str,
    reservation: Reservation,
    odoo: Sizing,
) -> ContainerCreateBody {
    let mut labels = labels(&layout.slug, "db");
    reserve(&mut labels, reservation);
    let (db_mb, _) = share_memory(reservation.memory_mb);
    let command = [vec!["postgres".to_owned()], postgres(db_mb, odoo).args()].concat();
    ContainerCreateBody {
        image: Some(image.into()),
        // The superuser's password; used by nobody after `initdb`, since Slipway goes through the local socket.
        env: Some(vec!["POSTGRES_PASSWORD_FILE=/run/slipway/superuser_password".into()]),
        cmd: Some(command),
        labels: Some(labels),
        stop_timeout: Some(60),
        host_config: Some(HostConfig {
            binds: Some(vec![
                format!("{}:{data_dir}", layout.db()),
                format!("{}/superuser_password:/run/slipway/superuser_password:ro", layout.dir()),
            ]),
            network_mode: Some(layout.network()),
            memory: i64::try_from(db_mb).ok().map(|mb| mb * MIB),
            nano_cpus: Some((reservation.cpus * 1e9) as i64),
            restart_policy: Some(restart(RestartPolicyNameEnum::UNLESS_STOPPED)),
            log_config: Some(bounded_log()),
            // Parallel queries need more than Docker's 64 MB.
            shm_size: Some(256 * MIB),
            ..HostConfig::default()
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(
                [(
                    layout.network(),
                    EndpointSettings { aliases: Some(vec!["db".into()]), ..EndpointSettings::default() },
                )]
                .into(),
            ),
        }),
        ..ContainerCreateBody::default()
    }
}

/// New limits for a running database, without a restart.
pub(crate) fn database_limits(reservation: Reservation) -> ContainerUpdateBody {
    let (db_mb, _) = share_memory(reservation.memory_mb);
    ContainerUpdateBody {
        memory: i64::try_from(db_mb).ok().map(|mb| mb * MIB),
        memory_swap: Some(-1),
        nano_cpus: Some((reservation.cpus * 1e9) as i64),
        ..ContainerUpdateBody::default()
    }
}
