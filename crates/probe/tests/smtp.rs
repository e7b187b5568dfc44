//! Visits to servers that are polite, busy, broken or hostile: each ends in time and is recorded for what it was.

mod support;

use dane::observation::{Connect, Got};
use probe::Returns;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::{Peer, scripted, serve, summary, visit};

const POLITE: &[(&str, &str)] = &[
    ("EHLO", "250-mx.example.org\r\n250-SIZE 10000000\r\n250 STARTTLS\r\n"),
    ("HELO", "250 mx.example.org\r\n"),
    ("STARTTLS", "454 4.7.0 TLS not available\r\n"),
    ("QUIT", "221 bye\r\n"),
];

#[tokio::test]
async fn a_polite_dialogue_is_recorded_whole_and_ends_with_quit() {
    let (server, transcripts) = scripted("220-mx.example.org ESMTP\r\n220 no UCE\r\n", POLITE).await;
    let seen = visit(server, |_| ()).await;
    assert_eq!(seen.connect, Connect::Connected);
    assert_eq!(seen.transport_port, server.port());
    assert_eq!(summary(&seen), ["(greeting) -> 220", "EHLO prober.example -> 250", "STARTTLS -> 454", "QUIT -> 221"]);
    assert_eq!(
        seen.dialogue[0].got,
        Got::Reply { code: 220, lines: vec!["mx.example.org ESMTP".into(), "no UCE".into()] },
        "every line is kept"
    );
    assert_eq!(seen.tls, None);
    // What the server heard is all that was said: no MAIL, no RCPT, no DATA.
    wait_for(|| !transcripts.lock().unwrap().is_empty()).await;
    assert_eq!(transcripts.lock().unwrap()[0], ["EHLO prober.example", "STARTTLS", "QUIT"]);
}

#[tokio::test]
async fn starttls_is_tried_where_it_is_not_offered_and_both_are_on_record() {
    let (server, _) =
        scripted("220 hi\r\n", &[("EHLO", "250-mx\r\n250 HELP\r\n"), ("STARTTLS", "502 no\r\n"), ("QUIT", "221 bye\r\n")]).await;
    let seen = visit(server, |_| ()).await;
    assert_eq!(summary(&seen), ["(greeting) -> 220", "EHLO prober.example -> 250", "STARTTLS -> 502", "QUIT -> 221"]);
    assert_eq!(seen.dialogue[1].got, Got::Reply { code: 250, lines: vec!["mx".into(), "HELP".into()] });
}

#[tokio::test]
async fn helo_after_a_refused_ehlo() {
    let (server, _) = scripted("220 hi\r\n", &[("HELO", "250 mx\r\n"), ("QUIT", "221 bye\r\n")]).await;
    let expected = ["(greeting) -> 220", "EHLO prober.example -> 502", "HELO prober.example -> 250", "STARTTLS -> 502", "QUIT -> 221"];
    assert_eq!(summary(&visit(server, |_| ()).await), expected);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (greeting, replies, expected) in [
        ("554 5.7.1 blocked\r\n", POLITE, &["(greeting) -> 554", "QUIT -> 221"][..]),
        ("450 4.7.1 later\r\n", POLITE, &["(greeting) -> 450", "QUIT -> 221"]),
        ("421 too busy\r\n", POLITE, &["(greeting) -> 421"]),
        (
            "220 hi\r\n",
            &[("EHLO", "450 greylisted\r\n"), ("QUIT", "221 bye\r\n")],
            &["(greeting) -> 220", "EHLO prober.example -> 450", "QUIT -> 221"],
        ),
        ("220 hi\r\n", &[("EHLO", "421 enough\r\n")], &["(greeting) -> 220", "EHLO prober.example -> 421"]),
    ] {
        let (server, _) = scripted(greeting, replies).await;
        assert_eq!(summary(&visit(server, |_| ()).await), expected);
    }
}

