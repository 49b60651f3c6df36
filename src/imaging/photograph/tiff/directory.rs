//! Directories of numbered values, one a page.

use std::collections::{BTreeMap, HashSet};

/// All pages of a file.
pub(super) struct Directories<'a> {
    /// At least one; reduced copies and masks of others are left out.
    pub pages: Vec<Directory<'a>>,
    /// Whether the chain of directories leads out of the file.
    pub breaks_off: bool,
}

/// One page's values.
pub(super) struct Directory<'a> {
    pub order: ByteOrder,
    /// Type of the values and their bytes, which lie within the file.
    values: BTreeMap<u16, (u16, &'a [u8])>,
}

/// How numbers of several bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    LowFirst,
    HighFirst,
}

impl ByteOrder {
    /// The number that up to eight bytes are.
    pub(super) fn number(self, bytes: &[u8]) -> u64 {
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        match self {
            ByteOrder::LowFirst => bytes.iter().rev().fold(0, join),
            ByteOrder::HighFirst => bytes.iter().fold(0, join),
        }
    }
}

/// How many bytes a value of a type has; 0 for unknown types.
fn bytes_of(kind: u16) -> usize {
    match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 0,
    }
}

/// The widths of a file's own fields: BigTIFF has wider ones.
struct Reader<'a> {
    bytes: &'a [u8],
    order: ByteOrder,
    /// Of offsets and counts of values.
    wide: usize,
    /// Of the count of a directory's entries.
    count: usize,
}

impl<'a> Reader<'a> {
    fn slice(&self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.bytes.get(at..at.checked_add(length)?)
    }

    fn number(&self, at: usize, length: usize) -> Option<usize> {
        usize::try_from(self.order.number(self.slice(at, length)?)).ok()
    }

    /// A directory and where the next one is; 0 where there is none.
    fn directory(&self, at: usize) -> Option<(Directory<'a>, usize)> {
        const TAG: usize = 2;
        const KIND: usize = 2;
        let entry_bytes = TAG + KIND + 2 * self.wide;
        let entries = self.number(at, self.count)?;
        let start = at.checked_add(self.count)?;
        let end = start.checked_add(entries.checked_mul(entry_bytes)?)?;
        let next = self.number(end, self.wide)?;
        let mut values = BTreeMap::new();
        for entry in (start..end).step_by(entry_bytes) {
            let tag = self.number(entry, TAG)? as u16;
            let kind = self.number(entry + TAG, KIND)? as u16;
            let Some(value) = self.value(entry + TAG + KIND, kind) else { continue };
            values.entry(tag).or_insert((kind, value));
        }
        Some((Directory { order: self.order, values }, next))
    }

    /// The bytes of an entry's values, from where their count stands.
    fn value(&self, at: usize, kind: u16) -> Option<&'a [u8]> {
        let length = self.number(at, self.wide)?.checked_mul(bytes_of(kind))?;
        let place = at + self.wide;
        // What is small enough stands in the place of its offset.
        let start = if length <= self.wide { place } else { self.number(place, self.wide)? };
        self.slice(start, length)
    }
}

impl<'a> Directories<'a> {
    /// Reads all directories. Fails, in words, where there is none.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Directories<'a>, &'static str> {
        const BREAKS_OFF: &str = "the file breaks off before its directory";
        let order = if bytes.starts_with(b"II") { ByteOrder::LowFirst } else { ByteOrder::HighFirst };
        const BIG: u64 = 43;
        let is_big = bytes.get(2..4).is_some_and(|version| order.number(version) == BIG);
        let (wide, count, first) = if is_big { (8, 8, 8) } else { (4, 2, 4) };
        let reader = Reader { bytes, order, wide, count };
        let mut next = reader.number(first, wide).ok_or(BREAKS_OFF)?;
        let (mut pages, mut seen, mut breaks_off) = (Vec::new(), HashSet::new(), false);
        // A chain that leads back to itself ends there.
        while next != 0 && seen.insert(next) {
            match reader.directory(next) {
                Some((directory, after)) => {
                    pages.push(directory);
                    next = after;
                }
                None => {
                    breaks_off = true;
                    break;
                }
            }
        }
        if pages.iter().any(Directory::is_page) {
            pages.retain(Directory::is_page);
        }
        if pages.is_empty() {
            return Err(BREAKS_OFF);
        }
        Ok(Directories { pages, breaks_off })
    }
}

impl<'a> Directory<'a> {
    /// The bytes of a value as they are in the file.
    pub(super) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.values.get(&tag).map(|(_, bytes)| *bytes)
    }

    /// All numbers of a value; none where it is absent.
    pub(super) fn numbers(&self, tag: u16) -> impl ExactSizeIterator<Item = u64> + use<'a> {
        let (kind, bytes) = self.values.get(&tag).copied().unwrap_or((1, &[]));
        let order = self.order;
        bytes.chunks_exact(bytes_of(kind).max(1)).map(move |bytes| order.number(bytes))
    }

    /// The first number of a value.
    pub(super) fn number(&self, tag: u16) -> Option<u64> {
        self.numbers(tag).next()
    }

    /// Whether this is no reduced copy and no mask of another page.
    fn is_page(&self) -> bool {
        const NEW_SUBFILE_TYPE: u16 = 254;
        const REDUCED_OR_MASK: u64 = 0b101;
        self.number(NEW_SUBFILE_TYPE).unwrap_or(0) & REDUCED_OR_MASK == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One directory with width (short) 7, and three offsets that lie elsewhere.
    const FILE: &[u8] = b"II*\0\x08\0\0\0\x02\0\0\x01\x03\0\x01\0\0\0\x07\0\0\0\x11\x01\x04\0\x03\0\0\0\x26\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0";

    #[test]
    fn numbers_are_found_in_place_and_elsewhere() {
        let directories = Directories::of(FILE).unwrap();
        let [page] = &directories.pages[..] else { panic!("one page") };
        assert_eq!(page.number(256), Some(7));
        assert_eq!(page.numbers(273).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!((page.number(257), page.numbers(257).len()), (None, 0));
        assert!(!directories.breaks_off);
    }

    #[test]
    fn what_lies_outside_the_file_is_not_there() {
        let cut = Directories::of(&FILE[..FILE.len() - 1]).unwrap();
        assert_eq!((cut.pages[0].number(256), cut.pages[0].number(273)), (Some(7), None));
        for length in 4..38 {
            assert!(Directories::of(&FILE[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_chain_that_leads_back_ends() {
        let mut looped = FILE.to_vec();
        looped[34] = 8;
        let directories = Directories::of(&looped).unwrap();
        assert_eq!((directories.pages.len(), directories.breaks_off), (1, false));
        looped[34] = 0xF0;
        assert!(Directories::of(&looped).unwrap().breaks_off);
    }
}
