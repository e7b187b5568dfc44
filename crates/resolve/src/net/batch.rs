//! Many datagrams with one system call, and what became of those that did not arrive.

use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrLike, SockaddrStorage, recvmmsg, recvmsg, sendmmsg, sendmsg,
    setsockopt, sockopt,
};
use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use tokio::io::Interest;

/// Largest datagram read. Servers were told 1232; what is longer than this is cut and then refused as malformed.
const MAX_DATAGRAM: usize = 4096;
/// Datagrams read with one call.
const BATCH: usize = 32;
/// Datagrams sent with one call: what the system takes as one.
pub const SEND_BATCH: usize = 64;
/// Bytes that the system may hold for us on one port; it gives what it allows.
const BACKLOG: usize = 4 << 20;
/// Stale errors that a send may meet before its own.
pub const SEND_TRIES: u32 = 4;
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
    /// Whether the system has taken runs of messages as one so far. (UDP segmentation offload)
    static WHOLE: Cell<bool> = const { Cell::new(true) };
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

/// Sends messages in order. Says how many the system took, and why no more if it took not all.
///
/// Neighbours of equal length to the same server leave as one: the system makes datagrams of it, and does most of its work once.
pub fn send(socket: &tokio::net::UdpSocket, messages: &[(&[u8], SocketAddr)]) -> (usize, Option<io::Error>) {
    let (mut sent, mut tries) = (0, 0);
    while let Some(left) = messages.get(sent..).filter(|left| !left.is_empty()) {
        let runs = WHOLE.get() && left.first().zip(left.get(1)).is_some_and(|(a, b)| alike(a, b));
        let result = socket.try_io(Interest::WRITABLE, || if runs { send_run(socket, left) } else { send_singles(socket, left) });
        match result {
            Ok(0) => return (sent, Some(io::ErrorKind::WriteZero.into())),
            Ok(taken) => sent += taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return (sent, Some(error)),
            // A device that cannot do it. What else might be wrong shows when they are sent one by one.
            Err(_) if runs => WHOLE.set(false),
            // What became of somebody else's datagram is told to whoever calls next; our own comes through the error queue.
            Err(_) if tries < SEND_TRIES => tries += 1,
            Err(error) => return (sent, Some(error)),
        }
    }
    (sent, None)
}

fn alike(a: &(&[u8], SocketAddr), b: &(&[u8], SocketAddr)) -> bool {
    a.1 == b.1 && a.0.len() == b.0.len()
}

/// Sends the first messages, which are alike.
fn send_run(socket: &tokio::net::UdpSocket, messages: &[(&[u8], SocketAddr)]) -> io::Result<usize> {
    let Some(first) = messages.first() else { return Ok(0) };
    let run: Vec<IoSlice<'_>> =
        messages.iter().take(SEND_BATCH).take_while(|next| alike(first, next)).map(|(bytes, _)| IoSlice::new(bytes)).collect();
    let length = u16::try_from(first.0.len()).map_err(io::Error::other)?;
    let segments = [ControlMessage::UdpGsoSegments(&length)];
    sendmsg(socket.as_raw_fd(), &run, &segments, MsgFlags::MSG_DONTWAIT, Some(&SockaddrStorage::from(first.1)))?;
    Ok(run.len())
}

/// Sends the first messages, up to those that leave as one.
fn send_singles(socket: &tokio::net::UdpSocket, messages: &[(&[u8], SocketAddr)]) -> io::Result<usize> {
    let is_single = |i: usize| !WHOLE.get() || i == 0 || !messages.get(i).zip(messages.get(i + 1)).is_some_and(|(a, b)| alike(a, b));
    let number = (0..messages.len().min(SEND_BATCH)).take_while(|i| is_single(*i)).count();
    let (slices, addresses): (Vec<[IoSlice<'_>; 1]>, Vec<Option<SockaddrStorage>>) =
        messages.iter().take(number).map(|(bytes, server)| ([IoSlice::new(bytes)], Some(SockaddrStorage::from(*server)))).unzip();
    let mut headers = MultiHeaders::preallocate(number, None);
    let taken = sendmmsg(socket.as_raw_fd(), &mut headers, &slices, addresses, [], MsgFlags::MSG_DONTWAIT)?;
    Ok(taken.count())
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
