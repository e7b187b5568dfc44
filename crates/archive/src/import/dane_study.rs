//! The data that the authors of the studies publish: one JSON object a line for each SMTP server and hour, plain or gzip.
//!
//! ```json
//! {"domain": "mail.example.", "port": "25", "time": "20191031 9", "city": "virginia",
//!  "tlsa": {"dnssec": "Bogus", "why_bogus": "…", "record_raw": "base64 of the DNS response"},
//!  "starttls": {"certs": ["base64 of PEM", …]}}
//! ```
//! `tlsa` is absent if there was no data; `dnssec` is `Secure`, `Insecure` or `Bogus`, `why_bogus` libunbound's text; `starttls` has
//! `certs` or `why_fail`. `time` is `YYYYMMDD H` in UTC: one round. Fields that are not known are passed over.
//!
//! A row is what a line says, not more: whether a server is missing in an hour because it was not looked at is for the reader to find out,
//! from the hours in which the same city has any line.

mod line;
mod reader;
mod rounds;
mod status;
mod words;

pub use line::Parser;
pub use reader::{Bad, Line, Reader, Summary, read};
pub use rounds::{Import, Refused, Shown, Terms, Took};
pub use status::{status, why_fail};
pub use words::{WhyBogus, WhyFail};

use dane::Epoch;
use dane::dns::Security;
use dane::name::Name;
use dane::observation::CertificateBytes;
use dane::tlsa::Tlsa;

/// What one city saw of one server in one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Host name.
    pub host: Name,
    /// TCP port.
    pub port: u16,
    /// The hour's beginning.
    pub hour: Epoch,
    /// Who looked.
    pub city: String,
    /// The TLSA set; `None`: no data.
    pub tlsa: Option<TlsaRow>,
    /// The chain as sent, leaf first and never empty, or why there is none.
    pub starttls: Result<Vec<CertificateBytes>, Failure>,
}

/// A TLSA set and what libunbound said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsaRow {
    /// Secure, insecure or bogus.
    pub status: Security,
    /// Why it is bogus.
    pub why_bogus: Option<WhyBogus>,
    /// Whether the set, or an alias on the way to it, came with signatures.
    pub signed: bool,
    /// The records, in the order received; at least one.
    pub records: Vec<Tlsa>,
    /// Their TTL as received, seconds: what the studies count with.
    pub ttl: u32,
    /// Their TTL as the signer has it, if it is signed: a cache takes nothing from it.
    pub original_ttl: Option<u32>,
    /// First and last moment of a signature over the set, if there is one.
    pub window: Option<(Epoch, Epoch)>,
    /// The response as it stands in the line: base64.
    pub raw: Box<str>,
}

/// Why there is no chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In general.
    pub class: WhyFail,
    /// In the scanner's words; at most 200 characters.
    pub text: String,
}
