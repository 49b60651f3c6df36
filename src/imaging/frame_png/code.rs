//! The prefix code of prepared frames: of deflate's kind, always the same one.
//!
//! Its lengths suit differences between neighbouring pixels, most of which are small. Since it is known beforehand,
//! decoding can begin at any symbol, and its table is made once.

use std::sync::LazyLock;

/// Symbols: 256 bytes, the end of the stream, 29 lengths of runs.
const SYMBOLS: usize = 286;
const END: usize = 256;
const FIRST_LENGTH: usize = 257;
/// The longest code, and the bits that a place in the table is found by.
const MOST_BITS: u32 = 12;
/// A run of this length has a symbol of its own; longer ones take several.
pub(super) const LONGEST_RUN: usize = 258;
/// Bytes of room that [`decode`] needs behind what it decodes.
pub(super) const ROOM: usize = 16;
/// Bytes that must follow those of a stream for it to be read a word at a time.
pub(super) const PADDING: usize = 16;

/// A zlib header, and that of a block that is the last one, up to the first symbol: 5 bits of the last byte are used.
pub(super) const HEADER: [u8; 54] = [
    120, 1, 237, 192, 3, 160, 36, 89, 150, 198, 241, 255, 119, 238, 141, 200, 204, 167, 114, 75, 99, 174,
    109, 219, 182, 109, 219, 182, 109, 219, 182, 109, 105, 140, 158, 150, 74, 175, 158, 50, 51, 34, 238, 249,
    118, 183, 106, 122, 166, 135, 59, 107, 213, 15,
];
pub(super) const HEADER_BITS: u32 = 53 * 8 + 5;

/// The lengths that the header gives: how many symbols in turn have which.
const LENGTHS: &[(usize, u8)] = &[
    (1, 2),
    (1, 3),
    (1, 4),
    (2, 5),
    (2, 6),
    (3, 7),
    (5, 8),
    (7, 9),
    (9, 10),
    (12, 11),
    (171, 12),
    (10, 11),
    (1, 10),
    (1, 11),
    (9, 10),
    (5, 9),
    (1, 8),
    (1, 9),
    (5, 8),
    (3, 7),
    (3, 6),
    (1, 5),
    (1, 4),
    (1, 3),
    (3, 12),
    (2, 9),
    (1, 11),
    (1, 10),
    (2, 11),
    (1, 10),
    (6, 11),
    (1, 12),
    (1, 11),
    (11, 12),
    (1, 9),
];

/// The shortest run of each symbol, and the bits that tell how much longer it is.
const RUNS: [(u16, u8); SYMBOLS - FIRST_LENGTH] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

static CODE: LazyLock<Code> = LazyLock::new(Code::new);

struct Code {
    /// Code and length of each symbol; codes as they lie in the stream, the first bit lowest.
    symbols: [(u16, u8); SYMBOLS],
    table: Vec<Entry>,
}

/// What the next bits begin with, in the four bytes of a number: up to three bytes, then how many they are and of how many
/// bits. Of a run there are none: the bytes are its shortest length and the bits that tell how much longer it is. Where
/// nothing may stand there are no bits.
#[derive(Clone, Copy)]
struct Entry(u32);

impl Entry {
    const BYTES: u32 = 24;

    fn new(bytes: [u8; 3], count: usize, bits: u8) -> Entry {
        let [a, b, c] = bytes;
        Entry(u32::from_le_bytes([a, b, c, bits << 4 | count as u8]))
    }

    fn count(self) -> usize {
        (self.0 >> Self::BYTES & 0xf) as usize
    }

    fn bits(self) -> usize {
        (self.0 >> Self::BYTES >> 4) as usize
    }
}

impl Code {
    fn new() -> Code {
        let lengths: Vec<u8> =
            LENGTHS.iter().flat_map(|&(count, bits)| std::iter::repeat_n(bits, count)).collect();
        let mut symbols = [(0, 0); SYMBOLS];
        let mut code = 0_u16;
        for bits in 1..=MOST_BITS as u8 {
            for (symbol, _) in lengths.iter().enumerate().filter(|(_, length)| **length == bits) {
                symbols[symbol] = (code.reverse_bits() >> (16 - bits), bits);
                code += 1;
            }
            code <<= 1;
        }
        let mut first: Vec<Option<usize>> = vec![None; 1 << MOST_BITS];
        for (symbol, &(code, bits)) in symbols.iter().enumerate() {
            (usize::from(code)..1 << MOST_BITS).step_by(1 << bits).for_each(|at| first[at] = Some(symbol));
        }
        let table = (0..1 << MOST_BITS).map(|at| Entry::of(at, &first, &symbols)).collect();
        Code { symbols, table }
    }
}

impl Entry {
    /// For bits `at`, where `first` knows the symbol at the beginning of any bits.
    fn of(at: usize, first: &[Option<usize>], symbols: &[(u16, u8); SYMBOLS]) -> Entry {
        let (mut bytes, mut count, mut bits) = ([0; 3], 0, 0);
        while count < bytes.len() {
            let Some(symbol) = first[at >> bits] else { break };
            let more_bits = symbols[symbol].1;
            if u32::from(bits + more_bits) > MOST_BITS {
                break;
            }
            if symbol >= END {
                if symbol > END && count == 0 {
                    let (shortest, more) = RUNS[symbol - FIRST_LENGTH];
                    let [low, high] = shortest.to_le_bytes();
                    return Entry::new([low, high, more], 0, more_bits);
                }
                break;
            }
            bytes[count] = symbol as u8;
            count += 1;
            bits += more_bits;
        }
        Entry::new(bytes, count, bits)
    }
}

