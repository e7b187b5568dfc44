//! One message and its answer. TCP, which every server has (RFC 7766 section 5); UDP only where nobody listens there.

use super::error::Why;
use super::tsig::TsigError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout, timeout_at};

/// What fits into a datagram without EDNS. (RFC 1035 section 4.2.1)
const DATAGRAM: usize = 512;
/// Times that a datagram is sent.
const SENDINGS: u32 = 2;
/// Datagrams that are read: whoever floods us with forged answers is not read for ever.
const READINGS: u32 = 64;

/// Sends a message and returns what `accept` makes of its answer. `wait` is for each of connecting and answering.
///
/// An update may be sent twice over UDP: its prerequisites do not hold the second time, and the look that follows finds it done.
pub(crate) async fn ask<T>(server: SocketAddr, message: &[u8], wait: Duration, accept: impl Fn(&[u8]) -> Result<T, Why>) -> Result<T, Why> {
    let connected = timeout(wait, TcpStream::connect(server)).await;
    match connected {
        Ok(Ok(stream)) => {
            let answer = timeout(wait, over_tcp(stream, message)).await.map_err(|_| Why::Timeout(wait.as_secs()))??;
            accept(&answer)
        }
        // Nothing was sent yet.
        Ok(Err(_)) | Err(_) if message.len() <= DATAGRAM => over_udp(server, message, wait, accept).await,
        Ok(Err(error)) => Err(Why::Unreachable(error.to_string())),
        Err(_) => Err(Why::Unreachable(format!("no TCP connection within {} s", wait.as_secs()))),
    }
}

async fn over_tcp(mut stream: TcpStream, message: &[u8]) -> Result<Vec<u8>, Why> {
    let broken = |error: std::io::Error| Why::Broken(error.to_string());
    let length = u16::try_from(message.len()).map_err(|_| Why::TooLarge)?;
    // RFC 7766 section 8: in one segment.
    stream.write_all(&[&length.to_be_bytes(), message].concat()).await.map_err(broken)?;
    let length = stream.read_u16().await.map_err(broken)?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await.map_err(broken)?;
    Ok(answer)
}

async fn over_udp<T>(server: SocketAddr, message: &[u8], wait: Duration, accept: impl Fn(&[u8]) -> Result<T, Why>) -> Result<T, Why> {
    let unreachable = |error: std::io::Error| Why::Unreachable(error.to_string());
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await.map_err(unreachable)?;
    socket.connect(server).await.map_err(unreachable)?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    let mut why = Why::Timeout(wait.as_secs());
    let mut readings = 0;
    for _ in 0..SENDINGS {
        socket.send(message).await.map_err(unreachable)?;
        let until = Instant::now() + wait / SENDINGS;
        while readings < READINGS
            && let Ok(received) = timeout_at(until, socket.recv(&mut buffer)).await
        {
            readings += 1;
            let length = received.map_err(unreachable)?;
            match accept(buffer.get(..length).unwrap_or_default()) {
                // RFC 8945 section 5.4: anybody can send such; the server's own answer may still come.
                Err(error @ (Why::Tsig(TsigError::BadTime { .. }) | Why::Tsig(TsigError::BadTrunc))) => return Err(error),
                Err(error @ (Why::Tsig(_) | Why::Malformed(_))) => why = error,
                result => return result,
            }
        }
    }
    Err(why)
}
