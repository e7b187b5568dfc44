//! One HTTP request, as far as we take it.

/// Octets of the request line and the header lines together.
const HEAD: usize = 8 * 1024;
/// Header lines.
const LINES: usize = 64;
/// Octets of a body: a domain and an address fit many times.
const BODY: usize = 2 * 1024;

/// What ends the header lines.
const END: &[u8] = b"\r\n\r\n";

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Send the page.
    Get,
    /// Send its headers.
    Head,
    /// Take a form.
    Post,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is to be done.
    pub method: Method,
    /// With what: the path without its query.
    pub path: String,
    /// The body; empty unless it is a POST.
    pub body: Vec<u8>,
}

/// Where reading stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// There is more to come.
    More,
    /// It is whole; what follows is not read.
    Done(Request),
    /// It is refused with this status code.
    Refused(u16),
}

/// Reads a request from pieces of any size.
#[derive(Debug, Default)]
pub struct RequestReader {
    buffer: Vec<u8>,
}

impl RequestReader {
    /// Takes what came. After [`Reading::Done`] or [`Reading::Refused`] there is nothing more to feed.
    pub fn feed(&mut self, bytes: &[u8]) -> Reading {
        // What is beyond the limits is never needed to say that it is.
        let room = (HEAD + END.len() + BODY).saturating_sub(self.buffer.len());
        self.buffer.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
        let Some(end) = self.buffer.windows(END.len()).position(|w| w == END).filter(|end| *end <= HEAD) else {
            return if self.buffer.len() >= HEAD + END.len() { Reading::Refused(431) } else { Reading::More };
        };
        let (head, rest) = self.buffer.split_at(end);
        let head = match Head::parse(head) {
            Ok(head) => head,
            Err(status) => return Reading::Refused(status),
        };
        let body = rest.get(END.len()..).unwrap_or_default();
        match body.get(..head.length) {
            Some(body) => Reading::Done(Request { method: head.method, path: head.path, body: body.to_vec() }),
            None => Reading::More,
        }
    }
}

struct Head {
    method: Method,
    path: String,
    length: usize,
}

impl Head {
    /// Request line and header lines; what is wrong is named by a status code.
    fn parse(bytes: &[u8]) -> Result<Self, u16> {
        let text = std::str::from_utf8(bytes).map_err(|_| 400_u16)?;
        let mut lines = text.split("\r\n");
        let mut line = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version), None) = (line.next(), line.next(), line.next(), line.next()) else {
            return Err(400);
        };
        if !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
            return Err(505);
        }
        if !target.starts_with('/') {
            return Err(400);
        }
        let method = match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            _ => return Err(405),
        };
        let length = length(lines)?;
        match (method, length) {
            (Method::Post, None) => Err(411),
            (Method::Post, Some(length)) if length > BODY => Err(413),
            (Method::Post, Some(length)) => Ok(Self { method, path: path(target), length }),
            // A body that we would not read could be taken for another request by whoever stands between.
            (_, Some(1..)) => Err(400),
            (_, _) => Ok(Self { method, path: path(target), length: 0 }),
        }
    }
}

/// The length of the body, by the one header that may say it. (RFC 9112 section 6.3)
fn length<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Option<usize>, u16> {
    let mut found = None;
    for (number, line) in lines.enumerate() {
        let (name, value) = line.split_once(':').ok_or(400_u16)?;
        if number >= LINES {
            return Err(431);
        }
        // No name is empty, and none ends with a blank: requests have been smuggled so.
        if name.is_empty() || name.bytes().any(|b| b.is_ascii_whitespace() || b.is_ascii_control()) {
            return Err(400);
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(501);
        }
        if name.eq_ignore_ascii_case("content-length") {
            let value = value.trim_matches([' ', '\t']);
            let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            if found.is_some() || !digits {
                return Err(400);
            }
            found = Some(value.parse().map_err(|_| 413_u16)?);
        }
    }
    Ok(found)
}

fn path(target: &str) -> String {
    target.split('?').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Reading {
        RequestReader::default().feed(text.as_bytes())
    }

    #[test]
    fn what_browsers_send_is_read() {
        let get = read("GET /?from=log HTTP/1.1\r\nHost: probe.example\r\nAccept: */*\r\n\r\n");
        assert_eq!(get, Reading::Done(Request { method: Method::Get, path: "/".into(), body: vec![] }));
        let post = "POST /opt-out HTTP/1.1\r\nHost: x\r\ncontent-length: 9\r\n\r\nwhat=a.nl";
        assert_eq!(read(post), Reading::Done(Request { method: Method::Post, path: "/opt-out".into(), body: b"what=a.nl".to_vec() }));
        let mut reader = RequestReader::default();
        let (last, first) = post.as_bytes().split_last().unwrap();
        for byte in first {
            assert_eq!(reader.feed(&[*byte]), Reading::More);
        }
        assert!(matches!(reader.feed(&[*last]), Reading::Done(_)));
    }

    #[test]
    fn what_is_wrong_has_its_status() {
        for (text, status) in [
            ("GARBAGE\r\n\r\n", 400),
            ("GET / HTTP/1.1 x\r\n\r\n", 400),
            ("GET http://elsewhere/ HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/3\r\n\r\n", 505),
            ("BREW / HTTP/1.1\r\n\r\n", 405),
            ("GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\n\r\n", 411),
            ("POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        ] {
            assert_eq!(read(text), Reading::Refused(status), "{text:?}");
        }
    }

    #[test]
    fn nobody_sends_more_than_we_keep() {
        let mut reader = RequestReader::default();
        let mut reading = Reading::More;
        for _ in 0..100_000 {
            reading = reader.feed(b"GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
            if reading != Reading::More {
                break;
            }
        }
        assert_eq!(reading, Reading::Refused(431));
        assert!(reader.buffer.len() <= HEAD + END.len() + BODY);
        // As much as may be, and an octet more.
        for (more, expected) in [(0, None), (1, Some(Reading::Refused(431)))] {
            let start = format!("POST / HTTP/1.1\r\nContent-Length: {BODY}\r\nX: ");
            let text = format!("{start}{}\r\n\r\n{}", "x".repeat(HEAD - start.len() + more), "y".repeat(BODY));
            let mut reader = RequestReader::default();
            let cut = text.as_bytes().chunks(3).map(|piece| reader.feed(piece)).find(|reading| *reading != Reading::More);
            assert_eq!(cut, Some(read(&text)));
            assert!(expected.map_or_else(|| matches!(read(&text), Reading::Done(_)), |e| read(&text) == e));
        }
        let many: String = (0..100).map(|i| format!("h{i}: x\r\n")).collect();
        assert_eq!(read(&format!("GET / HTTP/1.1\r\n{many}\r\n")), Reading::Refused(431));
    }
}
