//! Mail servers that are not ours are visited, with every engine: what they present is what was seen, octet by octet.
//!
//! Postfix, Exim and OpenSMTPD as they are; GnuTLS behind a little SMTP, for what no mail server can be made to do any more.

use conformance::process::{Server, output, succeed};
use conformance::{apart, postfix, software, zone};
use dane::dns::{Lookup, Record, Security};
use dane::name::{Name, parse_domain};
use dane::observation::{AddressObservation, ClientOffer, Shows};
use domain::base::iana::Rtype;
use probe::{Certificates, Destinations, Dns, DnsFuture, Looker, LookerConfig, Pace};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const HOST: &str = "mx.example.org";

/// Everything is at one address.
struct Here(IpAddr);

impl Dns for Here {
    fn lookup<'a>(&'a self, name: &'a Name, rtype: Rtype) -> DnsFuture<'a, Lookup> {
        let mut lookup = Lookup::unasked(name, rtype, 0);
        (lookup.failure, lookup.failure_detail, lookup.status) = (None, None, Security::Secure);
        if rtype == Rtype::A {
            lookup.records.push(Record { owner: name.clone(), ttl: 1, data: self.0.to_string() });
        }
        Box::pin(std::future::ready(lookup))
    }

    fn zone_apex<'a>(&'a self, _: &'a Name) -> DnsFuture<'a, Option<Name>> {
        Box::pin(std::future::ready(None))
    }
}

/// Visits with everything we have.
fn visit(server: SocketAddr) -> AddressObservation {
    let config = LookerConfig {
        connect_port: Some(server.port()),
        destinations: Destinations::Any,
        certificates: Certificates::All,
        pace: Pace::unhurried(),
        ..LookerConfig::new(parse_domain("prober.example").unwrap())
    };
    let looker = Looker::new(Arc::new(Here(server.ip())), config).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seen = runtime.block_on(looker.observe_host(&parse_domain(HOST).unwrap()));
    seen.servers[0].clone()
}

fn openssl(directory: &Path, arguments: &str) {
    let mut command = software::command("openssl");
    command.args(arguments.split(' ')).current_dir(directory);
    let _ = succeed(command);
}

/// A key and a self-signed certificate in NAME.key, NAME.pem and NAME.der.
fn certificate(directory: &Path, name: &str, key: &str) {
    openssl(directory, &format!("genpkey {key} -out {name}.key"));
    openssl(directory, &format!("req -new -x509 -key {name}.key -out {name}.pem -days 3 -subj /CN={HOST}"));
    openssl(directory, &format!("x509 -in {name}.pem -outform DER -out {name}.der"));
}

const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const EC: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";

/// Which of the two certificates was shown, first and to whom; and that the server proved every key.
fn shown(seen: &AddressObservation, directory: &Path) -> Vec<(Option<ClientOffer>, &'static str)> {
    let which = |der: &[u8]| {
        ["rsa", "ec"]
            .into_iter()
            .find(|name| std::fs::read(directory.join(format!("{name}.der"))).is_ok_and(|file| file == der))
            .unwrap_or("?")
    };
    let first = seen.tls.as_ref().unwrap_or_else(|| panic!("no TLS: {seen:?}"));
    assert_eq!((&first.error, first.key_proven), (&None, Some(true)), "{seen:?}");
    let first = which(&first.chain[0].0);
    let mut all = vec![(None, first)];
    for look in &seen.others {
        all.push((
            Some(look.offer),
            match &look.shows {
                Shows::Same => first,
                Shows::Other(tls) if tls.error.is_some() => "none",
                Shows::Other(tls) => {
                    assert_eq!(tls.key_proven, Some(true), "{look:?}");
                    which(&tls.chain[0].0)
                }
                Shows::NotSeen { .. } => "not seen",
            },
        ));
    }
    all
}

/// A server with both certificates shows one to each kind of client that takes only one.
fn assert_both(seen: &AddressObservation, directory: &Path) {
    let shown = shown(seen, directory);
    let (offer, other) = if shown[0].1 == "ec" { (ClientOffer::Rsa, "rsa") } else { (ClientOffer::Ecdsa, "ec") };
    assert_eq!(shown[1..], [(Some(offer), other), (Some(ClientOffer::NoName), shown[0].1)], "{seen:?}");
}

