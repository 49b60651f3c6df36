//! Memory of the engine: aligned floats.

use std::alloc::{Layout, handle_alloc_error};
use std::cell::RefCell;

/// Floats that begin at a page, zero at first.
///
/// A mapping of its own, in huge pages where the kernel has them: pages come when they are first written, by the thread
/// that writes, and there are few of them.
pub(super) struct Memory {
    data: *mut f32,
    len: usize,
}

// SAFETY: the memory is owned, as a boxed slice's is, and any thread may unmap it.
unsafe impl Send for Memory {}
// SAFETY: through `&Memory` it is only read.
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

    /// Memory with these values.
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

    /// All floats.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: owned, initialised, of this length; borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.len) }
    }

    /// All floats.
    pub fn as_slice(&self) -> &[f32] {
        // SAFETY: owned, initialised, of this length; nobody writes while it is borrowed.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
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

/// Hands this thread's scratch of at least `len` floats to `body`, which must not ask for it again.
pub(super) fn with_scratch<R>(len: usize, body: impl FnOnce(*mut f32) -> R) -> R {
    thread_local! {
        static SCRATCH: RefCell<Option<Memory>> = const { RefCell::new(None) };
    }
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.as_ref().is_none_or(|memory| memory.len() < len) {
            // The old memory goes before the new one comes.
            *scratch = None;
            *scratch = Some(Memory::zeroed(len));
        }
        body(scratch.as_mut().map_or(std::ptr::null_mut(), |memory| memory.as_mut_slice().as_mut_ptr()))
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
            assert_eq!(memory.as_slice().as_ptr() as usize % 64, 0);
            assert_eq!(memory.len(), len);
        }
    }
}
