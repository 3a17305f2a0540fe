//! Everything at one look: what the lists of the window, the tray and the notifications are made from.

use serde::Serialize;
use slipway_engine::engine::{Engine, EnvironmentView};
use slipway_engine::error::EngineError;
use slipway_engine::model::{
    DeploymentSummary, Environment, EnvironmentId, Project, Server, Status, Step, StepStatus, slug,
};
use slipway_engine::server::Reservation;
use slipway_engine::store::{DeploymentFilter, EnvironmentOverview};

use crate::pulse::Pulse;

/// Deployments under way that are looked at; a partner has some dozens of environments.
const UNDER_WAY: u32 = 500;

/// All projects, servers and environments, with what goes on.
#[derive(Clone, Debug, PartialEq, Serialize, specta::Type)]
pub(crate) struct Overview {
    /// By project and name.
    pub(crate) environments: Vec<EnvironmentRow>,
    /// By name.
    pub(crate) projects: Vec<Project>,
    /// By name.
    pub(crate) servers: Vec<ServerRow>,
}

/// An environment as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, specta::Type)]
pub(crate) struct EnvironmentRow {
    /// Its settings.
    pub(crate) environment: Environment,
    /// The name of its project.
    pub(crate) project: String,
    /// The name of its server.
    pub(crate) server: Option<String>,
    /// Its name on the server.
    pub(crate) slug: String,
    /// Where a browser finds it; nothing without a server.
    pub(crate) address: Option<String>,
    /// How it stands: what its running deployment is at, or else how the newest one ended.
    pub(crate) status: Status,
    /// Its newest deployment.
    pub(crate) latest: Option<DeploymentSummary>,
    /// The deployment that it runs.
    pub(crate) live: Option<DeploymentSummary>,
    /// What is under way or waits for its turn, oldest first.
    pub(crate) under_way: Vec<Progress>,
    /// Why new commits can't be seen, where they are to be deployed by themselves.
    pub(crate) watch_problem: Option<EngineError>,
    /// Why it is taken to be down: it is live, and doesn't answer this computer.
    pub(crate) down: Option<EngineError>,
}

/// A deployment that hasn't ended.
#[derive(Clone, Debug, PartialEq, Serialize, specta::Type)]
pub(crate) struct Progress {
    /// The deployment.
    pub(crate) deployment: DeploymentSummary,
    /// The step it is at, if one is under way.
    pub(crate) step: Option<Step>,
    /// That step's place, from 1 to 15; the number of steps that are over while none is under way.
    pub(crate) number: u8,
    /// That step's latest line.
    pub(crate) message: Option<String>,
}

/// A server as lists show it: all from memory, without asking it.
#[derive(Clone, Debug, PartialEq, Serialize, specta::Type)]
pub(crate) struct ServerRow {
    /// Its settings.
    pub(crate) server: Server,
    /// The environments that are assigned to it, by project and name.
    pub(crate) environments: Vec<EnvironmentId>,
    /// What they reserve together.
    pub(crate) reserved: Reservation,
}

impl Overview {
    /// Looks.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(crate) async fn look(engine: &Engine, pulse: &Pulse) -> Result<Self, EngineError> {
        let store = engine.store();
        let projects = store.projects().await?;
        let servers = store.servers().await?;
        let mut under_way = under_way(engine).await?;
        let mut environments = Vec::new();
        for overview in store.environments().await? {
            let id = overview.environment.id;
            let its = under_way.extract_if(.., |p| p.deployment.environment_id == id).collect();
            let row = row(overview, &projects, &servers, its);
            // While it is being deployed it may hold its requests.
            let is_calm = |row: &EnvironmentRow| row.live.is_some() && row.under_way.is_empty();
            let since = |row: &EnvironmentRow| row.latest.as_ref().and_then(|latest| latest.finished_at);
            let down = row.as_ref().filter(|row| is_calm(row)).and_then(|row| pulse.of(id, since(row)));
            environments.extend(row.map(|row| EnvironmentRow { down, ..row }));
        }
        let servers = servers.into_iter().map(|server| server_row(server, &environments)).collect();
        Ok(Self { environments, projects, servers })
    }

    /// The row of an environment.
    pub(crate) fn environment(&self, id: EnvironmentId) -> Option<&EnvironmentRow> {
        self.environments.iter().find(|row| row.environment.id == id)
    }
}

