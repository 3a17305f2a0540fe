//! Making a [`Plan`] from what is live, what was fetched and what was learnt before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::base_image::BaseImages;
use crate::containers::proxy_recipe;
use crate::drift::{Before, Drift};
use crate::engine::Engine;
use crate::error::{EngineError, ErrorCode};
use crate::git::{Repositories, Source, Transfer};
use crate::model::{DeployOptions, Lane, Restore, Settings};
use crate::odoo::changes;
use crate::odoo::lane::{ContentLane, Database, LaneChoice};
use crate::odoo::modules::{Problem, ProblemKind};
use crate::plan::{
    CommitChange, CommitLine, Difference, Direction, Live, ModuleReason, Plan, disk_needed, predict_pause,
};
use crate::render::packages::Packages;
use crate::server::{CADDY, Facts};
use crate::source::{Fetched, choose_lane};

/// Commits listed in a plan at most.
const COMMITS: usize = 100;

/// What a plan is made from.
pub(crate) struct Given<'a> {
    pub engine: &'a Engine,
    pub settings: &'a Settings,
    pub facts: &'a Facts,
    pub fetched: &'a Fetched,
    /// The files of the last release, if they can be had.
    pub live_source: Option<&'a Source>,
    pub packages: &'a Packages,
    pub images: &'a BaseImages,
    pub restore: Option<&'a Restore>,
}

/// A plan, with what the cutover needs to know beside it.
pub(crate) struct Planned {
    pub plan: Plan,
    /// Installed modules that have no folder, and had none before.
    pub absent: Vec<String>,
}