/// A test's directory, and an address for its server.
fn place() -> (tempfile::TempDir, SocketAddr) {
    let directory = tempfile::tempdir().unwrap();
    let address: IpAddr = "127.0.40.1".parse().unwrap();
    certificate(directory.path(), "rsa", RSA);
    certificate(directory.path(), "ec", EC);
    (directory, SocketAddr::new(address, zone::free_port(&[address])))
}

fn file(directory: &Path, name: &str) -> PathBuf {
    let path = directory.join(name);
    let parts: Vec<Vec<u8>> = name.strip_suffix(".both").map_or_else(Vec::new, |stem| {
        [".key", ".pem"].iter().map(|end| std::fs::read(directory.join(format!("{stem}{end}"))).unwrap()).collect()
    });
    std::fs::write(&path, parts.concat()).unwrap();
    path
}

#[test]
fn postfix_with_two_certificates() {
    let (directory, address) = place();
    let chains = vec![file(directory.path(), "rsa.both"), file(directory.path(), "ec.both")];
    let listener = postfix::Listener { address: address.ip(), host: HOST.to_owned(), chains, parameters: Vec::new() };
    let _server = postfix::start(&[listener], address.port(), directory.path());
    assert_both(&visit(address), directory.path());
}

/// Exim with these certificates, and these lines more in its configuration.
fn exim(directory: &Path, address: SocketAddr, certificates: &[&str], more: &str) -> Server {
    let home = directory.display();
    let files = |end: &str| certificates.iter().map(|name| format!("{home}/{name}.{end}")).collect::<Vec<_>>().join(" : ");
    std::fs::write(
        directory.join("exim.conf"),
        format!(
            "primary_hostname = {HOST}\nlocal_interfaces = {}\ndaemon_smtp_ports = {}\ntls_advertise_hosts = *\n\
             tls_certificate = {}\ntls_privatekey = {}\n{more}\
             spool_directory = /var/spool/exim4\nlog_file_path = {home}/exim-%slog\nhost_lookup =\nrfc1413_query_timeout = 0s\n\
             acl_smtp_rcpt = deny_all\nbegin acl\ndeny_all:\n  deny\nbegin routers\nbegin transports\n",
            address.ip(),
            address.port(),
            files("pem"),
            files("key"),
        ),
    )
    .unwrap();
    let script = format!(
        "chown -R Debian-exim /var/spool/exim4 2>/dev/null || mkdir -p /var/spool/exim4\nchmod 755 {home}\nchmod 644 {home}/*.key\n\
         chown Debian-exim {home}\nexec /usr/sbin/exim4 -C {home}/exim.conf -bdf -oP {home}/exim.pid\n"
    );
    let command = apart::command(&script, &["Debian-exim"], directory);
    Server::start(command, &directory.join("log"), address)
}

#[test]
fn exim_with_two_certificates() {
    let (directory, address) = place();
    let _server = exim(directory.path(), address, &["rsa", "ec"], "");
    assert_both(&visit(address), directory.path());
}

/// What rustls refuses OpenSSL completes, in this version and with this suite, and the chain is that of the file.
fn assert_old(seen: &AddressObservation, (version, cipher): (&str, &str), directory: &Path) {
    let tls = seen.tls.as_ref().unwrap_or_else(|| panic!("no TLS: {seen:?}"));
    assert_eq!((tls.version.as_deref(), tls.cipher.as_deref()), (Some(version), Some(cipher)), "{seen:?}");
    assert!(tls.refused.is_some() && tls.engine.starts_with("OpenSSL"), "{seen:?}");
    assert_eq!(shown(seen, directory).first(), Some(&(None, "rsa")), "{seen:?}");
}

const TLS_1_0: (&str, &str) = ("TLSv1.0", "TLS_RSA_WITH_AES_128_CBC_SHA");
const KEY_EXCHANGE_BY_RSA: (&str, &str) = ("TLSv1.2", "TLS_RSA_WITH_AES_256_GCM_SHA384");

