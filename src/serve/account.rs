//! What visitors hold of the server's room.

use super::ServeLimits;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts unfinished files and their bytes.
pub(super) struct Account {
    limits: ServeLimits,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    files: usize,
    bytes: u64,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The file is larger than any may be.
    File,
    /// As many files as may be are waiting.
    Files,
    /// All of them together would be too large; later there may be room.
    Disk,
}

/// A file's share of the room, which is given back when this is dropped.
pub(super) struct Share {
    account: Arc<Account>,
    bytes: u64,
}

impl Account {
    pub fn new(limits: ServeLimits) -> Self {
        Account { limits, held: Mutex::default() }
    }

    pub fn limits(&self) -> ServeLimits {
        self.limits
    }

    /// Room for one more file of this many bytes; 0 where its size is not known yet.
    pub fn share(self: &Arc<Self>, bytes: u64) -> Result<Share, Full> {
        let mut held = self.held();
        if held.files >= self.limits.waiting {
            return Err(Full::Files);
        }
        self.hold(&mut held, 0, bytes)?;
        held.files += 1;
        Ok(Share { account: Arc::clone(self), bytes })
    }

    fn hold(&self, held: &mut Held, had: u64, bytes: u64) -> Result<(), Full> {
        if bytes > self.limits.file {
            return Err(Full::File);
        }
        let sum = held.bytes - had + bytes;
        if sum > self.limits.disk {
            return Err(Full::Disk);
        }
        held.bytes = sum;
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Makes it at least this large.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Full> {
        if bytes > self.bytes {
            self.account.hold(&mut self.account.held(), self.bytes, bytes)?;
            self.bytes = bytes;
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.account.held();
        held.files -= 1;
        held.bytes -= self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_bounded_and_given_back() {
        let limits = ServeLimits { file: 10, disk: 25, waiting: 3, ..ServeLimits::default() };
        let account = Arc::new(Account::new(limits));
        assert_eq!(account.share(11).err(), Some(Full::File));
        let first = account.share(10).unwrap();
        let mut second = account.share(0).unwrap();
        second.grow(9).unwrap();
        second.grow(4).unwrap();
        assert_eq!(second.grow(11), Err(Full::File));
        assert_eq!(account.share(7).err(), Some(Full::Disk));
        let third = account.share(6).unwrap();
        assert_eq!(second.grow(10), Err(Full::Disk));
        assert_eq!(account.share(0).err(), Some(Full::Files));
        drop(first);
        second.grow(10).unwrap();
        drop((second, third));
        let held = account.held();
        assert_eq!((held.files, held.bytes), (0, 0));
    }
}
