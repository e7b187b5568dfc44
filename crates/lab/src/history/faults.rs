//! What goes wrong beside rollovers: DNSSEC, mail servers that do not answer, scanners that somebody blocks.

use super::grid::{DAY, Round};
use super::plan::{Class, Profile};
use super::server::Server;
use super::timeline::{Dnssec, Gap, Unseen};

/// What unbound says of bogus answers, and how often each of a thousand: "no keys have a DS" and "No DNSKEY record" together are P20's
/// 29.2% "non-existent DNSKEY"; the rest is not published as numbers.
const BOGUS: [(&str, u64); 15] = [
    ("validation failure: signature expired", 380),
    ("validation failure: no keys have a DS with algorithm RSASHA256", 172),
    ("validation failure: No DNSKEY record for key while building chain of trust", 120),
    ("validation failure: DS hash mismatches key", 60),
    ("validation failure: signature crypto failed", 60),
    ("validation failure: signature missing from answer", 60),
    ("validation failure: signatures from unknown keys", 40),
    ("validation failure: no signatures over the answer", 30),
    ("validation failure: signature before inception date", 20),
    ("validation failure: wildcard proof failed", 15),
    ("validation failure: cname proof failed", 10),
    ("validation failure: no DNSSEC records from the server", 10),
    ("validation failure: signature inception after expiration", 8),
    ("validation failure: no NSEC3 records from the server", 8),
    ("validation failure: no DS for DNSKEY", 7),
];

/// Why there is no certificate, and how often each of a hundred. The words are those of the studies' scanner.
const FAILURES: [(&str, u64); 9] = [
    ("dial tcp: i/o timeout", 40),
    ("dial tcp: connect: connection refused", 15),
    ("read tcp: connection reset by peer", 8),
    ("421 4.3.2 too many connections, try again later", 10),
    ("502 5.5.1 command not implemented", 8),
    ("554 5.7.1 service unavailable; client host blocked using a block list", 7),
    ("remote error: tls: handshake failure", 6),
    ("tls: first record does not look like a TLS handshake", 4),
    ("EOF", 2),
];

/// What a server says to a scanner whose address is on a block list.
const BLOCKED: &str = "554 5.7.1 client host rejected: listed by a block list";

impl Server<'_, '_> {
    /// Everything beside rollovers.
    pub(super) fn suffer(&mut self) {
        self.plan_dnssec();
        self.plan_outages();
    }

    /// Insecure ones by class as P22 Table 2 with section 5.2.2, four in five of them for want of a DS record; one of ten is mended. One in
    /// a hundred of the others is bogus for a while.
    fn plan_dnssec(&mut self) {
        let insecure = match self.plan.class {
            Class::Outsourced => 3,
            Class::OwnMail => 35,
            Class::Own => 31,
        };
        let appears = self.timeline.appears;
        let status = match (self.chance.percent(insecure), self.chance.percent(80)) {
            (false, _) => Dnssec::Secure,
            (true, true) => Dnssec::NoDs,
            (true, false) => Dnssec::Unsigned,
        };
        self.timeline.dnssec.insert(appears, status);
        self.truth.dnssec = match status {
            Dnssec::Unsigned => "unsigned",
            Dnssec::NoDs => "no-ds",
            _ => "secure",
        };
        let lasts = self.timeline.gone - appears;
        if status != Dnssec::Secure && self.chance.percent(10) {
            self.timeline.dnssec.insert(appears + lasts / 2, Dnssec::Secure);
        }
        if status == Dnssec::Secure && self.chance.percent(1) {
            let from = self.chance.between(appears + 1, self.timeline.gone - 10);
            let to = (from + self.chance.between(1, 72)).min(self.timeline.gone - 1);
            let why = self.one_of(&BOGUS);
            self.timeline.dnssec.extend([(from, Dnssec::Bogus(why)), (to, Dnssec::Secure)]);
            let times = (self.shared.grid.time(from), self.shared.grid.time(to));
            self.truth.bogus.push((times.0, times.1, why));
        }
    }

    /// Hours in which the server, or one vantage point, had trouble: never where that would touch a planned change.
    fn plan_outages(&mut self) {
        let vantages = self.shared.grid.vantages();
        let number = if self.plan.profile == Profile::Unchanged { 1 } else { 3 };
        for _ in 0..number {
            let length = if self.chance.percent(80) { self.chance.between(1, 4) } else { self.chance.between(5, 3 * DAY) };
            let why = self.one_of(&FAILURES);
            let tlsa_too = self.chance.percent(10);
            let vantage = self.chance.percent(60).then(|| self.chance.between(0, vantages as Round - 1) as usize);
            if self.chance.percent(50)
                && let Some((from, to)) = self.quiet(length)
            {
                let (mut gap, chain) = (Gap { from, to, vantage, what: Unseen::Tlsa }, Unseen::Chain(why));
                if tlsa_too {
                    self.timeline.gaps.push(gap);
                }
                gap.what = chain;
                self.timeline.gaps.push(gap);
            }
        }
        // Some servers heed a list on which one vantage point stands for days.
        if vantages > 1
            && self.chance.percent(3)
            && let Some((from, to)) = self.quiet(4 * DAY)
        {
            let vantage = Some(vantages - 1);
            self.timeline.gaps.push(Gap { from, to, vantage, what: Unseen::Chain(BLOCKED) });
        }
    }

    /// A stretch of so many rounds that touches nothing planned.
    fn quiet(&mut self, length: Round) -> Option<(Round, Round)> {
        let from = self.chance.between(self.timeline.appears + 3, self.timeline.gone - length - 3);
        let to = from + length - 1;
        let inside = from >= self.timeline.appears + 3 && to < self.timeline.gone - 2;
        let free = self.reserved.iter().all(|(first, last)| to < *first - 1 || from > *last + 1);
        (inside && free).then_some((from, to))
    }

    fn one_of(&mut self, weighted: &[(&'static str, u64)]) -> &'static str {
        let whole: u64 = weighted.iter().map(|(_, weight)| weight).sum();
        let mut at = self.chance.next() % whole.max(1);
        for (text, weight) in weighted {
            if at < *weight {
                return text;
            }
            at -= weight;
        }
        ""
    }
}
