//! Memory of the engine: aligned floats that tasks on several threads write into.

use std::alloc::{Layout, handle_alloc_error};
use std::cell::RefCell;

/// Floats that begin at a page, zero at first.
///
/// A mapping of its own, in huge pages where the kernel has them: pages come when they are first written, by the thread
/// that writes, and there are few of them.
pub struct Memory {
    data: *mut f32,
    len: usize,
}

// SAFETY: the memory is owned; it is written through `&self` only by `Operation::run`, whose tasks write disjoint parts.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// `len` floats.
    ///
    /// # Panics
    /// Ends the process when there is no memory, as every allocation does.
    pub fn zeroed(len: usize) -> Self {
        let bytes = Self::bytes(len);
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, which touches no other memory.
        let data = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, kind, -1, 0) };
        if data == libc::MAP_FAILED {
            handle_alloc_error(Layout::array::<f32>(len.max(1)).expect("memory of a sane size"));
        }
        #[cfg(target_os = "linux")]
        // SAFETY: advice about the mapping just made; refusing it changes nothing.
        unsafe {
            libc::madvise(data, bytes, libc::MADV_HUGEPAGE);
        }
        let data = data.cast();
        Memory { data, len }
    }

    /// The same with these values.
    pub fn from_slice(values: &[f32]) -> Self {
        let mut memory = Self::zeroed(values.len());
        memory.as_mut_slice().copy_from_slice(values);
        memory
    }

    fn bytes(len: usize) -> usize {
        len.max(1).checked_mul(size_of::<f32>()).expect("memory of a sane size")
    }

    /// Number of floats.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All floats.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: owned, initialised, of this length; borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.len) }
    }

    /// All floats.
    pub fn as_slice(&self) -> &[f32] {
        // SAFETY: owned, initialised, of this length. Nobody reads while tasks write: `Program` sees to that.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }

    pub(super) fn pointer(&self) -> *mut f32 {
        self.data
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: mapped with this length, and nobody else's.
        unsafe {
            libc::munmap(self.data.cast(), Self::bytes(self.len));
        }
    }
}

/// Hands this thread's scratch of at least `len` floats to `body`.
pub(super) fn with_scratch<R>(len: usize, body: impl FnOnce(*mut f32) -> R) -> R {
    thread_local! {
        static SCRATCH: RefCell<Option<Memory>> = const { RefCell::new(None) };
    }
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.as_ref().is_none_or(|memory| memory.len() < len) {
            *scratch = None;
            *scratch = Some(Memory::zeroed(len));
        }
        body(scratch.as_ref().map_or(std::ptr::null_mut(), Memory::pointer))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_aligned_and_holds_what_it_is_given() {
        for len in [0, 1, 1000] {
            let values: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let memory = Memory::from_slice(&values);
            assert_eq!(memory.as_slice(), values);
            assert_eq!(memory.pointer() as usize % 64, 0);
            assert_eq!(memory.is_empty(), len == 0);
        }
    }
}
