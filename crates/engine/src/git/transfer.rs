use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

use tokio::io::AsyncRead;
use tokio_util::io::SyncIoBridge;
use tokio_util::sync::CancellationToken;

use super::source::shown;
use super::{ChangeKind, Entry, FileTimes, GitError, Mode, Reader, Source, diff};

/// The script that makes a new release on the server; its arguments and exit codes stand at its top. Run it as
/// `sh -c UNPACK unpack.sh NEW COUNT [OLD]` with the tar of [`Transfer::write`] on its standard input.
pub const UNPACK: &str = include_str!("unpack.sh");

/// The folder at the tar's beginning that holds the lists; no repository may have this name.
pub const RESERVED: &str = ".slipway-transfer";

/// A file over this size is refused: it would have to fit into memory, and Git hosts take far less.
const FILE_LIMIT: u64 = 1 << 30;

/// What has to travel so that a server that has one release gets another.
#[derive(Debug, Clone)]
pub struct Transfer {
    source: Arc<Source>,
    send: Vec<Vec<u8>>,
    removed: Vec<Vec<u8>>,
    emptied: Vec<Vec<u8>>,
    bytes: u64,
    lfs: Vec<String>,
}

/// What a transfer wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Files and links.
    pub files: usize,
    /// Bytes of the whole tar.
    pub bytes: u64,
}

impl Transfer {
    /// Compares two releases. `old` is what the server has; `None` sends everything.
    pub fn plan(old: Option<&Source>, new: Arc<Source>) -> Result<Self, GitError> {
        let reader = new.reader()?;
        let (mut send, mut removed, mut bytes, mut lfs) = (Vec::new(), Vec::new(), 0, Vec::new());
        for change in diff(old, &new) {
            if change.kind != ChangeKind::Added {
                removed.push(change.path.clone());
            }
            let Some(entry) = new.entries().get(&change.path) else { continue };
            let size = reader.size(entry)?;
            if size > FILE_LIMIT {
                return Err(GitError::FileTooLarge { path: shown(&change.path), size, limit: FILE_LIMIT });
            }
            bytes += size;
            if is_lfs_pointer(&reader, &change.path, entry, size)? {
                lfs.push(shown(&change.path));
            }
            send.push(change.path);
        }
        let emptied = old.map(|old| emptied(old, &new)).unwrap_or_default();
        drop(reader);
        Ok(Self { source: new, send, removed, emptied, bytes, lfs })
    }

    /// How many files the finished release holds: `COUNT` of the script.
    pub fn count(&self) -> usize {
        self.source.entries().len()
    }

    /// How many files and links travel.
    pub fn files(&self) -> usize {
        self.send.len()
    }

    /// Their contents' size.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many paths of the old release are unlinked (changed ones included).
    pub fn removed(&self) -> usize {
        self.removed.len()
    }

    /// Files that are only Git LFS pointers: Odoo would get the pointer's text instead of the content.
    pub fn lfs_pointers(&self) -> &[String] {
        &self.lfs
    }

    /// Writes the tar: the lists, then each file with its time; one file at a time is in memory. `on_bytes` gets the bytes so
    /// far.
    pub fn write(
        &self,
        to: &mut dyn Write,
        times: FileTimes,
        on_bytes: &mut dyn FnMut(u64),
        cancel: &CancellationToken,
    ) -> Result<Sent, GitError> {
        let reader = self.source.reader()?;
        let mut tar = TarWriter { to, bytes: 0 };
        let failed = || GitError::io("the stream to the server");
        tar.file(format!("{RESERVED}/removed").as_bytes(), Mode::File, 0, &list(&self.removed))
            .map_err(failed())?;
        tar.file(format!("{RESERVED}/emptied").as_bytes(), Mode::File, 0, &list(&self.emptied))
            .map_err(failed())?;
        for path in &self.send {
            if cancel.is_cancelled() {
                return Err(GitError::Cancelled);
            }
            let Some(entry) = self.source.entries().get(path) else { continue };
            let content = reader.content(path, entry, FILE_LIMIT)?;
            tar.file(path, entry.mode, times.of(entry.blob), &content).map_err(failed())?;
            on_bytes(tar.bytes);
        }
        tar.finish().map_err(failed())?;
        on_bytes(tar.bytes);
        Ok(Sent { files: self.send.len(), bytes: tar.bytes })
    }

