//! What the fuzz targets call: any bytes at the ports of a test bed. Must neither panic nor take long.

use super::{Inside, Nowhere, TestbedConfig, mail};
use crate::dns::rdata::name;
use crate::dns::server::Answers;
use crate::smtp::server::{Host, begun};
use crate::smtp::session::talk;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

/// The test bed; `open` is a token that everybody has.
static INSIDE: LazyLock<Arc<Inside>> = LazyLock::new(|| {
    let config = TestbedConfig {
        zone: name("t.lab"),
        addresses: (1..=4).map(|n| Ipv4Addr::new(127, 57, 0, n)).collect(),
        root: None,
        dns_port: 53,
        smtp_port: 25,
        secret: [7; 32],
    };
    Arc::new(Inside::new(config, Arc::new(Nowhere)))
});

/// A question: the first octet says over what it comes, and to which address; the rest is the message.
pub fn question(octets: &[u8]) {
    let Some((head, message)) = octets.split_first() else { return };
    let source = SocketAddr::from(([192, 0, 2, 1], 4000));
    let server = Ipv4Addr::new(127, 57, 0, 1 + (head >> 1) % 2);
    // Once made, once from the cache.
    let first = INSIDE.respond(server, source, message, head & 1 == 1);
    let second = INSIDE.respond(server, source, message, head & 1 == 1);
    assert_eq!(first.is_some(), second.is_some(), "an answer is there again");
}

/// A session: the first octet says with which of the servers; the rest is what the client sends, all at once.
pub fn session(octets: &[u8]) {
    static SERVED: LazyLock<(Runtime, Vec<Arc<Host>>)> = LazyLock::new(|| {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        (runtime, mail::hosts(&INSIDE))
    });
    let Some((head, sent)) = octets.split_first() else { return };
    let (runtime, hosts) = &*SERVED;
    let host = &hosts[usize::from(*head) % hosts.len()];
    runtime.block_on(async {
        let Ok(listener) = TcpListener::bind("127.0.0.1:0").await else { return };
        let Ok(at) = listener.local_addr() else { return };
        let (client, server) = tokio::join!(TcpStream::connect(at), listener.accept());
        let (Ok(mut client), Ok((server, source))) = (client, server) else { return };
        let mut visit = begun(source, at);
        let told = async {
            let (mut reader, mut writer) = client.split();
            let mut replies = Vec::new();
            let sends = async {
                let _ = writer.write_all(sent).await;
                let _ = writer.shutdown().await;
            };
            let (_, _) = tokio::join!(sends, reader.read_to_end(&mut replies));
            replies
        };
        let (_, replies) = tokio::join!(talk(host, server, &mut visit), told);
        assert!(replies.len() <= 100 * (sent.len() + 10), "a client cannot make it talk without end");
        assert!(visit.recipients.len() <= 100 && visit.mails.len() <= 100);
    });
}
