//! The server: forks a worker for each order and tells how it ended.

use super::protocol::{Order, WorkerEnded};
use super::worker;
use crate::media::MediaKind;
use crate::native::jail::{self, Channel, ChannelError, Fork};
use crate::native::process::EarlyStart;
use rustix::process::Pid;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// How long the server waits before it looks at its workers again.
const ROUND: Duration = Duration::from_millis(20);
/// How long it waits when it has none.
const IDLE: Duration = Duration::from_secs(60);

/// Serves, if this process was started for that, and does not come back then. Called before the constructors of libraries
/// that decoding does not need.
pub fn serve_if_asked(start: &EarlyStart) {
    if jail::is_server(start) {
        jail::quiet_signals();
        serve();
        start.exit(0);
    }
}

/// A worker that runs, and where its end is told.
struct Running {
    worker: Pid,
    end: Channel,
}

/// Takes orders until nobody can give any.
fn serve() {
    let orders = std::io::stdin();
    let mut running: Vec<Running> = Vec::new();
    // A server that was started before there is an order has the time to load what most orders need.
    if !jail::is_ordered(orders.as_fd()) {
        let _ = crate::native::libav::preload();
    }
    loop {
        let patience = if running.is_empty() { IDLE } else { ROUND };
        match jail::receive_order::<Order>(orders.as_fd(), patience) {
            Ok(Some((order, handles))) => {
                if let Ok([file, memory, session, end]) = <[OwnedFd; 4]>::try_from(handles) {
                    start(&order, [file, memory, session], Channel::of(end), &mut running);
                }
            }
            Ok(None) => {}
            Err(error) if error.kind() == ErrorKind::InvalidData => {}
            // Whoever gave the orders has gone. Workers go with this process.
            Err(_) => return,
        }
        running.retain_mut(|Running { worker, end }| match jail::reap(*worker) {
            Some(how) => {
                let _ = end.send(&WorkerEnded(how));
                false
            }
            None => {
                // Nothing is ever said on this channel: it can only be closed.
                if let Err(ChannelError::Gone) = end.receive_within::<()>(Duration::ZERO) {
                    jail::kill(*worker);
                }
                true
            }
        });
    }
}

fn start(order: &Order, [file, memory, session]: [OwnedFd; 3], end: Channel, running: &mut Vec<Running>) {
    // Workers share what is loaded here. What cannot be loaded, they say.
    match order.kind {
        MediaKind::Video => _ = crate::native::libav::preload(),
        MediaKind::Photograph if order.heif => _ = crate::imaging::preload(),
        MediaKind::Photograph => {}
    }
    // SAFETY: a server has one thread: none was started before the constructors of libraries run, and those that are
    // loaded above start none by being loaded.
    match unsafe { jail::fork() } {
        Ok(Fork::Worker) => {
            running.clear();
            drop(end);
            worker::work(order, file, memory, Channel::of(session));
        }
        Ok(Fork::Server(worker)) => running.push(Running { worker, end }),
        // The session is closed with its handle, which tells enough.
        Err(_) => {}
    }
}
