//! Memory of the engine: aligned floats that tasks on several threads write into.

use std::alloc::{alloc_zeroed, dealloc, handle_alloc_error, Layout};
use std::cell::RefCell;

/// A cache line.
const ALIGNMENT: usize = 64;

/// Aligned floats, zero at first.
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
        let layout = Self::layout(len);
        // SAFETY: the layout has a size above 0.
        let data = unsafe { alloc_zeroed(layout) }.cast::<f32>();
        if data.is_null() {
            handle_alloc_error(layout);
        }
        Memory { data, len }
    }

    /// The same with these values.
    pub fn from_slice(values: &[f32]) -> Self {
        let mut memory = Self::zeroed(values.len());
        memory.as_mut_slice().copy_from_slice(values);
        memory
    }

    fn layout(len: usize) -> Layout {
        Layout::array::<f32>(len.max(1)).and_then(|layout| layout.align_to(ALIGNMENT)).expect("memory of a sane size")
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
        // SAFETY: allocated with the same layout.
        unsafe { dealloc(self.data.cast(), Self::layout(self.len)) }
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
            assert_eq!(memory.pointer() as usize % ALIGNMENT, 0);
            assert_eq!(memory.is_empty(), len == 0);
        }
    }
}
