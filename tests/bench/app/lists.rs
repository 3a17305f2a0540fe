//! What the lists of the window ask of a full store.

use std::path::Path;
use std::time::{Duration, Instant};

use slipway_engine::engine::{Engine, EngineOptions};
use slipway_engine::error::EngineError;
use slipway_engine::model::{Level, Status, Step};
use slipway_engine::store::{DeploymentFilter, LineFilter};

use super::fill::{DEPLOYMENTS, LINES, Long};
use super::in_milliseconds;
use crate::table::Table;

/// As long as nobody waits for it.
const SOON: Duration = Duration::from_millis(100);

pub(super) fn measure(table: &mut Table, home: &Path, long: &Long) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(ask(table, home, long)).unwrap();
}

async fn ask(table: &mut Table, home: &Path, long: &Long) -> Result<(), EngineError> {
    let engine = Engine::open(home, EngineOptions::default()).await?;
    let store = engine.store();
    let deployment = long.deployment.parse().expect("an id");
    let environment_id = Some(long.environment.parse().expect("an id"));

    let all = DeploymentFilter::default;
    let middle = store.deployments(DeploymentFilter { limit: Some(500), ..all() }).await?.next;
    let mut pages = Times::default();
    for (what, filter) in [
        ("all", all()),
        ("older ones", DeploymentFilter { before: middle, ..all() }),
        ("of an environment", DeploymentFilter { environment_id, ..all() }),
        ("failed", DeploymentFilter { statuses: vec![Status::Failed], ..all() }),
        ("with a text", DeploymentFilter { text: Some(format!("order {}", DEPLOYMENTS / 2)), ..all() }),
    ] {
        let since = Instant::now();
        assert!(!store.deployments(filter).await?.items.is_empty(), "{what}");
        pages.add(what, since);
    }
    pages.tell(table, &format!("A page of {DEPLOYMENTS} deployments"));

    let all = LineFilter::default;
    let mut pages = Times::default();
    for (what, filter) in [
        ("first", all()),
        ("in the middle", LineFilter { after: i64::from(LINES / 2), ..all() }),
        ("last", LineFilter { from_end: true, ..all() }),
        ("of a step", LineFilter { step: Some(Step::HealthCheck), ..all() }),
        ("end of a step", LineFilter { step: Some(Step::Connecting), from_end: true, ..all() }),
        ("warnings", LineFilter { level: Some(Level::Warning), ..all() }),
    ] {
        let since = Instant::now();
        assert!(!store.lines(deployment, filter).await?.is_empty(), "{what}");
        pages.add(what, since);
    }
    pages.tell(table, &format!("A page of {LINES} lines"));
    Ok(())
}

#[derive(Default)]
struct Times(Vec<(&'static str, Duration)>);

impl Times {
    fn add(&mut self, what: &'static str, since: Instant) {
        self.0.push((what, since.elapsed()));
    }

    fn tell(self, table: &mut Table, what: &str) {
        let longest = self.0.iter().map(|(_, time)| *time).max().unwrap_or_default();
        let each: Vec<String> =
            self.0.iter().map(|(what, t)| format!("{what} {}", in_milliseconds(*t))).collect();
        table.target(what, each.join(", "), "each ≤ 100 ms", longest <= SOON);
    }
}
