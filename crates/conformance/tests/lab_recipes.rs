//! Other people's software on the lab, held against its recipes: unbound-host for every name, ldns, BIND and OpenSSL for zones and chains.

use conformance::unbound::UnboundHost;
use conformance::world::World;
use conformance::{Question, Status, in_parallel, process, software};
use dane::cause::Cause;
use scenario::recipe::{
    Algorithm, Damage, Denial, Ds, Harm, Https, Issuer, Key, Names, Place, Route, Service, Signing, Smtp, Spot, Tlsa, TlsaVia, Twist,
    Validity, Zone,
};
use scenario::{Scenario, Sender};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Runs a program and returns whether it succeeded, and all that it said.
fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = software::command(program);
    command.args(arguments);
    let output = process::output(command, Duration::from_secs(60));
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
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

#[test]
fn unbound_says_secure_insecure_or_bogus_as_the_recipe_wants() {
    let directory = tempfile::tempdir().expect("a directory");
    let world = World::start(directory.path());
    let unbound = UnboundHost::new(&world.zones, world.lab.config().dns_port, &world.anchor(), directory.path());
    let mut wanted = Vec::new();
    for s in Scenario::all().iter().filter(|s| answers(s)) {
        let mail = if matches!(s.recipe.route, Route::WildcardMx | Route::AliasedDomain) { "mail." } else { "" };
        let mail = format!("{mail}{}.nl.", s.id);
        let mut ask = |spot, rtype, name: &str| wanted.push((Question::new(name, rtype), at(s, spot)));
        ask(Spot::Mx, "MX", &mail);
        if let Some(host) = s.recipe.hosts.first().filter(|h| h.place != Place::AliasLoop) {
            let side = matches!(host.place, Place::Side | Place::AliasToSide);
            let target = if side { format!("mx1.{}-side.nl.", s.id) } else { format!("mx1.{}.nl.", s.id) };
            let target = if s.recipe.route == Route::Implicit { mail } else { target };
            let shown = if host.place == Place::AliasToSide { format!("mx1.{}.nl.", s.id) } else { target.clone() };
            ask(Spot::A, "A", &shown);
            ask(Spot::Aaaa, "AAAA", &shown);
            ask(Spot::Tlsa, "TLSA", &format!("_25._tcp.{target}"));
        }
    }
    let said = in_parallel(&wanted, |(question, _)| unbound.ask(question));
    let differ = wanted.iter().zip(said).filter(|((_, wanted), (said, _))| wanted != said);
    let wrong: Vec<String> = differ.map(|((q, wanted), (_, text))| format!("{} {}: {wanted:?} wanted, {text}", q.name, q.rtype)).collect();
    assert!(wanted.len() > 400, "{} questions", wanted.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), wanted.len(), wrong.join("\n"));
}

/// Zones that nothing is wrong with.
fn healthy() -> BTreeSet<String> {
    let fine =
        |z: &Zone| z.damage.is_empty() && !matches!(z.signing, Signing::Unsigned | Signing::OneKey(Algorithm::Gost | Algorithm::RsaSha1));
    let mut all: BTreeSet<String> = ["", "com", "net", "org", "nl", "se", "catalogue-dns.net", "dnshost.net"].map(str::to_owned).into();
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
    let directory = tempfile::tempdir().expect("a directory");
    let world = World::start(directory.path());
    let healthy = healthy();
    assert!(healthy.len() > 90);
    let zones: Vec<_> = world.zones.iter().filter(|zone| healthy.contains(zone.name.trim_end_matches('.'))).collect();
    assert_eq!(zones.len(), healthy.len());
    for zone in zones {
        let (file, name) = (zone.file.display().to_string(), zone.name.as_str());
        // Nobody's limit for NSEC3 is above 150 iterations.
        let limited = name == "nsec3-iterations-high.nl.";
        let (good, said) = run("ldns-verify-zone", &["-V", "1", &file]);
        assert!(good || limited, "ldns-verify-zone {name}: {said}");
        let (good, said) = run("dnssec-verify", &["-q", "-z", "-o", name, &file]);
        assert!(good || limited, "dnssec-verify {name}: {said}");
        // Its opinions on content (an MX that is an alias, an address as host) are the scenarios' business.
        let (good, said) = run("named-checkzone", &["-i", "none", "-M", "ignore", "-k", "ignore", "-q", name, &file]);
        assert!(good, "named-checkzone {name}: {said}");
    }
}

/// TLSA records of a host as `u s m hex`, from the scenario's name server: wildcards and aliases are followed.
fn tlsa(world: &World, scenario: &str, host: &str) -> Vec<String> {
    let zone = world.zones.iter().find(|zone| zone.name == format!("{scenario}.nl.")).expect("its zone");
    let (server, port) = (format!("@{}", zone.servers[0]), world.lab.config().dns_port.to_string());
    let (_, said) = run("dig", &[&server, "-p", &port, "+noall", "+answer", "+nosplit", "TLSA", &format!("_25._tcp.{host}.")]);
    let fields = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let records: Vec<String> = fields.filter(|f| f.get(3) == Some(&"TLSA")).map(|f| f[4..].join(" ")).collect();
    assert!(!records.is_empty(), "{scenario}: {said}");
    records
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
    let directory = tempfile::tempdir().expect("a directory");
    let world = World::start(directory.path());
    let addresses: BTreeMap<&str, _> = world.servers.iter().map(|server| (server.host.as_str(), server.address)).collect();
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
        let address = format!("{}:{}", addresses[host.as_str()], world.lab.config().smtp_port);
        let records = tlsa(&world, s.id, &host);
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
    let directory = tempfile::tempdir().expect("a directory");
    let world = World::start(directory.path());
    let ca = world.file("ca.pem").display().to_string();
    let mut judged = 0;
    for s in Scenario::all() {
        let Some(sts) = s.recipe.policies.as_ref().and_then(|p| p.sts.as_ref()).filter(|sts| sts.https != Https::Refused) else { continue };
        let host = format!("mta-sts.{}.nl", s.id);
        let address = world.data(&format!("{host}."), "A");
        let address = format!("{}:{}", address[0], world.lab.config().smtp_port);
        let arguments = ["s_client", "-connect", &address, "-servername", &host, "-verify_hostname", &host, "-CAfile", &ca];
        let (good, said) = run("openssl", &[&arguments[..], &["-verify_return_error"]].concat());
        let certificate = &sts.certificate;
        let expected =
            certificate.issuer == Issuer::PublicCa && certificate.names == Names::Host && certificate.validity == Validity::Current;
        assert_eq!(good && said.contains("Verify return code: 0 (ok)"), expected, "{}\n{said}", s.id);
        judged += 1;
    }
    assert!(judged > 12, "{judged} policy hosts");
}
