//! The end of a process whose threads cannot be waited for.

/// Ends the process at once: no destructor and no function registered for its end runs, of which libraries have some that
/// wait for their threads.
pub fn end_at_once(code: i32) -> ! {
    // SAFETY: ends the process; what it leaves is the system's to put in order.
    unsafe { libc::_exit(code) }
}
