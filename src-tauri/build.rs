//! Build script of the app: window configuration, capabilities and icons.

use tauri_build::{AppManifest, Attributes};

/// All commands of `src-tauri/commands/`, in the order of their names.
const COMMANDS: &[&str] = &[
    "acknowledge",
    "add_environment",
    "add_project",
    "add_server",
    "api_status",
    "app_info",
    "attach",
    "cancel",
    "cancel_download",
    "check_capacity",
    "deploy",
    "deployment",
    "deployments",
    "destroy_environment",
    "download_snapshot",
    "draft_environment",
    "draft_project",
    "draft_server",
    "environment",
    "follow_deployment",
    "follow_log",
    "follow_usage",
    "install_docker",
    "keychain_status",
    "log_counts",
    "log_lines",
    "new_api_token",
    "open_address",
    "open_secrets_file",
    "overview",
    "plan",
    "preview_rollback",
    "quit",
    "references",
    "remove_project",
    "remove_server",
    "remove_snapshot",
    "retry",
    "roll_back",
    "save_environment",
    "save_live_log",
    "save_log",
    "save_project",
    "save_server",
    "save_settings",
    "scan_host_key",
    "settings",
    "snapshots",
    "start_at_login",
    "starts_at_login",
    "suggest_download",
    "test_server",
    "trust_host_key",
    "turn_api",
    "unfollow",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Naming the commands here closes them: each one must then be granted in capabilities/ before a window may
    // call it. Without the list every command is open to every window.
    let app = AppManifest::new().commands(COMMANDS);
    Ok(tauri_build::try_build(Attributes::new().app_manifest(app))?)
}