    /// The same as a stream, written by a blocking task; the handle tells how it ended. Needs a Tokio runtime.
    pub fn stream(
        self,
        times: FileTimes,
        mut on_bytes: impl FnMut(u64) + Send + 'static,
        cancel: CancellationToken,
    ) -> (impl AsyncRead + Send + Unpin + 'static, tokio::task::JoinHandle<Result<Sent, GitError>>) {
        let (far, near) = tokio::io::duplex(256 * 1024);
        let handle = tokio::task::spawn_blocking(move || {
            let mut bridge = SyncIoBridge::new(near);
            let sent = self.write(&mut bridge, times, &mut on_bytes, &cancel)?;
            bridge.shutdown().map_err(GitError::io("the stream to the server"))?;
            Ok(sent)
        });
        (far, handle)
    }
}

/// `./` in front, so that no name is taken for an option; NUL behind, so that any name is safe.
fn list(paths: &[Vec<u8>]) -> Vec<u8> {
    paths.iter().flat_map(|path| [b"./".as_slice(), path, b"\0"].concat()).collect()
}

/// Folders of the old release that the new one has no more, the deepest first.
fn emptied(old: &Source, new: &Source) -> Vec<Vec<u8>> {
    let folders = |source: &Source| -> BTreeSet<Vec<u8>> {
        let slashes = |path: &Vec<u8>| -> Vec<Vec<u8>> {
            path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| path[..at].to_vec()).collect()
        };
        source.entries().keys().flat_map(slashes).collect()
    };
    let new = folders(new);
    folders(old).into_iter().rev().filter(|folder| !new.contains(folder)).collect()
}

fn is_lfs_pointer(reader: &Reader<'_>, path: &[u8], entry: &Entry, size: u64) -> Result<bool, GitError> {
    // The specification: under 1024 bytes, and this line first.
    Ok(size < 1024
        && entry.mode != Mode::Symlink
        && reader.content(path, entry, 1024)?.starts_with(b"version https://git-lfs.github.com/spec/v1\n"))
}

/// Writes the old GNU format, which GNU, busybox and BSD tars read, and which takes names as the bytes they are.
struct TarWriter<'w> {
    to: &'w mut dyn Write,
    bytes: u64,
}

impl TarWriter<'_> {
    fn file(&mut self, path: &[u8], mode: Mode, time: u64, content: &[u8]) -> io::Result<()> {
        let (kind, bits, target, content) = match mode {
            Mode::File => (tar::EntryType::Regular, 0o644, None, content),
            Mode::Executable => (tar::EntryType::Regular, 0o755, None, content),
            Mode::Symlink => (tar::EntryType::Symlink, 0o777, Some(content), &[][..]),
        };
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(bits);
        header.set_size(content.len() as u64);
        header.set_mtime(time);
        let gnu = header.as_gnu_mut().ok_or_else(|| io::Error::other("not a GNU header"))?;
        if let Some(target) = target {
            self.name(tar::EntryType::GNULongLink, &mut gnu.linkname, target)?;
        }
        self.name(tar::EntryType::GNULongName, &mut gnu.name, path)?;
        header.set_cksum();
        self.padded(header.as_bytes(), content)
    }

    /// Puts a name into its field, or, when it doesn't fit, into an entry of its own that comes before.
    fn name(&mut self, kind: tar::EntryType, field: &mut [u8; 100], name: &[u8]) -> io::Result<()> {
        let short = &name[..name.len().min(field.len())];
        field[..short.len()].copy_from_slice(short);
        if short.len() == name.len() {
            return Ok(());
        }
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(name.len() as u64 + 1);
        header.as_mut_bytes()[..13].copy_from_slice(b"././@LongLink");
        header.set_cksum();
        self.padded(header.as_bytes(), &[name, b"\0"].concat())
    }

    fn padded(&mut self, header: &[u8; 512], content: &[u8]) -> io::Result<()> {
        let padding = (512 - content.len() % 512) % 512;
        self.to.write_all(header)?;
        self.to.write_all(content)?;
        self.to.write_all(&[0; 512][..padding])?;
        self.bytes += (512 + content.len() + padding) as u64;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.to.write_all(&[0; 1024])?;
        self.bytes += 1024;
        self.to.flush()
    }
}

#[cfg(test)]
mod tests;
