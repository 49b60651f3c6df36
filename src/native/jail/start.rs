//! Starting this program again as a server of workers.

use crate::native::process::EarlyStart;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// The name under which a server runs.
const NAME: &str = "sbi-decoder";

/// Starts this executable as a server that takes its orders from `orders`, which becomes its standard input. It is
/// silent, and ends when the other end of `orders` is closed.
pub fn start_server(orders: OwnedFd) -> io::Result<Child> {
    Command::new("/proc/self/exe")
        .arg0(NAME)
        .stdin(Stdio::from(orders))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Whether this process was started by [`start_server`].
pub fn is_server(start: &EarlyStart) -> bool {
    let arguments = start.arguments();
    arguments.len() == 1 && arguments[0] == NAME
}
