//! Deployments: asking for them, looking at them, ending them.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::{Engine, EnvironmentView};
use crate::base_image::BaseImages;
use crate::drift;
use crate::error::EngineError;
use crate::model::{DeployOptions, Deployment, DeploymentId, Restore, Settings, Trigger};
use crate::plan::Plan;
use crate::planning;
use crate::queue::Cancelled;
use crate::server::{Connection, Facts};
use crate::source::{self, Want};
use crate::store::NewDeployment;

/// What a new deployment is asked to be.
#[derive(Clone, Debug)]
pub struct DeployRequest {
    /// What asks for it.
    pub trigger: Trigger,
    /// Branch, tag or commit instead of the environment's branch.
    pub reference: Option<String>,
    /// How it is carried out.
    pub options: DeployOptions,
    /// Made up once for each wish: asked twice with the same one, there is one deployment.
    pub idempotency_key: Option<String>,
}

impl Engine {
    /// What a deployment would do. Fetches to this computer and looks at the server; changes nothing there.
    ///
    /// # Errors
    /// What would stop the deployment before anything is touched.
    pub async fn plan(&self, view: &EnvironmentView, reference: Option<String>) -> Result<Plan, EngineError> {
        let settings = view.freeze()?;
        settings.validate()?;
        let (connection, facts) = Connection::open(self, &settings.server, &view.slug).await?;
        self.learn_by_the_way(view, &connection, &facts).await;
        let want = Want { reference, commits: BTreeMap::new() };
        let plan = self.plan_of(&settings, &connection, &facts, want, None).await;
        connection.host.close().await;
        plan
    }

    /// What a deployment with these settings and commits would do to what stands on the server.
    pub(super) async fn plan_of(
        &self,
        settings: &Settings,
        connection: &Connection,
        facts: &Facts,
        want: Want,
        restore: Option<&Restore>,
    ) -> Result<Plan, EngineError> {
        let cancel = CancellationToken::new();
        let fetched = source::fetch(self, settings, &want, |_| {}, &cancel).await?;
        if let Some(error) = planning::stopping(&fetched.problems) {
            return Err(error);
        }
        let live_source = match facts.last_release(&settings.slug()) {
            Some(manifest) => source::earlier(self, settings, &manifest.commits, &cancel).await,
            None => None,
        };
        let packages = planning::packages(&fetched)?;
        let last = facts.last_release(&settings.slug());
        let is_asked = drift::asks_for_image(facts, &fetched.modules);
        let images = BaseImages::look(connection, settings, last, is_asked).await?;
        let given = planning::Given {
            engine: self,
            settings,
            facts,
            fetched: &fetched,
            live_source: live_source.as_ref(),
            packages: &packages,
            images: &images,
            restore,
        };
        Ok(planning::make(given).await?.plan)
    }

    /// Queues a deployment with the settings as they are now.
    ///
    /// # Errors
    /// `no_server`.
    pub async fn enqueue(
        &self,
        view: &EnvironmentView,
        request: DeployRequest,
    ) -> Result<Deployment, EngineError> {
        let new = NewDeployment {
            git_ref: request.reference,
            options: request.options,
            idempotency_key: request.idempotency_key,
            ..NewDeployment::new(view.environment.id, request.trigger, who())
        };
        let queued = self.queue().enqueue(new).await?;
        self.store().deployment(queued.id).await
    }

    /// Queues a deployment of the same commits as one that has ended. Asked twice with the same `key`, there is one.
    ///
    /// # Errors
    /// While that one hasn't ended, and for a rollback.
    pub async fn retry(&self, id: DeploymentId, key: Option<String>) -> Result<Deployment, EngineError> {
        let queued = self.queue().retry(id, &who(), key).await?;
        self.store().deployment(queued.id).await
    }

    /// Asks for a deployment's end, and says what that does.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn cancel(&self, id: DeploymentId) -> Result<Cancelled, EngineError> {
        self.queue().cancel(id, &who()).await
    }

    /// A deployment by its id, the end of its id, or `project/name` for that environment's last one.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn deployment(&self, name: &str) -> Result<Deployment, EngineError> {
        if name.contains('/') {
            let view = self.environment(name).await?;
            let last = self.history(view.environment.id, 1).await?.into_iter().next();
            let last = last.ok_or_else(|| EngineError::not_found(format!("{name} was never deployed.")))?;
            return self.store().deployment(last.id).await;
        }
        self.store().deployment_named(name).await
    }
}

/// Who asks: the user and the computer, for the history and for the lock's owner.
pub(super) fn who() -> String {
    let user = ["USER", "USERNAME", "LOGNAME"].iter().find_map(|v| std::env::var(v).ok());
    let host = gethostname::gethostname();
    format!("{}@{}", user.unwrap_or_else(|| "somebody".into()), host.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineOptions;
    use crate::error::ErrorCode;
    use crate::model::{Server, ServerKind};
    use crate::store::tests::Bed;

    #[tokio::test]
    async fn a_plan_refuses_an_option_that_was_set_when_it_could_be() {
        let bed = Bed::new().await;
        let mut environment = bed.one().await;
        environment.options.insert("log_level".into(), "critical".into());
        let view = EnvironmentView {
            environment,
            project: bed.store.project_named("acme").await.unwrap(),
            server: Some(Server::new("here", ServerKind::Local)),
            slug: "acme-production".into(),
        };
        let engine = Engine::open(bed.home.path(), EngineOptions::default()).await.unwrap();
        let refused = engine.plan(&view, None).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::BadInput);
        assert!(refused.hint.contains("--option log_level="), "it says how to get on: {}", refused.hint);
    }
}
