//! Every word of the test bed's pages: to translate them, translate this file.

use dane::sender::{Answer, Class, Outcome, Ruling};

/// Words that stand where they are.
pub struct Texts {
    pub lang: &'static str,
    pub title: &'static str,
    pub begin_title: &'static str,
    pub begin: &'static str,
    pub how_title: &'static str,
    pub how: [&'static str; 3],
    pub privacy: &'static str,
    pub button: &'static str,
    pub addresses: &'static str,
    pub addresses_help: &'static str,
    pub copy: &'static str,
    pub copied: &'static str,
    pub result: &'static str,
    pub live: &'static str,
    pub table: &'static str,
    pub table_help: &'static str,
    pub scenarios: &'static str,
    pub wanted: &'static str,
    pub seen: &'static str,
    pub vendor: &'static str,
    pub vendor_help: &'static str,
    pub json: &'static str,
    pub tries: &'static str,
    pub audits: &'static str,
}

/// English.
pub const ENGLISH: Texts = Texts {
    lang: "en",
    title: "Does your mail provider validate DANE?",
    begin_title: "Find out in a few minutes",
    begin: "DANE lets a mail server prove who it is by a record in DNSSEC-signed DNS. A sender that validates it keeps your message rather than \
            give it to an impostor. This page tells whether the sender you use does.",
    how_title: "How it works",
    how: [
        "You get a list of mail addresses. Behind each is a mail domain with one thing right or wrong: a signature, a record, a certificate.",
        "You write to all of them from the account that is to be tested. What you write does not matter.",
        "We watch what your provider asks our name servers and what it does at our mail servers, and tell you here.",
    ],
    privacy: "Of a message only its size and header lines are kept; the text is thrown away, and nothing is passed on.",
    button: "Begin a test",
    addresses: "Write to these addresses",
    addresses_help: "One message to all of them will do, if your provider allows so many recipients; write several otherwise.",
    copy: "Copy all addresses",
    copied: "Copied",
    result: "What is known so far",
    live: "This page follows what happens. Senders try again for hours before they give a message up, so come back later; keep the address.",
    table: "DNSSEC, STARTTLS and DANE",
    table_help: "The columns of the study by Lee and others (2020) that tested 29 providers.",
    scenarios: "Every address",
    wanted: "RFC 7672 wants:",
    seen: "Seen:",
    vendor: "What to tell your provider",
    vendor_help: "Sentences that name what happened and the rule it goes against.",
    json: "The same as JSON",
    tries: "tries",
    audits: "It breaks connections off and delivers all the same: it looks, and does not act on what it sees.",
};

impl Texts {
    /// The kind of a sender.
    pub fn class(&self, class: Class) -> &'static str {
        match class {
            Class::Validates => "This sender validates DANE.",
            Class::ValidatesWithFaults => "This sender validates DANE, and gets some of it wrong.",
            Class::Ignores => "This sender asks for DANE's records and ignores them.",
            Class::Opportunistic => "This sender knows no DANE.",
            Class::TooStrict => "This sender validates DANE, and is too strict.",
            Class::CannotTellYet => "Nothing can be said yet.",
        }
    }

    /// What a cell says.
    pub fn answer(&self, answer: Answer) -> &'static str {
        match answer {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::NotApplicable => "does not apply",
            Answer::CannotTellYet => "not known yet",
        }
    }

    /// What became of a message.
    pub fn outcome(&self, outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Nothing => "nothing seen",
            Outcome::LookedUp => "looked up, not visited",
            Outcome::Withheld => "visited, not delivered",
            Outcome::Returned => "returned to its sender",
            Outcome::DeliveredInClear => "delivered in clear",
            Outcome::DeliveredEncrypted => "delivered under TLS",
        }
    }

    /// Whether that is right.
    pub fn ruling(&self, ruling: Ruling) -> &'static str {
        match ruling {
            Ruling::Kept => "right",
            Ruling::TooLax => "wrong: must not be delivered so",
            Ruling::TooStrict => "wrong: is to be delivered",
            Ruling::CannotTellYet => "not known yet",
        }
    }

    /// What RFC 7672 wants, by the words of the catalogue.
    pub fn action(&self, word: &str) -> &'static str {
        match word {
            "dane" => "deliver, authenticated by DANE",
            "enc" => "deliver under TLS, with nobody authenticated",
            "opp" => "deliver, under TLS where it can be had",
            "next" => "pass this server by",
            "defer" => "keep the message and try again",
            _ => "return the message",
        }
    }

    /// The sentence for the vendor.
    pub fn complaint(&self, ruling: Ruling, address: &str, title: &str, places: &str) -> String {
        match ruling {
            Ruling::TooStrict => format!("Your server does not deliver to {address} ({title}), though it is to: see {places}."),
            _ => format!("Your server delivered to {address} ({title}), where RFC 7672 forbids it: see {places}."),
        }
    }
}
