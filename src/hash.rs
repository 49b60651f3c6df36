//! Hash values of names and bytes that are equal on every machine and in every release.

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
