//! Many mail sessions at once.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Whoever takes longer has failed.
const LIMIT: Duration = Duration::from_secs(120);

/// Opens so many sessions, and when all are open sends a message through each; returns how many were taken.
///
/// # Errors
/// If one is not.
pub fn hold(at: SocketAddr, count: usize, recipient: &str) -> Result<usize, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let mut open = Vec::with_capacity(count);
        for _ in 0..count {
            let stream = TcpStream::connect(at).await.map_err(|e| format!("session {}: {e}", open.len() + 1))?;
            open.push(BufReader::new(stream));
        }
        let sent = open.into_iter().map(|session| {
            let recipient = recipient.to_owned();
            tokio::spawn(async move { tokio::time::timeout(LIMIT, send(session, &recipient)).await })
        });
        let mut taken = 0;
        for (number, session) in sent.collect::<Vec<_>>().into_iter().enumerate() {
            match session.await {
                Ok(Ok(Some(()))) => taken += 1,
                other => return Err(format!("session {}: {other:?}", number + 1)),
            }
        }
        Ok(taken)
    })
}

async fn send(mut session: BufReader<TcpStream>, recipient: &str) -> Option<()> {
    expect(&mut session, "220").await?;
    let to = format!("RCPT TO:<{recipient}>");
    for (command, code) in [
        ("EHLO bench.example", "250"),
        ("MAIL FROM:<a@bench.example>", "250"),
        (&to, "250"),
        ("DATA", "354"),
        ("Subject: x\r\n\r\nx\r\n.", "250"),
        ("QUIT", "221"),
    ] {
        session.get_mut().write_all(format!("{command}\r\n").as_bytes()).await.ok()?;
        expect(&mut session, code).await?;
    }
    Some(())
}

/// Reads a reply, of several lines perhaps.
async fn expect(session: &mut BufReader<TcpStream>, code: &str) -> Option<()> {
    let mut line = String::new();
    loop {
        line.clear();
        session.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
        if !line.starts_with(code) {
            return None;
        }
        if line.as_bytes().get(3) == Some(&b' ') {
            return Some(());
        }
    }
}
