//! Build script of the app: window configuration, capabilities and icons.

use tauri_build::{AppManifest, Attributes};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Naming the commands here closes them: each one must then be granted in capabilities/ before a window may
    // call it. Without the list every command is open to every window.
    let app = AppManifest::new().commands(&["app_info"]);
    Ok(tauri_build::try_build(Attributes::new().app_manifest(app))?)
}
