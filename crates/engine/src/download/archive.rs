//! The zip that a download writes, under a name of its own until it is whole.

use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;
use sha1::{Digest, Sha1};
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::Downloaded;
use super::feed::Feed;
use super::files::FileList;
use super::sql::{self, Told};
use crate::error::{EngineError, ErrorCode};

/// An archive being written. Dropped before it is finished, it is gone.
pub(super) struct Archive {
    zip: ZipWriter<BufWriter<NamedTempFile>>,
    to: PathBuf,
}

impl Archive {
    /// Begins one that is to be called `to`.
    ///
    /// # Errors
    /// `conflict` when there is one; when the folder can't be written to.
    pub(super) fn create(to: &Path) -> Result<Self, EngineError> {
        if to.exists() {
            return Err(taken(to));
        }
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Where it will be, so that it only has to be renamed; only its owner may read a client's data.
        let file = tempfile::Builder::new().prefix(".slipway-").suffix(".part").tempfile_in(folder);
        let file = file.map_err(|e| {
            EngineError::from(e)
                .hint(format!("Choose a folder that you may write to, not {}.", folder.display()))
        })?;
        Ok(Self { zip: ZipWriter::new(BufWriter::new(file)), to: to.to_owned() })
    }

    /// Adds the database: SQL that comes compressed.
    pub(super) fn add_dump(mut self, from: Feed) -> Result<(Self, Told), EngineError> {
        self.zip.start_file("dump.sql", options().large_file(true)).map_err(failed)?;
        let mut sql = BufReader::new(GzDecoder::new(from));
        let told = sql::pass(&mut sql, &mut self.zip)?;
        sql.into_inner().into_inner().drain()?;
        Ok((self, told))
    }

    /// Adds those wanted files of a tar stream that have the content they should have.
    pub(super) fn add_files(
        mut self,
        from: Feed,
        mut list: FileList,
    ) -> Result<(Self, FileList), EngineError> {
        let mut tar = tar::Archive::new(from);
        for entry in tar.entries()? {
            let mut entry = entry?;
            let path = entry.path()?.to_string_lossy().into_owned();
            let Some(wanted) = list.sum_of(&path) else { continue };
            let large = options().large_file(entry.size() >= u64::from(u32::MAX));
            self.zip.start_file(format!("filestore/{path}"), large).map_err(failed)?;
            if copy(&mut entry, &mut self.zip)? == wanted {
                list.have(&path);
            } else {
                self.zip.abort_file().map_err(failed)?;
            }
        }
        tar.into_inner().drain()?;
        Ok((self, list))
    }

    /// Adds the manifest, and gives the archive its name.
    pub(super) fn finish(mut self, manifest: &Value, list: FileList) -> Result<Downloaded, EngineError> {
        self.zip.start_file("manifest.json", options()).map_err(failed)?;
        self.zip.write_all(format!("{manifest:#}\n").as_bytes())?;
        let mut file =
            self.zip.finish().map_err(failed)?.into_inner().map_err(io::IntoInnerError::into_error)?;
        // A file that was taken out again may have reached further than what came after it.
        let bytes = file.stream_position()?;
        file.as_file().set_len(bytes)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(&self.to).map_err(|e| match e.error.kind() {
            io::ErrorKind::AlreadyExists => taken(&self.to),
            _ => e.error.into(),
        })?;
        let (files, missing) = list.into_parts();
        Ok(Downloaded { path: self.to.display().to_string(), bytes, files, missing })
    }
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).unix_permissions(0o600)
}

/// Copies, and gives the SHA-1 of what was copied.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<String> {
    let mut sum = Sha1::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let n = from.read(&mut chunk)?;
        if n == 0 {
            return Ok(hex::encode(sum.finalize()));
        }
        sum.update(&chunk[..n]);
        to.write_all(&chunk[..n])?;
    }
}

fn taken(to: &Path) -> EngineError {
    EngineError::new(ErrorCode::Conflict, format!("There is a file {} already.", to.display()))
        .hint("Choose another name.")
}

fn failed(error: zip::result::ZipError) -> EngineError {
    match error {
        zip::result::ZipError::Io(error) => error.into(),
        other => EngineError::new(ErrorCode::IoFailed, "The archive could not be written.").detail(other),
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};

    use super::super::feed::filled;
    use super::*;

    const SQL: &str = "-- Dumped from database version 17.6\n-- PostgreSQL database dump complete\n";

    fn compressed() -> Vec<u8> {
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(SQL.as_bytes()).unwrap();
        gz.finish().unwrap()
    }

    fn sum(text: &str) -> String {
        hex::encode(Sha1::digest(text))
    }

    fn tar(files: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn in_folder(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn it_holds_what_the_list_says_and_nothing_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("a.zip");
        let list = [("aa/one", "first"), ("bb/two", "second"), ("cc/three", "third")]
            .map(|(path, text)| format!("{}\t{}\t{path}\n", sum(text), text.len()));
        let list = FileList::read(filled(list.concat().into_bytes(), false)).unwrap();
        let (archive, told) = Archive::create(&to).unwrap().add_dump(filled(compressed(), false)).unwrap();
        // The last one is damaged: what was written of it goes again.
        let sent = tar(&[("aa/one", "first"), ("stray", "x"), ("bb/two", &"damaged".repeat(1000))]);
        let (archive, list) = archive.add_files(filled(sent, false), list).unwrap();
        assert!(!list.is_complete());
        assert!(!to.exists(), "it has its name when it is whole");
        let (archive, list) = archive.add_files(filled(tar(&[("bb/two", "second")]), false), list).unwrap();
        let series = "19.0".parse().unwrap();
        let done = archive.finish(&told.manifest("acme_production", series), list).unwrap();
        assert_eq!((done.files, done.missing), (2, vec!["cc/three".to_owned()]));
        assert_eq!(done.bytes, to.metadata().unwrap().len());
        assert_eq!(in_folder(dir.path()), ["a.zip"]);

        let mut zip = zip::ZipArchive::new(std::fs::File::open(&to).unwrap()).unwrap();
        let mut read = |name: &str| {
            let mut text = String::new();
            zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        assert_eq!(read("dump.sql"), SQL);
        assert_eq!(read("filestore/aa/one"), "first");
        assert_eq!(read("filestore/bb/two"), "second");
        assert!(read("manifest.json").contains("\"odoo_dump\": \"1\""));
        assert_eq!(zip.len(), 4);
        let taken = Archive::create(&to).err().unwrap();
        assert_eq!(taken.code, ErrorCode::Conflict);
    }

    #[test]
    fn what_breaks_off_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let create = || Archive::create(&dir.path().join("a.zip")).unwrap();
        let whole = compressed();
        assert!(create().add_dump(filled(whole[..whole.len() / 2].to_vec(), false)).is_err(), "half of it");
        assert!(create().add_dump(filled(whole, true)).is_err(), "its command failed at the end");
        let list = FileList::read(filled(format!("{}\t1\ta\n", sum("a")).into_bytes(), false)).unwrap();
        assert!(create().add_files(filled(tar(&[("a", "a")]), true), list).is_err());
        assert_eq!(in_folder(dir.path()), Vec::<String>::new());
    }
}
