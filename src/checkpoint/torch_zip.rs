//! The zip format of `torch.save`, since PyTorch 1.6.
//!
//! `<root>/data.pkl` is the object, `<root>/data/<key>` are the storages, and
//! `<root>/byteorder`, where there is one, says `little` or `big`. The root may have any name.

use std::io::{BufReader, Read, Seek};

use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config, ZipReadOptions};

use super::budget::Budget;
use super::gather::{self, Tensors};
use super::object::Plan;
use super::pickle::{self, Input};
use super::{Checkpoint, Error, Format, Request};

/// Longest `data.pkl` that is read; those of the networks here have some hundred kilobytes.
const MAX_PICKLE: u64 = 64 << 20;

/// Opens a zip archive of `len` bytes by the table of contents at its end.
pub(super) fn open<R: Read + Seek>(source: R, len: u64) -> Result<ZipArchive<BufReader<R>>, Error> {
    // With the offset known, a cut archive cannot pass for the archive that it holds.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let opened = ZipArchive::with_config(config, BufReader::new(source));
    opened.map_err(|error| Error::CutZip { len, reason: error.to_string() })
}

/// The root folder of a PyTorch archive, or `None` for an archive of another kind.
///
/// Fails for TorchScript, which has a root with `data.pkl` and code beside it.
pub(super) fn root_of<R: Read + Seek>(archive: &ZipArchive<R>) -> Result<Option<String>, Error> {
    let mut root = None;
    for name in archive.file_names_raw() {
        let Ok(name) = std::str::from_utf8(name) else {
            continue;
        };
        match name.split_once('/') {
            Some((_, "constants.pkl")) => {
                let entry = name.to_owned();
                return Err(Error::TorchScript { entry });
            }
            Some((_, inner)) if inner.starts_with("code/") && inner.ends_with(".py") => {
                let entry = name.to_owned();
                return Err(Error::TorchScript { entry });
            }
            Some((folder, "data.pkl")) if root.is_none() => root = Some(folder.to_owned()),
            _ => {}
        }
    }
    Ok(root)
}

/// Reads the checkpoint under `root`; the file has `len` bytes.
pub(super) fn read<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    root: &str,
    len: u64,
    request: Request,
) -> Result<Checkpoint, Error> {
    let mut budget = Budget::for_file(len);
    let byteorder = format!("{root}/byteorder");
    if let Some(index) = archive.index_for_name(&byteorder) {
        let order = read_entry(archive, index, "byteorder".len() as u64, &mut budget)?;
        if order.trim_ascii() == b"big" {
            return Err(Error::BigEndian);
        }
    }
    let pickle = read_pickle(archive, &format!("{root}/data.pkl"))?;
    let plan = Plan::new(&pickle, request)?;

    // In the order of the file, so that it is read from front to back.
    let mut storages = Vec::new();
    for (key, wanted) in plan.wanted() {
        let index = archive.index_for_name(&format!("{root}/data/{key}"));
        let index = index.ok_or_else(|| Error::NoStorage { key: key.clone() })?;
        storages.push((index, key, wanted));
    }
    storages.sort_unstable_by_key(|(index, ..)| *index);
    let mut tensors = Tensors::new();
    for (index, key, wanted) in storages {
        let storage = pickle.tensor(wanted[0]).and_then(|t| pickle.storage(t.storage));
        let expected = storage.and_then(|storage| storage.byte_len());
        let expected = expected.ok_or_else(|| Error::NoStorage { key: key.clone() })?;
        let bytes = read_entry(archive, index, expected, &mut budget)?;
        gather::fill(&pickle, wanted, bytes, &mut budget, &mut tensors)?;
    }
    plan.finish(&pickle, &tensors, &mut budget, Format::TorchZip)
}

fn read_pickle<R: Read + Seek>(archive: &mut ZipArchive<R>, entry: &str) -> Result<pickle::Pickle, Error> {
    let broken = |error: &dyn std::fmt::Display| Error::ZipEntry {
        entry: entry.to_owned(),
        reason: error.to_string(),
    };
    let index = archive.index_for_name(entry);
    let index = index.ok_or_else(|| broken(&"not found"))?;
    let options = read_options(archive, index);
    let opened = archive.by_index_with_options(index, options);
    let file = opened.map_err(|error| broken(&error))?;
    let size = file.size();
    if size > MAX_PICKLE {
        return Err(Error::TooMuch {
            part: entry.to_owned(),
            at: 0,
            what: "the entry's size",
            limit: MAX_PICKLE,
        });
    }
    let mut input = Input::new(file, entry, size);
    let pickle = pickle::load(&mut input)?;
    // To the end, where the checksum is compared.
    input.finish()?;
    Ok(pickle)
}

/// Reads an entry that should have `expected` bytes; a shorter one is returned as it is.
fn read_entry<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    index: usize,
    expected: u64,
    budget: &mut Budget,
) -> Result<Vec<u8>, Error> {
    let options = read_options(archive, index);
    let name = archive.name_for_index(index);
    let name = name.and_then(Result::ok).unwrap_or_default().into_owned();
    let broken = |reason: String| Error::ZipEntry { entry: name.clone(), reason };
    let opened = archive.by_index_with_options(index, options);
    let mut file = opened.map_err(|error| broken(error.to_string()))?;
    let size = file.size();
    if size > expected {
        let reason = format!("expected {expected} bytes, the archive says {size}");
        return Err(broken(reason));
    }
    budget.claim(size, || format!("zip entry {name}"))?;
    // Memory for what is there, not for what is claimed: a stored entry cannot outgrow the file.
    let mut bytes = Vec::with_capacity(size.min(file.compressed_size()) as usize);
    let read = file.by_ref().take(size + 1).read_to_end(&mut bytes);
    read.map_err(|error| broken(error.to_string()))?;
    if bytes.len() as u64 != size {
        let reason = format!("the archive says {size} bytes, but {} are there", bytes.len());
        return Err(broken(reason));
    }
    Ok(bytes)
}

/// PyTorch can be told to save without checksums, and then leaves zeros in their place.
fn read_options<R: Read + Seek>(archive: &mut ZipArchive<R>, index: usize) -> ZipReadOptions<'static> {
    let entry = archive.by_index_data(index);
    let unchecked = entry.is_ok_and(|entry| entry.crc32() == 0);
    ZipReadOptions::new().ignore_crc32(unchecked)
}
