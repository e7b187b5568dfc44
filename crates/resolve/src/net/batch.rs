//! Many datagrams with one system call, and what became of those that did not arrive.

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrLike, SockaddrStorage, recvmmsg, recvmsg, setsockopt, sockopt,
};
use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};

/// Largest datagram read. Servers were told 1232; what is longer than this is cut and then refused as malformed.
const MAX_DATAGRAM: usize = 4096;
/// Datagrams read with one call.
const BATCH: usize = 32;
/// Bytes that the system may hold for us on one port; it gives what it allows.
const BACKLOG: usize = 4 << 20;
/// Errors read in one go.
const MAX_ERRORS: usize = 64;

/// What came from a server, or what we sent there and why it did not arrive.
pub struct Datagram<'a> {
    pub server: SocketAddr,
    pub bytes: &'a [u8],
    pub error: Option<io::Error>,
}

/// Room for one batch, kept by each thread.
struct Room {
    headers: MultiHeaders<SockaddrStorage>,
    buffers: Vec<[u8; MAX_DATAGRAM]>,
}

thread_local! {
    static ROOM: RefCell<Room> =
        RefCell::new(Room { headers: MultiHeaders::preallocate(BATCH, None), buffers: vec![[0; MAX_DATAGRAM]; BATCH] });
}

/// Makes a socket ready: room for a crowd of answers, and word of what does not arrive.
pub fn prepare(socket: &UdpSocket) -> io::Result<()> {
    let _ = setsockopt(socket, sockopt::RcvBuf, &BACKLOG);
    if socket.local_addr()?.is_ipv4() {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)?;
    } else {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)?;
    }
    Ok(())
}

/// Reads what is there, one batch. [`io::ErrorKind::WouldBlock`] if that was all: there is no need to look again.
pub fn receive(socket: &impl AsFd, mut take: impl FnMut(Datagram<'_>)) -> io::Result<()> {
    ROOM.with_borrow_mut(|Room { headers, buffers }| {
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        let fd = socket.as_fd().as_raw_fd();
        let mut number = 0;
        for message in recvmmsg(fd, headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None)? {
            number += 1;
            if let (Some(bytes), Some(server)) = (message.iovs().next(), message.address.as_ref().and_then(address)) {
                take(Datagram { server, bytes, error: None });
            }
        }
        if number < BATCH { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    })
}

/// Reads what became of datagrams that did not arrive: an ICMP message tells, and comes with the datagram's own bytes.
pub fn errors(socket: &impl AsFd, mut take: impl FnMut(Datagram<'_>)) -> io::Result<()> {
    let mut buffer = [0; 512];
    let mut space = nix::cmsg_space!([u8; 128]);
    for _ in 0..MAX_ERRORS {
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrStorage>(socket.as_fd().as_raw_fd(), &mut slices, Some(&mut space), flags)?;
        let code = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::Ipv4RecvErr(error, _) => Some(error.ee_errno),
            ControlMessageOwned::Ipv6RecvErr(error, _) => Some(error.ee_errno),
            _ => None,
        });
        let (length, server) = (message.bytes, message.address.as_ref().and_then(address));
        if let (Some(code), Some(server), Some(bytes)) = (code, server, buffer.get(..length)) {
            let error = io::Error::from_raw_os_error(i32::try_from(code).unwrap_or(0));
            take(Datagram { server, bytes, error: Some(error) });
        }
    }
    Ok(())
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let _ = storage.family()?;
    let v4 = storage.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
}
