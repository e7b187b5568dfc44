//! Sockets on loopback.

use crate::LabError;
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use tokio::net::TcpListener;

/// Connections waiting to be accepted at one address.
const BACKLOG: i32 = 1024;

/// A TCP listener. `option` is what chooses another port.
pub fn listen(at: SocketAddr, option: &'static str) -> Result<TcpListener, LabError> {
    let open = || {
        let socket = bind(at, BACKLOG)?;
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket.into())
    };
    open().map_err(|e| refused("TCP", at, option, e))
}

/// A listener whose queue is full, so that further SYNs are lost; it lasts as long as what is returned.
pub fn deaf(at: SocketAddr, option: &'static str) -> Result<Vec<Socket>, LabError> {
    let open = || {
        let listener = bind(at, 0)?;
        let mut kept = vec![listener];
        for _ in 0..3 {
            let caller = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            // The first fill the queue, the others find it full: both is well.
            let _ = caller.connect_timeout(&at.into(), std::time::Duration::from_millis(50));
            kept.push(caller);
        }
        Ok(kept)
    };
    open().map_err(|e| refused("TCP", at, option, e))
}

/// Whether this machine has the loopback address of IPv6.
pub fn has_ipv6() -> bool {
    std::net::UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

fn bind(at: SocketAddr, backlog: i32) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    socket.listen(backlog)?;
    Ok(socket)
}

/// The error for a socket that cannot be had.
pub fn refused(what: &'static str, address: SocketAddr, option: &'static str, source: io::Error) -> LabError {
    match source.kind() {
        io::ErrorKind::AddrInUse => LabError::PortInUse { what, address, option },
        _ => LabError::Socket { what, address, option, source },
    }
}

/// Lets the process have as many sockets as the system allows it.
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If that is refused, listening says which socket was too many.
    let _ = setrlimit(Resource::Nofile, limit);
}
