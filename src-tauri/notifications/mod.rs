//! Notifications of the desktop: one for each deployment that ends, and none for those that had ended before; and one for
//! what is live and stops answering, or answers again.

mod ends;
mod outages;
mod text;

use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use notify_rust::Notification;
use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;
use slipway_engine::model::DeploymentId;
use tauri::{AppHandle, Manager};

use crate::app::App;
use crate::deep_link::Place;
use crate::overview::Overview;
use crate::signals::Signal;
use crate::window;
pub(crate) use ends::Ends;
pub(crate) use outages::Outages;
use text::End;

/// Notifications whose click is waited for at most: each costs a thread for as long as it is shown.
const WAITING: usize = 20;
/// The action of a click on the notification itself.
#[cfg(all(unix, not(target_os = "macos")))]
const CLICK: &str = "default";

/// A notification, before it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Notice {
    summary: String,
    body: String,
    /// What a click opens.
    place: Place,
}

/// Tells the ends of these deployments, unless the user wants none or not of this environment.
pub(crate) async fn tell(handle: &AppHandle, engine: &Engine, overview: &Overview, ended: &[DeploymentId]) {
    if !handle.state::<App>().settings.get().notifications {
        return;
    }
    let mut ends = Vec::new();
    for id in ended {
        // One that is gone went with its environment.
        let Ok(deployment) = engine.store().summary(*id).await else { continue };
        // What another desktop did is learnt some time after it ended.
        if deployment.elsewhere {
            continue;
        }
        if let Some(row) = overview.environment(deployment.environment_id).filter(|r| r.environment.notify) {
            ends.push(End { title: row.title(), deployment });
        }
    }
    for notice in text::notices(&ends) {
        show(handle, notice);
    }
}

/// Tells what stopped answering and what answers again, unless the user wants no notifications.
pub(crate) fn tell_outages(handle: &AppHandle, overview: &Overview, outages: &mut Outages) {
    // Also when none are wanted: turning them on tells nothing old.
    let notices = outages.notices(overview, Timestamp::now());
    if handle.state::<App>().settings.get().notifications {
        notices.into_iter().for_each(|notice| show(handle, notice));
    }
}

/// Says what went wrong where no window asked for it.
pub(crate) fn say(handle: &AppHandle, error: &EngineError) {
    let (summary, body) = (error.message.clone(), error.hint.clone());
    show(handle, Notice { summary, body, place: Place::Environments });
}

fn show(handle: &AppHandle, notice: Notice) {
    static SHOWN: AtomicUsize = AtomicUsize::new(0);
    let handle = handle.clone();
    // A thread of its own: both showing and waiting block.
    std::thread::spawn(move || {
        let mut notification = Notification::new();
        notification.appname("Slipway").summary(&notice.summary).body(&body(&notice.body));
        #[cfg(all(unix, not(target_os = "macos")))]
        notification.icon("slipway-app").action(CLICK, "Open");
        let shown = match notification.show() {
            Ok(shown) => shown,
            Err(error) => {
                tracing::warn!(%error, "a notification can't be shown");
                return;
            }
        };
        if SHOWN.fetch_add(1, Ordering::Relaxed) < WAITING {
            wait(&handle, shown, notice.place);
        }
        SHOWN.fetch_sub(1, Ordering::Relaxed);
    });
}

/// Waits for a click and follows it.
#[cfg(all(unix, not(target_os = "macos")))]
fn wait(handle: &AppHandle, shown: notify_rust::NotificationHandle, place: Place) {
    shown.wait_for_action(|action| {
        if action == CLICK {
            open(handle, place);
        }
    });
}

/// Elsewhere a click brings the app to the front by itself.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn wait<T>(_handle: &AppHandle, _shown: T, _place: Place) {}

#[cfg_attr(
    not(all(unix, not(target_os = "macos"))),
    expect(dead_code, reason = "no click is heard of there")
)]
fn open(handle: &AppHandle, place: Place) {
    window::focus(handle);
    handle.state::<App>().signals.send(Signal::Open { place });
}

/// The body as the system takes it: desktops that know markup would take a `<` for some.
fn body(text: &str) -> String {
    if cfg!(all(unix, not(target_os = "macos"))) {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    } else {
        text.to_owned()
    }
}
