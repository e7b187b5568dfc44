//! Who gets what.

use super::wishes::{Wish, WishError, Wishes};
use crate::dns::Dns;
use crate::look::now;
use crate::web::{Method, Request, Response, Site, Web, form};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

/// What became of a wish, for the page.
#[derive(Debug)]
pub enum Answer {
    /// It was taken.
    Taken(Wish),
    /// It was not.
    Refused(WishError),
}

/// Makes the page: by itself, or with what became of a wish.
pub type Page = Box<dyn Fn(Option<&Answer>) -> String + Send + Sync>;

/// The page that explains a scan, and takes wishes to be left alone.
pub struct Identify {
    page: Page,
    /// None: nobody keeps wishes.
    wishes: Option<Wishes>,
    dns: Arc<dyn Dns>,
}

impl Identify {
    /// Listens. `wishes`: where wishes are kept; without it the form is refused.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn bind(at: SocketAddr, page: Page, wishes: Option<Wishes>, dns: Arc<dyn Dns>) -> io::Result<Web> {
        Web::bind(at, Self { page, wishes, dns }).await
    }

    async fn wish(&self, body: &[u8], peer: IpAddr) -> Response {
        let Some(wishes) = &self.wishes else { return Response::of(404) };
        let fields = form(body);
        let field = |name: &str| fields.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str());
        let answer = match wishes.take(field("what"), field("contact"), peer, now(), self.dns.as_ref()).await {
            Ok(wish) => Answer::Taken(wish),
            Err(error) => Answer::Refused(error),
        };
        let status = match &answer {
            Answer::Taken(_) => 200,
            Answer::Refused(WishError::NotUnderstood) => 400,
            Answer::Refused(WishError::TooMany) => 429,
            Answer::Refused(WishError::Unkept(_)) => 503,
        };
        Response::page(status, (self.page)(Some(&answer)))
    }
}

impl Site for Identify {
    fn answer<'a>(&'a self, request: &'a Request, peer: IpAddr) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        Box::pin(async move {
            match (request.method, request.path.as_str()) {
                (Method::Get | Method::Head, "/") => Response::page(200, (self.page)(None)),
                (Method::Post, "/opt-out") => self.wish(&request.body, peer).await,
                (Method::Post, _) | (Method::Get | Method::Head, "/opt-out") => Response::of(405),
                (Method::Get | Method::Head, _) => Response::of(404),
            }
        })
    }
}