/// Makes the plan. Nothing is touched.
///
/// # Errors
/// When the content can't be deployed: a module that is installed is gone, for instance.
pub(crate) async fn make(given: Given<'_>) -> Result<Planned, EngineError> {
    let Given { engine, settings, facts, fetched, live_source, packages, images, restore } = given;
    let slug = settings.slug();
    let live = live(facts, &slug);
    let manifest = facts.last_release(&slug);
    let installed: BTreeSet<String> = facts.installed().map(str::to_owned).collect();
    facts.check_database(&slug)?;
    let has_database = !facts.modules.is_empty();
    // The settings don't say it: a restored database may have demo data whatever was asked for at the first deployment.
    let demo = facts.demo_modules != Some(0);
    let database = has_database.then_some(Database { installed: &installed, demo });
    let wanted = wanted(settings);
    let choice = match restore {
        Some(_) => LaneChoice::of_a_restore(),
        None => choose_lane(live_source, fetched, database, &wanted)?,
    };
    let mut update = choice.update;
    force(&mut update, &settings.options, &installed)?;
    let drift = match restore {
        None if has_database => {
            let before = Before {
                settings,
                facts,
                last: manifest,
                is_compared: live_source.is_some(),
                modules: &fetched.modules,
                images,
                has_pip_modules: packages.pip.iter().any(|wanted| wanted.starts_with("odoo")),
            };
            before.decide(!update.is_empty() || !choice.install.is_empty() || live.is_none())
        }
        _ => Drift::default(),
    };
    let problems: Vec<Problem> = choice.problems.iter().chain(&drift.problems).cloned().collect();
    if let Some(error) = stopping(&problems) {
        return Err(error);
    }
    update.extend(drift.update.iter().map(|(module, _)| module.clone()));
    update.sort();
    update.dedup();
    let lane = lane(choice.lane, &update, restore, live.is_some());
    let mut why = choice.reasons;
    if !drift.update.is_empty() && choice.lane == ContentLane::Code {
        // It said that nothing has to be updated.
        why.clear();
    }
    why.extend(drift.why);
    if lane == Lane::Update && live.is_none() {
        why.push("its container is gone, so the database is cloned before the new one starts".into());
    }
    let mut warnings: Vec<String> = fetched
        .problems
        .iter()
        .chain(choice.problems.iter().filter(|p| !fetched.problems.contains(p)))
        .map(|p| format!("{}. {}", p.message, p.hint))
        .collect();
    warnings.extend(drift.warnings);
    if facts.container(CADDY).is_some_and(|proxy| proxy.recipe != proxy_recipe(&settings.server)) {
        warnings.push(
            "The proxy of this server has other settings (ports, address or version) than this server's here. It is replaced, and \
             no site of the server answers for some seconds."
                .into(),
        );
    }
    if live.is_some() && manifest.is_none() && restore.is_none() {
        warnings.push("What is live was not deployed by Slipway's records; every module is updated.".into());
    }
    if !facts.runs_database(&slug) && !facts.committed.is_empty() {
        warnings.push(
            "The database's container does not run, so what is in the database is not known: deploying starts it and plans anew."
                .into(),
        );
    }
    let source_bytes = Transfer::plan(live_source, Arc::clone(&fetched.source))?.bytes();
    let needed = disk_needed(lane, facts.db_bytes, source_bytes);
    let free = facts.docker_disk_mb.free * 1024 * 1024;
    if needed > free {
        warnings.push(format!("The disk may be too small: {needed} bytes needed, {free} free."));
    }
    let repositories: BTreeMap<String, CommitChange> = fetched
        .commits
        .iter()
        .map(|(name, new)| {
            let old = manifest.and_then(|m| m.commits.get(name).cloned());
            (name.clone(), CommitChange { old, new: new.sha.clone() })
        })
        .collect();
    let direction = direction(engine, settings, &repositories, live.is_none() && manifest.is_none());
    if direction == Direction::Back && restore.is_none() {
        warnings.push("It goes back: what is live has this commit in its history. Rolling back shows what would be lost.".into());
    }
    let history = engine.store().pauses(settings.environment.id, lane, 5).await?;
    let reasons = |needs: changes::Needs| {
        choice
            .changes
            .iter()
            .filter(|c| c.needs == needs)
            .map(|c| ModuleReason { module: c.module.clone(), reasons: c.reasons.clone() })
            .collect::<Vec<_>>()
    };
    let because = reasons(changes::Needs::Update);
    let update = update
        .into_iter()
        .map(|module| {
            let known = because.iter().filter(|r| r.module == module).flat_map(|r| r.reasons.iter());
            let drifted = drift.update.iter().filter(|(name, _)| *name == module).map(|(_, reason)| reason);
            let mut reasons: Vec<String> = known.chain(drifted).cloned().collect();
            if reasons.is_empty() {
                reasons.push("asked for, or not known what runs".into());
            }
            ModuleReason { module, reasons }
        })
        .collect();
    let plan = Plan {
        lane,
        why,
        direction,
        repositories,
        commits: commits_since(engine, settings, manifest.and_then(|m| m.commits.get("main")), fetched),
        update,
        install: choice.install,
        code_only: reasons(changes::Needs::Restart),
        pip: Difference::between(manifest.map_or(&[][..], |m| &m.pip), &packages.pip),
        apt: Difference::between(manifest.map_or(&[][..], |m| &m.apt), &packages.apt),
        disk_needed: needed,
        disk_free: free,
        predicted_pause_ms: predict_pause(lane, facts.db_bytes, &history),
        warnings,
        live,
    };
    Ok(Planned { plan, absent: drift.absent })
}

/// The Debian and Python packages that the fetched source asks for.
pub(crate) fn packages(fetched: &Fetched) -> Result<Packages, EngineError> {
    let reader = fetched.source.reader()?;
    Packages::read(&reader, &fetched.places, &[])
        .map_err(|e| EngineError::bad_input(format!("{e}.")).hint(e.hint()))
}

/// What is live on the server.
pub(crate) fn live(facts: &Facts, slug: &str) -> Option<Live> {
    let container = facts.live(slug)?;
    Some(Live {
        deployment: container.deployment?,
        slot: container.slot?,
        container: container.name.clone(),
        commit: container.commit.clone(),
    })
}

/// The first problem that nothing can be deployed with, as an error that lists them all.
pub(crate) fn stopping(problems: &[Problem]) -> Option<EngineError> {
    let stops: Vec<&Problem> = problems.iter().filter(|p| p.stops).collect();
    let first = stops.first()?;
    let code = match first.kind {
        ProblemKind::BrokenManifest => ErrorCode::ManifestInvalid,
        ProblemKind::NoSuchModule | ProblemKind::RemovedModule => ErrorCode::ModuleNotFound,
        ProblemKind::WrongSeries => ErrorCode::WrongSeries,
        ProblemKind::WaitsForRemoval => ErrorCode::Conflict,
        _ => ErrorCode::BadInput,
    };
    let all: Vec<&str> = stops.iter().map(|p| p.message.as_str()).collect();
    let error = EngineError::new(code, format!("{}.", first.message)).hint(first.hint.clone());
    Some(if all.len() > 1 { error.detail(all.join("\n")) } else { error })
}

