//! PowerDNS' HTTP API (doc.powerdns.com/authoritative/http-api/zone.html).
//!
//! It replaces an RRset as a whole and knows no conditions, so the set is read first: a change that somebody else makes between reading and
//! writing, milliseconds, is lost. Where that matters, PowerDNS takes signed updates, too ([`super::Update`]).

use super::Done;
use super::change::{Change, TlsaSet};
use super::error::{Error, Why};
use super::key::{KeyError, read_secret};
use super::process::one_line;
use crate::http::{Client, Method, Response};
use dane::name::{Name, fqdn};
use dane::tlsa::Tlsa;
use serde_json::{Value, json};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// What the API wants to see in `X-API-Key`. Shown nowhere.
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Reads a file with one line in it.
    ///
    /// # Errors
    /// As [`super::Key::read`].
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let octets = read_secret(path)?;
        let text = std::str::from_utf8(&octets).map_err(|_| KeyError::NotAKeyFile)?.trim();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(KeyError::ApiKey);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// Where and how to use the API.
#[derive(Debug)]
pub struct PowerDns {
    /// The server's URL, such as `http://127.0.0.1:8081/api/v1/servers/localhost`.
    pub url: String,
    /// Certificates (PEM) that the server's is held against, for `https`.
    pub ca: Option<PathBuf>,
    /// The zone's apex; `None`: the closest that the server has.
    pub zone: Option<Name>,
    /// The key.
    pub key: ApiKey,
    /// For one request.
    pub wait: Duration,
}

/// The RRset, as the API shows it.
#[derive(Default)]
struct Found {
    set: TlsaSet,
    ttl: Option<u32>,
    /// Records that are kept but not served: they stay.
    disabled: Vec<String>,
}

impl PowerDns {
    pub(crate) async fn write(&self, change: &Change) -> Result<Done, Error> {
        self.change(change).await.map_err(Error::at(&self.url))
    }

    pub(crate) fn rendering(&self, change: &Change) -> String {
        let zone = self.zone.as_ref().map_or_else(|| "ZONE".to_owned(), id);
        format!("PATCH {}/zones/{zone}\n{:#}\n", self.url.trim_end_matches('/'), body(change, &[]))
    }

    async fn change(&self, change: &Change) -> Result<Done, Why> {
        let client = Client::new(&self.url, self.ca.as_deref(), self.wait)?;
        let zone = match &self.zone {
            Some(zone) => zone.clone(),
            None => self.apex(&client, &change.owner).await?,
        };
        let found = self.look(&client, &zone, &change.owner).await?;
        if found.set == change.to && (found.set.is_empty() || found.ttl == Some(change.ttl)) {
            return Ok(Done::AlreadyThere);
        }
        if found.set != change.from && found.set != change.to {
            let (owner, expected) = (change.owner.clone(), change.from.clone());
            return Err(Why::ChangedMeanwhile { owner, expected, found: Some(found.set) });
        }
        let path = format!("/zones/{}", id(&zone));
        let response = client.ask(Method::PATCH, &path, &self.key.0, Some(body(change, &found.disabled).to_string())).await?;
        match response.status {
            200..=299 => Ok(Done::Written),
            _ => Err(refusal(&response)),
        }
    }

    /// What the server has at the owner.
    async fn look(&self, client: &Client, zone: &Name, owner: &Name) -> Result<Found, Why> {
        // Servers that do not know the filter show the whole zone.
        let path = format!("/zones/{}?rrset_name={}", id(zone), id(owner));
        let response = client.ask(Method::GET, &path, &self.key.0, None).await?;
        match response.status {
            200 => read(&response.body, owner),
            404 => Err(Why::NoZone(owner.clone())),
            _ => Err(refusal(&response)),
        }
    }

    async fn apex(&self, client: &Client, owner: &Name) -> Result<Name, Why> {
        let mut candidate = Some(owner.clone());
        while let Some(name) = candidate {
            let response = client.ask(Method::GET, &format!("/zones/{}?rrsets=false", id(&name)), &self.key.0, None).await?;
            match response.status {
                200 => return Ok(name),
                404 => candidate = name.parent(),
                _ => return Err(refusal(&response)),
            }
        }
        Err(Why::NoZone(owner.clone()))
    }
}

/// The server's id of a zone: its name in lower case with the final dot, where other characters than those of host names are `=XX`.
fn id(zone: &Name) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let one = |c: char| if plain(c) { c.to_string() } else { format!("={:02X}", u32::from(c)) };
    fqdn(zone).to_ascii_lowercase().chars().map(one).collect()
}

