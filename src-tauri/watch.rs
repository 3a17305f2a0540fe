//! Looks at the store when it changes, whichever process changed it, and tells the window, the tray and the
//! notifications.

use std::time::Duration;

use slipway_engine::engine::Engine;
use tauri::{AppHandle, Manager};
use tokio::time::sleep;

use crate::app::App;
use crate::notifications::{self, Ends, Outages};
use crate::overview::Overview;
use crate::signals::Signal;
use crate::tray::Tray;

/// While a log is written the store changes all the time: looked at so often at most.
const EVERY: Duration = Duration::from_millis(250);

/// Watches in the background for as long as the app runs.
pub(crate) fn begin(handle: &AppHandle, engine: Engine) {
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        let app = handle.state::<App>();
        let mut changes = engine.store().changes();
        let mut before = None;
        let (mut ends, mut outages) = (Ends::default(), Outages::default());
        loop {
            // Marked before reading: a change while we read wakes us again.
            changes.mark();
            match Overview::look(&engine, &app.pulse).await {
                Ok(now) => {
                    if before.as_ref() != Some(&now) {
                        app.signals.send(Signal::Changed);
                        if let Some(tray) = handle.try_state::<Tray>() {
                            tray.show(&handle, &now);
                        }
                    }
                    notifications::tell(&handle, &engine, &now, &ends.since(&now)).await;
                    notifications::tell_outages(&handle, &now, &mut outages);
                    before = Some(now);
                }
                Err(error) => tracing::warn!(code = %error.code, %error, "the store can't be read"),
            }
            sleep(EVERY).await;
            tokio::select! {
                () = changes.changed() => {}
                () = app.pulse.changed() => {}
            }
        }
    });
}
