//! Validates an answer of a resolver: `cargo run -p dnssec --example upstream -- 127.0.0.1:53 NAME TYPE`.
//!
//! The resolver must hand out DNSSEC records. What it thinks of them is not asked.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, SystemTime};

use dnssec::{Anchors, FetchError, MemoryCache, MessageError, Policy, Question, Response, Step, Validation};

const TIMEOUT: Duration = Duration::from_secs(5);

/// A query with RD=1, CD=1, and an OPT record with DO=1 and room for 1232 octets.
fn query(question: &Question, id: u16) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend([0x01, 0x10, 0, 1, 0, 0, 0, 0, 0, 1]);
    out.extend(question.name.as_slice());
    out.extend(question.rtype.to_int().to_be_bytes());
    out.extend([0, 1]);
    out.extend([0, 0, 41, 0x04, 0xD0, 0, 0, 0x80, 0, 0, 0]);
    out
}

fn over_udp(upstream: &str, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    socket.connect(upstream)?;
    socket.send(query)?;
    let mut buffer = vec![0; 4096];
    loop {
        let len = socket.recv(&mut buffer)?;
        let message = buffer.get(..len).unwrap_or_default();
        if message.first_chunk::<2>() == query.first_chunk::<2>() {
            return Ok(message.to_vec());
        }
    }
}

fn over_tcp(upstream: &str, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(upstream)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(&[&(query.len() as u16).to_be_bytes(), query].concat())?;
    let mut len = [0; 2];
    stream.read_exact(&mut len)?;
    let mut message = vec![0; u16::from_be_bytes(len).into()];
    stream.read_exact(&mut message)?;
    Ok(message)
}

fn fetch(upstream: &str, question: &Question) -> Result<Response, FetchError> {
    let id = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |t| t.subsec_nanos() as u16);
    let query = query(question, id);
    let message = over_udp(upstream, &query).map_err(|_| FetchError::Timeout)?;
    match Response::from_message(&message, question) {
        Err(MessageError::Truncated) => {
            let message = over_tcp(upstream, &query).map_err(|_| FetchError::Unreachable)?;
            Response::from_message(&message, question).map_err(|_| FetchError::Malformed)
        }
        response => response.map_err(|_| FetchError::Malformed),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [upstream, name, rtype] = arguments.as_slice() else { return Err("usage: upstream ADDRESS:PORT NAME TYPE".into()) };
    let question = Question { name: name.parse()?, rtype: rtype.parse().map_err(|_| "no such type")? };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs() as i64;
    let mut cache = MemoryCache::default();
    let response = fetch(upstream, &question)?;
    let mut validation = Validation::new(question, response, &Anchors::iana(), Policy::default(), now);
    let outcome = loop {
        match validation.step(&mut cache) {
            Step::Ask(question) => validation.supply(&question, fetch(upstream, &question)),
            Step::Done(outcome) => break outcome,
        }
    };
    println!("{:?}, response code {}", outcome.status, outcome.rcode);
    if let Some(reason) = &outcome.reason {
        println!("{reason}");
    }
    for attempt in &outcome.attempts {
        println!("  {}/{}: {:?}: {}", attempt.name, attempt.rtype, attempt.tried, attempt.failure.map_or("holds", |code| code.code()));
    }
    Ok(())
}