/// Bytes that are being decoded.
pub(super) struct Decoding<'a> {
    /// The bit that comes next.
    pub at: usize,
    /// How many bytes are there already.
    pub done: usize,
    /// Where they are, and [`ROOM`] behind them.
    pub out: &'a mut [u8],
}

/// Decodes several parts of `stream`, side by side, since each waits for its own last bytes only. [`PADDING`] bytes follow
/// the stream. `None` where it holds what such a stream does not.
pub(super) fn decode(stream: &[u8], parts: &mut [Decoding]) -> Option<()> {
    let table: &[Entry; 1 << MOST_BITS] = CODE.table.as_slice().try_into().ok()?;
    let unfinished = |part: &Decoding| part.done + ROOM < part.out.len();
    while parts.iter().all(unfinished) {
        for part in &mut *parts {
            part.step(stream, table)?;
        }
    }
    for part in parts {
        while unfinished(part) {
            part.step(stream, table)?;
        }
    }
    Some(())
}

impl Decoding<'_> {
    /// Decodes what a word holds.
    #[inline(always)]
    fn step(&mut self, stream: &[u8], table: &[Entry; 1 << MOST_BITS]) -> Option<()> {
        /// Lookups of a word, of which at least 57 bits are there: three full ones and a run.
        const LOOKUPS: usize = 4;
        let mut word = u64::from_le_bytes(*stream.get(self.at / 8..)?.first_chunk()?) >> (self.at % 8);
        let out: &mut [u8; ROOM] = self.out.get_mut(self.done..)?.first_chunk_mut()?;
        let (mut bits, mut count) = (0, 0);
        for _ in 0..LOOKUPS {
            let entry = table[word as usize % table.len()];
            if entry.count() == 0 {
                self.at += bits;
                self.done += count;
                return self.run(entry, word >> entry.bits());
            }
            out[count..][..4].copy_from_slice(&entry.0.to_le_bytes());
            word >>= entry.bits();
            bits += entry.bits();
            count = (count + entry.count()).min(ROOM - 4);
        }
        self.at += bits;
        self.done += count;
        Some(())
    }

    /// Repeats the last byte. `bits`: those after the symbol.
    #[cold]
    fn run(&mut self, entry: Entry, bits: u64) -> Option<()> {
        let [low, high, more, _] = entry.0.to_le_bytes();
        let distance = bits >> more & 1;
        if entry.bits() == 0 || distance != 0 {
            return None;
        }
        let length = u16::from_le_bytes([low, high]) as usize + (bits & ((1 << more) - 1)) as usize;
        let before = *self.out.get(self.done.checked_sub(1)?)?;
        let end = (self.done + length).min(self.out.len());
        self.out.get_mut(self.done..end)?.fill(before);
        self.done = end;
        self.at += entry.bits() + usize::from(more) + 1;
        Some(())
    }
}

/// A stream that is being written.
pub(super) struct Encoder {
    bytes: Vec<u8>,
    /// Bits that do not fill a byte yet, and their number.
    pending: u64,
    pending_bits: u32,
}

impl Encoder {
    pub fn new() -> Encoder {
        const WHOLE: usize = HEADER_BITS as usize / 8;
        let pending = u64::from(HEADER[WHOLE]);
        Encoder { bytes: HEADER[..WHOLE].to_vec(), pending, pending_bits: HEADER_BITS % 8 }
    }

    /// Bits written so far.
    pub fn bits(&self) -> usize {
        8 * self.bytes.len() + self.pending_bits as usize
    }

    fn put(&mut self, bits: u64, count: u32) {
        const WORD: u32 = 32;
        self.pending |= bits << self.pending_bits;
        self.pending_bits += count;
        if self.pending_bits >= WORD {
            self.bytes.extend_from_slice(&(self.pending as u32).to_le_bytes());
            self.pending >>= WORD;
            self.pending_bits -= WORD;
        }
    }

    fn symbol(&mut self, code: &Code, symbol: usize) {
        let (bits, count) = code.symbols[symbol];
        self.put(u64::from(bits), u32::from(count));
    }

    /// Writes bytes so that they can be decoded without those before them.
    pub fn write(&mut self, bytes: &[u8]) {
        /// Fewer zeros take less by themselves than as a run.
        const SHORTEST: usize = 6;
        let code = &*CODE;
        let mut at = 0;
        while at < bytes.len() {
            self.symbol(code, usize::from(bytes[at]));
            at += 1;
            if bytes[at - 1] != 0 {
                continue;
            }
            let mut zeros = bytes[at..].iter().take_while(|&&byte| byte == 0).count();
            at += zeros;
            while zeros >= SHORTEST {
                let length = zeros.min(LONGEST_RUN);
                let place = RUNS.partition_point(|&(shortest, _)| usize::from(shortest) <= length) - 1;
                let (shortest, more) = RUNS[place];
                self.symbol(code, FIRST_LENGTH + place);
                // And a bit for the distance, of which there is one alone.
                self.put((length - usize::from(shortest)) as u64, u32::from(more) + 1);
                zeros -= length;
            }
            (0..zeros).for_each(|_| self.symbol(code, 0));
        }
    }

    /// The stream, with the checksum of what was written.
    pub fn finish(mut self, checksum: u32) -> Vec<u8> {
        self.symbol(&CODE, END);
        while self.pending_bits > 0 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.pending_bits = self.pending_bits.saturating_sub(8);
        }
        self.bytes.extend_from_slice(&checksum.to_be_bytes());
        self.bytes
    }
}
