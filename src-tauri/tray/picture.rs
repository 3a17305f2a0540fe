//! What the tray shows, as a value: made from an overview, and compared before anything is drawn anew.

use slipway_engine::model::{DeploymentId, EnvironmentId, Status, Step};

use crate::overview::{EnvironmentRow, Overview, Progress};

/// Environments in the menu at most.
const RECENT: usize = 6;
/// Deployments in the menu at most.
const RUNNING: usize = 8;

/// The tray's look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) icon: Icon,
    /// What the pointer resting on the icon tells.
    pub(super) tooltip: String,
    /// What is under way.
    pub(super) running: Vec<(DeploymentId, String)>,
    /// The environments that were deployed last.
    pub(super) recent: Vec<Recent>,
}

/// The state of everything in one sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Icon {
    /// All is as it should be.
    #[default]
    Calm,
    /// Something is under way.
    Running,
    /// The newest deployment of an environment went wrong.
    Failed,
}

/// An environment with what can be done about it from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recent {
    pub(super) environment: EnvironmentId,
    /// Its name with the word for its status.
    pub(super) title: String,
    /// What deploying it is called, if it can be deployed now.
    pub(super) deploy: Option<&'static str>,
    /// Whether there is an Odoo to look at.
    pub(super) can_open: bool,
}

impl Picture {
    pub(super) fn of(overview: &Overview) -> Self {
        let rows = &overview.environments;
        let running: Vec<_> = rows.iter().flat_map(|r| r.under_way.iter().map(move |p| (r, p))).collect();
        let failed = rows.iter().filter(|r| went_wrong(r)).count();
        let down = rows.iter().filter(|r| r.down.is_some()).count();
        let icon = match (down, running.len(), failed) {
            (0, 0, 0) => Icon::Calm,
            (0, 0, _) => Icon::Failed,
            (0, ..) => Icon::Running,
            // What doesn't answer hurts somebody now, whatever is under way elsewhere.
            (..) => Icon::Failed,
        };
        let under_way = format!("{} under way", count(running.len(), "deployment"));
        let tooltip = match (icon, down, running.len()) {
            (Icon::Calm, ..) => "Slipway: all is well".into(),
            (Icon::Running, ..) => format!("Slipway: {under_way}"),
            (Icon::Failed, 0, _) => format!("Slipway: {} not deployed", count(failed, "environment")),
            (Icon::Failed, _, 0) => format!("Slipway: {} not answering", count(down, "environment")),
            (Icon::Failed, ..) => {
                format!("Slipway: {} not answering, {under_way}", count(down, "environment"))
            }
        };
        let mut recent: Vec<&EnvironmentRow> = rows.iter().collect();
        recent.sort_by_key(|r| std::cmp::Reverse(r.latest.as_ref().map(|d| d.id)));
        Self {
            icon,
            tooltip,
            running: running.iter().take(RUNNING).map(|(r, p)| (p.deployment.id, describe(r, p))).collect(),
            recent: recent.into_iter().take(RECENT).map(Recent::of).collect(),
        }
    }
}

impl Recent {
    fn of(row: &EnvironmentRow) -> Self {
        let is_free = row.under_way.is_empty() && row.environment.server_id.is_some();
        let word = if row.live.is_some() { "Redeploy…" } else { "Deploy…" };
        let status = match &row.down {
            Some(_) => "not answering".to_owned(),
            None => row.status.to_string().replace('_', " "),
        };
        Self {
            environment: row.environment.id,
            title: format!("{} – {status}", row.title()),
            deploy: is_free.then_some(word),
            can_open: row.live.is_some() && row.address.is_some(),
        }
    }
}

fn went_wrong(row: &EnvironmentRow) -> bool {
    matches!(row.status, Status::Failed | Status::RolledBack)
}

fn describe(row: &EnvironmentRow, progress: &Progress) -> String {
    let title = row.title();
    match progress.step {
        Some(step) => format!("{title}: step {} of {}, {}", step.number(), Step::COUNT, step.title()),
        None if progress.deployment.status == Status::Queued => format!("{title}: waiting"),
        None => format!("{title}: step {} of {}", progress.number.max(1), Step::COUNT),
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overview::tests::{Given, overview};

    #[test]
    fn what_runs_is_said_with_its_step() {
        let overview = overview(&[Given::running("acme", Step::CloningRepositories), Given::failed("bolt")]);
        let picture = Picture::of(&overview);
        assert_eq!(picture.icon, Icon::Running);
        assert_eq!(picture.tooltip, "Slipway: 1 deployment under way");
        assert_eq!(picture.running[0].1, "acme / production: step 5 of 15, Cloning Repositories");
    }

    #[test]
    fn a_failure_is_seen_until_the_next_success() {
        let failed = Picture::of(&overview(&[Given::live("acme"), Given::failed("bolt")]));
        assert_eq!(failed.icon, Icon::Failed);
        assert_eq!(failed.tooltip, "Slipway: 1 environment not deployed");
        assert_eq!(Picture::of(&overview(&[Given::live("acme"), Given::live("bolt")])).icon, Icon::Calm);
        assert_eq!(Picture::of(&overview(&[])).icon, Icon::Calm);
    }

    #[test]
    fn what_does_not_answer_goes_before_what_failed() {
        let mut overview = overview(&[Given::live("acme"), Given::failed("bolt")]);
        overview.environments[0].down = Some(slipway_engine::error::EngineError::not_found("Gone."));
        let picture = Picture::of(&overview);
        assert_eq!(
            (picture.icon, picture.tooltip.as_str()),
            (Icon::Failed, "Slipway: 1 environment not answering")
        );
        assert!(picture.recent.iter().any(|r| r.title == "acme / production – not answering"));
    }

    #[test]
    fn what_does_not_answer_is_seen_while_another_deploys() {
        let mut overview = overview(&[Given::live("acme"), Given::running("bolt", Step::Connecting)]);
        overview.environments[0].down = Some(slipway_engine::error::EngineError::not_found("Gone."));
        let picture = Picture::of(&overview);
        assert_eq!(
            (picture.icon, picture.tooltip.as_str()),
            (Icon::Failed, "Slipway: 1 environment not answering, 1 deployment under way")
        );
    }

    #[test]
    fn only_what_can_be_done_is_offered() {
        let given = [
            Given::live("live"),
            Given::running("busy", Step::Connecting),
            Given::new("fresh"),
            Given { server: false, ..Given::new("homeless") },
        ];
        let picture = Picture::of(&overview(&given));
        let of = |name: &str| picture.recent.iter().find(|r| r.title.starts_with(name)).unwrap();
        assert_eq!((of("live").deploy, of("live").can_open), (Some("Redeploy…"), true));
        assert_eq!(of("busy").deploy, None);
        assert_eq!((of("fresh").deploy, of("fresh").can_open), (Some("Deploy…"), false));
        assert_eq!(of("homeless").deploy, None);
        assert_eq!(of("fresh").title, "fresh / production – pending");
    }

    #[test]
    fn the_menu_stays_short_and_begins_with_what_was_deployed_last() {
        let given: Vec<Given> = (0..20).map(|n| Given::live(&format!("p{n}"))).collect();
        let picture = Picture::of(&overview(&given));
        assert_eq!(picture.recent.len(), RECENT);
        assert!(picture.recent[0].title.starts_with("p19 "), "{}", picture.recent[0].title);
    }
}
