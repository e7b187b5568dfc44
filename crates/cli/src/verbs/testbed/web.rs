//! The test bed's pages: begin a test, follow it.

use super::judge::{Judged, Terms, judge, places};
use crate::common::time;
use dane::name::Name;
use dane::sender::{Event, Operators, Patience};
use lab::testbed::{EventSink, Testbed};
use present::Tested;
use probe::web::{Kind, Method, Request, Response, Site};
use scenario::Scenario;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

/// Tests whose events are at hand; the oldest makes way, and stays in the file.
const TESTS: usize = 5_000;
/// Events of one test.
const EVENTS: usize = 5_000;

/// The latest events of each test, beside where else they go.
pub struct Recent {
    zone: Name,
    then: Arc<dyn EventSink>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_token: HashMap<String, Vec<Event>>,
    order: VecDeque<String>,
}

impl Recent {
    /// With the events of before.
    pub fn new(zone: Name, then: Arc<dyn EventSink>, before: Vec<Event>) -> Self {
        let recent = Self { zone, then, kept: Mutex::default() };
        before.into_iter().for_each(|event| recent.remember(event));
        recent
    }

    fn remember(&self, event: Event) {
        let mut tokens: Vec<String> = places(&event, &self.zone).into_iter().map(|place| place.token).collect();
        tokens.dedup();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for token in tokens {
            if !kept.by_token.contains_key(&token) {
                kept.order.push_back(token.clone());
                if kept.order.len() > TESTS {
                    let oldest = kept.order.pop_front();
                    oldest.and_then(|token| kept.by_token.remove(&token));
                }
            }
            let events = kept.by_token.entry(token).or_default();
            if events.len() < EVENTS {
                events.push(event.clone());
            }
        }
    }

    fn of(&self, token: &str) -> Vec<Event> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut events = kept.by_token.get(token).cloned().unwrap_or_default();
        events.sort_by_key(Event::at_ms);
        events
    }
}

impl EventSink for Recent {
    fn add(&self, event: Event) {
        self.remember(event.clone());
        self.then.add(event);
    }

    fn flush(&self) {
        self.then.flush();
    }
}

/// The pages.
pub struct Pages {
    zone: Name,
    /// Knows tokens and recipients; another serves.
    testbed: Testbed,
    recent: Arc<Recent>,
    operators: Operators,
}

impl Pages {
    /// Of a test bed.
    pub fn new(zone: Name, testbed: Testbed, recent: Arc<Recent>, operators: Operators) -> Self {
        Self { zone, testbed, recent, operators }
    }

    fn page(&self, request: &Request) -> Response {
        match (request.method, request.path.as_str()) {
            (Method::Get | Method::Head, "/") => shown(present::testbed_begin(&self.zone.to_string()), Kind::Page),
            (Method::Post, "/new") => Response::see(&format!("/t/{}", self.testbed.token())),
            (Method::Get | Method::Head, path) => {
                let Some(token) = path.strip_prefix("/t/") else { return Response::of(404) };
                match token.strip_suffix(".json") {
                    Some(token) if self.testbed.issued(token) => shown(serde_json::to_string(&self.judged(token).0), Kind::Json),
                    None if self.testbed.issued(token) => self.test(token),
                    _ => Response::of(404),
                }
            }
            (Method::Post, _) => Response::of(405),
        }
    }

    fn judged(&self, token: &str) -> (Judged, Vec<(&'static Scenario, String)>) {
        let recipients = self.testbed.recipients(token);
        let scenarios: Vec<&'static Scenario> = recipients.iter().map(|(scenario, _)| *scenario).collect();
        let until = u64::try_from(time::now_ms()).unwrap_or(0);
        let terms =
            Terms { zone: &self.zone, scenarios: &scenarios, patience: Patience::INTERNET, operators: &self.operators, until_ms: until };
        let events = self.recent.of(token);
        (judge(&events.iter().collect::<Vec<_>>(), token, &terms), recipients)
    }

    fn test(&self, token: &str) -> Response {
        let (judged, recipients) = self.judged(token);
        let tested = recipients.iter().zip(&judged.trials).map(|((scenario, address), trial)| Tested {
            title: scenario.title,
            address: address.clone(),
            actions: &scenario.sender,
            requirements: &scenario.requirements,
            trial,
        });
        shown(present::testbed_test(token, &judged.profile, &tested.collect::<Vec<_>>()), Kind::Scripted)
    }
}

fn shown<E>(made: Result<String, E>, kind: Kind) -> Response {
    made.map_or_else(|_| Response::of(500), |body| Response::with(kind, body))
}

impl Site for Pages {
    fn answer<'a>(&'a self, request: &'a Request, _: IpAddr) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        Box::pin(std::future::ready(self.page(request)))
    }
}
