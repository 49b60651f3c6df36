//! A plain zip archive around one weight file, as PyTorch's model zoo packs RetinaFace.

use std::fs::File;
use std::io::{self, Read, Seek, Write};

use zip::ZipArchive;

use super::{Error, foreign, sniff};

/// Largest weight file that is unpacked, some fifteen times the largest in use here.
const MAX_UNPACKED: u64 = 4 << 30;
/// Bytes unpacked per byte packed. Weights hardly compress; zip bombs go to a thousand and more.
const MAX_RATIO: u64 = 100;
/// Up to here any ratio is harmless.
const RATIO_FREE: u64 = 64 << 20;
/// Entries looked at. Archives of this kind have one, and perhaps a note beside it.
const MAX_ENTRIES: usize = 64;

/// Unpacks the one weight file in the archive into a temporary file without a name.
///
/// To disk, since the formats inside need seeking, and memory is for the weights themselves.
/// Fails when there is none or more than one, when the archive is one of another program's, and when it would unpack to an
/// absurd size.
pub(super) fn unpack<R: Read + Seek>(archive: &mut ZipArchive<R>, wrappings: u32) -> Result<File, Error> {
    let mut candidates = Vec::new();
    let mut names = Vec::new();
    for index in 0..archive.len().min(MAX_ENTRIES) {
        let Ok(mut entry) = archive.by_index(index) else {
            continue;
        };
        if !entry.is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        // A Mac adds such a shadow to every file that it packs.
        if name.starts_with("__MACOSX/") {
            continue;
        }
        let size = entry.size();
        if sniff::kind_of(&mut entry, size).is_ok() {
            candidates.push((index, name.clone()));
        }
        names.push(name);
    }
    if let Some(named) = foreign::named_zip(&names) {
        return Err(named);
    }
    let (&[(index, ref name)], 1..) = (&candidates[..], wrappings) else {
        names.truncate(5);
        let found = candidates.len();
        return Err(Error::NotOneInZip { found, names });
    };
    let broken = |reason: String| Error::ZipEntry { entry: name.clone(), reason };
    let opened = archive.by_index(index);
    let mut entry = opened.map_err(|error| broken(error.to_string()))?;
    let size = entry.size();
    let limit = entry.compressed_size().saturating_mul(MAX_RATIO);
    let limit = limit.saturating_add(RATIO_FREE).min(MAX_UNPACKED);
    if size > limit {
        let reason = format!("it would unpack to {size} bytes, the limit is {limit}");
        return Err(broken(reason));
    }
    let mut unpacked = tempfile::tempfile()?;
    let copied = io::copy(&mut entry.by_ref().take(size + 1), &mut unpacked);
    let copied = copied.map_err(|error| broken(error.to_string()))?;
    if copied != size {
        let reason = format!("the archive says {size} bytes, but {copied} are there");
        return Err(broken(reason));
    }
    unpacked.flush()?;
    Ok(unpacked)
}
