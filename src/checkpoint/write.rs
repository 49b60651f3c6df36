//! Writes the zip format of `torch.save`, whole files or none.

use crate::atomic_file::AtomicFile;
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::pickler::{self, Pickled};
use super::{Error, StateDict, Value};

/// Folder inside the archive. PyTorch uses the file's name; a fixed one keeps bytes equal.
const ROOT: &str = "archive";
/// PyTorch aligns storages so, for reading them in place.
const ALIGNMENT: u16 = 64;
/// From here on an entry needs zip64.
const ZIP64_FROM: u64 = u32::MAX as u64;

/// Writes `{"model": state dict, "optimizer": ..., "epoch": ..., "sbi": metadata}` as `torch.save` does.
///
/// Parts that are `None` or empty are left out. `torch.load(..., weights_only=True)` reads the file. Equal
/// input gives equal bytes. The file appears whole or not at all. Fails with
/// [`Error::Unwritable`] for an optimiser with opaque values.
pub fn write_torch(
    path: &Path,
    state: &StateDict,
    optimizer: Option<&Value>,
    epoch: Option<i64>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let pickled = pickler::training_file(state, optimizer, epoch, metadata);
    let pickled = pickled.map_err(|error| error.with_path(path))?;
    replace_file(path, |file| write_archive(file, &pickled))
}

/// Writes a state dict by itself, as `torch.save(model.state_dict(), path)` does.
pub fn write_bare_torch(path: &Path, state: &StateDict) -> Result<(), Error> {
    let pickled = pickler::bare_state(state);
    replace_file(path, |file| write_archive(file, &pickled))
}

fn write_archive(file: &mut AtomicFile, pickled: &Pickled<'_>) -> Result<(), Error> {
    let mut archive = ZipWriter::new(BufWriter::new(file));
    let mut entry = |name: &str, bytes: &[u8]| {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .system(System::Unix)
            .unix_permissions(0o644)
            .large_file(bytes.len() as u64 >= ZIP64_FROM)
            .with_alignment(ALIGNMENT);
        let started = archive.start_file(format!("{ROOT}/{name}"), options);
        started.map_err(std::io::Error::from)?;
        archive.write_all(bytes)
    };
    entry("data.pkl", &pickled.object)?;
    entry("byteorder", b"little")?;
    for (key, tensor) in pickled.storages.iter().enumerate() {
        entry(&format!("data/{key}"), tensor.bytes())?;
    }
    // The version of the archive's layout, not of PyTorch.
    entry("version", b"3\n")?;
    let mut written = archive.finish().map_err(std::io::Error::from)?;
    written.flush()?;
    Ok(())
}

/// Writes a file beside `path`, flushes it to the disk and renames it over `path`.
///
/// When anything fails the file beside is removed, and what was at `path` stays as it was.
pub(super) fn replace_file(
    path: &Path,
    write: impl FnOnce(&mut AtomicFile) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut file = AtomicFile::create(path)?;
    write(&mut file).map_err(|error| error.with_path(path))?;
    Ok(file.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.pt");
        std::fs::write(&path, "old").unwrap();
        let failed = replace_file(&path, |file| {
            file.write_all(b"half of the new")?;
            Err(Error::Empty)
        });
        let message = failed.unwrap_err().to_string();
        assert!(message.contains("weights.pt"), "{message}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_bare_file_name_goes_to_the_current_folder() {
        let nowhere = Path::new("no-such-folder/weights.pt");
        assert!(write_bare_torch(nowhere, &StateDict::new()).is_err());
    }
}
