//! Processes without rights, and what they exchange with the process that started them.
//!
//! A *server* is this program started again before its libraries' constructors run. It looks at no input itself; for each
//! order it forks a *worker*, which gives up its rights ([`give_up_rights`]) before it looks at the first byte.

mod fork;
mod memory;
mod messages;
mod orders;
mod seccomp;
mod start;
mod walls;

pub use fork::{Ended, Fork, end, fork, kill, quiet_signals, reap};
pub use memory::SharedMemory;
pub use messages::{Channel, ChannelError, channel_pair};
pub use orders::{is_ordered, receive_order, send_order};
pub use start::{is_server, start_server};
pub use walls::{Limits, Walls, give_up_rights};
