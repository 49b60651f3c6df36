//! Orders to a server: a message and open handles in one piece.

use super::messages::is_readable;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::{Serialize, de::DeserializeOwned};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

/// Bytes that an order has at most.
const LONGEST: usize = 4096;
/// Handles that an order has at most.
const MOST: usize = 8;

/// Sends an order with its handles over a socket that keeps messages apart.
pub fn send_order(
    socket: BorrowedFd<'_>,
    order: &impl Serialize,
    handles: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let text = serde_json::to_vec(order)?;
    if text.len() > LONGEST || handles.len() > MOST {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(handles));
    loop {
        match sendmsg(socket, &[IoSlice::new(&text)], &mut ancillary, SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether an order waits, or none will come any more.
pub fn is_ordered(socket: BorrowedFd<'_>) -> bool {
    is_readable(socket, Duration::ZERO).unwrap_or(true)
}

/// The next order and its handles, waiting for it at most for `patience`: `None` if it has not come by then, an error of
/// the kind `UnexpectedEof` if none will.
pub fn receive_order<M: DeserializeOwned>(
    socket: BorrowedFd<'_>,
    patience: Duration,
) -> io::Result<Option<(M, Vec<OwnedFd>)>> {
    if !is_readable(socket, patience)? {
        return Ok(None);
    }
    let mut text = [0; LONGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received =
        recvmsg(socket, &mut [IoSliceMut::new(&mut text)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?.bytes;
    if received == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut handles = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(sent) = message {
            handles.extend(sent);
        }
    }
    Ok(Some((serde_json::from_slice(&text[..received])?, handles)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    use std::fs::File;
    use std::io::{Read, Seek, Write};
    use std::os::fd::AsFd;

    #[test]
    fn orders_bring_their_handles() {
        let (one, other) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"content").unwrap();
        file.rewind().unwrap();
        send_order(one.as_fd(), &7, &[file.as_fd()]).unwrap();
        send_order(one.as_fd(), &8, &[]).unwrap();
        let long = Duration::from_secs(10);
        let (first, handles) = receive_order::<u32>(other.as_fd(), long).unwrap().unwrap();
        let mut text = String::new();
        File::from(handles.into_iter().next().unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!((first, text.as_str()), (7, "content"));
        assert_eq!(receive_order::<u32>(other.as_fd(), long).unwrap().unwrap().0, 8);
        assert!(receive_order::<u32>(other.as_fd(), Duration::from_millis(1)).unwrap().is_none());
        drop(one);
        let end = receive_order::<u32>(other.as_fd(), long).unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
    }
}