#[test]
fn postfix_with_old_tls_only() {
    for (protocols, ciphers, expected) in
        [("TLSv1", "AES128-SHA:@SECLEVEL=0", TLS_1_0), ("TLSv1.2", "AES256-GCM-SHA384:@SECLEVEL=0", KEY_EXCHANGE_BY_RSA)]
    {
        let (directory, address) = place();
        let chains = vec![file(directory.path(), "rsa.both")];
        let parameters = [
            ("smtpd_tls_protocols", protocols),
            ("smtpd_tls_ciphers", "medium"),
            ("tls_medium_cipherlist", ciphers),
            ("smtpd_tls_exclude_ciphers", ""),
        ];
        let parameters = parameters.map(|(name, value)| (name, value.to_owned())).to_vec();
        let listener = postfix::Listener { address: address.ip(), host: HOST.to_owned(), chains, parameters };
        let _server = postfix::start(&[listener], address.port(), directory.path());
        assert_old(&visit(address), expected, directory.path());
    }
}

#[test]
fn exim_with_old_tls_only() {
    for (priorities, expected) in [
        ("NONE:+VERS-TLS1.0:+RSA:+AES-128-CBC:+SHA1:+SIGN-ALL:+COMP-NULL", TLS_1_0),
        ("NONE:+VERS-TLS1.2:+RSA:+AES-256-GCM:+AEAD:+SIGN-ALL:+COMP-NULL", KEY_EXCHANGE_BY_RSA),
    ] {
        let (directory, address) = place();
        let _server = exim(directory.path(), address, &["rsa"], &format!("tls_require_ciphers = {priorities}\n"));
        assert_old(&visit(address), expected, directory.path());
    }
}

#[test]
fn opensmtpd_as_openssl_sees_it() {
    let (directory, address) = place();
    let home = directory.path().display();
    std::fs::write(
        directory.path().join("smtpd.conf"),
        format!(
            "pki ours cert \"{home}/rsa.pem\"\npki ours key \"{home}/rsa.key\"\nlisten on {} port {} tls pki ours hostname {HOST}\n\
             action none maildir\nmatch from any for domain \"nowhere.example\" action none\n",
            address.ip(),
            address.port()
        ),
    )
    .unwrap();
    let script = format!(
        "mkdir -p /var/spool/smtpd /var/lib/opensmtpd/empty /var/empty /run\nchmod 711 /var/spool/smtpd\nchmod 600 {home}/*.key\n\
         exec /usr/sbin/smtpd -d -f {home}/smtpd.conf\n"
    );
    let command = apart::command(&script, &["opensmtpd", "opensmtpq"], directory.path());
    let _server = Server::start(command, &directory.path().join("log"), address);
    let seen = visit(address);
    let tls = seen.tls.as_ref().unwrap_or_else(|| panic!("no TLS: {seen:?}"));
    assert_eq!(*tls.chain[0].0, *std::fs::read(directory.path().join("rsa.der")).unwrap(), "whatever becomes of the handshake");
    // Debian's OpenSMTPD 6.8 cannot sign with OpenSSL 3 ("missing private key") and breaks off by an alert. Another one may: openssl decides.
    let mut command = software::command("openssl");
    command.args(["s_client", "-starttls", "smtp", "-connect", &address.to_string()]);
    let judge = output(command, std::time::Duration::from_secs(20));
    let words = String::from_utf8_lossy(&[judge.stdout, judge.stderr].concat()).into_owned();
    if words.contains("alert internal error") {
        let error = tls.error.as_ref().map(|e| (e.kind.as_str(), e.alert.as_deref()));
        assert_eq!((error, tls.key_proven), (Some(("alert", Some("internal_error"))), None), "{seen:?}");
    } else {
        let expected = [(None, "rsa"), (Some(ClientOffer::Ecdsa), "none"), (Some(ClientOffer::NoName), "rsa")];
        assert_eq!(shown(&seen, directory.path()), expected, "{seen:?}\n{words}");
    }
}

/// GnuTLS with these priorities, behind a little SMTP.
struct GnuTls {
    _server: Server,
    front: SocketAddr,
}

