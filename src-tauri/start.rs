//! How the app was started.

use std::path::PathBuf;
use std::time::Duration;

use slipway_engine::error::EngineError;

use crate::deep_link::{self, Place};

/// Start in the tray, without a window. Given when the user logs in.
pub(crate) const HIDDEN: &str = "--hidden";
const HOME: &str = "--home";
const HOME_VARIABLE: &str = "SLIPWAY_HOME";
/// How often to look at repositories and environments, in seconds. For tests, which can't wait.
const LOOK_VARIABLE: &str = "SLIPWAY_LOOK_EVERY";

/// What the arguments and the environment say.
pub(crate) struct Start {
    /// The folder with all state.
    pub(crate) home: Result<PathBuf, EngineError>,
    /// Whether the window stays closed.
    pub(crate) hidden: bool,
    /// The place to open.
    pub(crate) place: Option<Place>,
    /// How often to look for new commits, and whether what is live answers.
    pub(crate) look_every: Option<Duration>,
}

impl Start {
    /// Reads this process's arguments. What isn't understood is left alone: desktops add some of their own.
    pub(crate) fn of_this_process() -> Self {
        let arguments: Vec<String> =
            std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
        let look_every = std::env::var(LOOK_VARIABLE).ok().and_then(|seconds| seconds.parse().ok());
        Self {
            look_every: look_every.map(|seconds: u64| Duration::from_secs(seconds.max(1))),
            ..Self::read(&arguments, std::env::var_os(HOME_VARIABLE).map(PathBuf::from))
        }
    }

    fn read(arguments: &[String], variable: Option<PathBuf>) -> Self {
        let mut given = None;
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.strip_prefix(HOME) {
                Some("") => given = rest.next().map(PathBuf::from),
                Some(after) if after.starts_with('=') => given = Some(PathBuf::from(&after[1..])),
                _ => {}
            }
        }
        let home = given.or(variable.filter(|v| !v.as_os_str().is_empty()));
        Self {
            home: home.map_or_else(slipway_engine::engine::default_home, Ok),
            hidden: arguments.iter().any(|a| a == HIDDEN),
            place: deep_link::in_arguments(arguments),
            look_every: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(arguments: &str, variable: Option<&str>) -> Start {
        let arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
        Start::read(&arguments, variable.map(PathBuf::from))
    }

    #[test]
    fn an_argument_goes_before_the_variable_before_the_usual_home() {
        assert_eq!(start("--home /a", Some("/b")).home.unwrap(), PathBuf::from("/a"));
        assert_eq!(start("--home=/a", None).home.unwrap(), PathBuf::from("/a"));
        assert_eq!(start("--hidden", Some("/b")).home.unwrap(), PathBuf::from("/b"));
        assert!(start("", Some("")).home.unwrap().ends_with("slipway"));
    }

    #[test]
    fn the_rest_is_found_among_others() {
        let start = start("--weird slipway://servers --hidden", None);
        assert!(start.hidden);
        assert_eq!(start.place, Some(Place::Servers));
    }
}
