//! One HTTP response.

use super::Method;

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A page without scripts.
    Page,
    /// A page with a script of its own in it.
    Scripted,
    /// JSON.
    Json,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: u16,
    kind: Kind,
    body: String,
    location: Option<String>,
}

impl Response {
    /// A page that says what the status means.
    #[must_use]
    pub fn of(status: u16) -> Self {
        let reason = reason(status);
        Self::page(status, format!("<!doctype html><title>{reason}</title><p>{reason}. <a href=\"/\">Begin</a></p>"))
    }

    /// A page without scripts.
    #[must_use]
    pub fn page(status: u16, body: String) -> Self {
        Self { status, kind: Kind::Page, body, location: None }
    }

    /// A body of another kind.
    #[must_use]
    pub fn with(kind: Kind, body: String) -> Self {
        Self { status: 200, kind, body, location: None }
    }

    /// "See there", for what was posted.
    #[must_use]
    pub fn see(path: &str) -> Self {
        // No header can begin within a path of ours.
        let path = path.chars().filter(|c| !c.is_control()).collect();
        Self { location: Some(path), ..Self::of(303) }
    }

    /// As it goes over the wire.
    #[must_use]
    pub fn octets(&self, method: Method) -> Vec<u8> {
        let (status, reason) = (self.status, reason(self.status));
        let kind = if self.kind == Kind::Json { "application/json" } else { "text/html; charset=utf-8" };
        let scripts = if self.kind == Kind::Scripted { " script-src 'unsafe-inline'; connect-src 'self';" } else { "" };
        let location = self.location.as_ref().map(|path| format!("Location: {path}\r\n")).unwrap_or_default();
        let allow = if status == 405 { "Allow: GET, HEAD, POST\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n{allow}{location}\
             Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline';{scripts} form-action 'self'; frame-ancestors 'none'; \
             base-uri 'none'\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n",
            self.body.len()
        );
        let mut octets = head.into_bytes();
        if method != Method::Head {
            octets.extend_from_slice(self.body.as_bytes());
        }
        octets
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        303 => "See Other",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_alone_have_the_length_of_the_page() {
        let response = Response::page(200, "<p>é</p>".to_owned());
        let (whole, head) = (response.octets(Method::Get), response.octets(Method::Head));
        let text = String::from_utf8(head.clone()).unwrap();
        assert!(whole.starts_with(&head) && text.contains("Content-Length: 9\r\n") && text.ends_with("\r\n\r\n"));
    }

    #[test]
    fn scripts_run_only_where_there_are_any() {
        let text = |response: Response| String::from_utf8(response.octets(Method::Get)).unwrap();
        assert!(
            !text(Response::of(404)).contains("script-src") && text(Response::with(Kind::Scripted, String::new())).contains("script-src")
        );
        assert!(text(Response::see("/t/a\r\nSet-Cookie: x")).contains("Location: /t/aSet-Cookie: x\r\n"));
    }
}
