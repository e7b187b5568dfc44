//! Other people's mail servers as senders: each behind a resolver of its own choice, taking mail for every scenario.

use super::place::{Network, Place, address};
use super::resolver::Resolver;
use super::tap::Tap;
use crate::apart::{self, Machine};
use crate::process::{self, Server};
use crate::{postfix, software};
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where senders take mail.
const PORT: u16 = 2525;
/// Accounts that their packages would make.
const ACCOUNTS: [&str; 7] = ["postfix", "postdrop", "Debian-exim", "smmta", "smmsp", "opensmtpd", "opensmtpq"];
/// What a system needs to believe its resolver's AD bit. (resolv.conf(5))
pub const TRUST_AD: &str = "options edns0 trust-ad\n";

/// A mail server with a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sender {
    /// Postfix, `smtp_tls_security_level = may`.
    PostfixMay,
    /// Postfix, `dane`.
    PostfixDane,
    /// Postfix, `dane-only`.
    PostfixDaneOnly,
    /// Exim without a word about DANE.
    Exim,
    /// Exim, `hosts_require_dane = *`.
    EximRequire,
    /// sendmail as Debian 12 builds it.
    Sendmail17,
    /// sendmail as Debian 13 builds it, `DANE=true`.
    Sendmail18,
    /// OpenSMTPD.
    OpenSmtpd,
}

/// How a sender's log tells what became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// `to=<…>, …, status=sent (…)`
    Postfix,
    /// `=> …`, `== …`, `** …`
    Exim,
    /// `to=<…>, …, dsn=2.0.0, stat=Sent (…)`
    Sendmail,
    /// `to=<…> … result="Ok" stat="…"`
    OpenSmtpd,
}

impl Sender {
    /// All that there are.
    pub const ALL: [Self; 8] = [
        Self::PostfixMay,
        Self::PostfixDane,
        Self::PostfixDaneOnly,
        Self::Exim,
        Self::EximRequire,
        Self::Sendmail17,
        Self::Sendmail18,
        Self::OpenSmtpd,
    ];

    /// A word for file names and host names.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::PostfixMay => "postfix-may",
            Self::PostfixDane => "postfix-dane",
            Self::PostfixDaneOnly => "postfix-dane-only",
            Self::Exim => "exim",
            Self::EximRequire => "exim-require",
            Self::Sendmail17 => "sendmail-8-17",
            Self::Sendmail18 => "sendmail-8-18",
            Self::OpenSmtpd => "opensmtpd",
        }
    }

    /// The package that it is in, and the package's directory if it has its own.
    #[must_use]
    pub fn package(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::PostfixMay | Self::PostfixDane | Self::PostfixDaneOnly => ("postfix", None),
            Self::Exim | Self::EximRequire => ("exim4-daemon-light", None),
            Self::Sendmail17 => ("sendmail-bin", Some("sendmail-8.17")),
            Self::Sendmail18 => ("sendmail-bin", Some("sendmail-8.18")),
            Self::OpenSmtpd => ("opensmtpd", None),
        }
    }

    /// What is set in its configuration, in its own words.
    #[must_use]
    pub fn setting(self) -> &'static str {
        match self {
            Self::PostfixMay => "smtp_tls_security_level = may",
            Self::PostfixDane => "smtp_tls_security_level = dane, smtp_dns_support_level = dnssec",
            Self::PostfixDaneOnly => "smtp_tls_security_level = dane-only, smtp_dns_support_level = dnssec",
            Self::Exim | Self::OpenSmtpd | Self::Sendmail17 => "as it comes",
            Self::EximRequire => "hosts_require_dane = *",
            Self::Sendmail18 => "DANE=true",
        }
    }

    /// How its log speaks.
    #[must_use]
    pub fn words(self) -> Words {
        match self {
            Self::PostfixMay | Self::PostfixDane | Self::PostfixDaneOnly => Words::Postfix,
            Self::Exim | Self::EximRequire => Words::Exim,
            Self::Sendmail17 | Self::Sendmail18 => Words::Sendmail,
            Self::OpenSmtpd => Words::OpenSmtpd,
        }
    }
}

/// A sender that runs, and its resolver's tap.
pub struct Running {
    /// Which.
    pub sender: Sender,
    /// The name that it calls itself.
    pub helo: String,
    /// What it asked.
    pub tap: Tap,
    server: Server,
    at: SocketAddr,
    room: PathBuf,
}

