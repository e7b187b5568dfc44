//! Other people's software on the lab: unbound-host for every name, ldns, BIND and OpenSSL for zones and chains.

mod support;

use dane::cause::Cause;
use domain::base::iana::Rtype;
use lab::{Content, Lab};
use scenario::recipe::{
    Algorithm, Damage, Denial, Ds, Harm, Https, Issuer, Key, Names, Place, Route, Service, Signing, Smtp, Spot, Tlsa, TlsaVia, Twist,
    Validity, Zone,
};
use scenario::{Scenario, Sender};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;
use support::{Client, Section, have, name, records, run};

static LAB: LazyLock<Lab> = LazyLock::new(|| support::lab(0, Content::Catalogue));

/// What a validator must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Secure,
    Insecure,
    Bogus,
}

/// Status of everything in a zone that is not harmed by itself. (RFC 4035 section 4.3, section 5.2)
fn of_zone(zone: &Zone) -> Status {
    let withheld = zone.damage.iter().any(|d| d.how == Harm::Withheld);
    match (zone.signing, zone.ds) {
        (Signing::Unsigned, _) | (_, Ds::Missing) => Status::Insecure,
        // Nobody has it. RSA/SHA-1 is another matter: Debian's Unbound still validates it, as RFC 8624 wants.
        (Signing::OneKey(Algorithm::Gost), _) => Status::Insecure,
        (_, Ds::DigestMismatch | Ds::OtherKey) => Status::Bogus,
        _ if withheld => Status::Bogus,
        _ => Status::Secure,
    }
}

/// Status at a spot: that of the weakest zone on the way, or bogus if the spot is harmed.
fn at(s: &Scenario, spot: Spot) -> Status {
    let (own, side) = (of_zone(&s.recipe.zone), s.recipe.side.as_ref().map_or(Status::Secure, of_zone));
    let host = s.recipe.hosts.first();
    let harmed = |d: &Damage| d.at == spot || (spot == Spot::Tlsa && d.at == Spot::Alias);
    if own == Status::Secure && s.recipe.zone.damage.iter().any(harmed) {
        return Status::Bogus;
    }
    let (place, via) = (host.map(|h| h.place), host.map(|h| h.tlsa_via));
    let way = match (spot, place) {
        (Spot::Mx, _) if s.recipe.route == Route::AliasedDomain => own.max(side),
        (Spot::Mx, _) => own,
        (_, Some(Place::Side)) => side,
        (Spot::A | Spot::Aaaa, Some(Place::AliasToSide | Place::AliasToSideTlsaHere)) => own.max(side),
        (Spot::Tlsa, Some(Place::AliasToSide)) => side,
        (Spot::Tlsa, _) if via == Some(TlsaVia::AliasToSide) => own.max(side),
        _ => own,
    };
    let no_tlsa = host.is_none_or(|h| h.tlsa.is_empty());
    match (way, s.recipe.zone.denial, spot) {
        // A cover with opt-out proves nothing securely (RFC 5155 section 9.2), nor do too many iterations (RFC 9276 section 3.2).
        (Status::Secure, Denial::Nsec3OptOut, Spot::Tlsa) if no_tlsa => Status::Insecure,
        (Status::Secure, Denial::Nsec3 { iterations: 151.. }, Spot::Aaaa) => Status::Insecure,
        _ => way,
    }
}

fn answers(s: &Scenario) -> bool {
    let services = s.recipe.zone.service.iter().chain(s.recipe.side.iter().flat_map(|z| &z.service));
    services.into_iter().all(|v| matches!(v, Service::TcpOnly)) && s.recipe.route != Route::NoSuchDomain
}

/// Unbound's configuration: every zone a stub, because it cannot be told that all name servers are at another port.
fn unbound_configuration(dir: &Path) -> String {
    let client = Client::new(&LAB);
    let port = LAB.config().dns_port;
    let mut out = format!(
        "server:\n  trust-anchor-file: \"{}/anchor.ds\"\n  do-ip6: no\n  do-not-query-localhost: no\n  module-config: \"validator iterator\"\n",
        dir.display()
    );
    let mut zones: Vec<String> = [".", "com.", "net.", "org.", "nl.", "se.", "catalogue-dns.net."].map(str::to_owned).to_vec();
    for s in Scenario::all().iter().filter(|s| s.recipe.route != Route::NoSuchDomain) {
        zones.push(format!("{}.nl.", s.id));
        zones.extend(s.recipe.side.iter().map(|_| format!("{}-side.nl.", s.id)));
    }
    let catalogue = client.addresses(&name("ns1.catalogue-dns.net."));
    for zone in zones {
        let server = match zone.as_str() {
            "." => LAB.roots()[0].1[0].to_string(),
            tld if tld.matches('.').count() == 1 => client.walk(&name(tld), Rtype::SOA).expect("SOA").server.to_string(),
            _ => catalogue[0].to_string(),
        };
        let _ = write!(out, "stub-zone:\n  name: \"{zone}\"\n  stub-addr: {server}@{port}\n");
    }
    out
}

