//! What is deployed by itself: new commits and changed settings. What is seen and what is queued because of it is written
//! together, so that nothing is deployed twice or forgotten.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};
use serde::{Deserialize, Serialize};

use super::{
    NewDeployment, Store, deployment_in, environments, insert_deployment, projects,
    sql::{Json, Millis},
};
use crate::error::EngineError;
use crate::model::{
    self, DeployOptions, DeploymentId, Environment, EnvironmentId, Project, Repository, Settings, Status,
    Trigger,
};

/// Where the branch of a repository is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// What is followed: a branch, or `HEAD`.
    pub reference: String,
    /// Its commit.
    pub commit: String,
}

/// Where the branches of an environment are, by repository.
pub type Heads = BTreeMap<String, Head>;

/// What is known of the branches of an environment that deploys new commits by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Watched {
    /// Where they were at the last look that succeeded; empty before that.
    pub heads: Heads,
    /// Why the last look failed, if it did.
    pub problem: Option<EngineError>,
    /// When this was last seen to be otherwise.
    pub since: Timestamp,
}

/// What an environment follows in each of its repositories: a branch, or `HEAD`.
pub(crate) fn references(environment: &Environment, project: &Project) -> BTreeMap<String, String> {
    let followed = |(i, repository): (usize, &Repository)| {
        let reference = match i {
            0 => environment.branch.clone(),
            _ => repository.branch.clone().unwrap_or_else(|| "HEAD".to_owned()),
        };
        (repository.name.clone(), reference)
    };
    project.repositories.iter().enumerate().map(followed).collect()
}

impl Store {
    /// What is known of an environment's branches; nothing before the first look.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn watched(&self, id: EnvironmentId) -> Result<Option<Watched>, EngineError> {
        self.read(move |c| seen(c, id)).await
    }

    /// Changes an environment's settings. Where they are to be deployed by themselves, that is queued with them.
    ///
    /// # Errors
    /// As [`Store::update_environment`].
    pub(crate) async fn update_and_deploy(
        &self,
        environment: Environment,
        who: String,
    ) -> Result<Option<DeploymentId>, EngineError> {
        environment.validate()?;
        self.write(move |t| {
            let after = environment.clone();
            let before = environments::update(t, environment)?;
            let is_live = environments::newest(t, after.id, "status = 'success'")?.is_some();
            if !after.auto_deploy || !is_live || before.runs_like(&after) {
                return Ok(None);
            }
            // Nobody asked for new code, unless the branch is another.
            queue(t, after.id, Trigger::AutoDeploy, before.branch == after.branch, who).map(Some)
        })
        .await
    }

    /// Notes where an environment's branches are. When they have moved since the last look, a deployment is queued.
    ///
    /// # Errors
    /// When the store can't be written, or the environment has no server any more.
    pub(crate) async fn note_heads(
        &self,
        id: EnvironmentId,
        heads: Heads,
        who: String,
    ) -> Result<Option<DeploymentId>, EngineError> {
        self.write(move |t| {
            let Some(environment) = environments::find(t, id)?.filter(|e| e.deploy_on_push) else {
                return Ok(None);
            };
            let Some(project) = projects::find(t, environment.project_id)? else { return Ok(None) };
            let references = references(&environment, &project);
            if !heads.iter().map(|(name, head)| (name, &head.reference)).eq(&references) {
                // Something else is followed since they were asked for: the next look asks for that.
                return Ok(None);
            }
            let seen = seen(t, id)?;
            if seen.as_ref().is_some_and(|seen| seen.heads == heads && seen.problem.is_none()) {
                return Ok(None);
            }
            t.execute(
                "INSERT INTO watched VALUES (?1, ?2, NULL, ?3) ON CONFLICT DO UPDATE
                    SET heads = excluded.heads, problem = NULL, since = excluded.since",
                (id, Json(&heads), Millis(model::now())),
            )?;
            let before = seen.map(|seen| seen.heads).unwrap_or_default();
            if !has_moved(&before, &heads)
                || environment.server_id.is_none()
                || comes_anyway(t, id, &heads, &references)?
            {
                return Ok(None);
            }
            queue(t, id, Trigger::GitPush, false, who).map(Some)
        })
        .await
    }

    /// Notes why an environment's branches can't be seen.
    ///
    /// # Errors
    /// When the store can't be written.
    pub(crate) async fn note_unseen(
        &self,
        id: EnvironmentId,
        problem: EngineError,
    ) -> Result<(), EngineError> {
        self.write(move |t| {
            if environments::find(t, id)?.is_none_or(|e| !e.deploy_on_push) {
                return Ok(());
            }
            t.execute(
                "INSERT INTO watched VALUES (?1, '{}', ?2, ?3) ON CONFLICT DO UPDATE
                    SET problem = excluded.problem, since = excluded.since WHERE problem IS NOT excluded.problem",
                (id, Json(&problem), Millis(model::now())),
            )?;
            Ok(())
        })
        .await
    }
}

fn seen(connection: &Connection, id: EnvironmentId) -> Result<Option<Watched>, EngineError> {
    let mut statement =
        connection.prepare_cached("SELECT heads, problem, since FROM watched WHERE environment_id = ?1")?;
    let row = statement.query_row([id], |row| {
        Ok(Watched {
            heads: row.get::<_, Json<_>>(0)?.0,
            problem: row.get::<_, Option<Json<_>>>(1)?.map(|problem| problem.0),
            since: row.get::<_, Millis>(2)?.0,
        })
    });
    Ok(row.optional()?)
}

/// Whether a branch that was followed before, too, is elsewhere now. What is followed since is new, not moved.
fn has_moved(before: &Heads, now: &Heads) -> bool {
    now.iter().any(|(repository, head)| {
        before.get(repository).is_some_and(|b| b.reference == head.reference && b.commit != head.commit)
    })
}

/// Whether these commits are deployed already, were tried, or come with what waits; and whether the first deployment is still
/// to be made, which is a person's.
fn comes_anyway(
    t: &Transaction<'_>,
    id: EnvironmentId,
    heads: &Heads,
    followed: &BTreeMap<String, String>,
) -> Result<bool, EngineError> {
    let Some(newest) = environments::newest(t, id, "1")? else { return Ok(true) };
    let newest = deployment_in(t, newest.id)?;
    let Settings { environment, project, options, .. } = &newest.settings;
    let takes_newest = newest.commits.is_empty()
        && newest.git_ref.is_none()
        && !options.live_commits
        && references(environment, project) == *followed;
    let same = || heads.iter().all(|(repository, head)| newest.commits.get(repository) == Some(&head.commit));
    Ok(newest.status == Status::Queued && takes_newest || same())
}

/// Queues a deployment that nobody clicked. Nobody watches it either, so it waits for other desktops.
fn queue(
    t: &Transaction<'_>,
    id: EnvironmentId,
    trigger: Trigger,
    live_commits: bool,
    who: String,
) -> Result<DeploymentId, EngineError> {
    let options = DeployOptions { wait: true, live_commits, ..DeployOptions::default() };
    let new = NewDeployment { options, ..NewDeployment::new(id, trigger, who) };
    insert_deployment(t, &new, model::now()).map(|(id, _)| id)
}
