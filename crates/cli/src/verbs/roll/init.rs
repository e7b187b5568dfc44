//! `danelaw roll init`: writes a configuration from what it finds on this machine.

use crate::common::print;
use crate::exit::{Exit, UsageError};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// Writes a commented configuration from what is seen on this machine: Postfix's host name and certificate.
///
/// Nothing is overwritten.
#[derive(clap::Args)]
#[command(after_help = "EXAMPLES
  danelaw roll init

  # Look at it before it is written:
  danelaw roll init --config /dev/stdout

EXIT CODES
  0  it is written
  2  the file is there already, or cannot be written")]
pub struct Init {
    /// Where to write it
    #[arg(long, value_name = "FILE", default_value = "/etc/danelaw/roll.toml")]
    config: PathBuf,
}

/// What was found, or a word for what was not.
struct Found {
    host: String,
    certificate: String,
    key_file: Option<String>,
    reload: Option<&'static str>,
}

impl Init {
    /// Does it.
    ///
    /// # Errors
    /// If the file is there already, or cannot be written.
    pub fn run(self) -> Result<Exit, UsageError> {
        let text = text(&found());
        if self.config.as_os_str() == "/dev/stdout" {
            print::text(text);
            return Ok(Exit::Good);
        }
        let failed = |e: std::io::Error| {
            let remedy = if e.kind() == std::io::ErrorKind::AlreadyExists { "; it is left as it is" } else { "" };
            UsageError(format!("{}: {e}{remedy}", self.config.display()))
        };
        if let Some(directory) = self.config.parent() {
            std::fs::create_dir_all(directory).map_err(failed)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(&self.config).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        print::line(format_args!("{} is written: look at it, then try `danelaw roll run --once --dry-run`.", self.config.display()));
        Ok(Exit::Good)
    }
}

/// What Postfix says of itself.
fn found() -> Found {
    let postconf = |name: &str| -> Option<String> {
        let output = Command::new("postconf").args(["-hx", name]).output().ok().filter(|output| output.status.success())?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    let host = postconf("myhostname");
    let first = |files: String| files.split([',', ' ']).find(|file| !file.is_empty()).map(str::to_owned);
    let both = postconf("smtpd_tls_chain_files").and_then(first);
    let certificate = both.clone().or_else(|| postconf("smtpd_tls_cert_file")).filter(|file| file != "none");
    let key_file = if both.is_some() { None } else { postconf("smtpd_tls_key_file") };
    Found {
        reload: host.is_some().then_some("[\"postfix\", \"reload\"]"),
        host: host.unwrap_or_else(|| "mx1.example.org".to_owned()),
        certificate: certificate.unwrap_or_else(|| "/etc/ssl/mail/chain.pem".to_owned()),
        key_file: key_file.filter(|_| both.is_none()),
    }
}

fn text(found: &Found) -> String {
    let Found { host, certificate, key_file, reload } = found;
    let key_file = key_file.as_ref().map_or_else(
        || "# key-file = \"/etc/ssl/mail/key.pem\"   # if the key has a file of its own\n".to_owned(),
        |file| format!("key-file = {file:?}\n"),
    );
    let reload = reload.unwrap_or("[]                           # what makes your mail server read them again");
    format!(
        "# What `danelaw roll` keeps right. `danelaw roll run --once --dry-run` says what it would do.\n\
         \n\
         # State, keys and a journal. Back it up: the next key is in it, and its record is published.\n\
         state = \"/var/lib/danelaw/roll\"\n\
         \n\
         # How TLSA records are published: choose one.\n\
         [dns]\n\
         by = \"person\"                       # it says what to type, and waits until the world sees it\n\
         # by = \"update\"                     # DNS UPDATE with TSIG: BIND, Knot, PowerDNS and others\n\
         # server = \"127.0.0.1:53\"\n\
         # key-file = \"/etc/danelaw/tsig.key\" # as tsig-keygen writes it; readable by its owner only\n\
         # by = \"powerdns\"                   # PowerDNS's HTTP API\n\
         # url = \"http://127.0.0.1:8081/api/v1/servers/localhost\"\n\
         # key-file = \"/etc/danelaw/powerdns.key\"\n\
         # by = \"include\"                    # a file that your zone includes, and what makes the server read it\n\
         # file = \"/etc/nsd/tlsa.inc\"\n\
         # reload = [\"/usr/local/sbin/sign-and-reload\"]\n\
         \n\
         [[service]]\n\
         hosts = [{host:?}]\n\
         ttl = 3600                          # of the records: every wait is at least twice as long\n\
         \n\
         [[service.key]]                     # one of each kind that the server has\n\
         name = \"{host} ecdsa\"\n\
         kind = \"ecdsa\"                      # or \"rsa\"\n\
         certificate = {certificate:?}\n\
         {key_file}\
         keep-days = 365\n\
         # What gets a certificate for the key in $DANELAW_KEY (request: $DANELAW_CSR) and writes the chain to $DANELAW_CHAIN. Without it danelaw\n\
         # installs nothing, and whoever does asks `danelaw roll may-deploy` first.\n\
         # certify = [\"/etc/danelaw/certify\"]\n\
         reload = {reload}\n"
    )
}
