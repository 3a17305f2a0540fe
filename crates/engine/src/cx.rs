//! What every step of one deployment has at hand, and how a step is run: once, remembered, limited, cancellable.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::error::{EngineError, ErrorCode};
use crate::model::{DeployOptions, Deployment, Level, Part, Settings, Status, Step, StepStatus};
use crate::odoo::series::Series;
use crate::plan::Plan;
use crate::planning;
use crate::queue::Claim;
use crate::server::{Connection, Facts, Layout, Reservation};
use crate::source::{self, Fetched, Want};
use crate::steps::PrepareStep;
use crate::store::LogSink;

/// How long a cancelled step may take to end what it has on the server.
const CANCEL_GRACE: Duration = Duration::from_secs(10);

/// One deployment under way.
pub(crate) struct Cx {
    /// Store, keychain and home.
    pub engine: Engine,
    /// As it was claimed.
    pub deployment: Deployment,
    /// Frozen when it was queued.
    pub settings: Settings,
    /// Ends what can be ended safely.
    pub cancel: CancellationToken,
    claim: Claim,
    recorded: BTreeMap<Step, Value>,
    step: std::sync::Mutex<Step>,
    has_lease: AtomicBool,
    cuts_over: AtomicBool,
    server: OnceCell<Reached>,
    unreached: std::sync::Mutex<Option<EngineError>>,
    fetched: OnceCell<Fetched>,
    unrooted: Layout,
}

/// The server, reached.
struct Reached {
    connection: Connection,
    facts: Facts,
    layout: Layout,
}

impl Cx {
    /// For a deployment that this process holds; what its earlier steps recorded is read here.
    pub(crate) async fn new(engine: Engine, claim: Claim) -> Result<Self, EngineError> {
        let deployment = claim.deployment().clone();
        let settings = deployment.settings.clone();
        let recorded = engine
            .store()
            .steps(deployment.id)
            .await?
            .into_iter()
            .filter(|s| s.status == StepStatus::Done)
            .filter_map(|s| Some((s.step, s.output?)))
            .collect();
        let unrooted = Layout::new("", settings.slug());
        let is_deploying = deployment.status == Status::Deploying;
        let cancel = claim.cancel().clone();
        Ok(Self {
            engine,
            deployment,
            settings,
            cancel,
            claim,
            recorded,
            step: std::sync::Mutex::new(Step::Initializing),
            has_lease: AtomicBool::new(false),
            cuts_over: AtomicBool::new(is_deploying),
            server: OnceCell::new(),
            unreached: std::sync::Mutex::default(),
            fetched: OnceCell::new(),
            unrooted,
        })
    }

    /// Gives the claim back, to be finished.
    pub(crate) fn into_claim(self) -> Claim {
        self.claim
    }

    /// Whether its cut over has begun, as far as is known.
    pub(crate) fn is_cutting_over(&self) -> bool {
        self.cuts_over.load(Ordering::Relaxed)
    }

