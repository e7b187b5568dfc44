//! One line.

use super::{Failure, Row, TlsaRow, WhyBogus, WhyFail};
use dane::Epoch;
use dane::dns::Security;
use dane::name::Name;
use dane::observation::CertificateBytes;
use dane::pem;
use dane::tlsa::Tlsa;
use data_encoding::BASE64;
use domain::base::iana::Rtype;
use domain::base::{Message, ParsedRecord, UnknownRecordData};
use domain::rdata::Rrsig;
use jiff::civil::Date;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashMap;

/// Certificates of one chain: more are no chain.
const MAX_CERTIFICATES: usize = 64;
/// Octets of text whose certificates are remembered, so that one is not decoded anew every hour: some 40,000.
const MAX_REMEMBERED: usize = 64 << 20;
/// Characters kept of a failure's text.
const MAX_TEXT: usize = 200;

/// Reads lines. Certificates that return share their octets, so give it all files of a city.
#[derive(Debug, Default)]
pub struct Parser {
    certificates: HashMap<String, CertificateBytes>,
    remembered: usize,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    domain: Cow<'a, str>,
    #[serde(borrow)]
    port: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    city: Cow<'a, str>,
    #[serde(borrow, default)]
    tlsa: Option<RawTlsa<'a>>,
    #[serde(borrow)]
    starttls: RawStarttls<'a>,
}

#[derive(Deserialize)]
struct RawTlsa<'a> {
    #[serde(borrow)]
    dnssec: Cow<'a, str>,
    #[serde(borrow, default)]
    why_bogus: Option<Cow<'a, str>>,
    #[serde(borrow)]
    record_raw: Cow<'a, str>,
}

#[derive(Deserialize)]
struct RawStarttls<'a> {
    #[serde(borrow, default)]
    certs: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    why_fail: Option<Cow<'a, str>>,
}

/// A string that is borrowed wherever it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Parser {
    /// One that remembers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a line says.
    ///
    /// # Errors
    /// Why it says nothing, in words that are the same for the same fault: so that they can be counted.
    pub fn line(&mut self, line: &[u8]) -> Result<Row, &'static str> {
        let raw: Raw<'_> = serde_json::from_slice(line).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => "a field is missing, or is not what it should be",
            _ => "not a JSON object",
        })?;
        let host = Name::from_chars(raw.domain.to_lowercase().chars()).map_err(|_| "domain: not a domain name")?;
        let port = raw.port.parse().ok().filter(|port| *port > 0).ok_or("port: not a number from 1 to 65535")?;
        let hour = hour(&raw.time).ok_or("time: not YYYYMMDD H")?;
        if raw.city.is_empty() || raw.city.len() > 64 {
            return Err("city: empty, or longer than 64 octets");
        }
        let tlsa = raw.tlsa.as_ref().map(tlsa).transpose()?;
        let starttls = match (&raw.starttls.certs, &raw.starttls.why_fail) {
            (Some(certs), None) if certs.is_empty() => Err(Failure { class: WhyFail::NoCertificate, text: String::new() }),
            (Some(certs), None) => Ok(self.chain(certs)?),
            (None, Some(why)) => Err(Failure { class: WhyFail::of(why), text: why.chars().take(MAX_TEXT).collect() }),
            _ => return Err("starttls: neither certs nor why_fail, or both"),
        };
        Ok(Row { host, port, hour, city: raw.city.into_owned(), tlsa, starttls })
    }

    fn chain(&mut self, certs: &[Text<'_>]) -> Result<Vec<CertificateBytes>, &'static str> {
        if certs.len() > MAX_CERTIFICATES {
            return Err("certs: more than 64");
        }
        certs.iter().map(|text| self.certificate(&text.0)).collect()
    }

    fn certificate(&mut self, text: &str) -> Result<CertificateBytes, &'static str> {
        if let Some(known) = self.certificates.get(text) {
            return Ok(known.clone());
        }
        let file = BASE64.decode(text.as_bytes()).map_err(|_| "certs: not base64")?;
        let blocks = pem::blocks(&file).map_err(|_| "certs: not PEM")?;
        let [block] = blocks.as_slice() else { return Err("certs: not one PEM block each") };
        if block.label != "CERTIFICATE" {
            return Err("certs: not a certificate");
        }
        let certificate = CertificateBytes(block.der.as_slice().into());
        self.remembered += text.len();
        if self.remembered > MAX_REMEMBERED {
            self.certificates.clear();
            self.remembered = text.len();
        }
        self.certificates.insert(text.to_owned(), certificate.clone());
        Ok(certificate)
    }
}

/// `20191031 9`, with one or two digits for the hour.
fn hour(text: &str) -> Option<i64> {
    let (day, hour) = text.split_once(' ')?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if day.len() != 8 || !(1..=2).contains(&hour.len()) || !digits(day) || !digits(hour) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| day.get(range)?.parse::<i16>().ok();
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let hour: i64 = hour.parse().ok().filter(|hour| (0..24).contains(hour))?;
    let date = Date::new(year, month as i8, day as i8).ok()?;
    let midnight = (date - Date::constant(1970, 1, 1)).get_days();
    Some(i64::from(midnight) * 86_400 + hour * 3600)
}

fn tlsa(raw: &RawTlsa<'_>) -> Result<TlsaRow, &'static str> {
    let status = match &*raw.dnssec {
        "Secure" => Security::Secure,
        "Insecure" => Security::Insecure,
        "Bogus" => Security::Bogus,
        _ => return Err("dnssec: not Secure, Insecure or Bogus"),
    };
    let why_bogus = (status == Security::Bogus).then(|| raw.why_bogus.as_deref().map_or(WhyBogus::Other, WhyBogus::of));
    let message = BASE64.decode(raw.record_raw.as_bytes()).map_err(|_| "record_raw: not base64")?;
    let Answer { records, ttl, signed, original_ttl, window } = answer(&message).ok_or("record_raw: not a DNS response")?;
    if records.is_empty() {
        return Err("record_raw: no TLSA record");
    }
    Ok(TlsaRow { status, why_bogus, signed, records, ttl, original_ttl, window, raw: (&*raw.record_raw).into() })
}

#[derive(Default)]
struct Answer {
    records: Vec<Tlsa>,
    ttl: u32,
    signed: bool,
    original_ttl: Option<u32>,
    window: Option<(Epoch, Epoch)>,
}

/// The TLSA records of a DNS response, whatever their owner is called: the studies ask for one name, and follow its aliases.
fn answer(message: &[u8]) -> Option<Answer> {
    let message = Message::from_octets(message).ok()?;
    let mut out = Answer::default();
    for record in message.answer().ok()? {
        let record: ParsedRecord<'_, &[u8]> = record.ok()?;
        match record.rtype() {
            Rtype::TLSA => {
                let record = record.to_record::<UnknownRecordData<&[u8]>>().ok()??;
                out.records.push(Tlsa::from_rdata(record.data().data()));
                out.ttl = record.ttl().as_secs();
            }
            Rtype::RRSIG => {
                // One that cannot be read is none.
                let Ok(Some(record)) = record.to_record::<Rrsig<&[u8], domain::base::ParsedName<&[u8]>>>() else { continue };
                let covered = record.data().type_covered();
                out.signed |= matches!(covered, Rtype::TLSA | Rtype::CNAME);
                if covered == Rtype::TLSA {
                    let data = record.data();
                    out.original_ttl = Some(data.original_ttl().as_secs());
                    out.window = Some((data.inception().into_int().into(), data.expiration().into_int().into()));
                }
            }
            _ => {}
        }
    }
    Some(out)
}
