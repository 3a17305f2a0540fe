//! Small files for a server, many in one round trip.

use std::time::Duration;

use bytes::Bytes;
use slipway_remote::{Cmd, Host};

use crate::error::{EngineError, ErrorCode};

/// One file to put below a folder.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Relative to the folder; folders on the way are made.
    pub path: String,
    /// Unix mode. Everything is below Slipway's 0700 folder, so 0644 means "and the container that mounts it".
    pub mode: u32,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Upload {
    /// A file that only its owner may read.
    pub fn private(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode: 0o600, bytes: bytes.into() }
    }

    /// A file that a container will mount and read as another user.
    pub fn mounted(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode: 0o644, bytes: bytes.into() }
    }
}

/// Each file replaces the old one in a single rename, so that nobody reads half of it.
const SCRIPT: &str = r#"set -eu
umask 077
mkdir -p "$1"
cd "$1"
part=$(mktemp -d "$1/.upload.XXXXXX")
trap 'rm -rf "$part"' EXIT
tar -xpf - -C "$part"
cd "$part"
find . -type f -exec sh -c 'for f; do mkdir -p "$0/${f%/*}" && mv -f "$f" "$0/$f" || exit 1; done' "$1" {} +
"#;

/// Puts `files` below `dir`.
///
/// # Errors
/// When the server can't be reached or its disk is full.
pub(super) async fn upload(host: &dyn Host, dir: &str, files: &[Upload]) -> Result<(), EngineError> {
    let tar = pack(files).map_err(|e| {
        EngineError::new(ErrorCode::Internal, "Files for the server could not be packed")
            .detail(e.to_string())
    })?;
    let cmd = Cmd::new("sh")
        .args(["-c", SCRIPT, "upload", dir])
        .stdin(Bytes::from(tar))
        .limit(Duration::from_secs(120));
    host.run(cmd).await?.ok("put files on the server")?;
    Ok(())
}

fn pack(files: &[Upload]) -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.bytes.len() as u64);
        header.set_mode(file.mode);
        header.set_mtime(0);
        tar.append_data(&mut header, &file.path, file.bytes.as_slice())?;
    }
    tar.into_inner()
}
