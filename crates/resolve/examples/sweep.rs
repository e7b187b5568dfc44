//! Looks up many names at once, on one thread: `cargo run --release --example sweep -- NAMES HINTS ANCHOR PORT LANES`.

use domain::base::iana::Rtype;
use resolve::{Anchors, Config, Mode, Resolver, hints};
use std::cell::RefCell;
use std::rc::Rc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [names, roots, anchor, port, lanes] = arguments.as_slice() else { return Err("NAMES HINTS ANCHOR PORT LANES".into()) };
    let mut config = Config {
        mode: Mode::Iterative { roots: hints::parse(&std::fs::read_to_string(roots)?)? },
        anchors: Anchors::parse(&std::fs::read_to_string(anchor)?)?,
        dns_port: port.parse()?,
        ..Config::default()
    };
    let lanes: usize = lanes.parse()?;
    config.budgets.sockets = lanes;
    let list: Vec<String> = std::fs::read_to_string(names)?.lines().map(str::to_owned).collect();
    let list = Rc::new(RefCell::new(list.into_iter()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let counters = tokio::task::LocalSet::new().block_on(&runtime, async {
        let resolver = Resolver::new(config)?;
        let work: Vec<_> = (0..lanes)
            .map(|_| {
                let (list, resolver) = (list.clone(), resolver.clone());
                tokio::task::spawn_local(async move {
                    loop {
                        let next = list.borrow_mut().next();
                        let Some(name) = next.and_then(|text| text.parse().ok()) else { return };
                        for rtype in [Rtype::SOA, Rtype::NS, Rtype::DS, Rtype::DNSKEY, Rtype::MX] {
                            resolver.lookup(&name, rtype).await;
                        }
                    }
                })
            })
            .collect();
        for lane in work {
            lane.await?;
        }
        Ok::<_, Box<dyn std::error::Error>>(resolver.counters())
    })?;
    println!("{counters:?}");
    Ok(())
}
