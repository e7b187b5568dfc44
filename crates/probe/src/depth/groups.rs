//! Which groups a server accepts for its key agreement.

use super::versions::order;
use super::{Enquiry, Size, refuses, without};
use crate::tls::flight::{Flight, KeyExchange};
use crate::tls::hello::{ClientHello, TLS_13};
use crate::tls::known::{Agreement, CURVES, SUITES, USUAL_GROUPS, agreement};
use crate::tls::names;
use dane::observation::{DepthEnd, GroupsObservation, Order};

impl Enquiry<'_> {
    /// Groups in TLS 1.3, and curves in the newest version before it.
    pub(super) async fn groups(&mut self) -> Result<(), DepthEnd> {
        if self.spoken.iter().any(|s| s.version == TLS_13) {
            let mut seen = empty(TLS_13);
            let result = self.groups_of(ClientHello::tls_13(&self.target.sni), |flight| flight.group, &mut seen).await;
            self.seen.groups = Some(seen);
            result?;
        }
        if let Some(spoken) = self.spoken.iter().find(|s| s.version < TLS_13).copied() {
            let suites = suites_of(&[Agreement::Ecdhe]);
            let groups = match spoken.size {
                Size::Any => CURVES.to_vec(),
                Size::Short => USUAL_GROUPS.to_vec(),
            };
            let hello = ClientHello { groups, ..ClientHello::broad(&self.target.sni, spoken.version, &suites) };
            let mut seen = empty(spoken.version);
            let result = self.groups_of(hello, curve, &mut seen).await;
            self.seen.curves = Some(seen);
            result?;
        }
        Ok(())
    }

    /// Offers all groups, strikes out what is chosen, repeats.
    async fn groups_of(
        &mut self,
        base: ClientHello,
        choice: fn(&Flight) -> Option<u16>,
        seen: &mut GroupsObservation,
    ) -> Result<(), DepthEnd> {
        let mut found = Vec::new();
        // Those found, behind the others: before TLS 1.3 a server with an ECDSA certificate accepts no hello without its curve.
        // (RFC 8422 section 5.1)
        let (mut behind, mut ecdsa, mut passed_over) = (Vec::new(), false, false);
        loop {
            let rest = without(&base.groups, &found);
            if rest.is_empty() {
                seen.complete = true;
                break;
            }
            let hello = ClientHello { groups: [rest.clone(), behind.clone()].concat(), ..base.clone() };
            match self.ask(&hello).await? {
                Ok(flight) => match choice(&flight) {
                    // Each round takes one group off the list, or is the last.
                    Some(group) if rest.contains(&group) => {
                        ecdsa = names::cipher(flight.suite.into()).contains("_ECDSA_");
                        found.push(group);
                        seen.accepted.push(names::group(group.into()));
                        if !behind.is_empty() {
                            behind.push(group);
                        }
                    }
                    // One that was not offered, or offered last: whoever follows the client has none of the rest.
                    other => {
                        passed_over = other.is_some_and(|group| behind.contains(&group));
                        break;
                    }
                },
                Err(answer) if ecdsa && behind.is_empty() && refuses(&answer) => behind.clone_from(&found),
                Err(answer) => {
                    seen.complete = refuses(&answer);
                    seen.rest = Some(answer);
                    break;
                }
            }
        }
        if found.len() > 1 {
            let (first, last) = (found.first().copied(), found.last().copied());
            found.reverse();
            let chosen = self.ask(&ClientHello { groups: found, ..base }).await?.ok().and_then(|flight| choice(&flight));
            seen.order = order(chosen, first, last);
            seen.complete |= passed_over && seen.order == Some(Order::Client);
        }
        Ok(())
    }
}

fn empty(version: u16) -> GroupsObservation {
    GroupsObservation { version: names::version(version.into()), accepted: Vec::new(), complete: false, rest: None, order: None }
}

fn curve(flight: &Flight) -> Option<u16> {
    match flight.exchange {
        Some(KeyExchange::Curve { group, .. }) => Some(group),
        _ => None,
    }
}

/// Those of all cipher suites that agree on their keys in one of these ways.
pub(super) fn suites_of(ways: &[Agreement]) -> Vec<u16> {
    SUITES.into_iter().filter(|suite| ways.contains(&agreement(&names::cipher((*suite).into())))).collect()
}
