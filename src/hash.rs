//! Hash values of names, bytes and files that are equal on every machine and in every release.

use crate::file_error::FileError;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes of a file that are read at once.
const PIECE: usize = 1 << 20;

/// The 64-bit FNV-1a hash of `bytes`.
pub fn fnv1a64(bytes: &[u8]) -> u64 {
    let mut state = Fnv1a64::default();
    state.update(bytes);
    state.finish()
}

/// A 64-bit FNV-1a hash of bytes that arrive in parts.
#[derive(Clone, Copy, Debug)]
pub struct Fnv1a64(u64);

impl Default for Fnv1a64 {
    fn default() -> Self {
        Fnv1a64(0xCBF2_9CE4_8422_2325)
    }
}

impl Fnv1a64 {
    /// Adds the next bytes to the hash.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3));
    }

    /// The hash of all bytes so far.
    pub fn finish(self) -> u64 {
        self.0
    }
}

/// The SHA-256 sum of `bytes`, 64 hex digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The SHA-256 sum of parts one after the other, 64 hex digits.
pub fn sha256_of_parts<'a>(parts: impl Iterator<Item = &'a [u8]>) -> String {
    let mut sum = Sha256::new();
    parts.for_each(|part| sum.update(part));
    hex(&sum.finalize())
}

/// A file's length and its SHA-256 sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSum {
    /// Bytes of the file.
    pub bytes: u64,
    /// 64 hex digits.
    pub sha256: String,
}

impl FileSum {
    /// Reads a file piece by piece, so that memory does not grow with it. `over` is asked between pieces whether the sum is
    /// still wanted; `None` when it is not.
    ///
    /// Fails when the file cannot be read.
    pub fn of(path: &Path, over: &dyn Fn() -> bool) -> Result<Option<FileSum>, FileError> {
        Self::of_all(&[path], over)
    }

    /// Of the bytes of several files, one after another: what `cat FILES | sha256sum` gives, which depends on their order.
    ///
    /// Fails when one of them cannot be read.
    pub fn of_all(paths: &[impl AsRef<Path>], over: &dyn Fn() -> bool) -> Result<Option<FileSum>, FileError> {
        let (mut sum, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
        for path in paths {
            let failed = FileError::of(path.as_ref());
            let mut file = File::open(path).map_err(failed)?;
            // A pipe would be waited for, and is used up by reading it.
            if !file.metadata().map_err(failed)?.is_file() {
                return Err(failed(std::io::ErrorKind::InvalidInput.into()));
            }
            loop {
                if over() {
                    return Ok(None);
                }
                match file.read(&mut piece) {
                    Ok(0) => break,
                    Ok(read) => {
                        sum.update(&piece[..read]);
                        bytes += read as u64;
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(failed(error)),
                }
            }
        }
        Ok(Some(FileSum { bytes, sha256: hex(&sum.finalize()) }))
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standard_in_one_piece_and_in_many() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let long: Vec<u8> = (0..PIECE * 2 + 5).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &long).unwrap();
        let found = FileSum::of(&path, &|| false).unwrap().unwrap();
        assert_eq!(found, FileSum { bytes: long.len() as u64, sha256: sha256(&long) });
        assert_eq!(FileSum::of(&path, &|| true).unwrap(), None);
        let other = folder.path().join("other");
        std::fs::write(&other, b"abc").unwrap();
        let both = FileSum::of_all(&[&path, &other], &|| false).unwrap().unwrap();
        assert_eq!(
            both,
            FileSum { bytes: long.len() as u64 + 3, sha256: sha256(&[&long[..], b"abc"].concat()) }
        );
        assert!(FileSum::of_all(&[&path, &folder.path().join("absent")], &|| false).is_err());
        assert!(FileSum::of(folder.path(), &|| false).is_err());
        assert!(FileSum::of(&folder.path().join("absent"), &|| false).is_err());
    }
}
