//! What the window may ask for. A command is a few lines over the engine; the window's side of it is generated
//! into `ui/src/lib/bindings.ts`.

use serde::Serialize;
use tauri_specta::{Builder, collect_commands};

/// Every command there is. One more also needs its line in `src-tauri/build.rs` and its permission in
/// `capabilities/main.json`.
pub(crate) fn all() -> Builder<tauri::Wry> {
    Builder::new()
        .commands(collect_commands![app_info])
        // One TypeScript type for each of ours, not one for each direction: none differs by direction.
        .disable_serde_phases()
}

/// What this app is and what it runs on: what a report of a fault has to say.
#[derive(Serialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppInfo {
    /// Version of Slipway, without a `v`.
    version: String,
    /// Operating system as Rust names it: `linux`, `macos`, `windows`.
    os: String,
    /// Processor as Rust names it: `x86_64`, `aarch64`.
    arch: String,
    /// Version of the system's web view, if it tells one.
    webview: Option<String>,
}

/// Tells what this app is and what it runs on.
#[tauri::command]
#[specta::specta]
fn app_info(app: tauri::AppHandle) -> AppInfo {
    AppInfo {
        version: app.package_info().version.to_string(),
        os: std::env::consts::OS.into(),
        arch: std::env::consts::ARCH.into(),
        webview: tauri::webview_version().ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use specta_typescript::Typescript;

    /// Set (to anything) to have the test write the bindings in place of comparing them.
    const WRITE: &str = "SLIPWAY_WRITE_BINDINGS";

    #[test]
    fn bindings_are_current() {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src/lib/bindings.ts");
        let fresh = tempfile::tempdir().unwrap();
        let fresh = fresh.path().join("bindings.ts");
        super::all().export(Typescript::default(), &fresh).unwrap();
        let fresh = std::fs::read_to_string(fresh).unwrap();
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&kept, &fresh).unwrap();
        }
        let kept = std::fs::read_to_string(&kept).unwrap_or_default();
        assert!(
            kept == fresh,
            "ui/src/lib/bindings.ts is not what the commands say; write it anew with {WRITE}=1 cargo test -p slipway-app"
        );
    }

    #[test]
    fn the_window_may_call_every_command_and_no_other() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let capability = std::fs::read_to_string(root.join("capabilities/main.json")).unwrap();
        let capability: serde_json::Value = serde_json::from_str(&capability).unwrap();
        // A permission of a plugin or of Tauri's core has a prefix with a colon; ours have none.
        let granted: Vec<String> = capability["permissions"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|permission| {
                permission.as_str()?.strip_prefix("allow-").map(|name| name.replace('-', "_"))
            })
            .collect();
        let bindings = std::fs::read_to_string(root.join("ui/src/lib/bindings.ts")).unwrap();
        let mut called: Vec<String> = bindings
            .split("__TAURI_INVOKE")
            .filter_map(|rest| rest.split('"').nth(1))
            .map(String::from)
            .filter(|name| !name.contains('/'))
            .collect();
        called.sort();
        let mut granted = granted;
        granted.sort();
        assert_eq!(granted, called);
    }
}
