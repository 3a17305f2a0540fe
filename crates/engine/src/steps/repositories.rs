//! Step 5: freeze the plan, and send the server only what changed. Step 1 has fetched it to this computer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipway_remote::{Cmd, Stdin};

use super::file_times::{self, Newest};
use super::{BaseImage, PrepareStep};
use crate::base_image::BaseImages;
use crate::cx::Cx;
use crate::drift;
use crate::error::{EngineError, ErrorCode};
use crate::git::{FileTimes, Mirror, Source, Transfer, UNPACK};
use crate::model::{Lane, Step};
use crate::odoo::statics;
use crate::plan::{Direction, Plan};
use crate::planning;
use crate::render::packages::Packages;
use crate::server::{Facts, ReleaseManifest};
use crate::source::{self, Fetched};

/// Plans and sends.
pub(crate) struct CloningRepositories<'a> {
    pub facts: &'a Facts,
}

/// What the later steps know of the source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SourceOnServer {
    /// The frozen plan.
    pub plan: Plan,
    /// Installed modules that have no folder, and had none before.
    #[serde(default)]
    pub absent: Vec<String>,
    /// Docker's id of the base image that it was planned for, if that was on the server.
    #[serde(default)]
    pub base_id: Option<String>,
    /// The modules of each repository, by its name.
    #[serde(default)]
    pub modules: BTreeMap<String, Vec<String>>,
    /// Commit of each repository.
    pub commits: BTreeMap<String, String>,
    /// First line of the main commit's message.
    pub subject: String,
    /// Addons folders relative to the release's `src`, in order.
    pub addons: Vec<String>,
    /// What the image has to bring along for them.
    pub packages: Packages,
    /// A hash of each repository's content, by its name.
    pub content: BTreeMap<String, String>,
    /// Of each repository's newest file the time; see [`file_times`].
    pub times: Newest,
    /// Static files that differ from what is live: where Odoo serves each, and its path in the release.
    #[serde(default)]
    pub static_files: Vec<(String, String)>,
    /// How many files the release holds.
    pub files: usize,
}

impl SourceOnServer {
    /// The same with the plan that was made anew for the base image, if one was.
    pub(crate) fn on(self, base: &BaseImage) -> Self {
        let Some(frozen) = base.planned.clone() else { return self };
        Self { plan: frozen.plan, absent: frozen.absent, base_id: frozen.base_id, ..self }
    }
}

impl PrepareStep for CloningRepositories<'_> {
    const STEP: Step = Step::CloningRepositories;
    const LIMIT: Duration = Duration::from_secs(3600);
    type Output = SourceOnServer;

    async fn run(&self, cx: &Cx) -> Result<SourceOnServer, EngineError> {
        let fetched = cx.fetched().await?;
        let live = self.facts.last_release(&cx.layout().slug);
        let live_source = last_source(cx, self.facts).await;
        let packages = planning::packages(fetched)?;
        let frozen = plan(cx, self.facts, live_source.as_ref(), &packages).await?;
        tell(cx, &frozen.plan);
        cx.record_plan(&frozen.plan).await?;
        refuse_to_go_back(cx, &frozen.plan)?;
        let releases = self.facts.releases.iter().map(|release| (release.deployment, &release.times));
        let rule = file_times::rule(cx.series()?, cx.deployment.id, releases);
        let content = planning::content(&fetched.source, fetched.commits.keys());
        let times = send(cx, fetched, live.zip(live_source.as_ref()), rule, &content).await?;
        keep(cx, fetched).await?;
        let plan_lane = frozen.plan.lane;
        Ok(SourceOnServer {
            plan: frozen.plan,
            absent: frozen.absent,
            base_id: frozen.base_id,
            modules: fetched.modules.by_repository(),
            commits: fetched.commits.iter().map(|(n, c)| (n.clone(), c.sha.clone())).collect(),
            subject: fetched.commits.get("main").map(|c| c.subject.clone()).unwrap_or_default(),
            addons: fetched.modules.parents(&fetched.places),
            packages,
            static_files: match plan_lane {
                // Nothing was served before, so nothing old can be.
                Lane::First => vec![],
                _ => statics::changed(live_source.as_ref(), &fetched.source, &fetched.modules),
            },
            files: fetched.source.entries().len(),
            content,
            times,
        })
    }
}

/// Nobody takes an older version for a newer one: what goes back says so, and a rollback has said what would be lost.
fn refuse_to_go_back(cx: &Cx, plan: &Plan) -> Result<(), EngineError> {
    let deployment = &cx.deployment;
    let is_meant = cx.options().back || deployment.rollback_of.is_some() || deployment.restore.is_some();
    if plan.direction != Direction::Back || is_meant {
        return Ok(());
    }
    Err(EngineError::new(
        ErrorCode::WouldGoBack,
        "What is live is newer than this commit, and was made from it. Nothing was touched.",
    ))
}

/// A plan as the later steps need it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Frozen {
    /// The plan.
    pub plan: Plan,
    /// Installed modules that have no folder, and had none before.
    pub absent: Vec<String>,
    /// Docker's id of the base image that it was made for, if that was on the server.
    pub base_id: Option<String>,
}

