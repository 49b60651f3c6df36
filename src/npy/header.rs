//! The header of a `.npy` file: element type, order and shape, as a Python dictionary literal.
//!
//! Format: "A Simple File Format for NumPy Arrays", <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
//! Versions 1.0, 2.0 and 3.0 are read, 1.0 is written.

use std::io::{self, Read};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Longest dictionary that is read; versions 2.0 and 3.0 could promise four gigabytes.
const MAX_HEADER_BYTES: u32 = u16::MAX as u32;
/// The largest number of axes, which is NumPy's own limit.
const MAX_AXES: usize = 64;
/// The data starts at a multiple of this.
const ALIGNMENT: usize = 64;
/// Room NumPy leaves for the first axis to grow in place: the digits of the largest one possible.
const GROWTH_DIGITS: usize = 21;

/// What a `.npy` file says about its array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NpyHeader {
    /// Element type in NumPy's notation, such as `|u1` or `<i8`.
    pub descr: String,
    /// Whether the first axis varies fastest.
    pub fortran_order: bool,
    /// Length of each axis, outermost first.
    pub shape: Vec<u64>,
}

/// The start of a file is not a header that this program reads.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The file could not be read, or ends within the header.
    #[error("cannot read its header")]
    Read(#[from] io::Error),
    /// The first bytes are not those of a `.npy` file.
    #[error("it does not start with \\x93NUMPY")]
    Magic,
    /// A version that did not exist when this was written.
    #[error("format version {major}.{minor}, expected 1.0, 2.0 or 3.0")]
    Version {
        /// The major version, from the file's seventh byte.
        major: u8,
        /// The minor version, from the file's eighth byte.
        minor: u8,
    },
    /// The dictionary is longer than any honest one.
    #[error("a header of {found} bytes, expected at most {MAX_HEADER_BYTES}")]
    TooLong {
        /// The dictionary's length in bytes that the file states.
        found: u32,
    },
    /// The dictionary is not written as NumPy writes it.
    #[error("header byte {offset}: expected {expected}")]
    Syntax {
        /// Position from the start of the dictionary.
        offset: usize,
        /// What belongs there.
        expected: &'static str,
    },
    /// A key of the dictionary is missing.
    #[error("its header has no '{key}'")]
    MissingKey {
        /// The missing key.
        key: &'static str,
    },
}

impl NpyHeader {
    /// Reads a header and returns it with its length in bytes, the offset of the data.
    ///
    /// Reads at most 64 KiB and allocates no more, whatever the bytes say. Fails with
    /// [`HeaderError`] on anything but the three keys that NumPy writes, each once.
    pub fn read(reader: &mut impl Read) -> Result<(Self, u64), HeaderError> {
        let mut start = [0; 8];
        reader.read_exact(&mut start)?;
        if &start[..6] != MAGIC {
            return Err(HeaderError::Magic);
        }
        let (length, length_bytes) = match (start[6], start[7]) {
            (1, 0) => {
                let mut bytes = [0; 2];
                reader.read_exact(&mut bytes)?;
                (u32::from(u16::from_le_bytes(bytes)), 2)
            }
            (2 | 3, 0) => {
                let mut bytes = [0; 4];
                reader.read_exact(&mut bytes)?;
                (u32::from_le_bytes(bytes), 4)
            }
            (major, minor) => return Err(HeaderError::Version { major, minor }),
        };
        if length > MAX_HEADER_BYTES {
            return Err(HeaderError::TooLong { found: length });
        }
        let mut dictionary = vec![0; length as usize];
        reader.read_exact(&mut dictionary)?;
        let header = Parser { text: &dictionary, at: 0 }.header()?;
        Ok((header, 8 + length_bytes + u64::from(length)))
    }

    /// The header as `numpy.save` writes it, format 1.0, padded so that the data is aligned and the
    /// first axis can grow without moving it.
    ///
    /// Only for headers of the size this program writes: a dictionary of more than 64 KiB would
    /// need format 2.0.
    pub fn to_bytes(&self) -> Vec<u8> {
        let growing = if self.fortran_order { self.shape.last() } else { self.shape.first() };
        let room = growing.map_or(0, |axis| GROWTH_DIGITS - axis.to_string().len());
        self.aligned(", ", room)
    }

