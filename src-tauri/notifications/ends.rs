//! Which deployments have ended since the last look.

use std::collections::{BTreeMap, BTreeSet};

use slipway_engine::model::{DeploymentId, EnvironmentId};

use crate::overview::Overview;

/// What was seen at the last look. Nothing is told at the first one: that is the past.
#[derive(Default)]
pub(crate) struct Ends {
    under_way: BTreeSet<DeploymentId>,
    newest: BTreeMap<EnvironmentId, Option<DeploymentId>>,
}

impl Ends {
    /// The deployments that ended since the last look, oldest first, each told once.
    pub(crate) fn since(&mut self, overview: &Overview) -> Vec<DeploymentId> {
        let rows = &overview.environments;
        let under_way: BTreeSet<_> =
            rows.iter().flat_map(|r| &r.under_way).map(|p| p.deployment.id).collect();
        let newest: BTreeMap<_, _> =
            rows.iter().map(|r| (r.environment.id, r.latest.as_ref().map(|d| d.id))).collect();
        let mut ended: BTreeSet<_> = self.under_way.difference(&under_way).copied().collect();
        // One that came and went between two looks is seen as its environment's newest only.
        for (environment, id) in &newest {
            let before = self.newest.get(environment);
            if let Some(id) = id
                && before.is_some_and(|before| *before < Some(*id))
                && !under_way.contains(id)
            {
                ended.insert(*id);
            }
        }
        *self = Self { under_way, newest };
        ended.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use slipway_engine::model::Step;

    use super::*;
    use crate::overview::tests::{Given, overview};

    /// The same environments, one look after another.
    fn look(ends: &mut Ends, given: &Overview) -> usize {
        ends.since(given).len()
    }

    #[test]
    fn the_past_is_not_told() {
        let mut ends = Ends::default();
        let given = overview(&[Given::live("acme"), Given::failed("bolt")]);
        assert_eq!(look(&mut ends, &given), 0);
        assert_eq!(look(&mut ends, &given), 0);
    }

    #[test]
    fn what_was_under_way_is_told_once_when_it_has_ended() {
        let mut ends = Ends::default();
        let mut given = overview(&[Given::running("acme", Step::Connecting)]);
        assert_eq!(look(&mut ends, &given), 0);
        let id = given.environments[0].under_way.remove(0).deployment.id;
        assert_eq!(ends.since(&given), [id]);
        assert_eq!(look(&mut ends, &given), 0);
    }

    #[test]
    fn what_came_and_went_between_two_looks_is_told() {
        let mut ends = Ends::default();
        let mut given = overview(&[Given::live("acme"), Given::new("fresh")]);
        look(&mut ends, &given);
        let later = overview(&[Given::failed("acme")]).environments.remove(0).latest.unwrap();
        given.environments[0].latest = Some(later.clone());
        given.environments[1].latest = Some(later.clone());
        assert_eq!(ends.since(&given), [later.id]);
        assert_eq!(look(&mut ends, &given), 0);
    }

    #[test]
    fn an_environment_that_appears_brings_its_past_untold() {
        let mut ends = Ends::default();
        look(&mut ends, &overview(&[]));
        assert_eq!(look(&mut ends, &overview(&[Given::live("acme")])), 0);
    }
}
