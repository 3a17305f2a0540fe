//! Files of the home that are never half written.

use std::io::{self, Write};
use std::path::Path;

use crate::error::EngineError;

/// Puts a file in the place of the one that is there, whole, and readable by the user alone.
///
/// # Errors
/// When it can't be written; then what was there is there still.
pub fn replace(file: &Path, content: &[u8]) -> Result<(), EngineError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    written_aside(folder, content)?.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// A file beside the others, whole on the disk and readable by the user alone, to be renamed into its place.
pub(crate) fn written_aside(folder: &Path, content: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_content_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kept.json");
        replace(&file, b"one").unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        assert!(replace(&folder.path().join("gone/kept.json"), b"three").is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left aside");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
