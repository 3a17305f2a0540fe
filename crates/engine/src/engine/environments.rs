//! Environments: what can be done with them.

use serde::{Deserialize, Serialize};

use super::Engine;
use super::deployments::who;
use crate::error::{EngineError, ErrorCode};
use crate::model::{
    DeployOptions, Deployment, Environment, EnvironmentId, Project, Server, Settings, Tls, slug,
};

/// An environment with what it stands on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnvironmentView {
    /// The environment.
    pub environment: Environment,
    /// Its project.
    pub project: Project,
    /// Its server, if it has one.
    pub server: Option<Server>,
    /// Its name on the server.
    pub slug: String,
}

impl EnvironmentView {
    /// `project/name`, as the user writes it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.project.name, self.environment.name)
    }

    /// The name that the proxy knows it by: its own domain, or `<slug>.localhost`.
    pub fn host(&self) -> String {
        self.environment.domain.clone().unwrap_or_else(|| format!("{}.localhost", self.slug))
    }

    /// Where a browser finds it; nothing without a server.
    pub fn address(&self) -> Option<String> {
        let server = self.server.as_ref()?;
        let (scheme, port, usual) = match self.environment.tls {
            Tls::Plain => ("http", server.http_port, 80),
            _ => ("https", server.https_port, 443),
        };
        let host = self.host();
        Some(if port == usual { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") })
    }

    /// What a deployment is queued with.
    ///
    /// # Errors
    /// `no_server`.
    pub fn freeze(&self) -> Result<Settings, EngineError> {
        let server = self.server.clone().ok_or_else(|| {
            EngineError::new(ErrorCode::NoServer, format!("{} has no server.", self.name()))
                .hint(format!("Assign one with `slipway env set {} --server NAME`.", self.name()))
        })?;
        Ok(Settings {
            environment: self.environment.clone(),
            project: self.project.clone(),
            server,
            options: DeployOptions::default(),
        })
    }
}

impl Engine {
    /// The environment of this `project/name`.
    ///
    /// # Errors
    /// `not_found`, or `bad_input` when it isn't of that form.
    pub async fn environment(&self, name: &str) -> Result<EnvironmentView, EngineError> {
        let Some((project, environment)) = name.split_once('/') else {
            return Err(EngineError::bad_input(format!("{name:?} is not an environment."))
                .hint("Write it as project/name, such as acme/production."));
        };
        let all = self.environments().await?;
        if let Some(found) =
            all.iter().find(|v| v.project.name == project && v.environment.name == environment)
        {
            return Ok(found.clone());
        }
        let names: Vec<String> = all.iter().map(EnvironmentView::name).collect();
        Err(EngineError::not_found(format!("There is no environment {name}.")).hint(match names.as_slice() {
            [] => "Add one with `slipway env add`.".to_owned(),
            _ => format!("There is: {}.", names.join(", ")),
        }))
    }

    /// The environment of this identity.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn environment_by_id(&self, id: EnvironmentId) -> Result<EnvironmentView, EngineError> {
        self.view(self.store().environment(id).await?).await
    }

    /// All environments, by project and name.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn environments(&self) -> Result<Vec<EnvironmentView>, EngineError> {
        let projects = self.store().projects().await?;
        let servers = self.store().servers().await?;
        let mut views = vec![];
        for overview in self.store().environments().await? {
            let environment = overview.environment;
            let Some(project) = projects.iter().find(|p| p.id == environment.project_id).cloned() else {
                continue;
            };
            let server = servers.iter().find(|s| Some(s.id) == environment.server_id).cloned();
            let slug = slug(&project.name, &environment.name);
            views.push(EnvironmentView { environment, project, server, slug });
        }
        views.sort_by(|a, b| {
            (&a.project.name, &a.environment.name).cmp(&(&b.project.name, &b.environment.name))
        });
        Ok(views)
    }

    /// Adds an environment.
    ///
    /// # Errors
    /// When a setting makes no sense or the name is taken.
    pub async fn add_environment(&self, environment: Environment) -> Result<(), EngineError> {
        self.store().add_environment(environment).await
    }

    /// Changes an environment's settings. They take effect with its next deployment, which is queued at once where changed
    /// settings are deployed by themselves and change anything of what is live.
    ///
    /// # Errors
    /// When a setting makes no sense.
    pub async fn save_environment(
        &self,
        environment: Environment,
    ) -> Result<Option<Deployment>, EngineError> {
        match self.store().update_and_deploy(environment, who()).await? {
            None => Ok(None),
            Some(id) => self.store().deployment(id).await.map(Some),
        }
    }

    async fn view(&self, environment: Environment) -> Result<EnvironmentView, EngineError> {
        let project = self.store().project(environment.project_id).await?;
        let server = match environment.server_id {
            None => None,
            Some(id) => Some(self.store().server(id).await?),
        };
        let slug = slug(&project.name, &environment.name);
        Ok(EnvironmentView { environment, project, server, slug })
    }
}
