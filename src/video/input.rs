//! A file as demuxers read it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A view of an open file with a position of its own. Copies share the handle and nothing else.
#[derive(Clone, Debug)]
pub struct FileInput {
    file: Arc<File>,
    at: u64,
    length: u64,
}

impl FileInput {
    /// A view that begins at the file's start. Fails when the file's length cannot be told.
    pub fn new(file: File) -> io::Result<FileInput> {
        let length = file.metadata()?.len();
        Ok(FileInput { file: Arc::new(file), at: 0, length })
    }

    /// Bytes of the file when it was opened. What is written behind them later is not read.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The bytes at `at`, fewer where the file ends.
    pub fn bytes_at(&self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        let mut view = FileInput { at, ..self.clone() };
        let mut bytes = Vec::new();
        view.by_ref().take(count as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Read for FileInput {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.at).min(into.len() as u64) as usize;
        let count = self.file.read_at(&mut into[..left], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for FileInput {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn views_have_positions_of_their_own_and_end_where_the_file_ended() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mut first = FileInput::new(file.try_clone().unwrap()).unwrap();
        file.write_all(b"later").unwrap();
        let mut second = first.clone();
        let mut text = String::new();
        second.seek(SeekFrom::End(-3)).unwrap();
        second.read_to_string(&mut text).unwrap();
        assert_eq!(text, "789");
        text.clear();
        first.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), first.length()), ("0123456789", 10));
        assert_eq!(first.bytes_at(8, 9).unwrap(), b"89");
        assert!(first.seek(SeekFrom::Current(-11)).is_err());
        assert_eq!(first.seek(SeekFrom::Start(99)).unwrap(), 99);
        assert_eq!(first.read(&mut [0; 4]).unwrap(), 0);
    }
}