#[tokio::test]
async fn nobody_there() {
    let unused = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let seen = visit(unused, |_| ()).await;
    assert_eq!(seen.connect, Connect::Refused);
    assert_eq!(seen.dialogue, []);
}

#[tokio::test]
async fn closed_and_reset() {
    let server = serve(|peer| async move { drop(peer) }).await;
    assert_eq!(summary(&visit(server, |_| ()).await), ["(greeting) -> closed"]);
    let server = serve(|peer: Peer| async move {
        // Unread data and no linger: the close becomes a RST.
        socket2::SockRef::from(&peer.stream).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    assert_eq!(summary(&visit(server, |_| ()).await), ["(greeting) -> reset"]);
    let server = serve(|mut peer| async move {
        peer.say("220-mx.exam").await;
    })
    .await;
    let seen = visit(server, |_| ()).await;
    assert_eq!(seen.dialogue[0].got, Got::Garbage { text: "220-mx.exam".into(), why: "cut-off".into() });
}

#[tokio::test]
async fn a_last_word_before_the_close_is_heard() {
    let server = serve(|mut peer| async move {
        peer.say("220 hi\r\n421 changed my mind\r\n").await;
    })
    .await;
    assert_eq!(summary(&visit(server, |_| ()).await), ["(greeting) -> 220", "EHLO prober.example -> 421"]);
}

/// Visits with this time for each reply; the visit must end within a generous multiple of it.
async fn hostile<F>(reply: Duration, script: impl Fn(Peer) -> F + Send + Sync + 'static) -> dane::observation::AddressObservation
where
    F: Future<Output = ()> + Send + 'static,
{
    let server = serve(script).await;
    let begun = Instant::now();
    let seen = visit(server, |c| {
        c.smtp.reply = reply;
        c.smtp.visit = 3 * reply;
    })
    .await;
    assert!(begun.elapsed() < 3 * reply + Duration::from_secs(4), "took {:?}", begun.elapsed());
    seen
}

const SHORT: Duration = Duration::from_millis(600);

#[tokio::test]
async fn silence() {
    let seen = hostile(SHORT, |mut peer| async move { peer.drain().await }).await;
    assert_eq!(summary(&seen), ["(greeting) -> timeout"]);
}

#[tokio::test]
async fn slow_drip() {
    let seen = hostile(SHORT, |mut peer| async move {
        for byte in b"220 mx.example.org ".iter().cycle() {
            tokio::time::sleep(Duration::from_millis(40)).await;
            if !peer.say([*byte]).await {
                break;
            }
        }
    })
    .await;
    assert_eq!(summary(&seen), ["(greeting) -> too-slow"]);
}

#[tokio::test]
async fn a_tarpit_that_always_answers_just_in_time() {
    let seen = hostile(SHORT, |mut peer| async move {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if !peer.say("250 x\r\n").await || peer.hear().await.is_none() {
                break;
            }
        }
    })
    .await;
    // 250 is no greeting.
    assert_eq!(summary(&seen)[0], "(greeting) -> 250");
}

#[tokio::test]
async fn endless_banner_lines() {
    let seen = hostile(Duration::from_secs(5), |mut peer| async move { while peer.say("220-and another thing\r\n").await {} }).await;
    assert_eq!(summary(&seen), ["(greeting) -> too-many-lines"]);
}

#[tokio::test]
async fn a_line_of_40_kilobytes() {
    let seen = hostile(Duration::from_secs(5), |mut peer| async move {
        peer.say(format!("220 {}\r\n", "x".repeat(40_000))).await;
        peer.drain().await;
    })
    .await;
    assert_eq!(summary(&seen), ["(greeting) -> line-too-long"]);
    let Got::Garbage { text, .. } = &seen.dialogue[0].got else { panic!() };
    assert!(text.starts_with("220 xxx") && text.len() <= 512);
}

#[tokio::test]
async fn an_endless_line() {
    let seen = hostile(Duration::from_secs(5), |mut peer| async move { while peer.say([b'2'; 1000]).await {} }).await;
    assert_eq!(summary(&seen), ["(greeting) -> line-too-long"]);
}

#[tokio::test]
async fn a_thousand_ehlo_lines() {
    let seen = hostile(Duration::from_secs(5), |mut peer| async move {
        peer.say("220 hi\r\n").await;
        peer.hear().await;
        peer.say(format!("{}250 STARTTLS\r\n", "250-X\r\n".repeat(1000))).await;
        peer.drain().await;
    })
    .await;
    assert_eq!(summary(&seen), ["(greeting) -> 220", "EHLO prober.example -> too-many-lines"]);
}

#[tokio::test]
async fn more_bytes_than_any_dialogue_needs() {
    let server = serve(|mut peer| async move {
        let line = format!("220-{}\r\n", "x".repeat(2000));
        while peer.say(&line).await {}
    })
    .await;
    let seen = visit(server, |c| c.smtp.total_octets = 10_000).await;
    assert_eq!(summary(&seen), ["(greeting) -> too-many-bytes"]);
}

#[tokio::test]
async fn other_protocols() {
    for words in ["SSH-2.0-OpenSSH_9.2p1\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "\x16\x03\x01\x00\n"] {
        let server = serve(move |mut peer| async move {
            peer.say(words).await;
            peer.drain().await;
        })
        .await;
        assert_eq!(summary(&visit(server, |_| ()).await), ["(greeting) -> not-smtp"]);
    }
}

#[tokio::test]
async fn ipv6_is_visited_like_ipv4() {
    let listener = tokio::net::TcpListener::bind("[::1]:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut peer = Peer { stream, commands: Vec::new() };
            peer.say("554 no\r\n").await;
            peer.drain().await;
        }
    });
    let seen = visit(server, |c| c.smtp.reply = SHORT).await;
    assert_eq!(seen.address, server.ip());
    assert_eq!(summary(&seen)[0], "(greeting) -> 554");
}

