//! The user's browser.

use std::process::{Command, Stdio};

use slipway_engine::error::EngineError;

/// Shows an address of an environment in the user's browser.
///
/// # Errors
/// When there is no program that would.
pub(crate) fn open(address: &str) -> Result<(), EngineError> {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let mut child = Command::new(opener)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| {
            EngineError::from(e).hint(format!("There is no `{opener}` here. Open {address} yourself."))
        })?;
    // Waited for, so that it doesn't stay behind as a zombie.
    std::thread::spawn(move || child.wait());
    Ok(())
}