/// The request that makes the change.
fn body(change: &Change, disabled: &[String]) -> Value {
    let records = change.to.texts().map(|text| json!({"content": text, "disabled": false}));
    let records: Vec<Value> = records.chain(disabled.iter().map(|text| json!({"content": text, "disabled": true}))).collect();
    let name = fqdn(&change.owner);
    match records.is_empty() {
        true => json!({"rrsets": [{"name": name, "type": "TLSA", "changetype": "DELETE"}]}),
        false => json!({"rrsets": [{"name": name, "type": "TLSA", "ttl": change.ttl, "changetype": "REPLACE", "records": records}]}),
    }
}

/// Reads a zone as the API shows it.
fn read(octets: &[u8], owner: &Name) -> Result<Found, Why> {
    let malformed = Why::Malformed("it is no zone as PowerDNS' API describes it");
    let Ok(zone) = serde_json::from_slice::<Value>(octets) else { return Err(malformed) };
    let Some(sets) = zone.get("rrsets").and_then(Value::as_array) else { return Err(malformed) };
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = fqdn(owner).to_ascii_lowercase();
    let of_type = |rtype: &str| sets.iter().find(|set| text(set, "type") == rtype && text(set, "name").to_ascii_lowercase() == name);
    if let Some(alias) = of_type("CNAME") {
        let target = alias.pointer("/records/0/content").and_then(Value::as_str).unwrap_or("another name");
        return Err(Why::Alias { owner: owner.clone(), target: one_line(target).trim_end_matches('.').to_owned() });
    }
    let Some(set) = of_type("TLSA") else { return Ok(Found::default()) };
    let mut found = Found { ttl: set.get("ttl").and_then(Value::as_u64).and_then(|ttl| u32::try_from(ttl).ok()), ..Found::default() };
    let mut rdata = Vec::new();
    for record in set.get("records").and_then(Value::as_array).into_iter().flatten() {
        let content = text(record, "content");
        if record.get("disabled").and_then(Value::as_bool) == Some(true) {
            found.disabled.push(content);
        } else {
            rdata.push(content.parse::<Tlsa>().map_err(|_| Why::Malformed("a TLSA record in it cannot be read"))?.to_rdata());
        }
    }
    found.set = TlsaSet::from_rdata(rdata);
    Ok(found)
}

fn refusal(response: &Response) -> Why {
    if matches!(response.status, 401 | 403) {
        return Why::ApiKey(response.status);
    }
    let value = serde_json::from_slice::<Value>(&response.body).ok();
    let said = value.as_ref().and_then(|value| value.get("error")).and_then(Value::as_str);
    let text = one_line(said.map_or_else(|| String::from_utf8_lossy(&response.body), Into::into).as_ref());
    Why::Api { status: response.status, text: text.chars().take(300).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr as _;

    #[test]
    fn disabled_records_are_not_served_and_not_lost() {
        let owner = Name::from_str("_25._tcp.mx.example").expect("a name");
        let zone = json!({"name": "example.", "rrsets": [
            {"name": "_25._tcp.mx.example.", "type": "A", "ttl": 5, "records": []},
            {"name": "_25._TCP.mx.example.", "type": "TLSA", "ttl": 60, "records": [
                {"content": "3 1 1 00ff", "disabled": false}, {"content": "3 1 1 aa", "disabled": true}]}]});
        let found = read(zone.to_string().as_bytes(), &owner).expect("a zone");
        assert_eq!((found.ttl, found.set.to_string()), (Some(60), "3 1 1 00ff".to_owned()));
        let change = Change { owner: owner.clone(), ttl: 60, from: found.set, to: TlsaSet::default() };
        let sent = body(&change, &found.disabled);
        assert_eq!(sent["rrsets"][0]["changetype"], "REPLACE");
        assert_eq!(sent["rrsets"][0]["records"], json!([{"content": "3 1 1 aa", "disabled": true}]));
        assert_eq!(body(&change, &[])["rrsets"][0]["changetype"], "DELETE");
        for text in ["", "[]", "{}", "{\"rrsets\": 1}"] {
            assert!(matches!(read(text.as_bytes(), &owner), Err(Why::Malformed(_))), "{text}");
        }
        assert!(read(b"{\"rrsets\": []}", &owner).expect("an empty zone").set.is_empty());
    }

    #[test]
    fn ids_are_names_with_the_final_dot() {
        for (name, wanted) in [("Example.org", "example.org."), ("0/25.2.0.192.in-addr.arpa", "0=2F25.2.0.192.in-addr.arpa.")] {
            assert_eq!(id(&Name::from_str(name).expect("a name")), wanted);
        }
    }
}
