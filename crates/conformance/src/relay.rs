//! Passes DNS on from one address to another, unchanged.
//!
//! BIND listens only at addresses that the interface lists, and of 127.0.0.0/8 that is 127.0.0.1 alone. NSD does not mind.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// Relays UDP and TCP from `from` to `to` for as long as the test's process lives.
///
/// # Panics
/// If `from` is taken.
pub fn relay(from: SocketAddr, to: SocketAddr) {
    let udp = UdpSocket::bind(from).unwrap_or_else(|e| panic!("{from}: {e}"));
    let tcp = TcpListener::bind(from).unwrap_or_else(|e| panic!("{from}: {e}"));
    thread::spawn(move || datagrams(&udp, to));
    thread::spawn(move || {
        for client in tcp.incoming().flatten() {
            thread::spawn(move || connection(client, to));
        }
    });
}

fn datagrams(socket: &UdpSocket, to: SocketAddr) {
    let mut buffer = [0u8; 65_535];
    while let Ok((length, client)) = socket.recv_from(&mut buffer) {
        let question = buffer[..length].to_vec();
        if let (Ok(reply_socket), Ok(mut answer)) = (socket.try_clone(), ask(&question, to)) {
            answer.truncate(65_535);
            let _ = reply_socket.send_to(&answer, client);
        }
    }
}

fn ask(question: &[u8], to: SocketAddr) -> io::Result<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send_to(question, to)?;
    let mut answer = vec![0u8; 65_535];
    let length = socket.recv(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
}

fn connection(client: TcpStream, to: SocketAddr) {
    let Ok(server) = TcpStream::connect_timeout(&to, PATIENCE) else { return };
    let pairs = (client.try_clone(), server.try_clone());
    if let (Ok(client_too), Ok(server_too)) = pairs {
        let back = thread::spawn(move || pump(server_too, client_too));
        pump(client, server);
        let _ = back.join();
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    let _ = from.set_read_timeout(Some(PATIENCE));
    let mut buffer = [0u8; 16_384];
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
