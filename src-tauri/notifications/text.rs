//! What notifications say.

use slipway_engine::model::{DeploymentSummary, Status, Trigger};

use super::Notice;
use crate::deep_link::Place;

/// Ends at one moment that are still told one by one.
pub(super) const ONE_BY_ONE: usize = 3;

/// The end of one deployment.
pub(super) struct End {
    /// `project / name`.
    pub(super) title: String,
    /// How it ended.
    pub(super) deployment: DeploymentSummary,
}

/// Notices of all that ended at one moment: one each, or one for all if they are many.
pub(super) fn notices(ends: &[End]) -> Vec<Notice> {
    if ends.len() <= ONE_BY_ONE {
        return ends.iter().map(notice).collect();
    }
    let count = |status| ends.iter().filter(|e| e.deployment.status == status).count();
    let parts = [
        (count(Status::Success), "succeeded"),
        (count(Status::Failed), "failed"),
        (count(Status::RolledBack), "undone"),
        (count(Status::Cancelled), "cancelled"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    vec![Notice {
        summary: format!("{} deployments ended", ends.len()),
        body: parts.join(", "),
        place: Place::Activity,
    }]
}

fn notice(end: &End) -> Notice {
    let End { title, deployment: d } = end;
    let commit = d.commit.as_deref().map_or("", |c| c.get(..7).unwrap_or(c));
    let summary = match (d.status, d.trigger) {
        (Status::Success, Trigger::Rollback) => format!("{title} is back at {commit}"),
        (Status::Success, _) => format!("{title} is deployed"),
        (Status::RolledBack, _) => format!("{title}: deployment failed and was undone"),
        (Status::Cancelled, _) => format!("{title}: deployment cancelled"),
        _ => format!("{title}: deployment failed"),
    };
    let body = match (d.status, &d.error) {
        (Status::Failed | Status::RolledBack, Some(error)) => error.message.clone(),
        (Status::Cancelled, _) => "It serves what it served before.".into(),
        _ => [commit, d.subject.as_deref().unwrap_or_default()].join(" ").trim().to_owned(),
    };
    Notice { summary, body, place: Place::Deployment { deployment: d.id } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overview::tests::{Given, overview};

    fn end(given: &Given) -> End {
        let overview = overview(std::slice::from_ref(given));
        let row = &overview.environments[0];
        End { title: row.title(), deployment: row.latest.clone().unwrap() }
    }

    #[test]
    fn an_end_is_told_by_name_and_leads_to_its_deployment() {
        let end = end(&Given::live("acme"));
        let told = notices(&[End { title: end.title.clone(), deployment: end.deployment.clone() }]);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].summary, "acme / production is deployed");
        assert_eq!(told[0].body, "3f2a91c Round the totals");
        assert_eq!(told[0].place, Place::Deployment { deployment: end.deployment.id });
    }

    #[test]
    fn each_way_to_end_has_its_words() {
        let with = |status, trigger| {
            let mut end = end(&Given::failed("acme"));
            end.deployment.status = status;
            end.deployment.trigger = trigger;
            let notice = notice(&end);
            (notice.summary, notice.body)
        };
        let said = |summary: &str, body: &str| (summary.to_owned(), body.to_owned());
        assert_eq!(
            with(Status::Failed, Trigger::Manual),
            said("acme / production: deployment failed", "The module could not be loaded.")
        );
        assert_eq!(
            with(Status::RolledBack, Trigger::Manual),
            said("acme / production: deployment failed and was undone", "The module could not be loaded.")
        );
        assert_eq!(
            with(Status::Cancelled, Trigger::Manual),
            said("acme / production: deployment cancelled", "It serves what it served before.")
        );
        assert_eq!(
            with(Status::Success, Trigger::Rollback),
            said("acme / production is back at 3f2a91c", "3f2a91c Round the totals")
        );
    }

    #[test]
    fn many_at_once_are_one_notice() {
        let ends: Vec<End> =
            (0..4).map(|n| end(&if n == 0 { Given::failed("a") } else { Given::live("a") })).collect();
        let told = notices(&ends);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].summary, "4 deployments ended");
        assert_eq!(told[0].body, "3 succeeded, 1 failed");
        assert_eq!(notices(&ends[..3]).len(), 3);
    }
}
