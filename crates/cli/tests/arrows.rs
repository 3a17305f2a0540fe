//! Holds the arrows between the parts: `remote` ← `engine` ← `api`, `cli` and the app, which serves the `api`; only the
//! app knows Tauri; only one file of the UI imports it.

// Tells clippy that the functions below, too, are tests: they may unwrap.
#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Each package of the workspace, and the packages of the workspace that it may depend on.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("slipway-remote", &[]),
    ("slipway-engine", &["slipway-remote"]),
    ("slipway-cli", &["slipway-engine"]),
    ("slipway-api", &["slipway-engine"]),
    (APP, &["slipway-engine", "slipway-api"]),
    // The whole-system tests look at everything, from outside.
    ("slipway-tests", &["slipway-remote", "slipway-engine"]),
];

/// The only package that may depend on Tauri.
const APP: &str = "slipway-app";

/// The only files of the UI that may import Tauri: the door, and the generated code behind it.
const TAURI_IN_UI: &[&str] = &["lib/backend.ts", "lib/bindings.ts"];

/// The only file of the UI that may import the generated code.
const BINDINGS_IN_UI: &[&str] = &["lib/backend.ts"];

#[test]
fn packages_know_only_what_they_may() {
    assert_eq!(wrong_arrows(&dependencies()), Vec::<String>::new());
}

#[test]
fn only_the_backend_of_the_ui_imports_tauri() {
    let ui = root().join("ui/src");
    let sources = sources(&ui);
    assert!(sources.len() > 5, "found the sources of the UI in {}", ui.display());
    let wrong: Vec<String> = sources
        .iter()
        .flat_map(|path| {
            let name = path.strip_prefix(&ui).unwrap().to_string_lossy().replace('\\', "/");
            wrong_imports(&name, &std::fs::read_to_string(path).unwrap())
        })
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_wrong_arrow_is_noticed() {
    let of = |from: &str, to: &str| wrong_arrows(&[(from.into(), vec![to.into()])]);
    assert_eq!(of("slipway-engine", "slipway-remote"), Vec::<String>::new());
    assert_eq!(of(APP, "tauri-plugin-x"), Vec::<String>::new());
    assert_eq!(of("slipway-remote", "slipway-engine").len(), 1);
    assert_eq!(of("slipway-cli", "slipway-remote").len(), 1);
    assert_eq!(of("slipway-engine", "tauri").len(), 1);
    assert_eq!(of("slipway-engine", "tauri-build").len(), 1);
    assert_eq!(of("slipway-newcomer", "serde").len(), 1);
}

#[test]
fn a_wrong_import_is_noticed() {
    let tauri = "import { invoke } from \"@tauri-apps/api/core\";";
    assert_eq!(wrong_imports("lib/backend.ts", tauri), Vec::<String>::new());
    assert_eq!(wrong_imports("routes/Servers.svelte", tauri).len(), 1);
    assert_eq!(wrong_imports("other/lib/backend.ts", tauri).len(), 1);
    assert_eq!(wrong_imports("lib/later.ts", "await import('@tauri-apps/api')").len(), 1);
    let bindings = "import type { AppInfo } from \"../lib/bindings\";";
    assert_eq!(wrong_imports("lib/backend.ts", bindings), Vec::<String>::new());
    assert_eq!(wrong_imports("routes/Servers.svelte", bindings).len(), 1);
    assert_eq!(wrong_imports("fixtures/backend.ts", bindings), Vec::<String>::new());
    assert_eq!(wrong_imports("fixtures/backend.ts", tauri).len(), 1);
}

/// What the dependencies of the workspace's packages break, one sentence each.
fn wrong_arrows(dependencies: &[(String, Vec<String>)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (package, known) in dependencies {
        let Some((_, may)) = MAY_KNOW.iter().find(|(name, _)| name == package) else {
            wrong.push(format!("{package} has no line in MAY_KNOW"));
            continue;
        };
        for other in known {
            let ours = MAY_KNOW.iter().any(|(name, _)| name == other);
            let tauri = other == "tauri" || other.starts_with("tauri-");
            if (ours && !may.contains(&other.as_str())) || (tauri && package != APP) {
                wrong.push(format!("{package} may not depend on {other}"));
            }
        }
    }
    wrong
}

/// What the imports of one file of the UI break. `name` is its path below `ui/src`.
fn wrong_imports(name: &str, text: &str) -> Vec<String> {
    let quoted = |start: &str| ['"', '\''].iter().any(|quote| text.contains(&format!("{quote}{start}")));
    let imports_bindings =
        ["/bindings\"", "/bindings'", "/bindings.ts\"", "/bindings.ts'"].iter().any(|end| text.contains(end));
    let mut wrong = Vec::new();
    if quoted("@tauri-apps/") && !TAURI_IN_UI.contains(&name) {
        wrong.push(format!("ui/src/{name} may not import @tauri-apps: ask lib/backend.ts"));
    }
    // Fixtures stand in for the backend in tests, and are in no built app.
    if imports_bindings && !BINDINGS_IN_UI.contains(&name) && !name.starts_with("fixtures/") {
        wrong.push(format!("ui/src/{name} may not import the bindings: ask lib/backend.ts"));
    }
    wrong
}

/// Every package of the workspace with what it declares to depend on, of every kind and for every platform.
fn dependencies() -> Vec<(String, Vec<String>)> {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: Value = serde_json::from_slice(&out.stdout).unwrap();
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| (package["name"].as_str().unwrap().to_owned(), names(&package["dependencies"])))
        .collect()
}

/// The TypeScript and Svelte files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| ["ts", "js", "svelte"].iter().any(|known| end == *known))
        {
            found.push(path);
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
