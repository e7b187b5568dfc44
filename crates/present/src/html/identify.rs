//! The page that explains a scan to those who are visited.

use crate::text::clean;
use askama::Template;

/// Who scans, and how to reach them.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who to write to: an address, a URL, a name.
    pub contact: String,
    /// What else there is to say, in a sentence; may be empty.
    pub purpose: String,
    /// The name given in EHLO.
    pub ehlo: String,
    /// Source addresses.
    pub sources: Vec<String>,
    /// The port visited.
    pub port: u16,
    /// Whether wishes to be left alone are taken in here.
    pub takes_wishes: bool,
}

/// What became of a wish to be left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WishAnswer {
    /// It holds from the next round on.
    Accepted {
        /// Domain or network.
        what: String,
    },
    /// Somebody looks at it first.
    Pending {
        /// Domain or network.
        what: String,
    },
    /// It was not taken.
    Refused {
        /// Why, in words.
        why: String,
    },
}

struct Told {
    class: &'static str,
    title: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "identify.html")]
struct IdentityPage {
    contact: String,
    purpose: String,
    ehlo: String,
    sources: Vec<String>,
    port: u16,
    takes_wishes: bool,
    answer: Option<Told>,
}

/// The page as a string; with what became of a wish, if it answers one.
///
/// # Errors
/// If the template cannot be filled in: a fault of ours.
pub fn identity_page(identity: &Identity, answer: Option<&WishAnswer>) -> Result<String, askama::Error> {
    let answer = answer.map(|answer| match answer {
        WishAnswer::Accepted { what } => Told {
            class: "good",
            title: "Done",
            text: format!("{} is left alone from the next round on. A round that is under way now may still visit it.", clean(what)),
        },
        WishAnswer::Pending { what } => Told {
            class: "good",
            title: "We have it",
            text: format!(
                "Your wish for {} is kept, and holds as soon as somebody here has confirmed it: from your address we cannot see that it is yours.",
                clean(what)
            ),
        },
        WishAnswer::Refused { why } => Told { class: "bad", title: "That did not work", text: format!("Nothing was kept: {}.", clean(why)) },
    });
    IdentityPage {
        contact: clean(&identity.contact),
        purpose: clean(&identity.purpose),
        ehlo: clean(&identity.ehlo),
        sources: identity.sources.clone(),
        port: identity.port,
        takes_wishes: identity.takes_wishes,
        answer,
    }
    .render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(answer: Option<&WishAnswer>) -> String {
        let identity = Identity {
            contact: "scan@example.org".into(),
            purpose: "<b>For</b> a study.".into(),
            ehlo: "probe.example.org".into(),
            sources: vec!["192.0.2.1".into()],
            port: 25,
            takes_wishes: true,
        };
        identity_page(&identity, answer).unwrap()
    }

    #[test]
    fn it_says_who_and_how_to_opt_out_and_escapes_what_others_wrote() {
        let plain = page(None);
        for there in ["scan@example.org", "EHLO probe.example.org", "192.0.2.1", "action=\"/opt-out\"", "port 25", "viewport"] {
            assert!(plain.contains(there), "{there}");
        }
        assert!(!plain.contains("<script") && !plain.contains("http://") && !plain.contains("<b>For"));
        let hostile = page(Some(&WishAnswer::Pending { what: "<img src=x>.example".into() }));
        assert!(!hostile.contains("<img") && hostile.contains("confirmed"));
        assert!(page(Some(&WishAnswer::Refused { why: "too many".into() })).contains("Nothing was kept: too many."));
    }
}
