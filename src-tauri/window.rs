//! The main window: when it is shown, and how it comes to the front.

use tauri::webview::{PageLoadEvent, PageLoadPayload};
use tauri::{AppHandle, Manager, Webview};

/// Its label in tauri.conf.json and in the capabilities.
pub(crate) const MAIN: &str = "main";

/// Brings the window to the front, wherever it is. For a second start of the app.
pub(crate) fn focus(app: &AppHandle) {
    let Some(window) = app.get_webview_window(MAIN) else { return };
    // None of these can be mended here, and the user sees what happened.
    let _ = window.unminimize();
    let _ = window.show();
    let _ = window.set_focus();
}

/// Shows the window, which is made hidden, once its page has loaded: no white flash before a dark page.
pub(crate) fn show_when_drawn(webview: &Webview, load: &PageLoadPayload<'_>) {
    if load.event() == PageLoadEvent::Finished {
        let _ = webview.window().show();
    }
}