impl EnvironmentRow {
    /// `project / name`, as people read it.
    pub(crate) fn title(&self) -> String {
        format!("{} / {}", self.project, self.environment.name)
    }
}

async fn under_way(engine: &Engine) -> Result<Vec<Progress>, EngineError> {
    let filter = DeploymentFilter {
        statuses: vec![Status::Queued, Status::Building, Status::Deploying],
        limit: Some(UNDER_WAY),
        ..DeploymentFilter::default()
    };
    let mut found = Vec::new();
    for deployment in engine.store().deployments(filter).await?.items.into_iter().rev() {
        found.push(match deployment.status.is_active() {
            true => progress(engine, deployment).await?,
            false => Progress { deployment, step: None, number: 0, message: None },
        });
    }
    Ok(found)
}

async fn progress(engine: &Engine, deployment: DeploymentSummary) -> Result<Progress, EngineError> {
    let steps = engine.store().steps(deployment.id).await?;
    let over = steps.iter().filter(|s| s.status.is_finished()).count();
    let running = steps.into_iter().find(|s| s.status == StepStatus::Running);
    Ok(Progress {
        deployment,
        step: running.as_ref().map(|s| s.step),
        number: running.as_ref().map_or(u8::try_from(over).unwrap_or(Step::COUNT), |s| s.step.number()),
        message: running.and_then(|s| s.message),
    })
}

fn row(
    overview: EnvironmentOverview,
    projects: &[Project],
    servers: &[Server],
    under_way: Vec<Progress>,
) -> Option<EnvironmentRow> {
    let EnvironmentOverview { environment, project, server, latest, live, watch_problem } = overview;
    let view = EnvironmentView {
        project: projects.iter().find(|p| p.id == environment.project_id)?.clone(),
        server: servers.iter().find(|s| Some(s.id) == environment.server_id).cloned(),
        slug: slug(&project, &environment.name),
        environment,
    };
    let active = under_way.iter().map(|p| &p.deployment).find(|d| d.status.is_active());
    Some(EnvironmentRow {
        address: view.address(),
        status: active.or(latest.as_ref()).map_or(Status::Pending, |d| d.status),
        environment: view.environment,
        slug: view.slug,
        project,
        server,
        latest,
        live,
        under_way,
        watch_problem,
        down: None,
    })
}

fn server_row(server: Server, environments: &[EnvironmentRow]) -> ServerRow {
    let its = || environments.iter().map(|e| &e.environment).filter(|e| e.server_id == Some(server.id));
    let reserved = its().fold(Reservation::default(), |sum, e| Reservation {
        cpus: sum.cpus + e.cpus,
        memory_mb: sum.memory_mb + e.memory_mb,
        disk_mb: sum.disk_mb + e.disk_mb,
    });
    ServerRow { environments: its().map(|e| e.id).collect(), reserved, server }
}

#[cfg(test)]
pub(crate) mod tests {
    //! Overviews for tests.

    use slipway_engine::error::{EngineError, ErrorCode};
    use slipway_engine::model::{DeploymentError, DeploymentId, Repository, Trigger};

    use super::*;

    /// A project with one environment, `production`.
    #[derive(Clone)]
    pub(crate) struct Given {
        pub(crate) project: String,
        pub(crate) server: bool,
        /// How its newest deployment stands, and at which step.
        pub(crate) latest: Option<(Status, Option<Step>)>,
    }