async fn wait_for(condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to pass");
}

/// A server that greets its first visitors with this, and is well afterwards.
async fn reluctant(greeting: &'static str, times: usize) -> std::net::SocketAddr {
    let met = Arc::new(AtomicUsize::new(0));
    serve(move |mut peer| {
        let turned_away = met.fetch_add(1, Ordering::Relaxed) < times;
        async move {
            if turned_away {
                peer.say(greeting).await;
            } else {
                peer.up_to_starttls().await;
            }
            peer.drain().await;
        }
    })
    .await
}

/// a server that greylists is looked at again before it is said that it could not be looked at; both looks are evidence.
#[tokio::test]
async fn who_asks_to_come_back_is_visited_again() {
    let returns = |times| Returns { times, after: Duration::from_millis(20), ..Returns::POLITE };
    for greeting in ["450 4.2.0 greylisted\r\n", "421 4.7.0 too busy\r\n"] {
        let seen = visit(reluctant(greeting, 1).await, |c| c.returns = returns(1)).await;
        assert_eq!(summary(&seen)[..3], ["(greeting) -> 220", "EHLO prober.example -> 250", "STARTTLS -> 220"], "{greeting}");
        assert_eq!(seen.earlier.len(), 1);
        let Got::Reply { code, .. } = seen.earlier[0].dialogue[0].got else { panic!("{seen:?}") };
        assert_eq!(code.to_string(), greeting[..3]);
        let seen = visit(reluctant(greeting, 2).await, |c| c.returns = returns(1)).await;
        assert_eq!(seen.earlier.len(), 1, "and not more often than that");
        assert!(dane::smtp::asks_to_come_back(&seen));
        let seen = visit(reluctant(greeting, 1).await, |c| c.returns = Returns::NEVER).await;
        assert!(seen.earlier.is_empty() && dane::smtp::asks_to_come_back(&seen));
    }
    let seen = visit(reluctant("554 5.7.1 blocked\r\n", 1).await, |c| c.returns = returns(3)).await;
    assert!(seen.earlier.is_empty(), "no is no");
}
