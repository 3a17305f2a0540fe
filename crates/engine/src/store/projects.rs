//! Projects.

use super::{
    Store,
    sql::{self, Json, Millis},
};
use crate::{
    error::{EngineError, ErrorCode},
    model::{Project, ProjectId},
};
use rusqlite::{Connection, Row, params};

impl Store {
    /// Adds a project.
    pub async fn add_project(&self, project: Project) -> Result<(), EngineError> {
        project.validate()?;
        self.write(move |t| {
            let added = t.execute(
                "INSERT INTO project (id, name, series, repositories, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    project.id,
                    project.name,
                    project.series,
                    Json(&project.repositories),
                    Millis(project.created_at)
                ],
            );
            match added {
                Err(error) if sql::is_taken(&error) => {
                    let message = format!("There is a project named {:?} already.", project.name);
                    Err(EngineError::new(ErrorCode::Conflict, message))
                }
                added => Ok(added.map(drop)?),
            }
        })
        .await
    }

    /// Changes a project's series and repositories. Its name is part of names on servers and stays.
    pub async fn update_project(&self, project: Project) -> Result<(), EngineError> {
        project.validate()?;
        self.write(move |t| {
            if find(t, project.id)?.ok_or_else(not_found)?.name != project.name {
                return Err(EngineError::bad_input(
                    "A project can't be renamed: servers know its environments by it.",
                ));
            }
            t.execute(
                "UPDATE project SET series = ?2, repositories = ?3 WHERE id = ?1",
                params![project.id, project.series, Json(&project.repositories)],
            )?;
            Ok(())
        })
        .await
    }

    /// Forgets a project that has no environment.
    pub async fn remove_project(&self, id: ProjectId) -> Result<(), EngineError> {
        self.write(move |t| match t.execute("DELETE FROM project WHERE id = ?1", [id]) {
            Ok(0) => Err(not_found()),
            Ok(_) => Ok(()),
            Err(error) if sql::is_referred_to(&error) => {
                Err(EngineError::new(ErrorCode::Conflict, "The project has environments.")
                    .hint("Destroy them first."))
            }
            Err(error) => Err(error.into()),
        })
        .await
    }

    /// One project.
    pub async fn project(&self, id: ProjectId) -> Result<Project, EngineError> {
        self.read(move |c| find(c, id)?.ok_or_else(not_found)).await
    }

    /// All projects, by name.
    pub async fn projects(&self) -> Result<Vec<Project>, EngineError> {
        self.read(|c| {
            let mut statement = c.prepare_cached("SELECT * FROM project ORDER BY name")?;
            let projects = statement.query_map([], from_row)?;
            Ok(projects.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// The project of this id, if there is one.
pub(super) fn find(connection: &Connection, id: ProjectId) -> Result<Option<Project>, EngineError> {
    let mut statement = connection.prepare_cached("SELECT * FROM project WHERE id = ?1")?;
    Ok(statement.query_map([id], from_row)?.next().transpose()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Project> {
    Ok(Project {
        id: row.get("id")?,
        name: row.get("name")?,
        series: row.get("series")?,
        repositories: row.get::<_, Json<_>>("repositories")?.0,
        created_at: row.get::<_, Millis>("created_at")?.0,
    })
}

fn not_found() -> EngineError {
    EngineError::not_found("There is no such project.").hint("See `slipway project list`.")
}
