//! `scan --identify`: the page for those who are visited, and their wishes.

use super::Args;
use crate::common::survey::Stop;
use crate::exit::{Exit, UsageError};
use dane::observation::VantageObservation;
use present::{Identity, WishAnswer};
use probe::identify::{Answer, Identify, Page, Wishes, accepted};
use probe::{LookerConfig, OptOut};
use resolve::Config;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::AbortHandle;

/// The page that explains the scan.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Identify")]
pub struct IdentifyOptions {
    /// While it runs, serve a page over HTTP that says who scans and why, and how to be left alone
    #[arg(long, value_name = "ADDR:PORT", requires = "contact")]
    identify: Option<SocketAddr>,

    /// Serve the page only, until stopped
    #[arg(long, requires = "identify")]
    pub identify_only: bool,

    /// Whom those should write to who have questions: a mail address, a name
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,

    /// What the scan is for, a sentence for the page
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, requires = "identify")]
    purpose: String,

    /// Keep wishes to be left alone here (made if it does not exist), and heed the accepted ones; one JSON object a line: to accept a pending one, make its state "accepted"
    #[arg(long, value_name = "FILE")]
    opt_out_requests: Option<PathBuf>,
}

/// A page being served; dropping it ends that.
pub struct Serving(AbortHandle);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl IdentifyOptions {
    /// Adds the accepted wishes to a list of who is left alone.
    ///
    /// # Errors
    /// If the file cannot be read: a wish must not be ignored.
    pub fn heed(&self, opt_out: &mut OptOut) -> Result<(), UsageError> {
        let Some(path) = &self.opt_out_requests else { return Ok(()) };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(in_file(path, &error)),
        };
        accepted(&text, opt_out).map_err(|line| in_file(path, &format_args!("line {line} is no wish; mend or remove it")))
    }

    /// Serves the page if that is wanted.
    ///
    /// # Errors
    /// If the address cannot be used.
    pub async fn serve(
        &self,
        args: &Args,
        asked: Config,
        visited: &LookerConfig,
        us: &VantageObservation,
    ) -> Result<Option<Serving>, UsageError> {
        let Some(at) = self.identify else { return Ok(None) };
        let dns = Arc::new(args.look.resolver(asked)?);
        let wishes = self.opt_out_requests.clone().map(|path| Wishes::new(path, visited.destinations));
        let failed = |e: std::io::Error| UsageError(format!("--identify {at}: {e}; name a free address and port of this machine"));
        let page = page(self.identity(visited, us, wishes.is_some()));
        let server = Identify::bind(at, page, wishes, dns).await.map_err(failed)?;
        let at = server.address().map_err(failed)?;
        anstream::eprintln!("danelaw: who we are is told at http://{at}/");
        Ok(Some(Serving(tokio::spawn(server.serve()).abort_handle())))
    }

    fn identity(&self, visited: &LookerConfig, us: &VantageObservation, takes_wishes: bool) -> Identity {
        Identity {
            contact: self.contact.clone().unwrap_or_default(),
            purpose: self.purpose.clone(),
            ehlo: visited.ehlo.to_string(),
            sources: us.sources.iter().map(ToString::to_string).collect(),
            port: visited.port,
            takes_wishes,
        }
    }
}

/// Serves the page until stopped.
///
/// # Errors
/// If the address or an option cannot be used.
pub async fn only(args: &Args) -> Result<Exit, UsageError> {
    let mut stop = Stop::new()?;
    let (asked, visited) = args.configs(&probe::Returns::POLITE)?;
    let us = args.look.looker(asked.clone(), visited.clone())?.vantage();
    let _serving = args.identify.serve(args, asked, &visited, &us).await?;
    stop.asked().await;
    Ok(Exit::Good)
}

fn page(identity: Identity) -> Page {
    Box::new(move |answer| {
        let answer = answer.map(|answer| match answer {
            Answer::Taken(wish) if wish.state == "accepted" => WishAnswer::Accepted { what: wish.what.clone() },
            Answer::Taken(wish) => WishAnswer::Pending { what: wish.what.clone() },
            Answer::Refused(error) => WishAnswer::Refused { why: error.to_string() },
        });
        present::identity_page(&identity, answer.as_ref()).unwrap_or_else(|_| format!("This is a scan. Contact: {:?}", identity.contact))
    })
}

fn in_file(path: &Path, error: &dyn std::fmt::Display) -> UsageError {
    UsageError(format!("--opt-out-requests {}: {error}", path.display()))
}
