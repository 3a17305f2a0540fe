//! Between the model's types and SQLite's.

use crate::{
    error::{EngineError, ErrorCode},
    model::*,
};
use jiff::Timestamp;
use rusqlite::{
    Error, ErrorCode as Sqlite, ToSql, ffi,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

macro_rules! ids {
    ($($id:ty),*) => {$(
        impl ToSql for $id {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.uuid().as_bytes().to_vec()))
            }
        }
        impl FromSql for $id {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let bytes = value.as_blob()?;
                Ok(Uuid::from_slice(bytes).map_err(FromSqlError::other)?.into())
            }
        }
    )*};
}
ids!(ServerId, ProjectId, EnvironmentId, DeploymentId, SnapshotId);

/// Enums that are stored by their names.
macro_rules! names {
    ($($name:ty),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(<&'static str>::from(self)))
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str()?.parse().map_err(FromSqlError::other)
            }
        }
    )*};
}
names!(Status, StepStatus, Trigger, Lane, EnvironmentKind, SnapshotKind, SnapshotState);

/// A step is stored by its number.
impl ToSql for Step {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.number()))
    }
}

impl FromSql for Step {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        u8::try_from(number).ok().and_then(Step::from_number).ok_or(FromSqlError::OutOfRange(number))
    }
}

/// A level is stored by its rank.
impl ToSql for Level {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(*self as u8))
    }
}

impl FromSql for Level {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let rank = value.as_i64()?;
        let level = <Level as strum::VariantArray>::VARIANTS.iter().find(|level| **level as i64 == rank);
        level.copied().ok_or(FromSqlError::OutOfRange(rank))
    }
}

/// A time, stored as milliseconds.
pub(crate) struct Millis(pub Timestamp);

impl ToSql for Millis {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.as_millisecond()))
    }
}

impl FromSql for Millis {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Timestamp::from_millisecond(value.as_i64()?).map(Self).map_err(FromSqlError::other)
    }
}

/// Anything that is stored as JSON.
pub(crate) struct Json<T>(pub T);

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let json =
            serde_json::to_string(&self.0).map_err(|error| Error::ToSqlConversionFailure(error.into()))?;
        Ok(ToSqlOutput::from(json))
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(FromSqlError::other)
    }
}

/// A column of milliseconds that may be empty.
pub(crate) fn time(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<Millis>>(column)?.map(|millis| millis.0))
}

/// A column of JSON that may be empty.
pub(crate) fn json<T: DeserializeOwned>(
    row: &rusqlite::Row<'_>,
    column: &str,
) -> rusqlite::Result<Option<T>> {
    Ok(row.get::<_, Option<Json<T>>>(column)?.map(|json| json.0))
}

/// The text as a pattern for `LIKE … ESCAPE '\'` that finds it anywhere.
pub(crate) fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// Whether the error is that something of this name, or for this place, is there already.
pub(crate) fn is_taken(error: &Error) -> bool {
    has_extended_code(error, ffi::SQLITE_CONSTRAINT_UNIQUE)
        || has_extended_code(error, ffi::SQLITE_CONSTRAINT_PRIMARYKEY)
}

/// Whether the error is that something else refers to this, or that this refers to nothing.
pub(crate) fn is_referred_to(error: &Error) -> bool {
    has_extended_code(error, ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
}

/// Whether the error came from a `RAISE` in a trigger.
fn is_raised(error: &Error) -> bool {
    has_extended_code(error, ffi::SQLITE_CONSTRAINT_TRIGGER)
}

fn has_extended_code(error: &Error, code: i32) -> bool {
    matches!(error, Error::SqliteFailure(ffi, _) if ffi.extended_code == code)
}

impl From<Error> for EngineError {
    fn from(error: Error) -> Self {
        let (code, message) = match &error {
            Error::QueryReturnedNoRows => (ErrorCode::NotFound, "It is not in the store."),
            _ if is_taken(&error) => {
                (ErrorCode::Conflict, "Something with this name is in the store already.")
            }
            _ if is_referred_to(&error) => {
                (ErrorCode::Conflict, "Something else in the store depends on this.")
            }
            // The only trigger that raises is the one of the statuses.
            _ if is_raised(&error) => {
                (ErrorCode::IllegalTransition, "The deployment's status does not allow this.")
            }
            _ => match error.sqlite_error_code() {
                Some(Sqlite::DatabaseBusy | Sqlite::DatabaseLocked) => {
                    (ErrorCode::StoreBusy, "The store is in use by another process.")
                }
                Some(Sqlite::DiskFull) => (ErrorCode::DiskFull, "The disk with Slipway's home is full."),
                Some(Sqlite::DatabaseCorrupt | Sqlite::NotADatabase) => {
                    (ErrorCode::StoreCorrupt, "The store is damaged.")
                }
                _ => (ErrorCode::StoreFailed, "The store could not be read or written."),
            },
        };
        EngineError::new(code, message).detail(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;
    use strum::VariantArray;

    #[test]
    fn levels_and_steps_survive_their_numbers() {
        let connection = Connection::open_in_memory().unwrap();
        for level in Level::VARIANTS {
            let back: Level = connection.query_row("SELECT ?1", [level], |r| r.get(0)).unwrap();
            assert_eq!(back, *level);
        }
        for step in Step::all() {
            let back: Step = connection.query_row("SELECT ?1", [step], |r| r.get(0)).unwrap();
            assert_eq!(back, step);
        }
        assert!(connection.query_row("SELECT 16", [], |r| r.get::<_, Step>(0)).is_err());
        assert!(connection.query_row("SELECT 4", [], |r| r.get::<_, Level>(0)).is_err());
    }

    #[test]
    fn a_pattern_finds_its_text_as_it_is() {
        let connection = Connection::open_in_memory().unwrap();
        let finds = |text: &str, needle: &str| -> bool {
            let sql = r"SELECT ?1 LIKE ?2 ESCAPE '\'";
            connection.query_row(sql, [text, &containing(needle)], |r| r.get(0)).unwrap()
        };
        assert!(finds("100% of a_b", "0% of A_B"));
        assert!(!finds("1000 of axb", "0%"));
        assert!(!finds("axb", "a_b"));
        assert!(finds(r"c:\x", r":\"));
    }

    #[test]
    fn sqlites_errors_are_told_apart_by_their_codes() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = ON; CREATE TABLE a (x INTEGER PRIMARY KEY);
                 CREATE TABLE b (y INTEGER UNIQUE REFERENCES a); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);",
            )
            .unwrap();
        let code = |sql: &str| EngineError::from(connection.execute(sql, []).unwrap_err()).code;
        assert_eq!(code("INSERT INTO a VALUES (1)"), ErrorCode::Conflict);
        assert_eq!(code("INSERT INTO b VALUES (1)"), ErrorCode::Conflict);
        assert_eq!(code("DELETE FROM a"), ErrorCode::Conflict);
        assert_eq!(code("INSERT INTO nowhere VALUES (1)"), ErrorCode::StoreFailed);
        assert_eq!(EngineError::from(Error::QueryReturnedNoRows).code, ErrorCode::NotFound);
    }
}