impl Running {
    /// Starts a sender behind a resolver that runs, with these options in its `resolv.conf`.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(place: &Place, sender: Sender, resolver: Resolver, options: &str) -> Self {
        let trusting = if options == TRUST_AD { "" } else { "-untrusting" };
        let name = format!("{}{trusting}-{}", sender.word(), resolver.word());
        // A third octet for each resolver, the fourth for the sender; those that do not trust AD come after the others.
        let number = 1 + sender as u8 + if options == TRUST_AD { 0 } else { 100 };
        let (tap_at, at) = (address(Network::Tap, resolver as u8, number), address(Network::Sender, resolver as u8, number));
        let tap = Tap::before(SocketAddr::from((resolver.address(), 53)), tap_at);
        let room = place.room(&name);
        let helo = format!("{name}.client.example");
        certificate(&room);
        apart::catch_log(&room);
        let resolv_conf = format!("nameserver {tap_at}\n{options}");
        let machine = Machine { accounts: &ACCOUNTS, tree: sender.package().1, resolver: Some(&resolv_conf) };
        let script = script(sender, &room, at, &helo);
        let at = SocketAddr::from((at, PORT));
        let server = Server::start(machine.command(&script, &room), &room.join("log"), at);
        Self { sender, helo, tap, server, at, room }
    }

    /// All that it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        let file = match self.sender.words() {
            Words::Postfix | Words::Sendmail => "syslog",
            Words::Exim => "exim-mainlog",
            Words::OpenSmtpd => return self.server.log(),
        };
        String::from_utf8_lossy(&fs::read(self.room.join(file)).unwrap_or_default()).into_owned()
    }

    /// Gives it a message for this recipient.
    ///
    /// # Panics
    /// If it does not take it: what it said is shown.
    pub fn submit(&self, recipient: &str) {
        // OpenSMTPD has been seen to leave a client waiting while it is busy; there is one message all the same, as none was taken.
        let said = (0..3).map(|_| self.dialogue(recipient)).find(|said| said.is_ok()).unwrap_or_else(|| self.dialogue(recipient));
        let said = said.unwrap_or_else(|e| panic!("{}: {e}\n{}\n{}", self.helo, self.server.log(), self.log()));
        assert!(said.starts_with("250"), "{} says {said} to {recipient}", self.helo);
    }

    /// The reply to the message's end, or the first that is not wanted.
    fn dialogue(&self, recipient: &str) -> io::Result<String> {
        let stream = TcpStream::connect(self.at)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut replies = BufReader::new(stream.try_clone()?);
        let mut commands = stream;
        let message = format!("From: <probe@client.example>\r\nTo: <{recipient}>\r\nSubject: probe\r\n\r\nhello\r\n.\r\n");
        let lines = ["EHLO test.client.example\r\n", "MAIL FROM:<>\r\n", &format!("RCPT TO:<{recipient}>\r\n"), "DATA\r\n", &message];
        let mut said = reply(&mut replies)?;
        for line in lines {
            if !said.starts_with('2') && !said.starts_with('3') {
                return Ok(format!("no: {said}"));
            }
            commands.write_all(line.as_bytes())?;
            said = reply(&mut replies)?;
        }
        commands.write_all(b"QUIT\r\n")?;
        Ok(said)
    }

    /// Whether it speaks TLS to its own clients, as openssl finds.
    #[must_use]
    pub fn receives_by_tls(&self) -> (bool, String) {
        let mut command = software::command("openssl");
        command.args(["s_client", "-starttls", "smtp", "-connect", &self.at.to_string()]);
        let output = process::output(command, Duration::from_secs(30));
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let session = text.lines().find(|line| line.starts_with("New, TLSv1")).map(str::to_owned);
        let alert = text.lines().find(|line| line.contains("alert") || line.contains("not offer") || line.contains("Didn't find STARTTLS"));
        match session {
            Some(session) => (true, session.trim_start_matches("New, ").to_owned()),
            None => (false, alert.unwrap_or("no TLS").split(':').skip(5).take(1).collect::<String>()),
        }
    }
}

/// A reply's last line.
fn reply(replies: &mut impl BufRead) -> io::Result<String> {
    loop {
        let mut line = String::new();
        if replies.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line.trim_end().to_owned());
        }
    }
}

/// What the sender shows where it receives.
fn certificate(room: &Path) {
    let mut command = software::command("openssl");
    command.args("req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj /CN=client".split(' '));
    command.arg("-keyout").arg(room.join("server.key")).arg("-out").arg(room.join("server.crt"));
    let _ = process::succeed(command);
    let both = [fs::read(room.join("server.key")).expect("key"), fs::read(room.join("server.crt")).expect("certificate")].concat();
    fs::write(room.join("server.pem"), both).expect("key and certificate");
}

