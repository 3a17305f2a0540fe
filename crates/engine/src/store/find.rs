//! Finding things by what users call them.

use super::Store;
use crate::{
    error::EngineError,
    model::{Deployment, DeploymentId, Environment, Project, Server},
};
use rusqlite::{Connection, OptionalExtension, ToSql, types::FromSql};

/// Fewer digits of a deployment's id than this could too easily be another's.
const SHORTEST_ID: usize = 4;

impl Store {
    /// The server of this name.
    pub async fn server_named(&self, name: &str) -> Result<Server, EngineError> {
        let name = name.to_owned();
        let id = self
            .read(move |c| named(c, "server", &name, "SELECT name, id FROM server", "server list"))
            .await?;
        self.server(id).await
    }

    /// The project of this name.
    pub async fn project_named(&self, name: &str) -> Result<Project, EngineError> {
        let name = name.to_owned();
        let id = self
            .read(move |c| named(c, "project", &name, "SELECT name, id FROM project", "project list"))
            .await?;
        self.project(id).await
    }

    /// The environment `project/name`.
    pub async fn environment_named(&self, name: &str) -> Result<Environment, EngineError> {
        if name.split('/').count() != 2 {
            return Err(EngineError::bad_input(format!("{name:?} is not an environment."))
                .hint("Name it by its project and its name, such as acme/production."));
        }
        const ALL: &str =
            "SELECT p.name || '/' || e.name, e.id FROM environment e JOIN project p ON p.id = e.project_id";
        let name = name.to_owned();
        let id = self.read(move |c| named(c, "environment", &name, ALL, "env list")).await?;
        self.environment(id).await
    }

    /// The deployment that is meant by its id, by the last digits of its id, by `project/name#number`, or by
    /// `project/name` for the newest one.
    pub async fn deployment_named(&self, name: &str) -> Result<Deployment, EngineError> {
        if let Ok(id) = name.parse() {
            return self.deployment(id).await;
        }
        if let Some((environment, number)) = name.split_once('#') {
            let number: i64 = number.parse().map_err(|_| {
                EngineError::bad_input(format!("{number:?} is not the number of a deployment."))
            })?;
            return self.deployment_at(environment, Some(number)).await;
        }
        if name.contains('/') {
            return self.deployment_at(name, None).await;
        }
        let digits = name.to_ascii_uppercase();
        if digits.len() < SHORTEST_ID || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(EngineError::bad_input(format!("{name:?} is not a deployment.")).hint(format!(
                "Give its id or at least {SHORTEST_ID} of the last digits, or project/name#number."
            )));
        }
        let ids: Vec<DeploymentId> = self
            .read(move |c| {
                let sql = "SELECT id FROM deployment WHERE substr(hex(id), -length(?1)) = ?1 LIMIT 2";
                Ok(c.prepare_cached(sql)?.query_map([digits], |row| row.get(0))?.collect::<Result<_, _>>()?)
            })
            .await?;
        match ids.as_slice() {
            [id] => self.deployment(*id).await,
            [] => Err(EngineError::not_found(format!("No deployment's id ends with {name}."))),
            _ => Err(EngineError::bad_input(format!("The ids of several deployments end with {name}."))
                .hint("Give more of its digits.")),
        }
    }

    /// The deployment with this number, or the newest one.
    async fn deployment_at(&self, environment: &str, number: Option<i64>) -> Result<Deployment, EngineError> {
        let id = self.environment_named(environment).await?.id;
        let found: Option<DeploymentId> = self
            .read(move |c| {
                let sql =
                    "SELECT id FROM deployment WHERE environment_id = ?1 AND number = coalesce(?2, number)
                    ORDER BY id DESC LIMIT 1";
                Ok(c.prepare_cached(sql)?.query_row((id, number), |row| row.get(0)).optional()?)
            })
            .await?;
        match (found, number) {
            (Some(id), _) => self.deployment(id).await,
            (None, Some(number)) => {
                Err(EngineError::not_found(format!("{environment} has no deployment number {number}.")))
            }
            (None, None) => Err(EngineError::not_found(format!("{environment} was never deployed."))),
        }
    }
}

/// Looks a name up in a query's first column; the error for one that isn't there names those that are nearest.
fn named<Id: FromSql + ToSql>(
    connection: &Connection,
    what: &str,
    name: &str,
    all: &'static str,
    list: &str,
) -> Result<Id, EngineError> {
    let mut statement = connection.prepare_cached(all)?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Id>(1)?)))?;
    let mut nearest: Option<(usize, String)> = None;
    for row in rows {
        let (known, id) = row?;
        if known == name {
            return Ok(id);
        }
        let distance = distance(&known, name);
        if distance <= 2.max(name.len() / 3) && nearest.as_ref().is_none_or(|(best, _)| distance < *best) {
            nearest = Some((distance, known));
        }
    }
    let hint = match nearest {
        Some((_, known)) => format!("Did you mean {known}?"),
        None => format!("See `slipway {list}`."),
    };
    Err(EngineError::not_found(format!("There is no {what} named {name:?}.")).hint(hint))
}

/// How many letters must be put in, left out or changed to make one name of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row.get(j + 1).copied().unwrap_or(usize::MAX - 1);
            let best = changed.min(diagonal + 1).min(left + 1);
            if let Some(cell) = row.get_mut(j) {
                *cell = left;
            }
            left = best;
        }
        if let Some(cell) = row.last_mut() {
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn distances_are_counted_in_letters() {
        for (a, b, letters) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "ab", 2),
            ("abc", "abc", 0),
            ("kitten", "sitting", 3),
            ("prod", "prd", 1),
        ] {
            assert_eq!(distance(a, b), letters, "{a} {b}");
            assert_eq!(distance(b, a), letters, "{b} {a}");
        }
    }
}