/// What to do about a module that an earlier version hasn't got, when one goes `back` to that version's code alone.
pub(crate) fn of_going_back(error: EngineError, back: bool, restore: Option<&Restore>) -> EngineError {
    if error.code != ErrorCode::ModuleNotFound || !back || restore.is_some() {
        return error;
    }
    error.hint(
        "That version hasn't got the module, which was added later. Go back to its data as well, or uninstall the module in \
         Odoo and take it out of the environment's modules first.",
    )
}

/// A hash of each repository's files: equal hashes, equal content. It keys the image stage that holds them.
pub(crate) fn content<'a>(
    source: &Source,
    repositories: impl Iterator<Item = &'a String>,
) -> std::collections::BTreeMap<String, String> {
    repositories
        .map(|name| {
            let mut hash = Sha256::new();
            for (path, entry) in source.under(name.as_bytes()) {
                hash.update((path.len() as u64).to_le_bytes());
                hash.update(path);
                hash.update([entry.mode as u8]);
                hash.update(entry.blob.as_bytes());
            }
            (name.clone(), hex::encode(&hash.finalize()[..16]))
        })
        .collect()
}

/// What has to be installed: always `base`, and what the environment names.
fn wanted(settings: &Settings) -> Vec<String> {
    let mut wanted = vec!["base".to_owned()];
    wanted.extend(settings.environment.modules.iter().filter(|m| *m != "base").cloned());
    wanted
}

/// Adds the modules that the user wants updated whatever changed.
fn force(
    update: &mut Vec<String>,
    options: &DeployOptions,
    installed: &BTreeSet<String>,
) -> Result<(), EngineError> {
    for name in &options.update {
        if name == "all" {
            // Odoo updates all that stands on base, and everything does.
            update.push("base".into());
        } else if installed.contains(name) {
            update.push(name.clone());
        } else {
            return Err(EngineError::new(
                ErrorCode::ModuleNotFound,
                format!("{name} is not installed, so it can't be updated."),
            )
            .hint("Check the name; to install a module, add it to the environment's modules."));
        }
    }
    update.sort();
    update.dedup();
    Ok(())
}

fn lane(content: ContentLane, update: &[String], restore: Option<&Restore>, is_live: bool) -> Lane {
    match (restore, content) {
        (Some(_), _) => Lane::Restore,
        (None, ContentLane::First) => Lane::First,
        // A database without a container, for instance after one was removed by hand: there is nothing to stand beside.
        (None, ContentLane::Code) if update.is_empty() && is_live => Lane::Code,
        (None, ContentLane::Code | ContentLane::Update) => Lane::Update,
    }
}

fn direction(
    engine: &Engine,
    settings: &Settings,
    repositories: &BTreeMap<String, CommitChange>,
    is_first: bool,
) -> Direction {
    let of = |(name, change): (&String, &CommitChange)| {
        let old = change.old.as_deref()?;
        if old == change.new {
            return Some(Direction::Same);
        }
        let repository = settings.project.repositories.iter().find(|r| r.name == *name);
        let mirror = repository.and_then(|r| Repositories::new(engine.mirrors()).mirror(&r.url).ok());
        let has = |newer, older| mirror.as_ref().and_then(|m| m.has_ancestor(newer, older).ok().flatten());
        Some(match (has(&change.new, old), has(old, &change.new)) {
            (Some(true), _) => Direction::Forward,
            (_, Some(true)) => Direction::Back,
            (Some(false), Some(false)) => Direction::Aside,
            _ => Direction::Unknown,
        })
    };
    let all = repositories.iter().filter_map(of).min();
    all.unwrap_or(if is_first { Direction::Forward } else { Direction::Unknown })
}

fn commits_since(
    engine: &Engine,
    settings: &Settings,
    old: Option<&String>,
    fetched: &Fetched,
) -> Vec<CommitLine> {
    let (Some(old), Some(new), Some(main)) =
        (old, fetched.commits.get("main"), settings.project.main_repository())
    else {
        return vec![];
    };
    let commits = Repositories::new(engine.mirrors())
        .mirror(&main.url)
        .and_then(|m| m.log_between(old, &new.sha, COMMITS))
        .unwrap_or_default();
    commits.into_iter().map(|c| CommitLine { sha: c.sha, subject: c.subject, author: c.author }).collect()
}
