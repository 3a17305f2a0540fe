//! What the window may ask for. A command is a few lines over the engine; the window's side of it is generated
//! into `ui/src/lib/bindings.ts`.
//!
//! Commands that change something take a [`WishId`](crate::once::WishId) and do it once for each.

pub(crate) mod api;
pub(crate) mod deployments;
pub(crate) mod desktop;
pub(crate) mod environments;
pub(crate) mod follow;
pub(crate) mod projects;
pub(crate) mod servers;
pub(crate) mod snapshots;

use std::path::PathBuf;

use futures::FutureExt;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;
use slipway_engine::model::{Part, SecretBearer, SecretRef, Step};
use tauri::{AppHandle, Manager};
use tauri_specta::{Builder, ErrorHandlingMode, collect_commands};

/// Every command there is. One more also needs its line in `src-tauri/build.rs` and its permission in
/// `capabilities/main.json`.
pub(crate) fn all() -> Builder<tauri::Wry> {
    Builder::new()
        .commands(collect_commands![
            desktop::app_info,
            desktop::settings,
            desktop::save_settings,
            desktop::starts_at_login,
            desktop::start_at_login,
            desktop::keychain_status,
            desktop::open_secrets_file,
            desktop::quit,
            api::api_status,
            api::turn_api,
            api::new_api_token,
            environments::overview,
            environments::environment,
            environments::draft_environment,
            environments::add_environment,
            environments::save_environment,
            environments::destroy_environment,
            environments::check_capacity,
            environments::plan,
            environments::preview_rollback,
            environments::open_address,
            snapshots::snapshots,
            snapshots::remove_snapshot,
            snapshots::suggest_download,
            snapshots::download_snapshot,
            snapshots::cancel_download,
            deployments::deployments,
            deployments::deployment,
            deployments::deploy,
            deployments::retry,
            deployments::cancel,
            deployments::roll_back,
            deployments::log_counts,
            deployments::log_lines,
            deployments::save_live_log,
            deployments::save_log,
            servers::draft_server,
            servers::test_server,
            servers::install_docker,
            servers::scan_host_key,
            servers::trust_host_key,
            servers::add_server,
            servers::save_server,
            servers::remove_server,
            projects::draft_project,
            projects::references,
            projects::add_project,
            projects::save_project,
            projects::remove_project,
            follow::attach,
            follow::follow_deployment,
            follow::follow_log,
            follow::follow_usage,
            follow::acknowledge,
            follow::unfollow,
        ])
        .constant("steps", steps())
        // Errors are thrown as they are: the window switches on their codes.
        .error_handling(ErrorHandlingMode::Throw)
        // Sizes and times stay far below 2^53.
        .dangerously_cast_bigints_to_number()
        // One TypeScript type for each of ours, not one for each direction: none differs by direction.
        .disable_serde_phases()
}

/// A step of a deployment, as the window shows it.
#[derive(Serialize)]
struct StepInfo {
    step: Step,
    number: u8,
    title: &'static str,
    part: Part,
}

/// The steps in their order.
fn steps() -> Vec<StepInfo> {
    let info = |step: Step| StepInfo { step, number: step.number(), title: step.title(), part: step.part() };
    Step::all().map(info).collect()
}

/// A new secret, under the name by which the settings that come with it refer to it: a UUID that the window makes.
#[derive(Deserialize, specta::Type)]
pub(crate) struct GivenSecret {
    name: SecretRef,
    #[specta(type = String)]
    value: SecretString,
}

/// Does something with new secrets in the keychain; afterwards they go, unless they are those of the `saved` settings.
fn with_secrets<'a, T: Send + 'a, B: SecretBearer + Sync>(
    engine: &'a Engine,
    bearer: &'a B,
    saved: Option<&'a B>,
    secrets: Vec<GivenSecret>,
    work: impl Future<Output = Result<T, EngineError>> + Send + 'a,
) -> impl Future<Output = Result<T, EngineError>> + Send + 'a {
    // Boxed at once, as in `Once::run`.
    let work = work.boxed();
    async move {
        if secrets.is_empty() {
            return work.await;
        }
        engine.keep_secrets_of(bearer, names_and_values(secrets)).await?;
        let done = work.await;
        engine.forget_secrets_of(bearer, saved.map(|s| s as &(dyn SecretBearer + Sync))).await?;
        done
    }
}

/// The user's folder for downloads; their home where there is none. It is made if need be.
fn downloads_folder(handle: &AppHandle) -> Result<PathBuf, EngineError> {
    let folder = handle.path().download_dir().or_else(|_| handle.path().home_dir());
    let folder =
        folder.map_err(|e| EngineError::not_found("This user has no folder for downloads.").detail(e))?;
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn names_and_values(secrets: Vec<GivenSecret>) -> Vec<(SecretRef, SecretString)> {
    secrets.into_iter().map(|secret| (secret.name, secret.value)).collect()
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