#[test]
fn unbound_says_secure_insecure_or_bogus_as_the_recipe_wants() {
    if !have("unbound-host") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    LAB.export_hints(dir.path()).expect("written");
    let configuration = dir.path().join("unbound.conf");
    std::fs::write(&configuration, unbound_configuration(dir.path())).expect("written");
    let configuration = configuration.display().to_string();
    let mut wrong = Vec::new();
    let mut asked = 0;
    for s in Scenario::all().iter().filter(|s| answers(s)) {
        let mail = if matches!(s.recipe.route, Route::WildcardMx | Route::AliasedDomain) { "mail." } else { "" };
        let mail = format!("{mail}{}.nl", s.id);
        let mut questions = vec![(Spot::Mx, "MX", mail.clone())];
        if let Some(host) = s.recipe.hosts.first().filter(|h| h.place != Place::AliasLoop) {
            let side = matches!(host.place, Place::Side | Place::AliasToSide);
            let target = if side { format!("mx1.{}-side.nl", s.id) } else { format!("mx1.{}.nl", s.id) };
            let target = if s.recipe.route == Route::Implicit { mail } else { target };
            let shown = if host.place == Place::AliasToSide { format!("mx1.{}.nl", s.id) } else { target.clone() };
            questions.extend([
                (Spot::A, "A", shown.clone()),
                (Spot::Aaaa, "AAAA", shown),
                (Spot::Tlsa, "TLSA", format!("_25._tcp.{target}")),
            ]);
        }
        for (spot, rtype, question) in questions {
            let (_, said) = run("unbound-host", &["-C", &configuration, "-v", "-t", rtype, &question]);
            let said_status = [("(secure)", Status::Secure), ("(insecure)", Status::Insecure), ("(BOGUS", Status::Bogus)];
            let found = said_status.iter().filter(|(word, _)| said.contains(word)).map(|(_, status)| *status).max();
            asked += 1;
            if found != Some(at(s, spot)) {
                wrong.push(format!("{question} {rtype}: {:?} wanted, {}", at(s, spot), said.trim()));
            }
        }
    }
    assert!(asked > 400, "{asked} questions");
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Zones that nothing is wrong with.
fn healthy() -> BTreeSet<String> {
    let fine =
        |z: &Zone| z.damage.is_empty() && !matches!(z.signing, Signing::Unsigned | Signing::OneKey(Algorithm::Gost | Algorithm::RsaSha1));
    let mut all: BTreeSet<String> = ["com", "net", "org", "nl", "se", "catalogue-dns.net", "dnshost.net"].map(str::to_owned).into();
    for s in Scenario::all().iter().filter(|s| s.recipe.route != Route::NoSuchDomain) {
        if fine(&s.recipe.zone) {
            all.insert(format!("{}.nl", s.id));
        }
        if s.recipe.side.as_ref().is_some_and(fine) {
            all.insert(format!("{}-side.nl", s.id));
        }
    }
    all
}

#[test]
fn other_peoples_tools_verify_the_healthy_zones() {
    let tools = [have("ldns-verify-zone"), have("dnssec-verify"), have("named-checkzone")];
    let dir = tempfile::tempdir().expect("a directory");
    LAB.export(dir.path()).expect("written");
    let zones = healthy();
    assert!(zones.len() > 90);
    for zone in zones.iter().map(String::as_str).chain(["."]) {
        let file = dir.path().join("zones").join(if zone == "." { "root.zone".to_owned() } else { format!("{zone}.zone") });
        let file = file.display().to_string();
        if tools[0] {
            let (good, said) = run("ldns-verify-zone", &["-V", "1", &file]);
            // It knows no limit, and its NSEC3 check stops at 150 iterations like everybody's.
            assert!(good || zone == "nsec3-iterations-high.nl", "ldns-verify-zone {zone}: {said}");
        }
        if tools[1] {
            let (good, said) = run("dnssec-verify", &["-q", "-z", "-o", zone, &file]);
            assert!(good || zone == "nsec3-iterations-high.nl", "dnssec-verify {zone}: {said}");
        }
        if tools[2] {
            // Its opinions on content (an MX that is an alias, an address as host) are the scenarios' business.
            let relaxed = ["-i", "none", "-M", "ignore", "-k", "ignore", "-q", zone, &file];
            let (good, said) = run("named-checkzone", &relaxed);
            assert!(good, "named-checkzone {zone}: {said}");
        }
    }
}

/// TLSA records of a host as `u s m hex`, by the wire.
fn tlsa(client: &Client, base: &str) -> Vec<String> {
    let Ok(answer) = client.walk(&name(&format!("_25._tcp.{base}.")), Rtype::TLSA) else { return vec![] };
    let all = records(&answer.reply, Section::Answer);
    all.into_iter().filter(|(_, t, _)| *t == Rtype::TLSA).map(|(.., data)| data.to_string().replace(" (", "").replace(" )", "")).collect()
}

/// Whether the TLSA records and the certificate are all that decides.
fn decided_by_certificate(s: &Scenario) -> bool {
    let [host] = s.recipe.hosts.as_slice() else { return false };
    let [server] = host.servers.as_slice() else { return false };
    let old = s.recipe.zone.signing == Signing::OneKey(Algorithm::RsaSha1);
    let secure = of_zone(&s.recipe.zone) == Status::Secure
        && s.recipe.zone.service.is_empty()
        && !old
        && s.recipe.zone.damage.is_empty()
        && s.recipe.side.is_none();
    // OpenSSL takes usages 0 and 1 for what they are in HTTPS, and unusable records for no records.
    let usable = |t: &Tlsa| {
        matches!((t.usage, t.selector, t.matching), (2 | 3, 0 | 1, 0..=2)) && matches!(t.twist, Twist::None | Twist::TwoDigitsOff)
    };
    secure
        && s.recipe.route == Route::Mx
        && host.place == Place::Own
        && server.smtp == Smtp::Normal
        && !host.tlsa.is_empty()
        && host.tlsa.iter().all(usable)
}

#[test]
fn openssl_agrees_whether_a_record_matches() {
    if !have("openssl") {
        return;
    }
    let client = Client::new(&LAB);
    let (mut judged, mut wrong) = (0, Vec::new());
    for s in Scenario::all().iter().filter(|s| decided_by_certificate(s)) {
        let host = format!("mx1.{}.nl", s.id);
        let exceptions = [
            // OpenSSL's client refuses keys of 1,024 bits at its default security level, whatever DANE says.
            s.recipe.hosts[0].servers[0].certificate.key == Key::Rsa1024,
            // `s_client` knows one reference identifier; this certificate has the other. (RFC 7672 section 3.2.2)
            s.id == "ta-name-next-hop",
        ];
        if exceptions.contains(&true) {
            continue;
        }
        let address = format!("{}:{}", client.addresses(&name(&format!("{host}.")))[0], LAB.config().smtp_port);
        let records = tlsa(&client, &host);
        assert!(!records.is_empty(), "{}", s.id);
        let mut arguments = vec!["s_client", "-starttls", "smtp", "-connect", &address, "-servername", &host, "-verify_return_error"];
        arguments.extend(["-dane_tlsa_domain", &host, "-dane_ee_no_namechecks"]);
        records.iter().for_each(|r| arguments.extend(["-dane_tlsa_rrdata", r.as_str()]));
        let (good, said) = run("openssl", &arguments);
        let matched = good && said.contains("Verification: OK") && said.contains("DANE TLSA");
        // R-063 rfc7671#5.2: that is what the warning says of OpenSSL.
        let expected = s.sender == [Sender::Dane] && !s.receiver.causes.contains(&Cause::TaSecondPath);
        if matched != expected {
            wrong.push(format!("{}: {records:?}\n{said}", s.id));
        }
        judged += 1;
    }
    assert!(wrong.is_empty(), "{} of {judged}:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(judged > 40, "{judged} scenarios");
}

/// Whether a client trusts the policy host is what its certificate's recipe says; and the page is what its behaviour says. (RFC 8461 section 3.3)
#[test]
fn openssl_agrees_whether_a_policy_host_is_trusted() {
    if !have("openssl") {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let ca = place.path().join("ca.pem");
    std::fs::write(&ca, LAB.ca_pem()).expect("written");
    let client = Client::new(&LAB);
    let mut judged = 0;
    for s in Scenario::all() {
        let Some(sts) = s.recipe.policies.as_ref().and_then(|p| p.sts.as_ref()).filter(|sts| sts.https != Https::Refused) else { continue };
        let host = format!("mta-sts.{}.nl", s.id);
        let address = format!("{}:{}", client.addresses(&name(&format!("{host}.")))[0], LAB.config().smtp_port);
        let arguments =
            ["s_client", "-connect", &address, "-servername", &host, "-verify_hostname", &host, "-CAfile", ca.to_str().expect("text")];
        let (good, said) = run("openssl", &[&arguments[..], &["-verify_return_error"]].concat());
        let certificate = &sts.certificate;
        let expected =
            certificate.issuer == Issuer::PublicCa && certificate.names == Names::Host && certificate.validity == Validity::Current;
        assert_eq!(good && said.contains("Verify return code: 0 (ok)"), expected, "{}\n{said}", s.id);
        judged += 1;
    }
    assert!(judged > 12, "{judged} policy hosts");
}
