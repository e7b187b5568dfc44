//! DNSSEC validation of answers that were kept, with nobody to ask: it comes to an end if the keys on the way were kept, too.

use archive::states::model::Evidence;
use dane::Epoch;
use dane::dns::Security;
use dane::name::{Name, tlsa_owner};
use data_encoding::BASE64;
use dnssec::{Anchors, MemoryCache, Policy, Question, Response, Step, Validation};
use domain::base::iana::Rtype;
use domain::base::{Message, ToName};

/// Questions of one validation: more are none of an answer's that can be trusted.
const MOST_STEPS: usize = 200;

/// Status of a host's TLSA records by the messages kept, and the code of why they are not secure. `None`: they do not suffice.
#[must_use]
pub fn tlsa(evidence: &Evidence, host: &str, port: u16, anchors: &Anchors, at: Epoch) -> Option<(Security, Option<&'static str>)> {
    let messages: Vec<Vec<u8>> = evidence.messages.lines().filter_map(|line| BASE64.decode(line.as_bytes()).ok()).collect();
    let fetch = |question: &Question| {
        messages.iter().filter(|message| asks(message, question)).find_map(|m| Response::from_message(m, question).ok())
    };
    let host = Name::from_chars(host.chars()).ok()?;
    let question = Question { name: tlsa_owner(&host, port)?, rtype: Rtype::TLSA };
    let response = fetch(&question)?;
    let mut validation = Validation::new(question, response, anchors, Policy::default(), at);
    let mut cache = MemoryCache::default();
    for _ in 0..MOST_STEPS {
        match validation.step(&mut cache) {
            Step::Ask(question) => {
                let response = fetch(&question)?;
                validation.supply(&question, Ok(response));
            }
            Step::Done(outcome) => {
                let reason = outcome.reason.as_ref().map(|reason| reason.code.code());
                let status = match outcome.status {
                    dnssec::Security::Secure => Security::Secure,
                    dnssec::Security::Insecure => Security::Insecure,
                    dnssec::Security::Bogus => Security::Bogus,
                    // "Could not look" is no news.
                    dnssec::Security::Indeterminate => return None,
                };
                return Some((status, reason));
            }
        }
    }
    None
}

/// Whether a message answers this question.
fn asks(message: &[u8], question: &Question) -> bool {
    let asked = Message::from_octets(message).ok().and_then(|message| message.first_question());
    asked.is_some_and(|asked| asked.qtype() == question.rtype && asked.qname().name_eq(&question.name))
}
