//! Messages between two processes, as JSON with its length before it.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};
use serde::{Serialize, de::DeserializeOwned};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// The longest message that is taken: all positions of a very long video.
const LONGEST: usize = 64 << 20;

/// Why no message came or went.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The other process has gone.
    #[error("the other process has gone")]
    Gone,
    /// The operating system refused.
    #[error("exchange with another process failed")]
    Io(#[from] io::Error),
    /// What came is no message.
    #[error("another process sent what is no message")]
    NoMessage,
}

/// One end of a connection between two processes.
pub struct Channel {
    socket: OwnedFd,
    /// What came and is not a whole message yet.
    come: Vec<u8>,
}

/// Both ends of a connection.
pub fn channel_pair() -> io::Result<(Channel, Channel)> {
    let (one, other) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    Ok((Channel::of(one), Channel::of(other)))
}

impl Channel {
    /// An end that another process sent.
    pub fn of(socket: OwnedFd) -> Channel {
        Channel { socket, come: Vec::new() }
    }

    /// The handle, to be sent.
    pub fn handle(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Sends a message. Waits while the other process has not taken those before.
    pub fn send(&self, message: &impl Serialize) -> Result<(), ChannelError> {
        let text = serde_json::to_vec(message).map_err(io::Error::other)?;
        let mut bytes = (text.len() as u32).to_le_bytes().to_vec();
        bytes.extend(text);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match send(&self.socket, rest, SendFlags::NOSIGNAL) {
                Ok(sent) => rest = &rest[sent..],
                Err(Errno::INTR) => {}
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(ChannelError::Gone),
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
        Ok(())
    }

    /// The next message, waiting for it at most for `patience`; `None` if it has not come by then.
    pub fn receive_within<M: DeserializeOwned>(
        &mut self,
        patience: Duration,
    ) -> Result<Option<M>, ChannelError> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            if !is_readable(self.handle(), patience)? {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// The next message, however long it takes.
    pub fn receive<M: DeserializeOwned>(&mut self) -> Result<M, ChannelError> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(message);
            }
            self.fill()?;
        }
    }

    /// Reads what there is.
    fn fill(&mut self) -> Result<(), ChannelError> {
        let mut buffer = [0_u8; 64 << 10];
        loop {
            match recv(&self.socket, &mut buffer[..], RecvFlags::empty()) {
                Ok((0, _)) | Err(Errno::CONNRESET) => return Err(ChannelError::Gone),
                Ok((count, _)) => {
                    self.come.extend_from_slice(&buffer[..count]);
                    return Ok(());
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
    }

    /// A whole message, if there is one.
    fn take<M: DeserializeOwned>(&mut self) -> Result<Option<M>, ChannelError> {
        let Some(length) = self.come.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > LONGEST {
            return Err(ChannelError::NoMessage);
        }
        let Some(text) = self.come.get(4..4 + length) else { return Ok(None) };
        let message = serde_json::from_slice(text).map_err(|_| ChannelError::NoMessage)?;
        self.come.drain(..4 + length);
        Ok(Some(message))
    }
}

/// Whether there is something to be read from `socket`, or its other end is closed, within `patience`.
pub(super) fn is_readable(socket: BorrowedFd<'_>, patience: Duration) -> io::Result<bool> {
    let timeout = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: patience.subsec_nanos().into() };
    match poll(&mut [PollFd::from_borrowed_fd(socket, PollFlags::IN)], Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        // Whoever waits asks again.
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_whole_and_in_order() {
        let (one, mut other) = channel_pair().unwrap();
        let long: Vec<usize> = (0..100_000).collect();
        let expected = long.clone();
        let sender = std::thread::spawn(move || {
            one.send(&"short").unwrap();
            one.send(&long).unwrap();
        });
        assert_eq!(other.receive::<String>().unwrap(), "short");
        assert_eq!(other.receive::<Vec<usize>>().unwrap(), expected);
        sender.join().unwrap();
        assert!(matches!(other.receive::<String>(), Err(ChannelError::Gone)));
    }

    #[test]
    fn waiting_ends_and_nonsense_is_refused() {
        let (one, mut other) = channel_pair().unwrap();
        assert!(other.receive_within::<String>(Duration::from_millis(1)).unwrap().is_none());
        send(one.handle(), &[3, 0, 0, 0, b'{', b'{', b'{'], SendFlags::NOSIGNAL).unwrap();
        assert!(matches!(other.receive::<String>(), Err(ChannelError::NoMessage)));
        let (one, mut other) = channel_pair().unwrap();
        send(one.handle(), &[0xff; 8], SendFlags::NOSIGNAL).unwrap();
        assert!(matches!(other.receive::<String>(), Err(ChannelError::NoMessage)));
        drop(other);
        assert!(matches!(one.send(&"anybody?"), Err(ChannelError::Gone)));
    }
}