    /// The header without room for the first axis and without NumPy's last comma, which NumPy reads as well: how
    /// prepared frames are written. Kept so, that a set prepared again has the bytes it always had.
    pub fn to_bytes_without_room(&self) -> Vec<u8> {
        self.aligned("", 0)
    }

    /// Format 1.0: the dictionary, which ends with `last`, and `room` blanks, padded until the data are aligned.
    fn aligned(&self, last: &str, room: usize) -> Vec<u8> {
        let axes: Vec<String> = self.shape.iter().map(u64::to_string).collect();
        let shape = match axes.as_slice() {
            [only] => format!("({only},)"),
            several => format!("({})", several.join(", ")),
        };
        let order = if self.fortran_order { "True" } else { "False" };
        let mut text =
            format!("{{'descr': '{}', 'fortran_order': {order}, 'shape': {shape}{last}}}", self.descr);
        text.push_str(&" ".repeat(room));
        // Ten bytes of magic, version and length come before, one of line end after.
        let unpadded = 10 + text.len() + 1;
        text.push_str(&" ".repeat(ALIGNMENT - unpadded % ALIGNMENT));
        text.push('\n');

        let mut bytes = Vec::with_capacity(10 + text.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[1, 0]);
        bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    /// Bytes of data that belong to this header; `None` when the element type is not a plain number
    /// or the product does not fit 64 bits.
    pub fn data_bytes(&self) -> Option<u64> {
        let mut descr = self.descr.chars();
        let plain = matches!(descr.next(), Some('<' | '>' | '|' | '='))
            && matches!(descr.next(), Some('b' | 'i' | 'u' | 'f' | 'c'));
        let item: u64 = plain.then(|| descr.as_str().parse().ok())??;
        self.shape.iter().try_fold(item, |product, &axis| product.checked_mul(axis))
    }
}

/// A cursor over the dictionary of a header.
struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn header(mut self) -> Result<NpyHeader, HeaderError> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.expect(b'{', "'{'")?;
        while !self.accept(b'}') {
            let key_at = self.at;
            let key = self.string()?;
            self.expect(b':', "':'")?;
            match key.as_str() {
                "descr" if descr.is_none() => descr = Some(self.string()?),
                "fortran_order" if fortran_order.is_none() => fortran_order = Some(self.boolean()?),
                "shape" if shape.is_none() => shape = Some(self.shape()?),
                _ => {
                    let expected = "'descr', 'fortran_order' and 'shape', each once";
                    return Err(HeaderError::Syntax { offset: key_at, expected });
                }
            }
            if !self.accept(b',') {
                self.expect(b'}', "',' or '}'")?;
                break;
            }
        }
        self.skip_spaces();
        let rest = &self.text[self.at..];
        if !(rest.is_empty() || rest == b"\n") {
            return self.fail("spaces and a line end after the dictionary");
        }
        Ok(NpyHeader {
            descr: descr.ok_or(HeaderError::MissingKey { key: "descr" })?,
            fortran_order: fortran_order.ok_or(HeaderError::MissingKey { key: "fortran_order" })?,
            shape: shape.ok_or(HeaderError::MissingKey { key: "shape" })?,
        })
    }

    /// A quoted string of printable ASCII without escapes, which is all that plain types need.
    fn string(&mut self) -> Result<String, HeaderError> {
        self.skip_spaces();
        let quote = match self.text.get(self.at) {
            Some(&quote @ (b'\'' | b'"')) => quote,
            _ => return self.fail("a quoted string"),
        };
        self.at += 1;
        let mut string = String::new();
        loop {
            match self.text.get(self.at) {
                Some(&byte) if byte == quote => break,
                Some(&byte @ b' '..=b'~') if byte != b'\\' => string.push(char::from(byte)),
                _ => return self.fail("the rest of a quoted string"),
            }
            self.at += 1;
        }
        self.at += 1;
        Ok(string)
    }

    fn boolean(&mut self) -> Result<bool, HeaderError> {
        self.skip_spaces();
        for (word, value) in [("True", true), ("False", false)] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.fail("True or False")
    }

    /// A tuple of lengths: `()`, `(3,)`, `(3, 4)` or `(3, 4,)`. `(3)` is a number, not a tuple.
    fn shape(&mut self) -> Result<Vec<u64>, HeaderError> {
        let mut axes = Vec::new();
        self.expect(b'(', "'('")?;
        while !self.accept(b')') {
            if axes.len() == MAX_AXES {
                return self.fail("at most 64 axes");
            }
            axes.push(self.integer()?);
            if !self.accept(b',') {
                if axes.len() == 1 {
                    return self.fail("','");
                }
                self.expect(b')', "',' or ')'")?;
                break;
            }
        }
        Ok(axes)
    }

    fn integer(&mut self) -> Result<u64, HeaderError> {
        self.skip_spaces();
        let start = self.at;
        let mut value = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.text.get(self.at) {
            let next = value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0')));
            value = match next {
                Some(next) => next,
                None => return self.fail("a length that fits 64 bits"),
            };
            self.at += 1;
        }
        if self.at == start {
            return self.fail("a length");
        }
        Ok(value)
    }

    fn skip_spaces(&mut self) {
        while self.text.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }

    fn accept(&mut self, byte: u8) -> bool {
        self.skip_spaces();
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), HeaderError> {
        if self.accept(byte) {
            return Ok(());
        }
        self.fail(expected)
    }

    fn fail<T>(&self, expected: &'static str) -> Result<T, HeaderError> {
        Err(HeaderError::Syntax { offset: self.at, expected })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(dictionary: &str) -> Result<NpyHeader, HeaderError> {
        let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
        bytes.extend_from_slice(&(dictionary.len() as u32).to_le_bytes());
        bytes.extend_from_slice(dictionary.as_bytes());
        NpyHeader::read(&mut bytes.as_slice()).map(|(header, _)| header)
    }

    #[test]
    fn reads_any_order_quotes_and_spacing() {
        let header = parse("{\"shape\":(2,3),'fortran_order' : True,'descr':'<f4'}").unwrap();
        let expected = NpyHeader { descr: "<f4".into(), fortran_order: true, shape: vec![2, 3] };
        assert_eq!(header, expected);
        assert_eq!(header.data_bytes(), Some(24));
        let scalar = parse("{'descr': '<f8', 'fortran_order': False, 'shape': (), }  \n").unwrap();
        assert_eq!((scalar.shape.len(), scalar.data_bytes()), (0, Some(8)));
    }

    #[test]
    fn refuses_what_numpy_does_not_write() {
        for dictionary in [
            "",
            "{}",
            "{'descr': '<f4', 'shape': (2,)}",
            "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} tail",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)",
        ] {
            assert!(parse(dictionary).is_err(), "{dictionary}");
        }
    }

    #[test]
    fn refuses_other_files_and_lengths() {
        let read = |bytes: &[u8]| NpyHeader::read(&mut { bytes }).unwrap_err().to_string();
        assert!(read(b"PK\x03\x04 an archive").contains("NUMPY"));
        assert!(read(b"\x93NUMPY\x04\x00\x00\x00").contains("version 4.0"));
        assert!(read(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").contains("4294967295"));
        assert!(read(b"\x93NUMPY\x01\x00\x10\x00{'descr'").contains("cannot read"));
    }

    #[test]
    fn overflowing_shapes_have_no_size() {
        let shape = vec![u64::MAX, 2];
        let header = NpyHeader { descr: "|u1".into(), fortran_order: false, shape };
        assert_eq!(header.data_bytes(), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = NpyHeader::read(&mut bytes.as_slice());
            let _ = parse(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn damaged_headers_never_panic(at in 0_usize..118, byte in any::<u8>()) {
            let shape = vec![3, 3, 380, 380];
            let mut bytes =
                NpyHeader { descr: "|u1".into(), fortran_order: false, shape }.to_bytes();
            bytes[at] = byte;
            let _ = NpyHeader::read(&mut bytes.as_slice()).map(|(h, _)| h.data_bytes());
        }

        #[test]
        fn what_is_written_is_read_again(
            descr in "[<>|][iuf][1248]",
            fortran_order in any::<bool>(),
            shape in proptest::collection::vec(any::<u64>(), 0..6),
        ) {
            let header = NpyHeader { descr, fortran_order, shape };
            for bytes in [header.to_bytes(), header.to_bytes_without_room()] {
                prop_assert_eq!(bytes.len() % ALIGNMENT, 0);
                let (read, offset) = NpyHeader::read(&mut bytes.as_slice()).unwrap();
                prop_assert_eq!(offset, bytes.len() as u64);
                prop_assert_eq!(&read, &header);
            }
        }
    }
}