    impl Given {
        /// Never deployed.
        pub(crate) fn new(project: &str) -> Self {
            Self { project: project.into(), server: true, latest: None }
        }

        /// Deployed.
        pub(crate) fn live(project: &str) -> Self {
            Self { latest: Some((Status::Success, None)), ..Self::new(project) }
        }

        /// Its first deployment failed.
        pub(crate) fn failed(project: &str) -> Self {
            Self { latest: Some((Status::Failed, None)), ..Self::new(project) }
        }

        /// Being deployed for the first time.
        pub(crate) fn running(project: &str, step: Step) -> Self {
            Self { latest: Some((Status::Building, Some(step))), ..Self::new(project) }
        }
    }

    /// What one would see; later ones were deployed later.
    pub(crate) fn overview(given: &[Given]) -> Overview {
        let server = Server::new("web", slipway_engine::model::ServerKind::Local);
        let environments: Vec<EnvironmentRow> = given.iter().map(|g| given_row(g, &server)).collect();
        let servers = vec![server_row(server, &environments)];
        Overview { environments, projects: vec![], servers }
    }

    fn given_row(given: &Given, server: &Server) -> EnvironmentRow {
        let project = Project::new(given.project.clone(), "19.0", vec![Repository::new("main", "file:///a")]);
        let mut environment = Environment::new(project.id, "production", "main");
        environment.server_id = given.server.then_some(server.id);
        let latest = given.latest.map(|(status, _)| summary(environment.id, status));
        let step = given.latest.and_then(|(_, step)| step);
        let progress = latest.clone().filter(|d| !d.status.is_finished()).map(|deployment| Progress {
            number: step.map_or(0, Step::number),
            message: None,
            deployment,
            step,
        });
        let live = latest.clone().filter(|d| d.status == Status::Success);
        let overview = EnvironmentOverview {
            environment,
            project: project.name.clone(),
            server: given.server.then(|| server.name.clone()),
            latest,
            live,
            watch_problem: None,
        };
        let under_way = progress.into_iter().collect();
        row(overview, &[project], std::slice::from_ref(server), under_way).unwrap()
    }

    fn summary(environment_id: EnvironmentId, status: Status) -> DeploymentSummary {
        let error = EngineError::new(ErrorCode::ModuleLoadFailed, "The module could not be loaded.");
        DeploymentSummary {
            id: DeploymentId::new(),
            environment_id,
            number: 1,
            trigger: Trigger::Manual,
            status,
            git_ref: None,
            commit: Some("3f2a91c0".repeat(5)),
            subject: Some("Round the totals".into()),
            author: None,
            lane: None,
            who: "me@here".into(),
            error: (status == Status::Failed)
                .then(|| DeploymentError::new(error, Some(Step::StartingContainer))),
            queued_at: slipway_engine::model::now(),
            started_at: None,
            finished_at: None,
            build_ms: None,
            deploy_ms: None,
            pause_ms: None,
            snapshot_id: None,
            rollback_of: None,
            retry_of: None,
            point_of_no_return: false,
            cancel_requested_at: None,
            elsewhere: false,
        }
    }

    #[test]
    fn a_server_tells_what_its_environments_reserve() {
        let overview = overview(&[
            Given::live("acme"),
            Given::new("bolt"),
            Given { server: false, ..Given::new("homeless") },
        ]);
        let server = &overview.servers[0];
        assert_eq!(server.environments.len(), 2);
        assert_eq!(server.reserved, Reservation { cpus: 4.0, memory_mb: 4096, disk_mb: 20_480 });
    }

    #[test]
    fn an_environment_stands_as_what_it_is_at() {
        let status = |given: Given| overview(&[given]).environments[0].status;
        assert_eq!(status(Given::new("a")), Status::Pending);
        assert_eq!(status(Given::live("a")), Status::Success);
        assert_eq!(status(Given::running("a", Step::Connecting)), Status::Building);
    }
}
