//! Which environments stopped answering since the last look, and which answer again.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::{SignedDuration, Timestamp};
use slipway_engine::model::{DeploymentId, EnvironmentId};

use super::Notice;
use super::text::ONE_BY_ONE;
use crate::deep_link::Place;
use crate::overview::{EnvironmentRow, Overview};

/// What didn't answer at the last look.
#[derive(Default)]
pub(crate) struct Outages {
    known: BTreeMap<EnvironmentId, Outage>,
}

/// Since when one doesn't answer, and what its newest deployment was then.
struct Outage {
    since: Timestamp,
    latest: Option<DeploymentId>,
}

impl Outages {
    /// Notices of what changed since the last look, none of environments that are silenced. One that is deployed meanwhile
    /// is told by the end of that.
    pub(super) fn notices(&mut self, overview: &Overview, now: Timestamp) -> Vec<Notice> {
        let (mut down, mut up) = (vec![], vec![]);
        for row in &overview.environments {
            let (id, is_told) = (row.environment.id, row.environment.notify);
            let latest = row.latest.as_ref().map(|latest| latest.id);
            if row.down.is_none() {
                // Deployed since, whatever came of it: nobody has asked it after that, so nobody knows that it answers.
                let ended = self.known.remove(&id).filter(|outage| outage.latest == latest && is_told);
                up.extend(ended.map(|outage| (row, now.duration_since(outage.since))));
            } else if let Entry::Vacant(new) = self.known.entry(id) {
                new.insert(Outage { since: now, latest });
                down.extend(is_told.then_some(row));
            }
        }
        self.known.retain(|id, _| overview.environment(*id).is_some());
        // Nobody's servers all stop in one minute, but everybody's computer leaves its network.
        let mut live = overview.environments.iter().filter(|row| row.live.is_some());
        let is_alone = live.clone().count() > 1 && live.all(|row| row.down.is_some());
        let mut notices = match down.len() {
            0 => vec![],
            n if is_alone => {
                let body = "No environment answers this computer. Is it connected?".into();
                vec![several(n, "don't answer", body)]
            }
            1..=ONE_BY_ONE => down.into_iter().map(|row| of(row, "doesn't answer", reason(row))).collect(),
            n => vec![several(n, "don't answer", names(&down))],
        };
        match up.len() {
            0 => {}
            1..=ONE_BY_ONE => notices.extend(up.iter().map(|(row, lasted)| {
                of(row, "answers again", format!("It did not for {}.", about(*lasted)))
            })),
            n => {
                let rows: Vec<_> = up.iter().map(|(row, _)| *row).collect();
                notices.push(several(n, "answer again", names(&rows)));
            }
        }
        notices
    }
}

fn of(row: &EnvironmentRow, what: &str, body: String) -> Notice {
    let place = Place::Environment { environment: row.environment.id };
    Notice { summary: format!("{} {what}", row.title()), body, place }
}

fn several(count: usize, what: &str, body: String) -> Notice {
    Notice { summary: format!("{count} environments {what}"), body, place: Place::Environments }
}

fn reason(row: &EnvironmentRow) -> String {
    row.down.as_ref().map(|error| error.message.clone()).unwrap_or_default()
}

fn names(rows: &[&EnvironmentRow]) -> String {
    rows.iter().map(|row| row.title()).collect::<Vec<_>>().join(", ")
}

/// A length of time in its largest unit: nobody needs the seconds of an hour.
fn about(lasted: SignedDuration) -> String {
    let said = |n: i64, unit| format!("{n} {unit}{}", if n == 1 { "" } else { "s" });
    match lasted.as_secs() {
        ..90 => "about a minute".into(),
        seconds @ 90..5400 => said((seconds + 30) / 60, "minute"),
        seconds @ 5400..129_600 => said((seconds + 1800) / 3600, "hour"),
        seconds => said((seconds + 43_200) / 86_400, "day"),
    }
}

#[cfg(test)]
mod tests {
    use slipway_engine::error::EngineError;

    use super::*;
    use crate::overview::tests::{Given, overview};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn fell(overview: &mut Overview, names: &[&str]) {
        for row in &mut overview.environments {
            row.down = names.contains(&row.project.as_str()).then(|| EngineError::bad_input("No answer."));
        }
    }

    fn said(outages: &mut Outages, overview: &Overview, second: i64) -> Vec<(String, String)> {
        outages.notices(overview, at(second)).into_iter().map(|n| (n.summary, n.body)).collect()
    }

    #[test]
    fn going_and_coming_back_are_told_once_each() {
        let (mut outages, mut given) =
            (Outages::default(), overview(&[Given::live("acme"), Given::live("bolt")]));
        assert_eq!(said(&mut outages, &given, 0), []);
        fell(&mut given, &["acme"]);
        let told = outages.notices(&given, at(60));
        assert_eq!(
            (told[0].summary.as_str(), told[0].body.as_str()),
            ("acme / production doesn't answer", "No answer.")
        );
        assert_eq!(told[0].place, Place::Environment { environment: given.environments[0].environment.id });
        assert_eq!(said(&mut outages, &given, 120), [], "told once");
        fell(&mut given, &[]);
        let again = ("acme / production answers again".into(), "It did not for 10 minutes.".into());
        assert_eq!(said(&mut outages, &given, 660), [again]);
        assert_eq!(said(&mut outages, &given, 720), []);
    }

    #[test]
    fn one_that_is_silenced_or_deployed_is_not_told() {
        let (mut outages, mut given) =
            (Outages::default(), overview(&[Given::live("acme"), Given::live("bolt")]));
        given.environments[0].environment.notify = false;
        fell(&mut given, &["acme"]);
        assert_eq!(said(&mut outages, &given, 0), []);
        fell(&mut given, &["bolt"]);
        assert_eq!(said(&mut outages, &given, 60).len(), 1, "bolt's outage, and not acme's end of one");
        // Whether one sees it under way, or it came and went between two looks.
        given.environments[1].latest = overview(&[Given::failed("bolt")]).environments.remove(0).latest;
        fell(&mut given, &[]);
        assert_eq!(said(&mut outages, &given, 120), [], "a deployment that failed is no answer");
    }

    #[test]
    fn many_are_one_notice_and_all_of_them_are_this_computer() {
        let all = ["a", "b", "c", "d", "e"];
        let (mut outages, mut given) = (Outages::default(), overview(&all.map(Given::live)));
        fell(&mut given, &all[..4]);
        let names = "a / production, b / production, c / production, d / production";
        assert_eq!(said(&mut outages, &given, 0), [("4 environments don't answer".into(), names.into())]);
        fell(&mut given, &[]);
        assert_eq!(said(&mut outages, &given, 60)[0].0, "4 environments answer again");
        fell(&mut given, &all);
        let told = said(&mut outages, &given, 120);
        assert_eq!(told.len(), 1);
        assert!(told[0].1.contains("Is it connected?"), "{told:?}");
    }

    #[test]
    fn lengths_are_told_in_their_largest_unit() {
        let said = |seconds| about(SignedDuration::from_secs(seconds));
        assert_eq!([said(5), said(120), said(5390)], ["about a minute", "2 minutes", "90 minutes"]);
        assert_eq!([said(5400), said(7200), said(200_000)], ["2 hours", "2 hours", "2 days"]);
    }
}