/// Makes the plan for the base image that is on the server now.
pub(super) async fn plan(
    cx: &Cx,
    facts: &Facts,
    live_source: Option<&Source>,
    packages: &Packages,
) -> Result<Frozen, EngineError> {
    let fetched = cx.fetched().await?;
    let last = facts.last_release(&cx.layout().slug);
    let is_asked = drift::asks_for_image(facts, &fetched.modules);
    let images = BaseImages::look(cx.connection().await?, &cx.settings, last, is_asked).await?;
    let given = planning::Given {
        engine: &cx.engine,
        settings: &cx.settings,
        facts,
        fetched,
        live_source,
        packages,
        images: &images,
        restore: cx.deployment.restore.as_ref(),
    };
    let planned = planning::make(given).await.map_err(|error| cx.of_going_back(error))?;
    Ok(Frozen { plan: planned.plan, absent: planned.absent, base_id: images.now })
}

/// The files of the last release, if its commits can still be had.
pub(super) async fn last_source(cx: &Cx, facts: &Facts) -> Option<Source> {
    let last = facts.last_release(&cx.layout().slug)?;
    source::earlier(&cx.engine, &cx.settings, &last.commits, &cx.cancel).await
}

/// Says what was planned.
pub(super) fn tell(cx: &Cx, plan: &Plan) {
    cx.info(format!("Lane: {}", plan.lane));
    for why in plan.why.iter().take(20) {
        cx.info(format!("  {why}"));
    }
    for warning in &plan.warnings {
        cx.warn(warning.clone());
    }
}

/// Sends what the server doesn't have. If its old release isn't what it should be, everything goes again. Returns the times that
/// the files have now.
async fn send(
    cx: &Cx,
    fetched: &Fetched,
    live: Option<(&ReleaseManifest, &Source)>,
    rule: FileTimes,
    content: &BTreeMap<String, String>,
) -> Result<Newest, EngineError> {
    const NOT_AS_EXPECTED: i32 = 3;
    const OLD_IS_MISSING: i32 = 4;
    let new = Arc::clone(&fetched.source);
    if let Some((manifest, old)) = live.filter(|(manifest, _)| file_times::follow(&manifest.times, rule)) {
        let transfer = Transfer::plan(Some(old), Arc::clone(&new))?;
        let old_dir = format!("{}/src", cx.layout().release(manifest.deployment));
        match transmit(cx, transfer, rule, Some(&old_dir)).await? {
            (0, _) => {
                let was = planning::content(old, manifest.times.keys());
                return Ok(file_times::after(rule, content, Some((&was, &manifest.times))));
            }
            (NOT_AS_EXPECTED | OLD_IS_MISSING, said) => {
                cx.warn(format!(
                    "The files of the live release are not as expected; sending everything ({said})"
                ));
            }
            (code, said) => return Err(unpack_error(code, &said)),
        }
    }
    let transfer = Transfer::plan(None, Arc::clone(&new))?;
    match transmit(cx, transfer, rule, None).await? {
        (0, _) => Ok(file_times::after(rule, content, None)),
        (code, said) => Err(unpack_error(code, &said)),
    }
}

async fn transmit(
    cx: &Cx,
    transfer: Transfer,
    times: FileTimes,
    old: Option<&str>,
) -> Result<(i32, String), EngineError> {
    for pointer in transfer.lfs_pointers().iter().take(10) {
        cx.warn(format!("{pointer} is a Git LFS pointer: Odoo gets the pointer's text instead of the file"));
    }
    let (files, removed, count) = (transfer.files(), transfer.removed(), transfer.count());
    let new = format!("{}/src", cx.layout().release(cx.deployment.id));
    let mut cmd = Cmd::new("sh").args(["-c", UNPACK, "unpack.sh", &new, &count.to_string()]);
    if let Some(old) = old {
        cmd = cmd.arg(old);
    }
    let (stream, writing) = transfer.stream(times, |_| {}, cx.cancel.clone());
    let cmd = cmd.stdin(Stdin::Stream(Box::new(stream))).limit(Duration::from_secs(3500));
    let out = cx.connection().await?.host.run(cmd).await?;
    let sent = match writing.await {
        Ok(Ok(sent)) => sent.bytes,
        // A broken pipe says less than the script that broke it.
        Ok(Err(error)) if out.code == 0 => return Err(error.into()),
        _ => 0,
    };
    if out.code == 0 {
        cx.info(format!(
            "Sent {files} files ({} kB); {removed} old ones replaced or removed",
            sent.div_ceil(1000)
        ));
    }
    Ok((out.code, out.stderr.trim().to_owned()))
}

fn unpack_error(code: i32, said: &str) -> EngineError {
    EngineError::new(ErrorCode::ServerUnusable, "The release's files could not be laid out on the server.")
        .hint("Check free disk space on the server, then retry.")
        .detail(format!("exit {code}: {said}"))
}

/// Keeps the deployed commits in the mirrors, whatever is force pushed later: the next plan compares with them.
async fn keep(cx: &Cx, fetched: &Fetched) -> Result<(), EngineError> {
    let mirrors: Vec<(Mirror, String)> = cx
        .settings
        .project
        .repositories
        .iter()
        .filter_map(|r| {
            let sha = fetched.commits.get(&r.name)?.sha.clone();
            crate::git::Repositories::new(cx.engine.mirrors()).mirror(&r.url).ok().map(|m| (m, sha))
        })
        .collect();
    let name = cx.deployment.id.short();
    for (mirror, sha) in mirrors {
        mirror.keep(&name, &sha)?;
    }
    Ok(())
}
