//! Whether what is live answers: asked from this computer once a minute, as a visitor would.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::ready;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;
use slipway_engine::model::EnvironmentId;
use slipway_engine::outside::Outside;
use tauri::{AppHandle, Manager};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::app::App;
use crate::overview::Overview;

/// How often, unless told otherwise.
const EVERY: Duration = Duration::from_secs(60);

/// How long each one asked makes the time until the next round at least: many are asked less often, so that whoever has
/// hundreds hears no fan.
const EACH: Duration = Duration::from_secs(1);

/// When it begins: the first screen goes before.
const FIRST: Duration = Duration::from_secs(5);

/// A share of that after which one that didn't answer is asked again, before anybody is told: a lost packet is no outage.
const AGAIN: u32 = 6;

/// Environments that are asked at once.
const AT_ONCE: usize = 8;

/// What doesn't answer, and why.
#[derive(Default)]
pub(crate) struct Pulse {
    /// When it was asked, and what did not answer then.
    down: Mutex<(Timestamp, BTreeMap<EnvironmentId, EngineError>)>,
    changed: Notify,
}

impl Pulse {
    /// Why an environment is taken to be down, if that was asked after `since`: what was deployed later may well answer.
    pub(crate) fn of(&self, environment: EnvironmentId, since: Option<Timestamp>) -> Option<EngineError> {
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, down) = &*down;
        down.get(&environment).filter(|_| since.is_none_or(|since| since < *asked)).cloned()
    }

    /// Waits until another environment is down, or up again.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn set(&self, asked: Timestamp, down: BTreeMap<EnvironmentId, EngineError>) {
        let mut before = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other = before.1 != down;
        *before = (asked, down);
        if is_other {
            self.changed.notify_one();
        }
    }
}

/// Asks in the background for as long as the app runs.
pub(crate) fn begin(handle: &AppHandle, engine: Engine, every: Option<Duration>) {
    let every = every.unwrap_or(EVERY);
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        let app = handle.state::<App>();
        let outside = match Outside::new() {
            Ok(outside) => outside,
            Err(error) => return tracing::error!(%error, "nothing can be asked whether it answers"),
        };
        let asking = async {
            sleep(every.min(FIRST)).await;
            loop {
                let mut asked = Timestamp::now();
                let (asked_of, mut down) = ask(&engine, &outside, None).await;
                if !down.is_empty() {
                    sleep(every / AGAIN).await;
                    asked = Timestamp::now();
                    (_, down) = ask(&engine, &outside, Some(&down)).await;
                }
                app.pulse.set(asked, down);
                sleep(every.max(EACH.saturating_mul(asked_of))).await;
            }
        };
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = asking => {}
        }
    });
}

/// How many are live, and which of them don't answer; of `only` those, if there are such. One that is being deployed is left alone: it may hold
/// its requests.
async fn ask(
    engine: &Engine,
    outside: &Outside,
    only: Option<&BTreeMap<EnvironmentId, EngineError>>,
) -> (u32, BTreeMap<EnvironmentId, EngineError>) {
    let Ok(overview) = Overview::look(engine, &Pulse::default()).await else { return Default::default() };
    let Ok(views) = engine.environments().await else { return Default::default() };
    let is_meant = |id: EnvironmentId| {
        only.is_none_or(|only| only.contains_key(&id))
            && overview.environment(id).is_some_and(|row| row.live.is_some() && row.under_way.is_empty())
    };
    let views: Vec<_> = views.into_iter().filter(|view| is_meant(view.environment.id)).collect();
    let asked_of = u32::try_from(views.len()).unwrap_or(u32::MAX);
    let down = stream::iter(views)
        .map(|view| async move { (view.environment.id, outside.answers(&view).await) })
        .buffer_unordered(AT_ONCE)
        .filter_map(|(id, answer)| ready(answer.and_then(Result::err).map(|problem| (id, problem))))
        .collect()
        .await;
    (asked_of, down)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_change_wakes_whoever_waits() {
        let (pulse, id) = (Pulse::default(), EnvironmentId::new());
        let down = BTreeMap::from([(id, EngineError::bad_input("No."))]);
        let at = |second| Timestamp::from_second(second).unwrap();
        pulse.set(at(10), down.clone());
        pulse.changed().await;
        assert_eq!(pulse.of(id, Some(at(9))), down.get(&id).cloned());
        assert_eq!(pulse.of(id, Some(at(11))), None, "it was deployed since");
        pulse.set(at(20), down);
        assert!(tokio::time::timeout(Duration::from_millis(50), pulse.changed()).await.is_err());
        assert!(pulse.of(id, Some(at(11))).is_some(), "nor does what was deployed");
        pulse.set(at(30), BTreeMap::new());
        pulse.changed().await;
        assert_eq!(pulse.of(id, None), None);
    }
}
