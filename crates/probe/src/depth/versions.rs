//! Which versions a server accepts, and which cipher suites in each.

use super::{Enquiry, Size, Spoken, refuses, without};
use crate::tls::hello::{ClientHello, Hardening, SSL_3, TLS_13};
use crate::tls::known::{SUITES, SUITES_13, USUAL_SUITES};
use crate::tls::names;
use dane::observation::{DepthEnd, HelloAnswer, Order, VersionObservation};

/// SSL 2.0 on the wire.
const SSL_2: u16 = 0x0002;
/// Cipher suites in one hello for servers that answer short ones only.
const SHORT: usize = 48;

impl Enquiry<'_> {
    /// Every version from TLS 1.3 down to SSL 2.0.
    pub(super) async fn versions(&mut self) -> Result<(), DepthEnd> {
        for version in (SSL_3..=TLS_13).rev() {
            let suites = if version == TLS_13 { &SUITES_13[..] } else { &SUITES };
            let mut answer = self.ask(&ClientHello::broad(&self.target.sni, version, suites)).await?.map(|_| Size::Any);
            // Some servers choke on much less than this; whoever speaks of the version means it.
            let by_version = matches!(&answer, Err(HelloAnswer::Alert { alert }) if alert == "protocol_version");
            if version < TLS_13 && matches!(&answer, Err(why) if refuses(why) && !matches!(why, HelloAnswer::Other { .. })) && !by_version {
                let short = ClientHello { version, ..ClientHello::usual(&self.target.sni) };
                if self.ask(&short).await?.is_ok() {
                    answer = Ok(Size::Short);
                }
            }
            let place = self.seen.versions.len();
            if let Ok(size) = answer {
                self.spoken.push(Spoken { version, place, size });
            }
            self.note(version, answer.err().unwrap_or(HelloAnswer::Accepted), Vec::new());
        }
        let _turn = self.turn().await?;
        let (answer, kinds) = self.visits.visitor.ask_ssl2(self.target).await?;
        self.note(SSL_2, answer, kinds);
        Ok(())
    }

    fn note(&mut self, version: u16, answer: HelloAnswer, suites: Vec<String>) {
        let version = names::version(version.into());
        // An answer of SSL 2.0 names all cipher kinds at once.
        let complete = !suites.is_empty();
        self.seen.versions.push(VersionObservation { version, answer, suites, complete, rest: None, order: None });
    }

    /// The cipher suites of every version accepted, newest version first.
    pub(super) async fn suites(&mut self) -> Result<(), DepthEnd> {
        for spoken in self.spoken.clone() {
            let mut found = Vec::new();
            let result = self.suites_of(spoken, &mut found).await;
            if let Some(seen) = self.seen.versions.get_mut(spoken.place) {
                seen.suites = found.iter().map(|suite| names::cipher((*suite).into())).collect();
            }
            result?;
            if found.len() > 1 {
                self.order(spoken, found).await?;
            }
        }
        Ok(())
    }

    async fn suites_of(&mut self, spoken: Spoken, found: &mut Vec<u16>) -> Result<(), DepthEnd> {
        let lists: Vec<Vec<u16>> = match (spoken.version, spoken.size) {
            (TLS_13, _) => vec![SUITES_13.to_vec()],
            (_, Size::Any) => vec![SUITES.to_vec()],
            (_, Size::Short) => {
                let others = without(&SUITES, &USUAL_SUITES);
                [USUAL_SUITES.to_vec()].into_iter().chain(others.chunks(SHORT).map(<[u16]>::to_vec)).collect()
            }
        };
        let (mut complete, mut last) = (true, None);
        for list in lists {
            // Each round takes one suite off the list, or is the last.
            loop {
                let rest = without(&list, found);
                if rest.is_empty() {
                    break;
                }
                match self.ask(&self.offer(spoken, rest)).await? {
                    Ok(flight) => found.push(flight.suite),
                    Err(answer) => {
                        complete &= refuses(&answer);
                        last = Some(answer);
                        break;
                    }
                }
            }
        }
        if let Some(seen) = self.seen.versions.get_mut(spoken.place) {
            (seen.complete, seen.rest) = (complete, last);
        }
        Ok(())
    }

    /// Offers what it accepts the other way round.
    async fn order(&mut self, spoken: Spoken, mut found: Vec<u16>) -> Result<(), DepthEnd> {
        let (first, last) = (found.first().copied(), found.last().copied());
        found.reverse();
        let chosen = self.ask(&self.offer(spoken, found)).await?.ok().map(|flight| flight.suite);
        if let Some(seen) = self.seen.versions.get_mut(spoken.place) {
            seen.order = order(chosen, first, last);
        }
        Ok(())
    }

    fn offer(&self, spoken: Spoken, suites: Vec<u16>) -> ClientHello {
        let hello = ClientHello::broad(&self.target.sni, spoken.version, &suites);
        match spoken.size {
            Size::Any => hello,
            Size::Short => {
                let usual = ClientHello::usual(&self.target.sni);
                ClientHello { groups: usual.groups, hardening: Hardening::ScsvOnly, ..hello }
            }
        }
    }
}

/// Who decides, if of things that it chose in one order the server, offered the reverse, chooses this.
pub(super) fn order(chosen: Option<u16>, first: Option<u16>, last: Option<u16>) -> Option<Order> {
    match chosen {
        None => None,
        chosen if chosen == first => Some(Order::Server),
        chosen if chosen == last => Some(Order::Client),
        Some(_) => None,
    }
}
