//! Starting when the user logs in, with the window closed.

use auto_launch::{AutoLaunch, AutoLaunchBuilder};
use slipway_engine::error::{EngineError, ErrorCode};

use crate::start::HIDDEN;

/// Whether it is on. The system knows; nothing else remembers it.
///
/// # Errors
/// When the system can't tell.
pub(crate) fn is_on() -> Result<bool, EngineError> {
    launcher()?.is_enabled().map_err(failed)
}

/// Turns it on or off.
///
/// # Errors
/// When the system refuses.
pub(crate) fn turn(on: bool) -> Result<(), EngineError> {
    let launcher = launcher()?;
    // What is off can't be turned off everywhere.
    if on == launcher.is_enabled().map_err(failed)? {
        return Ok(());
    }
    if !on {
        return launcher.disable().map_err(failed);
    }
    // The launcher makes the last folder of this and no other, and a new user has none of them.
    #[cfg(target_os = "linux")]
    if let Some(home) = std::env::home_dir() {
        std::fs::create_dir_all(home.join(".config/autostart"))?;
    }
    launcher.enable().map_err(failed)
}

fn launcher() -> Result<AutoLaunch, EngineError> {
    let program = std::env::current_exe()?;
    AutoLaunchBuilder::new()
        .set_app_name("Slipway")
        .set_app_path(&program.to_string_lossy())
        .set_use_launch_agent(true)
        .set_args(&[HIDDEN])
        .build()
        .map_err(failed)
}

fn failed(error: auto_launch::Error) -> EngineError {
    EngineError::new(ErrorCode::IoFailed, "Whether Slipway starts at login can't be changed here.")
        .detail(error)
}