    /// Records that the cut over begins, or that it was found to have begun.
    pub(crate) async fn start_cutting_over(&self) -> Result<(), EngineError> {
        self.claim.start_deploying().await?;
        self.cuts_over.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether all that an earlier run prepared is recorded, so that its cut over can be followed and settled.
    pub(crate) fn has_prepared(&self) -> bool {
        // The first two are done again by whoever resumes.
        Step::all()
            .filter(|step| step.part() == Part::Prepare && *step > Step::Connecting)
            .all(|step| self.recorded.contains_key(&step))
    }

    /// The claim: what is recorded of the deployment goes through it.
    pub(crate) fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Runs a step, or returns what it recorded when an earlier run of this deployment finished it.
    pub(crate) async fn step<S: PrepareStep>(&self, step: S) -> Result<S::Output, EngineError> {
        if let Some(value) = self.recorded.get(&S::STEP).filter(|_| !S::REPEAT)
            && let Ok(output) = serde_json::from_value(value.clone())
        {
            return Ok(output);
        }
        // One that is resumed in its cut over is past what can be cancelled here: the server knows how it ends.
        let cancellable = S::CANCELLABLE && !self.is_cutting_over();
        if cancellable && self.cancel.is_cancelled() {
            return Err(cancelled());
        }
        self.enter(S::STEP);
        self.claim.start_step(S::STEP).await?;
        // On the heap: the steps' futures are large, and a thread's stack would have to hold the largest of them, several times.
        let result = self.limited(S::LIMIT, cancellable, Box::pin(step.run(self))).await;
        match &result {
            Ok(output) => {
                let value = serde_json::to_value(output)
                    .map_err(|e| EngineError::internal("A step's result can't be recorded.").detail(e))?;
                self.claim.finish_step(S::STEP, &value).await?;
            }
            Err(error) => self.fail(S::STEP, error).await?,
        }
        result
    }

    /// Records that a step ended with an error, in its log as well.
    pub(crate) async fn fail(&self, step: Step, error: &EngineError) -> Result<(), EngineError> {
        let status =
            if error.code == ErrorCode::Cancelled { StepStatus::Cancelled } else { StepStatus::Failed };
        if status == StepStatus::Failed {
            self.say(step, Level::Error, &error.message);
            for line in error.detail.iter().flat_map(|d| d.lines()) {
                self.say(step, Level::Error, line);
            }
        }
        self.claim.step(step, status, Some(&error.message), None).await
    }

    async fn limited<T>(
        &self,
        limit: Duration,
        cancellable: bool,
        work: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        tokio::pin!(work);
        tokio::select! {
            result = &mut work => result,
            () = tokio::time::sleep(limit) => {
                Err(EngineError::new(ErrorCode::TimedOut, format!("The step took longer than {} s.", limit.as_secs())))
            }
            () = self.cancel.cancelled(), if cancellable => {
                // What runs on the server sees the same token and ends; only then is it let go.
                let _ = tokio::time::timeout(CANCEL_GRACE, work).await;
                Err(cancelled())
            }
        }
    }

    /// From here on, lines belong to this step.
    pub(crate) fn enter(&self, step: Step) {
        if let Ok(mut current) = self.step.lock() {
            *current = step;
        }
    }

    /// The step that is under way.
    pub(crate) fn current(&self) -> Step {
        self.step.lock().map_or(Step::Initializing, |s| *s)
    }

    /// A line for whoever looks closer.
    pub(crate) fn debug(&self, text: impl AsRef<str>) {
        self.say(self.current(), Level::Debug, text.as_ref());
    }

    /// A line that says what happens.
    pub(crate) fn info(&self, text: impl AsRef<str>) {
        self.say(self.current(), Level::Info, text.as_ref());
    }

    /// A line about something to look at.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        self.say(self.current(), Level::Warning, text.as_ref());
    }

    /// A line of any step and level.
    pub(crate) fn say(&self, step: Step, level: Level, text: &str) {
        self.claim.line(step, level, text);
    }

