//! The options of `check --resolver`, and the look itself.

use crate::common::{file, time};
use crate::exit::UsageError;
use dane::name::{Name, parse_domain};
use dane::observation::{ResolverObservation, ResolverQuestion, ResolverQuestions};
use domain::base::iana::Rtype;
use probe::{ResolverLook, observe_resolvers, parse_resolv_conf};
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Looks at the resolvers of this machine instead of a domain.
//
// clap waives what an option requires if that conflicts with what is there, so these options name the conflict themselves.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options of --resolver")]
pub struct ResolversOptions {
    /// Look at the resolvers of this machine instead of a domain: do they validate, does their word (AD) reach a mail server, do TLSA records and long answers get through?
    #[arg(long, conflicts_with_all = ["domains", "host", "with_cert", "at", "days"])]
    pub resolver: bool,

    /// The file that names the resolvers
    #[arg(long, value_name = "FILE", default_value = "/etc/resolv.conf", requires = "resolver", conflicts_with = "domains")]
    resolv_conf: PathBuf,

    /// Port of the resolvers, for a lab on unprivileged ports
    #[arg(long, value_name = "N", default_value_t = 53, requires = "resolver", conflicts_with = "domains")]
    resolver_port: u16,

    /// How long a resolver may take for one answer, seconds. It is asked ten questions, over UDP twice if need be
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds, requires = "resolver", conflicts_with = "domains")]
    resolver_timeout: Duration,

    /// A name that has signed records of this type
    #[arg(long, value_name = "NAME/TYPE", default_value = "org/SOA", value_parser = question, requires = "resolver", conflicts_with = "domains")]
    signed_name: ResolverQuestion,

    /// A name whose records of this type have wrong signatures, on purpose
    #[arg(long, value_name = "NAME/TYPE", default_value = "dnssec-failed.org/A", value_parser = question, requires = "resolver", conflicts_with = "domains")]
    bogus_name: ResolverQuestion,

    /// A name that has signed TLSA records
    #[arg(long, value_name = "NAME", default_value = "_25._tcp.mx01.posteo.de", value_parser = name, requires = "resolver", conflicts_with = "domains")]
    tlsa_name: Name,

    /// A name whose signed answer of this type is longer than 512 octets
    #[arg(long, value_name = "NAME/TYPE", default_value = "./DNSKEY", value_parser = question, requires = "resolver", conflicts_with = "domains")]
    long_name: ResolverQuestion,
}

impl ResolversOptions {
    /// Reads the file and asks every server in it.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn look(&self, runtime: &Runtime) -> Result<ResolverObservation, UsageError> {
        let text = file::text("--resolv-conf", &self.resolv_conf)?;
        let conf = parse_resolv_conf(&text, &self.resolv_conf.display().to_string(), self.resolver_port);
        let questions = ResolverQuestions {
            signed: self.signed_name.clone(),
            bogus: self.bogus_name.clone(),
            tlsa: self.tlsa_name.clone(),
            long: self.long_name.clone(),
        };
        let look = ResolverLook { questions, timeout: self.resolver_timeout };
        Ok(runtime.block_on(observe_resolvers(conf, self.resolver_port, &look)))
    }
}

fn name(text: &str) -> Result<Name, String> {
    parse_domain(text).map_err(|error| error.to_string())
}

fn question(text: &str) -> Result<ResolverQuestion, String> {
    let form = || format!("'{text}': give a name and a type, as in example.com/MX");
    let (owner, rtype) = text.rsplit_once('/').ok_or_else(form)?;
    Ok(ResolverQuestion { name: name(owner)?, rtype: rtype.parse::<Rtype>().map_err(|_| form())? })
}

fn seconds(text: &str) -> Result<Duration, String> {
    time::seconds(text, 0.1..=60.0)
}
