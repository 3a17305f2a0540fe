//! The main window: when it is shown, how it comes to the front, and what closing it means.

use std::sync::atomic::{AtomicBool, Ordering};

use tauri::webview::{PageLoadEvent, PageLoadPayload};
use tauri::{AppHandle, Manager, RunEvent, Runtime, Webview, Window, WindowEvent};
use tauri_plugin_window_state::StateFlags;

use crate::app::App;
use crate::quit;
use crate::start::Start;
use crate::tray::Tray;

/// Its label in tauri.conf.json and in the capabilities.
pub(crate) const MAIN: &str = "main";

/// Whether the window is to be seen once its page is there.
pub(crate) struct Shown(AtomicBool);

impl Shown {
    /// Unless the app was started to stay in the tray.
    pub(crate) fn from_start(start: &Start) -> Self {
        Self(AtomicBool::new(!start.hidden))
    }
}

/// Brings the window to the front, wherever it is.
pub(crate) fn focus(handle: &AppHandle) {
    if let Some(shown) = handle.try_state::<Shown>() {
        shown.0.store(true, Ordering::Relaxed);
    }
    let Some(window) = handle.get_webview_window(MAIN) else { return };
    // None of these can be mended here, and the user sees what happened.
    let _ = window.unminimize();
    let _ = window.show();
    let _ = window.set_focus();
}

/// Keeps the window's place and size from one start to the next. Whether it is seen is ours to say.
pub(crate) fn remembered<R: Runtime>() -> tauri::plugin::TauriPlugin<R> {
    let flags = StateFlags::POSITION | StateFlags::SIZE | StateFlags::MAXIMIZED;
    tauri_plugin_window_state::Builder::default().with_state_flags(flags).build()
}

/// Shows the window, which is made hidden, once its page has loaded: no white flash before a dark page. A page that goes
/// takes with it what it followed.
pub(crate) fn on_page_load(webview: &Webview, load: &PageLoadPayload<'_>) {
    match load.event() {
        PageLoadEvent::Started => {
            if let Some(app) = webview.try_state::<App>() {
                app.signals.detach();
                app.follows.end_all();
            }
        }
        PageLoadEvent::Finished => {
            let shown = webview.try_state::<Shown>();
            if shown.is_none_or(|shown| shown.0.load(Ordering::Relaxed)) {
                let _ = webview.window().show();
            }
        }
    }
}

/// Closing the window keeps the app in the tray, if there is one.
pub(crate) fn on_event(window: &Window, event: &WindowEvent) {
    if let WindowEvent::CloseRequested { api, .. } = event {
        api.prevent_close();
        if window.try_state::<Tray>().is_some() {
            let _ = window.hide();
        } else {
            quit::ask(window.app_handle());
        }
    }
}

/// What happens to the app as a whole.
pub(crate) fn on_run_event(handle: &AppHandle, event: RunEvent) {
    match event {
        // The system's own way to quit, such as Command-Q; ours goes by a code.
        RunEvent::ExitRequested { code: None, api, .. } => {
            api.prevent_exit();
            quit::ask(handle);
        }
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => focus(handle),
        #[cfg(target_os = "macos")]
        RunEvent::Opened { urls } => {
            focus(handle);
            if let Some(place) = urls.iter().find_map(|url| crate::deep_link::parse(url.as_str())) {
                handle.state::<App>().signals.send(crate::signals::Signal::Open { place });
            }
        }
        _ => {}
    }
}
