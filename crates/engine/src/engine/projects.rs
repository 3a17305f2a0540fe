//! Projects: what can be done with them.

use super::Engine;
use crate::error::EngineError;
use crate::git::GitUrl;
use crate::model::Project;
use crate::odoo::series::Series;

impl Engine {
    /// Adds a project. Its repositories aren't asked anything yet.
    ///
    /// # Errors
    /// When a setting makes no sense, the series is unknown, or the name is taken.
    pub async fn add_project(&self, project: Project) -> Result<(), EngineError> {
        check(&project)?;
        self.store().add_project(project).await
    }

    /// Changes a project; what it is now is deployed with each environment's next deployment.
    ///
    /// # Errors
    /// When a setting makes no sense or the series is unknown.
    pub async fn save_project(&self, project: Project) -> Result<(), EngineError> {
        check(&project)?;
        self.store().update_project(project).await
    }

    /// All projects, by name.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn projects(&self) -> Result<Vec<Project>, EngineError> {
        self.store().projects().await
    }

    /// The project of this name.
    ///
    /// # Errors
    /// `not_found`, naming those that there are.
    pub async fn project(&self, name: &str) -> Result<Project, EngineError> {
        let projects = self.projects().await?;
        if let Some(found) = projects.iter().find(|p| p.name == name) {
            return Ok(found.clone());
        }
        let names: Vec<&str> = projects.iter().map(|p| p.name.as_str()).collect();
        Err(EngineError::not_found(format!("There is no project named {name:?}.")).hint(
            match names.as_slice() {
                [] => "Add one with `slipway project add`.".to_owned(),
                _ => format!("There is: {}.", names.join(", ")),
            },
        ))
    }
}

fn check(project: &Project) -> Result<(), EngineError> {
    project.series.parse::<Series>().map_err(|e| EngineError::bad_input(format!("{e}.")).hint(e.hint()))?;
    for repository in &project.repositories {
        GitUrl::parse(&repository.url)?;
    }
    Ok(())
}
