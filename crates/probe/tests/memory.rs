//! What a connection in flight costs.

#![cfg(target_os = "linux")]

mod support;

use domain::base::iana::Rtype;
use probe::{Dns, Looker, Survey, SurveyOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::{Table, config, name, serve};

/// Octets of memory in use.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Domains under way, each with a TLS handshake under way at its own host: DNS table, our server's side and all else included.
#[tokio::test]
async fn a_visit_in_the_middle_of_its_handshake_costs_less_than_130_kilobytes() {
    const VISITS: usize = 300;
    let held = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&held);
    let server = serve(move |mut peer| {
        let counter = Arc::clone(&counter);
        async move {
            peer.up_to_starttls().await;
            peer.take_hello().await;
            counter.fetch_add(1, Ordering::Relaxed);
            peer.drain().await;
        }
    })
    .await;
    let mut table = Table::default();
    for i in 0..VISITS {
        table = table.with(&format!("d{i}.example"), Rtype::MX, &[&format!("10 mx{i}.example.net.")]);
        table = table.with(&format!("mx{i}.example.net"), Rtype::A, &["127.0.0.1"]);
    }
    let mut settings = config(server.port());
    settings.smtp.handshake = Duration::from_secs(30);
    settings.smtp.visit = Duration::from_secs(60);
    let looker = Looker::new(Arc::new(table) as Arc<dyn Dns>, settings).unwrap();
    let before = resident();
    let domains: Vec<_> = (0..VISITS).map(|i| name(&format!("d{i}.example"))).collect();
    let survey = Survey::start(looker, domains, SurveyOptions { parallel: VISITS, ..SurveyOptions::default() });
    for _ in 0..2000 {
        if held.load(Ordering::Relaxed) == VISITS {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(held.load(Ordering::Relaxed), VISITS);
    let each = resident().saturating_sub(before) / VISITS;
    println!("{each} octets for each visit");
    assert!(each < 130_000, "{each} octets for each visit");
    drop(survey);
}