    /// Writes debug lines of the current step from another thread.
    pub(crate) fn line_writer(&self) -> impl Fn(String) + Send + 'static {
        let (log, step): (LogSink, Step) = (self.claim.log().clone(), self.current());
        move |text| log.line(step, Level::Debug, &text)
    }

    /// Begins to connect. What goes wrong is told to whoever asks for the connection next.
    pub(crate) async fn connect_early(&self) {
        if let Err(error) = self.reached().await
            && let Ok(mut unreached) = self.unreached.lock()
        {
            *unreached = Some(error);
        }
    }

    /// Connects unless connected, and returns what the server was like then.
    pub(crate) async fn connect(&self) -> Result<&Facts, EngineError> {
        Ok(&self.reached().await?.facts)
    }

    /// The server.
    pub(crate) async fn connection(&self) -> Result<&Connection, EngineError> {
        Ok(&self.reached().await?.connection)
    }

    /// The connection, if there is one.
    pub(crate) fn connected(&self) -> Option<&Connection> {
        self.server.get().map(|r| &r.connection)
    }

    /// The environment's lock is ours from here on, and has to be renewed.
    pub(crate) fn note_lease(&self) {
        self.has_lease.store(true, Ordering::Relaxed);
    }

    /// Whether the environment's lock was taken.
    pub(crate) fn has_lease(&self) -> bool {
        self.has_lease.load(Ordering::Relaxed)
    }

    /// What the server is like now.
    pub(crate) async fn learn_again(&self) -> Result<Facts, EngineError> {
        let reached = self.reached().await?;
        reached.connection.learn(&reached.layout.slug).await
    }

    async fn reached(&self) -> Result<&Reached, EngineError> {
        self.server
            .get_or_try_init(|| async {
                if let Some(error) = self.unreached.lock().ok().and_then(|mut error| error.take()) {
                    return Err(error);
                }
                let slug = &self.unrooted.slug;
                let (connection, facts) = Connection::open(&self.engine, &self.settings.server, slug).await?;
                let layout = Layout::new(facts.root.clone(), slug.clone());
                Ok(Reached { connection, facts, layout })
            })
            .await
    }

    /// Names on the server. Its root is known once connected, and nobody asks before.
    pub(crate) fn layout(&self) -> &Layout {
        self.server.get().map_or(&self.unrooted, |r| &r.layout)
    }

    /// The project's series.
    pub(crate) fn series(&self) -> Result<Series, EngineError> {
        source::series(&self.settings)
    }

    /// How the user wanted it carried out.
    pub(crate) fn options(&self) -> &DeployOptions {
        &self.settings.options
    }

    /// What the environment reserves.
    pub(crate) fn reservation(&self) -> Reservation {
        let e = &self.settings.environment;
        Reservation { cpus: e.cpus, memory_mb: e.memory_mb, disk_mb: e.disk_mb }
    }

    /// The source at its commits on this computer, fetched by whoever asks first.
    pub(crate) async fn fetched(&self) -> Result<&Fetched, EngineError> {
        self.fetched
            .get_or_try_init(|| async {
                let log = self.line_writer();
                let want = Want {
                    reference: self.deployment.git_ref.clone(),
                    commits: self.wanted_commits().await?,
                };
                let say = move |line| log(line);
                let fetched = source::fetch(&self.engine, &self.settings, &want, say, &self.cancel).await?;
                self.record_commits(&fetched).await?;
                for (name, commit) in &fetched.commits {
                    self.info(format!("{name}: {} {}", &commit.sha[..7], commit.subject));
                }
                Ok(fetched)
            })
            .await
    }

    /// Commits that are wanted, where it isn't the newest ones.
    async fn wanted_commits(&self) -> Result<BTreeMap<String, String>, EngineError> {
        // Those that an earlier run of this deployment recorded stay: a resumed one doesn't change its mind.
        if !self.deployment.commits.is_empty() || !self.options().live_commits {
            return Ok(self.deployment.commits.clone());
        }
        let facts = self.connect().await?;
        let live = self.live_commits(facts).filter(|commits| {
            // Without it, the branch's newest would come.
            self.settings.project.main_repository().is_some_and(|main| commits.contains_key(&main.name))
        });
        live.cloned().ok_or_else(|| {
            EngineError::new(ErrorCode::Conflict, "Which commits are live is not known.")
                .hint("Deploy the environment by hand: that brings the newest commits of its branch.")
        })
    }

    /// Refuses to go on with the commits that were live when it began, when others are by now: it would undo a deployment that
    /// nobody wants to be undone.
    pub(crate) async fn check_still_live(&self, facts: &Facts) -> Result<(), EngineError> {
        if !self.options().live_commits {
            return Ok(());
        }
        let ours = &self.fetched().await?.commits;
        let is_ours =
            |(name, sha): (&String, &String)| ours.get(name).is_none_or(|commit| commit.sha == *sha);
        if self.live_commits(facts).is_some_and(|live| live.iter().all(is_ours)) {
            return Ok(());
        }
        Err(EngineError::new(ErrorCode::Conflict, "Another version went live while this one was prepared.")
            .hint("Retry: the changed settings are deployed with the version that is live then."))
    }

    fn live_commits<'f>(&self, facts: &'f Facts) -> Option<&'f BTreeMap<String, String>> {
        Some(&facts.last_release(&self.unrooted.slug)?.commits)
    }

    /// Records what was fetched.
    async fn record_commits(&self, fetched: &Fetched) -> Result<(), EngineError> {
        let Some(main) = self.settings.project.main_repository().and_then(|r| fetched.commits.get(&r.name))
        else {
            return Ok(());
        };
        let commits = fetched.commits.iter().map(|(n, c)| (n.clone(), c.sha.clone())).collect();
        self.claim
            .record_commits(&main.sha, commits, Some(main.subject.clone()), Some(main.author.clone()))
            .await
    }

    /// Says what to do about what keeps the deployment from going back to where it is to go back to.
    pub(crate) fn of_going_back(&self, error: EngineError) -> EngineError {
        let Deployment { rollback_of, restore, .. } = &self.deployment;
        planning::of_going_back(error, rollback_of.is_some(), restore.as_ref())
    }

    /// Records the frozen plan.
    pub(crate) async fn record_plan(&self, plan: &Plan) -> Result<(), EngineError> {
        let value = serde_json::to_value(plan)
            .map_err(|e| EngineError::internal("The plan can't be recorded.").detail(e))?;
        self.claim.record_plan(&value, plan.lane).await
    }

    /// Whether nothing serves this environment yet.
    pub(crate) async fn is_first(&self) -> Result<bool, EngineError> {
        Ok(self.connect().await?.live(&self.unrooted.slug).is_none())
    }
}

/// What a cancelled deployment ends with.
pub(crate) fn cancelled() -> EngineError {
    EngineError::new(ErrorCode::Cancelled, "The deployment was cancelled.")
}