/// Writes a sender's configuration and returns the commands that start it.
fn script(sender: Sender, room: &Path, at: Ipv4Addr, helo: &str) -> String {
    let text = |template: &str| {
        let words = [("HOME", room.display().to_string()), ("ADDRESS", at.to_string()), ("WHOAMI", helo.to_owned())];
        words.iter().fold(template.to_owned(), |text, (word, value)| text.replace(word, value))
    };
    let file = |name: &str, content: String| fs::write(room.join(name), content).expect("configuration");
    match sender {
        Sender::PostfixMay | Sender::PostfixDane | Sender::PostfixDaneOnly => {
            let settings: String = sender.setting().split(", ").map(|line| format!("{line}\n")).collect();
            file("main.cf", text(POSTFIX) + &settings);
            file("master.cf", text("ADDRESS:2525 inet n - n - - smtpd\nsmtp unix - - n - 150 smtp\n") + postfix::SERVICES);
            text(POSTFIX_START)
        }
        Sender::Exim | Sender::EximRequire => {
            let more = if sender == Sender::EximRequire { "  hosts_require_dane = *" } else { "" };
            file("exim4.conf", text(EXIM).replace("MORE", more));
            text(EXIM_START)
        }
        Sender::Sendmail17 | Sender::Sendmail18 => {
            let more = if sender == Sender::Sendmail18 { "define(`confDANE',`true')dnl" } else { "dnl" };
            file("sendmail.mc", text(SENDMAIL).replace("MORE", more));
            text(SENDMAIL_START)
        }
        Sender::OpenSmtpd => {
            file("smtpd.conf", text(OPENSMTPD));
            text(OPENSMTPD_START)
        }
    }
}

const POSTFIX: &str = "compatibility_level = 3.6
myhostname = WHOAMI
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_tls_security_level = may
smtpd_tls_chain_files = HOME/server.pem
smtp_host_lookup = dns
smtp_tls_loglevel = 1
smtp_connect_timeout = 5s
default_process_limit = 150
";

const POSTFIX_START: &str = "mkdir -p /etc/postfix /var/spool/postfix /var/lib/postfix
cp /usr/share/postfix/* /etc/postfix/ 2>/dev/null || true
cp HOME/main.cf HOME/master.cf /etc/postfix/
chown -R root:root /etc/postfix
chown postfix /var/lib/postfix
postfix check
exec /usr/lib/postfix/sbin/master -d
";

const EXIM: &str = "primary_hostname = WHOAMI
local_interfaces = ADDRESS
daemon_smtp_ports = 2525
spool_directory = /var/spool/exim4
log_file_path = HOME/exim-%slog
log_selector = +tls_peerdn +tls_cipher +tls_certificate_verified +dnssec
disable_ipv6 = true
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 0
tls_advertise_hosts = *
tls_certificate = /etc/exim4/server.crt
tls_privatekey = /etc/exim4/server.key
acl_smtp_rcpt = take
begin acl
take:
  accept
begin routers
dnslookup:
  driver = dnslookup
  transport = remote_smtp
  self = send
begin transports
remote_smtp:
  driver = smtp
  allow_localhost
  connect_timeout = 5s
MORE
begin retry
*  *  F,2h,15m
";

const EXIM_START: &str = "mkdir -p /etc/exim4 /var/spool/exim4
chown -R Debian-exim:Debian-exim /var/spool/exim4
cp HOME/exim4.conf HOME/server.crt HOME/server.key /etc/exim4/
chown Debian-exim /etc/exim4/server.key
exec exim4 -bdf -oP HOME/exim.pid
";

const SENDMAIL: &str = "include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
VERSIONID(`lab')dnl
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`nocanonify')dnl
define(`confDOMAIN_NAME',`WHOAMI')dnl
define(`confLOG_LEVEL',`14')dnl
define(`confTO_CONNECT',`5s')dnl
define(`confTO_IDENT',`0')dnl
define(`confQUEUE_LA',`1000')dnl
define(`confREFUSE_LA',`1000')dnl
define(`confDELAY_LA',`1000')dnl
define(`confCACERT',`/etc/mail/server.crt')dnl
define(`confCACERT_PATH',`/etc/mail')dnl
define(`confSERVER_CERT',`/etc/mail/server.crt')dnl
define(`confSERVER_KEY',`/etc/mail/server.key')dnl
MORE
DAEMON_OPTIONS(`Name=MTA, Addr=ADDRESS, Port=2525')dnl
MAILER(`smtp')dnl
";

const SENDMAIL_START: &str = "mkdir -p /var/spool/mqueue /run/sendmail/mta /etc/mail
chown root:root /var/spool/mqueue
chmod 700 /var/spool/mqueue
cp HOME/server.crt HOME/server.key /etc/mail/
chmod 600 /etc/mail/server.key
: > /etc/mail/local-host-names
: > /etc/mail/trusted-users
m4 HOME/sendmail.mc > /etc/mail/sendmail.cf
sed -i '/^Fw\\|^Ft\\|^FR/d' /etc/mail/sendmail.cf
cp /etc/mail/sendmail.cf HOME/
exec /usr/libexec/sendmail/sendmail -bD -Am
";

const OPENSMTPD: &str = "pki ours cert \"HOME/server.crt\"
pki ours key \"/etc/server.key\"
listen on ADDRESS port 2525 tls pki ours hostname WHOAMI
action \"out\" relay helo WHOAMI
match from any for any action \"out\"
";

const OPENSMTPD_START: &str = "mkdir -p /var/spool/smtpd /var/lib/opensmtpd/empty /var/empty
chmod 711 /var/spool/smtpd
cp HOME/server.key /etc/server.key
chmod 600 /etc/server.key
exec smtpd -d -v -f HOME/smtpd.conf
";
