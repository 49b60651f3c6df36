//! Bytes of a pickle, counted, with every length checked before memory is taken.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, Read, Seek};

use crate::checkpoint::Error;

/// Longest text line that protocol 0 opcodes may have.
const MAX_LINE: usize = 4096;

/// A reader that knows how many bytes are left and where it is.
pub(in crate::checkpoint) struct Input<R> {
    source: BufReader<R>,
    part: String,
    at: u64,
    left: u64,
}

impl<R: Read> Input<R> {
    /// Reads `len` bytes of `source`; `part` names them in errors.
    pub(in crate::checkpoint) fn new(source: R, part: impl Into<String>, len: u64) -> Input<R> {
        Input { source: BufReader::with_capacity(1 << 16, source), part: part.into(), at: 0, left: len }
    }

    /// Offset of the next byte.
    pub(in crate::checkpoint) fn at(&self) -> u64 {
        self.at
    }

    /// Fails unless `len` more bytes are there. `what` says what they are.
    pub(in crate::checkpoint) fn require(&self, len: u64, what: &'static str) -> Result<(), Error> {
        if len <= self.left {
            return Ok(());
        }
        let expected = format!("{len} bytes of {what}");
        let found = format!("the end after {}", self.left);
        Err(self.malformed(self.at, expected, found))
    }

    /// The next `N` bytes.
    pub(in crate::checkpoint) fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], Error> {
        self.require(N as u64, what)?;
        let mut bytes = [0; N];
        self.source.read_exact(&mut bytes)?;
        self.advance(N as u64);
        Ok(bytes)
    }

    /// The next `len` bytes.
    pub(in crate::checkpoint) fn bytes(&mut self, len: u64, what: &'static str) -> Result<Vec<u8>, Error> {
        self.require(len, what)?;
        let mut bytes = Vec::with_capacity(len as usize);
        let read = self.source.by_ref().take(len).read_to_end(&mut bytes)? as u64;
        let at = self.at;
        self.advance(read);
        if read < len {
            let expected = format!("{len} bytes of {what}");
            return Err(self.malformed(at, expected, format!("the end after {read}")));
        }
        Ok(bytes)
    }

    /// Reads what is left, for the sake of a checksum at the end.
    pub(in crate::checkpoint) fn finish(mut self) -> Result<(), Error> {
        std::io::copy(&mut self.source, &mut std::io::sink())?;
        Ok(())
    }

    /// The rest of a line, without its end.
    pub(in crate::checkpoint) fn line(&mut self) -> Result<String, Error> {
        let at = self.at;
        let longest = self.left.min(MAX_LINE as u64);
        let mut line = Vec::new();
        let mut limited = self.source.by_ref().take(longest);
        let read = limited.read_until(b'\n', &mut line)? as u64;
        self.advance(read);
        if line.pop() != Some(b'\n') {
            let found = format!("{read} bytes without one");
            return Err(self.malformed(at, "a line end", found));
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// An error about the byte at `at`.
    pub(in crate::checkpoint) fn malformed(
        &self,
        at: u64,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
    ) -> Error {
        Error::Malformed { part: self.part.clone(), at, expected: expected.into(), found: found.into() }
    }

    /// An error about a limit passed at `at`.
    pub(in crate::checkpoint) fn too_much(&self, at: u64, what: &'static str, limit: u64) -> Error {
        Error::TooMuch { part: self.part.clone(), at, what, limit }
    }

    fn advance(&mut self, count: u64) {
        self.at += count;
        self.left = self.left.saturating_sub(count);
    }
}

impl<R: Read + Seek> Input<R> {
    /// Leaves out the next `len` bytes.
    pub(in crate::checkpoint) fn skip(&mut self, len: u64, what: &'static str) -> Result<(), Error> {
        self.require(len, what)?;
        // A file is never longer than i64::MAX, and `len` is at most what is left of it.
        self.source.seek_relative(len as i64)?;
        self.advance(len);
        Ok(())
    }
}
