//! Memory that two processes see.

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{NonNull, null_mut};

/// A stretch of memory that another process may have mapped as well. Pages that nobody touches cost nothing.
pub struct SharedMemory {
    file: OwnedFd,
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: it owns its mapping. What another process writes meanwhile concerns no thread of this one more than another.
unsafe impl Send for SharedMemory {}

impl SharedMemory {
    /// New memory of `length` bytes, all zero. Its size cannot be changed by anybody: a file that shrinks under a mapping
    /// would end whoever reads it.
    pub fn new(length: usize) -> io::Result<SharedMemory> {
        let file = memfd_create("sbi-frames", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&file, length as u64)?;
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        SharedMemory::of(file, length)
    }

    /// The memory behind a handle that another process sent, which made it with `length` bytes.
    pub fn of(file: OwnedFd, length: usize) -> io::Result<SharedMemory> {
        let rights = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses the place, so that nothing else is overlaid.
        let start = unsafe { mmap(null_mut(), length.max(1), rights, MapFlags::SHARED, &file, 0)? };
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("memory at address 0"))?;
        Ok(SharedMemory { file, start, length })
    }

    /// The handle, to be sent.
    pub fn handle(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// A part of it, for the one process that writes.
    ///
    /// # Panics
    /// When the part is not within it.
    pub fn part_mut(&mut self, from: usize, length: usize) -> &mut [u8] {
        assert!(from.checked_add(length).is_some_and(|end| end <= self.length), "{from} + {length} bytes");
        // SAFETY: the part is within the mapping, which is borrowed mutably. The other process reads what it was told is
        // complete.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().add(from), length) }
    }

    /// Copies a part of it, whatever another process does to it meanwhile, to the end of `to`.
    ///
    /// # Panics
    /// When the part is not within it.
    pub fn copy_to(&self, from: usize, length: usize, to: &mut Vec<u8>) {
        assert!(from.checked_add(length).is_some_and(|end| end <= self.length), "{from} + {length} bytes");
        to.reserve(length);
        let at = to.len();
        // SAFETY: the part is within the mapping, and the vector has room for it. Bytes have no invalid values.
        unsafe {
            std::ptr::copy_nonoverlapping(self.start.as_ptr().add(from), to.as_mut_ptr().add(at), length);
            to.set_len(at + length);
        }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no part of it is borrowed.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.length.max(1)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_mappings_show_the_same_bytes_and_nobody_resizes_them() {
        let mut first = SharedMemory::new(1 << 20).unwrap();
        let second = SharedMemory::of(first.handle().try_clone_to_owned().unwrap(), 1 << 20).unwrap();
        first.part_mut(1000, 5).copy_from_slice(b"hello");
        let mut read = vec![b'>'];
        second.copy_to(999, 7, &mut read);
        assert_eq!(read, b">\0hello\0");
        assert!(ftruncate(second.handle(), 10).is_err());
        assert!(ftruncate(second.handle(), 2 << 20).is_err());
    }

    #[test]
    #[should_panic(expected = "bytes")]
    fn what_lies_beyond_is_not_read() {
        SharedMemory::new(100).unwrap().copy_to(90, 11, &mut Vec::new());
    }
}
