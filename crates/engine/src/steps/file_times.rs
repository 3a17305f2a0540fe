//! Which times the files of a release get, and which they have on the server.

use std::collections::BTreeMap;

use crate::git::FileTimes;
use crate::model::DeploymentId;
use crate::odoo::series::Series;

/// The time of the newest file of each repository, in seconds since 1970; 0 where a file's time follows from its content.
pub(crate) type Newest = BTreeMap<String, u64>;

/// The rule for the files that a deployment sends; the same again when it is resumed. `releases`: those on the server.
pub(crate) fn rule<'a>(
    series: Series,
    deployment: DeploymentId,
    releases: impl Iterator<Item = (DeploymentId, &'a Newest)>,
) -> FileTimes {
    if series.facts().bundles_know_each_time {
        return FileTimes::OfContent;
    }
    let known = releases.filter(|(id, _)| *id != deployment).flat_map(|(_, times)| times.values());
    let after = known.max().map_or(0, |newest| newest + 1);
    FileTimes::Newest(deployment.second().max(after))
}

/// Whether a release's files have times by this rule, so that those that don't change can be taken from it.
pub(crate) fn follow(times: &Newest, rule: FileTimes) -> bool {
    let by_content = rule == FileTimes::OfContent;
    !times.is_empty() && times.values().all(|time| (*time == 0) == by_content)
}

/// The file in a release's image that says what its times are.
pub(crate) fn text(newest: u64) -> String {
    if newest == 0 { "of content\n".to_owned() } else { format!("newest {newest}\n") }
}

/// The newest times after a transfer: of what changed the rule's, of the rest as they were. `before` has content and times of
/// the release that the rest is taken from.
pub(crate) fn after(
    rule: FileTimes,
    content: &BTreeMap<String, String>,
    before: Option<(&BTreeMap<String, String>, &Newest)>,
) -> Newest {
    let sent = match rule {
        FileTimes::OfContent => 0,
        FileTimes::Newest(time) => time,
    };
    let of = |name: &String, content: &String| {
        let (was, times) = before?;
        if was.get(name) == Some(content) { times.get(name).copied() } else { None }
    };
    content.iter().map(|(name, content)| (name.clone(), of(name, content).unwrap_or(sent))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<T: Clone>(pairs: &[(&str, T)]) -> BTreeMap<String, T> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    fn text(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_changed_is_newer_than_all_that_was() {
        let (was, is) =
            (text(&[("main", "a"), ("oca", "b")]), text(&[("main", "c"), ("oca", "b"), ("new", "d")]));
        let times = map(&[("main", 50), ("oca", 70)]);
        let after_transfer = after(FileTimes::Newest(90), &is, Some((&was, &times)));
        assert_eq!(after_transfer, map(&[("main", 90), ("oca", 70), ("new", 90)]));
        assert_eq!(
            after(FileTimes::Newest(90), &was, None),
            map(&[("main", 90), ("oca", 90)]),
            "all was sent"
        );
        assert_eq!(after(FileTimes::OfContent, &was, None), map(&[("main", 0), ("oca", 0)]));
    }

    #[test]
    fn a_clock_that_goes_wrong_makes_nothing_older() {
        let (now, one, two) = (DeploymentId::new(), DeploymentId::new(), DeploymentId::new());
        let far = now.second() + 1_000_000;
        let (near, late) = (map(&[("main", 5)]), map(&[("main", far), ("oca", 7)]));
        let rule = |releases: &[(DeploymentId, &Newest)]| rule(Series::V14, now, releases.iter().copied());
        assert_eq!(rule(&[(one, &near), (two, &late)]), FileTimes::Newest(far + 1));
        assert_eq!(rule(&[(one, &near)]), FileTimes::Newest(now.second()));
        assert_eq!(rule(&[(now, &late)]), FileTimes::Newest(now.second()), "the same when it is resumed");
        assert_eq!(super::rule(Series::V19, now, [(one, &late)].into_iter()), FileTimes::OfContent);
    }

    #[test]
    fn only_files_with_times_of_this_rule_are_taken() {
        assert!(!follow(&map(&[]), FileTimes::OfContent), "made before files had times");
        assert!(follow(&map(&[("main", 0)]), FileTimes::OfContent));
        assert!(!follow(&map(&[("main", 9)]), FileTimes::OfContent));
        assert!(follow(&map(&[("main", 9)]), FileTimes::Newest(10)));
    }
}