impl GnuTls {
    fn start(priorities: &str, certificates: &[&str], directory: &Path, behind: SocketAddr) -> Self {
        let mut command = software::command("gnutls-serv");
        command.args(["--echo", "--priority", priorities, "--port", &behind.port().to_string()]);
        for name in certificates {
            command.arg("--x509certfile").arg(directory.join(format!("{name}.pem")));
            command.arg("--x509keyfile").arg(directory.join(format!("{name}.key")));
        }
        let server = Server::start(command, &directory.join("gnutls.log"), behind);
        let listener = std::net::TcpListener::bind((behind.ip(), 0)).unwrap();
        let front = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || forward(stream, behind));
            }
        });
        Self { _server: server, front }
    }
}

/// Greets, takes EHLO and STARTTLS, and is a wire from then on.
fn forward(mut client: std::net::TcpStream, behind: SocketAddr) -> std::io::Result<()> {
    use std::io::{BufRead, Write};
    let mut commands = std::io::BufReader::new(client.try_clone()?);
    client.write_all(b"220 mx.example.org ESMTP\r\n")?;
    let mut line = String::new();
    while !line.starts_with("STARTTLS") {
        if !line.is_empty() {
            client.write_all(b"250-mx.example.org\r\n250 STARTTLS\r\n")?;
        }
        line.clear();
        if commands.read_line(&mut line)? == 0 {
            return Ok(());
        }
    }
    client.write_all(b"220 go ahead\r\n")?;
    let server = std::net::TcpStream::connect(behind)?;
    let (mut up, mut down) = (client.try_clone()?, server.try_clone()?);
    let back = std::thread::spawn(move || {
        let _ = std::io::copy(&mut down, &mut up);
        let _ = up.shutdown(std::net::Shutdown::Both);
    });
    let mut server = server;
    let _ = std::io::copy(&mut commands, &mut server);
    let _ = server.shutdown(std::net::Shutdown::Both);
    let _ = back.join();
    Ok(())
}

#[test]
fn gnutls_of_every_age() {
    let (directory, behind) = place();
    let (ciphers, both) = ("NORMAL", &["rsa", "ec"][..]);
    {
        let server = GnuTls::start(ciphers, both, directory.path(), behind);
        assert_both(&visit(server.front), directory.path());
    }
    for (priorities, version, cipher) in [
        ("NONE:+VERS-TLS1.0:+RSA:+AES-128-CBC:+SHA1:+SIGN-ALL:+COMP-NULL", "TLSv1.0", "TLS_RSA_WITH_AES_128_CBC_SHA"),
        ("NONE:+VERS-TLS1.1:+DHE-RSA:+AES-256-CBC:+SHA1:+SIGN-ALL:+GROUP-FFDHE2048", "TLSv1.1", "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"),
        ("NONE:+VERS-TLS1.2:+RSA:+AES-128-CBC:+SHA256:+SIGN-ALL", "TLSv1.2", "TLS_RSA_WITH_AES_128_CBC_SHA256"),
        ("NONE:+VERS-TLS1.2:+DHE-RSA:+AES-128-GCM:+AEAD:+SIGN-ALL:+GROUP-FFDHE3072", "TLSv1.2", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
        (
            "NONE:+VERS-TLS1.2:+ECDHE-RSA:+AES-256-CBC:+SHA384:+SIGN-ALL:+GROUP-SECP384R1",
            "TLSv1.2",
            "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
        ),
        ("NONE:+VERS-TLS1.3:+AES-256-GCM:+AEAD:+SIGN-ALL:+GROUP-SECP521R1", "TLSv1.3", "TLS_AES_256_GCM_SHA384"),
    ] {
        let server = GnuTls::start(priorities, &["rsa"], directory.path(), behind);
        let seen = visit(server.front);
        let tls = seen.tls.as_ref().unwrap_or_else(|| panic!("{priorities}: {seen:?}"));
        assert_eq!((&tls.error, tls.version.as_deref(), tls.cipher.as_deref()), (&None, Some(version), Some(cipher)), "{priorities}");
        assert_eq!(shown(&seen, directory.path()).first(), Some(&(None, "rsa")), "{priorities}");
    }
}
