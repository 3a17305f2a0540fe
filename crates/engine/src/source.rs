//! A release's source on this computer: every repository fetched at its commit, and the modules in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::error::{EngineError, ErrorCode};
use crate::git::{Commit, Credential, Fetch, HostKeys, Progress, RemoteRef, Repositories, Source};
use crate::model::{GitCredential, Repository, Settings};
use crate::odoo::lane::{self, Database, LaneChoice, Release};
use crate::odoo::modules::{AddonsIn, Modules, Problem, is_odoos_own};
use crate::odoo::series::Series;

/// Everything that a deployment brings.
pub(crate) struct Fetched {
    /// The commit of each repository, by its name.
    pub commits: BTreeMap<String, Commit>,
    /// All files, as `<repository>/<path>`.
    pub source: Arc<Source>,
    /// All modules.
    pub modules: Modules,
    /// Where they were looked for.
    pub places: Vec<AddonsIn>,
    /// What is wrong, or might be.
    pub problems: Vec<Problem>,
}

/// Which commits are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Want {
    /// Branch, tag or commit of the main repository, instead of the environment's branch.
    pub reference: Option<String>,
    /// Exact commits by repository, for a retry or a rollback; stronger than everything else.
    pub commits: BTreeMap<String, String>,
}

/// Fetches all repositories of a project and finds their modules. `say` gets the other side's words.
///
/// # Errors
/// Those of Git, each told apart, and of the project's content where it can't be deployed.
pub(crate) async fn fetch(
    engine: &Engine,
    settings: &Settings,
    want: &Want,
    mut say: impl FnMut(String) + Send + 'static,
    cancel: &CancellationToken,
) -> Result<Fetched, EngineError> {
    let mut requests = vec![];
    for (i, repository) in settings.project.repositories.iter().enumerate() {
        let wanted = want.commits.get(&repository.name).cloned().or_else(|| match i {
            0 => Some(want.reference.clone().unwrap_or_else(|| settings.environment.branch.clone())),
            _ => repository.branch.clone(),
        });
        requests.push((repository.clone(), request(engine, repository, wanted).await?));
    }
    let mirrors = Repositories::new(engine.mirrors());
    let cancel = cancel.clone();
    let series = series(settings)?;
    let wanted_modules = settings.environment.modules.clone();
    off_thread(move || {
        let mut commits = BTreeMap::new();
        let mut parts = vec![];
        for (repository, request) in &requests {
            let mut progress = |p: Progress| {
                if let Progress::Remote(text) = p {
                    text.lines().filter(|l| !l.trim().is_empty()).for_each(|l| say(l.trim().to_owned()));
                }
            };
            let found = mirrors.checkout(
                &repository.name,
                &repository.url,
                request,
                repository.submodules,
                &mut progress,
                &cancel,
            )?;
            say(format!("{}: {} {}", repository.name, &found.commit.sha[..7], found.commit.subject));
            commits.insert(repository.name.clone(), found.commit);
            parts.extend(found.parts);
        }
        let source = Arc::new(Source::read(parts)?);
        let places = places(&requests.iter().map(|(r, _)| r).collect::<Vec<_>>());
        let reader = source.reader()?;
        let (modules, mut problems) = Modules::find(&reader, &places)?;
        problems.extend(modules.check(&wanted_modules, series, &is_odoos_own));
        drop(reader);
        Ok(Fetched { commits, source, modules, places, problems })
    })
    .await
}

/// The branches and tags of a repository, as they are now.
///
/// # Errors
/// Those of Git.
pub(crate) async fn list(
    engine: &Engine,
    repository: &Repository,
    cancel: &CancellationToken,
) -> Result<Vec<RemoteRef>, EngineError> {
    let request = request(engine, repository, None).await?;
    let mirrors = Repositories::new(engine.mirrors());
    let url = repository.url.clone();
    let cancel = cancel.clone();
    off_thread(move || Ok(mirrors.mirror(&url)?.list(&request, &cancel)?)).await
}

