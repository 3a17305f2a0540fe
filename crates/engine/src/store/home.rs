//! The folder that holds all of Slipway's state.

use crate::error::{EngineError, ErrorCode};
use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// How long another process may take to open the store before this one gives up.
const LOCK_LIMIT: Duration = Duration::from_secs(60);

/// Makes the home, or checks that a folder that is there is one; and keeps others out of it.
pub(super) fn prepare(home: &Path) -> Result<PathBuf, EngineError> {
    let failed = |error: io::Error| {
        let error = EngineError::from(error);
        EngineError { message: format!("Slipway's home {} can't be used.", home.display()), ..error }
    };
    if !home.exists() {
        fs::create_dir_all(home).map_err(failed)?;
    } else if !home.is_dir() {
        return Err(EngineError::bad_input(format!("Slipway's home {} is not a folder.", home.display())));
    } else if !home.join(super::DATABASE).exists() {
        // Its rights will be taken from others: not those of a folder that holds something else, such as /tmp.
        let foreign =
            fs::read_dir(home).map_err(failed)?.filter_map(Result::ok).find(|e| !is_ours(&e.file_name()));
        if let Some(foreign) = foreign {
            let message = format!(
                "{} can't be Slipway's home: it holds {}.",
                home.display(),
                foreign.file_name().to_string_lossy()
            );
            return Err(
                EngineError::bad_input(message).hint("Choose an empty folder, or one that isn't there yet.")
            );
        }
    }
    keep_to_oneself(home, 0o700).map_err(failed)?;
    home.canonicalize().map_err(failed)
}

/// What Slipway itself may have put into a home before the store is made, or is putting there at this moment: another
/// process may make the database, with its journals, between two looks.
fn is_ours(name: &std::ffi::OsStr) -> bool {
    ["lock", "secrets", "logs", "mirrors", "ssh", "known_hosts", "settings.json"]
        .iter()
        .any(|ours| name == *ours)
        || name.to_string_lossy().starts_with(super::DATABASE)
}

/// Held while the store is opened, so that two processes don't make or migrate it at once. It goes with the
/// process that holds it.
pub(super) fn lock(home: &Path) -> Result<File, EngineError> {
    let file = File::options().create(true).truncate(false).write(true).open(home.join("lock"))?;
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_LIMIT => {
                thread::sleep(Duration::from_millis(20))
            }
            Err(TryLockError::WouldBlock) => {
                return Err(EngineError::new(
                    ErrorCode::StoreBusy,
                    "Another Slipway process is opening the store.",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

/// Takes the rights to a file or folder from everybody else.
#[cfg(unix)]
pub(super) fn keep_to_oneself(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if fs::metadata(path)?.permissions().mode() & 0o777 != mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// On Windows a folder below the user's profile is the user's alone already.
#[cfg(not(unix))]
pub(super) fn keep_to_oneself(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_other_things_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.odt"), "").unwrap();
        let before = fs::metadata(folder.path()).unwrap().permissions();
        assert_eq!(prepare(folder.path()).unwrap_err().code, ErrorCode::BadInput);
        assert_eq!(fs::metadata(folder.path()).unwrap().permissions(), before);
        assert_eq!(prepare(&folder.path().join("thesis.odt")).unwrap_err().code, ErrorCode::BadInput);
    }

    #[test]
    fn what_another_process_is_making_is_no_foreign_thing() {
        for name in ["slipway.db", "slipway.db-journal", "slipway.db-wal", "slipway.db-shm", "lock"] {
            assert!(is_ours(name.as_ref()), "{name}");
        }
        assert!(!is_ours("slipway".as_ref()));
    }

    #[cfg(unix)]
    #[test]
    fn a_home_is_for_its_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for home in [folder.path().to_owned(), folder.path().join("new/deep")] {
            prepare(&home).unwrap();
            assert_eq!(fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o700);
            fs::remove_dir_all(folder.path().join("new")).ok();
        }
    }

    #[test]
    fn the_lock_is_held_by_one_and_goes_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path()).unwrap();
        let other = File::options().write(true).open(folder.path().join("lock")).unwrap();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        drop(held);
        other.try_lock().unwrap();
    }
}
