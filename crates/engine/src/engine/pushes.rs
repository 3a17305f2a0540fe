//! New commits. Nobody can call a laptop, so it looks: at the branches of the environments that deploy new commits by themselves.

use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::deployments::who;
use super::{Engine, EnvironmentView};
use crate::error::{EngineError, ErrorCode};
use crate::git::RemoteRef;
use crate::model::{DeploymentId, EnvironmentId, Repository};
use crate::source;
use crate::store::{Head, Heads, references};

/// How often, unless told otherwise: soon enough for whoever pushed, seldom enough for a Git host.
const EVERY: Duration = Duration::from_secs(60);

/// How long a repository may take to say where its branches are.
const LIMIT: Duration = Duration::from_secs(30);

/// Repositories that are asked at once.
const AT_ONCE: usize = 4;

/// A repository, and what it said.
type Asked = (Repository, Result<Vec<RemoteRef>, EngineError>);

impl Engine {
    /// Looks for new commits and queues what they bring, every `every` (a minute when not given) and whenever `now` says so,
    /// until `stop`.
    pub async fn watch_repositories(&self, every: Option<Duration>, now: &Notify, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                looked = self.look_for_commits() => {
                    if let Err(error) = looked {
                        tracing::warn!(code = %error.code, %error, "new commits can't be looked for");
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = now.notified() => {}
                () = tokio::time::sleep(every.unwrap_or(EVERY)) => {}
            }
        }
    }

    /// Looks once. A repository that can't be asked is noted with its environments, and keeps nobody else from being looked at.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn look_for_commits(&self) -> Result<Vec<DeploymentId>, EngineError> {
        let mut watched = self.environments().await?;
        watched.retain(|view| view.environment.deploy_on_push && view.server.is_some());
        let mut repositories: Vec<Repository> = vec![];
        for repository in watched.iter().flat_map(|view| &view.project.repositories) {
            if !repositories.iter().any(|known| is_same(known, repository)) {
                repositories.push(repository.clone());
            }
        }
        let asked: Vec<Asked> = stream::iter(repositories)
            .map(|repository| async {
                let said = self.ask(&repository).await;
                (repository, said)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut queued = vec![];
        for view in &watched {
            match self.note(view.environment.id, heads(view, &asked)).await {
                Ok(deployment) => queued.extend(deployment),
                // One that was just destroyed, for instance: the others are looked at all the same.
                Err(error) => tracing::warn!(code = %error.code, %error, "{} is not watched", view.name()),
            }
        }
        Ok(queued)
    }

    async fn ask(&self, repository: &Repository) -> Result<Vec<RemoteRef>, EngineError> {
        let stop = CancellationToken::new();
        // Also when nobody waits for it any more: the thread below ends.
        let _ends = stop.clone().drop_guard();
        tokio::time::timeout(LIMIT, source::list(self, repository, &stop)).await.unwrap_or_else(|_| {
            let message = format!(
                "{} did not say where its branches are within {} s.",
                repository.url,
                LIMIT.as_secs()
            );
            Err(EngineError::new(ErrorCode::GitUnreachable, message))
        })
    }

    async fn note(
        &self,
        id: EnvironmentId,
        heads: Result<Heads, EngineError>,
    ) -> Result<Option<DeploymentId>, EngineError> {
        match heads {
            Ok(heads) => self.store().note_heads(id, heads, who()).await,
            Err(error) => {
                let clean = |text: String| self.redactor().redact(&text).into_owned();
                let EngineError { code, message, hint, detail } = error;
                let problem = EngineError {
                    code,
                    message: clean(message),
                    hint: clean(hint),
                    detail: detail.map(clean),
                };
                self.store().note_unseen(id, problem).await.map(|()| None)
            }
        }
    }
}

/// Whether two projects' repositories are one, opened by the same.
fn is_same(one: &Repository, other: &Repository) -> bool {
    one.url == other.url && one.credential == other.credential
}

/// Where an environment's branches are.
fn heads(view: &EnvironmentView, asked: &[Asked]) -> Result<Heads, EngineError> {
    let mut heads = Heads::new();
    let references = references(&view.environment, &view.project);
    for repository in &view.project.repositories {
        let Some(reference) = references.get(&repository.name).cloned() else { continue };
        let Some((_, said)) = asked.iter().find(|(known, _)| is_same(known, repository)) else { continue };
        let refs = said.as_ref().map_err(Clone::clone)?;
        let commit = commit_of(refs, &reference).ok_or_else(|| {
            EngineError::new(
                ErrorCode::GitRefNotFound,
                format!("{} has no branch {reference:?}.", repository.url),
            )
            .hint("Choose a branch that there is, or push it.")
        })?;
        heads.insert(repository.name.clone(), Head { reference, commit });
    }
    Ok(heads)
}

/// The commit of a branch, else of a tag; a commit is its own.
fn commit_of(refs: &[RemoteRef], reference: &str) -> Option<String> {
    let named = |name: String| refs.iter().find(|r| r.name == name).map(|r| r.sha.clone());
    if reference == "HEAD" {
        return named("HEAD".to_owned());
    }
    let is_commit = reference.len() == 40 && reference.bytes().all(|b| b.is_ascii_hexdigit());
    named(format!("refs/heads/{reference}"))
        // What an annotated tag stands for comes under a name of its own.
        .or_else(|| named(format!("refs/tags/{reference}^{{}}")))
        .or_else(|| named(format!("refs/tags/{reference}")))
        .or_else(|| is_commit.then(|| reference.to_owned()))
}

#[cfg(test)]
mod tests;