/// The source of a release that was deployed earlier, if its commits can still be had.
pub(crate) async fn earlier(
    engine: &Engine,
    settings: &Settings,
    commits: &BTreeMap<String, String>,
    cancel: &CancellationToken,
) -> Option<Source> {
    let mut wanted = vec![];
    for repository in &settings.project.repositories {
        // A repository that was added since has no part in what is live.
        let Some(sha) = commits.get(&repository.name) else { continue };
        let request = request(engine, repository, Some(sha.clone())).await.ok()?;
        wanted.push((repository.clone(), sha.clone(), request));
    }
    let mirrors = Repositories::new(engine.mirrors());
    let cancel = cancel.clone();
    let read = off_thread(move || {
        let mut parts = vec![];
        for (repository, sha, request) in &wanted {
            let known = mirrors.parts(&repository.name, &repository.url, sha, repository.submodules);
            parts.extend(match known {
                Ok(parts) => parts,
                Err(_) => {
                    let name = &repository.name;
                    mirrors
                        .checkout(
                            name,
                            &repository.url,
                            request,
                            repository.submodules,
                            &mut |_| {},
                            &cancel,
                        )?
                        .parts
                }
            });
        }
        Ok(Source::read(parts)?)
    })
    .await;
    match read {
        Ok(source) => Some(source),
        Err(error) => {
            tracing::info!(%error, "the live release's commits can't be had any more");
            None
        }
    }
}

/// Decides the lane from what is live, what is new and what the database has.
pub(crate) fn choose_lane(
    live: Option<&Source>,
    new: &Fetched,
    database: Option<Database<'_>>,
    wanted: &[String],
) -> Result<LaneChoice, EngineError> {
    let new_reader = new.source.reader()?;
    let new_release = Release { files: &new_reader, modules: &new.modules };
    let Some(live) = live else {
        return Ok(lane::choose(None, new_release, database, wanted)?);
    };
    let live_reader = live.reader()?;
    let (live_modules, _) = Modules::find(&live_reader, &new.places)?;
    let live_release = Release { files: &live_reader, modules: &live_modules };
    Ok(lane::choose(Some(live_release), new_release, database, wanted)?)
}

/// The series of a project.
///
/// # Errors
/// `bad_input` for one that Slipway doesn't know.
pub(crate) fn series(settings: &Settings) -> Result<Series, EngineError> {
    settings.project.series.parse().map_err(|e: crate::odoo::series::UnknownSeries| {
        EngineError::new(ErrorCode::BadInput, e.to_string()).hint(e.hint())
    })
}

async fn request(
    engine: &Engine,
    repository: &Repository,
    wanted: Option<String>,
) -> Result<Fetch, EngineError> {
    let credential = match &repository.credential {
        GitCredential::Auto => Credential::Auto,
        GitCredential::SshKey { file, passphrase } => Credential::SshKey {
            file: file.clone(),
            passphrase: match passphrase {
                None => None,
                Some(name) => Some(engine.secret(name).await?),
            },
        },
        GitCredential::Token { user, token } => {
            Credential::Token { user: user.clone(), token: engine.secret(token).await? }
        }
    };
    let mut known_hosts = vec![engine.home().join("known_hosts")];
    known_hosts.extend(std::env::home_dir().map(|home| home.join(".ssh/known_hosts")));
    Ok(Fetch { wanted, credential, host_keys: HostKeys::new(known_hosts), ..Fetch::default() })
}

/// The main repository comes first, so that its modules win nothing and lose nothing: two of one name are refused anyway.
fn places(repositories: &[&Repository]) -> Vec<AddonsIn> {
    repositories.iter().map(|r| AddonsIn { repository: r.name.clone(), paths: r.paths.clone() }).collect()
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(EngineError::internal("Reading the repositories ended early.").detail(error)),
    }
}
