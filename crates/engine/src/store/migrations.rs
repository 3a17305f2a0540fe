//! The versions of the store. A version that was released is never changed: a new one is added.

use crate::error::{EngineError, ErrorCode};
use rusqlite::Connection;
use rusqlite_migration::{Error, M, MigrationDefinitionError, Migrations};

const VERSIONS: &[M<'static>] = &[
    M::up(include_str!("migrations/0001_first.sql")),
    M::up(include_str!("migrations/0002_elsewhere.sql")),
    M::up(include_str!("migrations/0003_lines.sql")),
    M::up(include_str!("migrations/0004_pushes.sql")),
    M::up(include_str!("migrations/0005_limits.sql")),
    M::up(include_str!("migrations/0006_release_number.sql")),
    M::up(include_str!("migrations/0007_secrets.sql")),
];

const MIGRATIONS: Migrations<'static> = Migrations::from_slice(VERSIONS);

/// Brings the store to the newest version.
pub(super) fn run(connection: &mut Connection) -> Result<(), EngineError> {
    MIGRATIONS.to_latest(connection).map_err(|error| match error {
        Error::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead) => {
            EngineError::new(ErrorCode::StoreTooNew, "The store was written by a newer version of Slipway.")
        }
        Error::RusqliteError { err, .. } => err.into(),
        error => EngineError::new(ErrorCode::StoreFailed, "The store could not be brought up to date.")
            .detail(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, writer};

    /// What was in a store of each version: one script a version, never changed once the version is released.
    const CONTENTS: &[&str] = &[
        include_str!("migrations/0001_first.test.sql"),
        include_str!("migrations/0002_elsewhere.test.sql"),
        include_str!("migrations/0003_lines.test.sql"),
        include_str!("migrations/0004_pushes.test.sql"),
        include_str!("migrations/0005_limits.test.sql"),
        include_str!("migrations/0006_release_number.test.sql"),
        include_str!("migrations/0007_secrets.test.sql"),
    ];

    #[test]
    fn the_versions_are_valid() {
        MIGRATIONS.validate().unwrap();
        assert_eq!(CONTENTS.len(), VERSIONS.len(), "each version needs its contents to test with");
    }

    #[tokio::test]
    async fn a_store_of_every_version_comes_up_with_all_that_is_in_it() {
        for (index, contents) in CONTENTS.iter().enumerate() {
            let home = tempfile::tempdir().unwrap();
            {
                let mut connection = Connection::open(home.path().join(crate::store::DATABASE)).unwrap();
                connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
                MIGRATIONS.to_version(&mut connection, index + 1).unwrap();
                connection.execute_batch(contents).unwrap();
            }
            let store = Store::open(home.path()).await.unwrap();
            let environments = store.environments().await.unwrap();
            assert_eq!(environments.len(), 1);
            assert_eq!(
                environments[0].environment.deploy_on_push,
                index >= 3,
                "off until somebody turns it on"
            );
            let limits = |e: &crate::model::Environment| (e.health_limit_s, e.update_limit_s);
            let expected = if index >= 4 { (300, 7200) } else { (180, 3600) };
            assert_eq!(limits(&environments[0].environment), expected, "the usual ones until others are set");
            let secret_options = environments[0].environment.secret_options.len();
            assert_eq!(secret_options, usize::from(index >= 6), "none until one is given");
            let page = store.deployments(Default::default()).await.unwrap();
            assert_eq!(page.items.len(), 2);
            let deployment = store.deployment(page.items[1].id).await.unwrap();
            assert_eq!(deployment.settings.server.name, "web");
            assert_eq!(limits(&deployment.settings.environment), expected);
            assert_eq!(deployment.elsewhere, index >= 1, "what came before was carried out here");
            let order = store.release_order(environments[0].environment.id).await.unwrap();
            assert_eq!(order.number(deployment.id), (index >= 5).then_some(7), "what came before has none");
            assert_eq!(store.steps(deployment.id).await.unwrap().len(), 15);
            let lines = store.lines(deployment.id, Default::default()).await.unwrap();
            assert_eq!(lines.len(), 1);
            assert_eq!(store.snapshots(environments[0].environment.id).await.unwrap().len(), 1);
            let problems: i64 = store
                .read(|c| Ok(c.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |r| r.get(0))?))
                .await
                .unwrap();
            assert_eq!(problems, 0);
        }
    }

    #[test]
    fn a_store_of_a_newer_version_is_refused_and_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("slipway.db");
        drop(writer::connect(&path).unwrap());
        let newer = Connection::open(&path).unwrap();
        newer.pragma_update(None, "user_version", 1000).unwrap();
        assert_eq!(writer::connect(&path).unwrap_err().code, ErrorCode::StoreTooNew);
        let version: i64 = newer.pragma_query_value(None, "user_version", |r| r.get(0)).unwrap();
        assert_eq!(version, 1000);
    }
}
