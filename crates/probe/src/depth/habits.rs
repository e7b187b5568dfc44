//! What a server does about compression, tickets, falling back, SHA-1 and finite fields.

use super::groups::suites_of;
use super::{Enquiry, refuses};
use crate::tls::Remembering;
use crate::tls::hello::{ClientHello, SSL_3, TLS_12, TLS_13, Ticket};
use crate::tls::known::{Agreement, CURVES, FALLBACK_SCSV, SCHEMES_SHA1, SUITES, SUITES_13};
use dane::observation::{DepthEnd, HelloAnswer};

/// DEFLATE. (RFC 3749)
const DEFLATE: u8 = 1;
/// The session_ticket extension. (RFC 5077)
const SESSION_TICKET: u16 = 35;

impl Enquiry<'_> {
    /// One question each.
    pub(super) async fn habits(&mut self) -> Result<(), DepthEnd> {
        self.fallback().await?;
        let Some(newest) = self.spoken.iter().find(|s| s.version < TLS_13).map(|s| s.version) else { return Ok(()) };
        let all = ClientHello::broad(&self.target.sni, newest, &SUITES);
        let hello = ClientHello { compression: vec![DEFLATE, 0], ticket: Ticket::Asked, ..all.clone() };
        if let Ok(flight) = self.ask(&hello).await? {
            self.seen.compression = Some(flight.compression == DEFLATE);
            self.seen.session_ticket = Some(flight.extensions.contains(&SESSION_TICKET));
        }
        if newest == TLS_12 {
            let suites = suites_of(&[Agreement::Ecdhe, Agreement::Dhe]);
            let hello = ClientHello { suites, schemes: SCHEMES_SHA1.to_vec(), ..all.clone() };
            self.seen.sha1_signature = match self.ask(&hello).await? {
                Ok(flight) => flight.exchange.and_then(|e| e.scheme()).map(|scheme| SCHEMES_SHA1.contains(&scheme)),
                Err(answer) => refuses(&answer).then_some(false),
            };
        }
        // Most clients name no finite-field group; those who do are among the cipher suites to come. What is learnt is the prime.
        let suites = suites_of(&[Agreement::Dhe, Agreement::DhAnon]);
        let _ = self.ask(&ClientHello { suites, groups: CURVES.to_vec(), ..all }).await?;
        Ok(())
    }

    /// Begins handshakes anew within one session of TLS 1.2 or older, if our OpenSSL can.
    pub(super) async fn renegotiation(&mut self) -> Result<(), DepthEnd> {
        let old = self.spoken.iter().any(|s| (SSL_3 + 1..TLS_13).contains(&s.version));
        if old && self.visits.visitor.can_look_broadly() {
            let _turn = self.turn().await?;
            self.seen.client_renegotiations = self.visits.visitor.renegotiations(self.target).await?;
        }
        Ok(())
    }

    /// Says that we have come down to the second-newest version.
    async fn fallback(&mut self) -> Result<(), DepthEnd> {
        let Some(second) = self.spoken.get(1).map(|s| s.version) else { return Ok(()) };
        let suites = if second == TLS_13 { &SUITES_13[..] } else { &SUITES };
        let mut hello = ClientHello::broad(&self.target.sni, second, suites);
        hello.suites.push(FALLBACK_SCSV);
        self.seen.fallback_scsv = match self.ask(&hello).await? {
            Ok(_) => Some(false),
            Err(HelloAnswer::Alert { alert }) if alert == "inappropriate_fallback" => Some(true),
            Err(_) => None,
        };
        Ok(())
    }

    /// Two sessions by our engine.
    pub(super) async fn resumption(&mut self) -> Result<(), DepthEnd> {
        let sessions = Remembering::new(self.visits.visitor.engine(), &self.target.sni);
        for _ in 0..2 {
            let _turn = self.turn().await?;
            self.seen.resumed = self.visits.visitor.session(self.target, &sessions).await?;
        }
        Ok(())
    }
}
