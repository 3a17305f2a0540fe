//! What the user chose for the app itself, kept in `settings.json` of the home. What an environment does stands with
//! the environment.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use slipway_engine::error::EngineError;

/// Choices for the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
pub(crate) struct AppSettings {
    /// Light, dark, or as the system has it.
    pub(crate) theme: Theme,
    /// Whether ends of deployments, and what stops answering, are shown as notifications; each environment can be silenced by itself.
    pub(crate) notifications: bool,
}

/// A look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Default for AppSettings {
    fn default() -> Self {
        Self { theme: Theme::System, notifications: true }
    }
}

/// The settings with their file.
pub(crate) struct Kept {
    file: Option<PathBuf>,
    now: Mutex<AppSettings>,
}

impl Kept {
    /// Reads them from a home. A file that can't be read means the usual ones: a choice of colours stops nothing.
    pub(crate) fn read(home: Option<&Path>) -> Self {
        let file = home.map(|home| home.join("settings.json"));
        let text = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let now = text.and_then(|text| of_file(&text)).unwrap_or_default();
        Self { file, now: Mutex::new(now) }
    }

    /// As they are now.
    pub(crate) fn get(&self) -> AppSettings {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes them, here and in the file, which is never half written.
    ///
    /// # Errors
    /// When the file can't be written; then they stay as they were.
    pub(crate) fn set(&self, settings: AppSettings) -> Result<(), EngineError> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &self.file {
            let text = serde_json::to_string_pretty(&settings)
                .map_err(|e| EngineError::internal("The settings are not JSON.").detail(e))?;
            slipway_engine::file::replace(file, text.as_bytes())?;
        }
        *now = settings;
        Ok(())
    }
}

/// What a file says, and the usual for what it doesn't: another version may have written it.
fn of_file(text: &str) -> Option<AppSettings> {
    let mut all = serde_json::to_value(AppSettings::default()).ok()?;
    let said: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    all.as_object_mut()?.extend(said);
    serde_json::from_value(all).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_outlive_a_restart_and_a_broken_file_means_the_usual_ones() {
        let home = tempfile::tempdir().unwrap();
        let kept = Kept::read(Some(home.path()));
        assert_eq!(kept.get(), AppSettings::default());
        let dark = AppSettings { theme: Theme::Dark, notifications: false };
        kept.set(dark.clone()).unwrap();
        assert_eq!(Kept::read(Some(home.path())).get(), dark);
        std::fs::write(home.path().join("settings.json"), "{\"theme\": \"sepia\"").unwrap();
        assert_eq!(Kept::read(Some(home.path())).get(), AppSettings::default());
    }

    #[test]
    fn a_file_of_another_version_keeps_what_is_known() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("settings.json"), r#"{"theme": "light", "later": 1}"#).unwrap();
        let settings = Kept::read(Some(home.path())).get();
        assert_eq!(settings, AppSettings { theme: Theme::Light, ..AppSettings::default() });
    }

    #[test]
    fn what_can_not_be_written_does_not_count() {
        let home = tempfile::tempdir().unwrap();
        let kept = Kept::read(Some(&home.path().join("gone")));
        assert!(kept.set(AppSettings { theme: Theme::Dark, ..AppSettings::default() }).is_err());
        assert_eq!(kept.get(), AppSettings::default());
    }
}
