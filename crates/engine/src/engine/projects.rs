//! Projects: what can be done with them.

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::error::EngineError;
use crate::git::GitUrl;
use crate::model::Project;
use crate::odoo::series::Series;
use crate::source;

/// What a repository calls its commits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "bindings", derive(specta::Type))]
pub struct References {
    /// By name.
    pub branches: Vec<String>,
    /// By name.
    pub tags: Vec<String>,
}

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

    /// The branches and tags that a repository of a project has now, saved or not.
    ///
    /// # Errors
    /// Those of Git, each told apart; `not_found` when the project has no repository of this name.
    pub async fn references(&self, project: &Project, repository: &str) -> Result<References, EngineError> {
        let repository = project
            .repositories
            .iter()
            .find(|r| r.name == repository)
            .ok_or_else(|| EngineError::not_found(format!("There is no repository {repository:?}.")))?;
        let mut found = References::default();
        for reference in source::list(self, repository, &CancellationToken::new()).await? {
            match reference.short() {
                Some(name) if reference.name.starts_with("refs/heads/") => {
                    found.branches.push(name.to_owned())
                }
                Some(name) if !name.ends_with("^{}") => found.tags.push(name.to_owned()),
                _ => {}
            }
        }
        Ok(found)
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
