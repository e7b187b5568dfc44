//! One HTTP/1.1 response, read from whatever comes. (RFC 9112) No connection is used twice, and nothing is followed.

use dane::observation::{Body, HttpResponse};

// bounds of what a server can make us keep.
/// Octets of status line and header fields.
const HEAD: usize = 16 * 1024;
/// Header fields.
const FIELDS: usize = 100;
/// Octets of body kept. (RFC 8461 section 3.3 suggests 64 kilobytes)
const BODY: usize = 64 * 1024;
/// Octets of one line of the chunked form, and of all trailer fields.
const CHUNK_LINE: usize = 1024;
/// Octets of one field that are kept.
const FIELD: usize = 512;
/// Interim responses (1xx) passed over.
const INTERIM: u8 = 5;

/// Where reading stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// More is to come.
    More,
    /// The response is whole.
    Done,
    /// It never will be: `not-http`, `too-large`, `closed`.
    Failed(&'static str),
}

/// How the end of the body is known. (RFC 9112 section 6.3)
#[derive(Debug)]
enum Framing {
    /// So many octets are missing.
    Length(u64),
    /// Chunks.
    Chunked(Chunk),
    /// The end of the connection.
    Close,
}

/// Where in a chunk we are. (RFC 9112 section 7.1)
#[derive(Debug)]
enum Chunk {
    /// In the line with its size.
    Size(Vec<u8>),
    /// So many octets of data are missing.
    Data(u64),
    /// At the line end behind the data.
    End,
    /// Behind the last chunk: octets of the line so far, octets of all lines.
    Trailer(usize, usize),
}

/// Reads a response piece by piece.
#[derive(Debug, Default)]
pub(crate) struct ResponseReader {
    head: Vec<u8>,
    interim: u8,
    response: Option<(HttpResponse, Framing)>,
    body: Vec<u8>,
}

impl ResponseReader {
    /// Takes what came.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Reading {
        for (at, byte) in bytes.iter().enumerate() {
            if self.response.is_some() {
                return self.feed_body(bytes.get(at..).unwrap_or_default());
            }
            self.head.push(*byte);
            let reading = self.feed_head();
            if reading != Reading::More {
                return reading;
            }
        }
        Reading::More
    }

    /// The connection has ended.
    pub(crate) fn end(&self) -> Reading {
        match &self.response {
            Some((_, Framing::Close)) => Reading::Done,
            _ => Reading::Failed("closed"),
        }
    }

    /// What was read.
    pub(crate) fn response(self) -> Option<HttpResponse> {
        let (response, _) = self.response?;
        Some(HttpResponse { body: Body::new(self.body), ..response })
    }

    /// Looks whether the head is whole.
    fn feed_head(&mut self) -> Reading {
        let expected = b"HTTP/1.";
        let shown = self.head.get(..expected.len()).unwrap_or(&self.head);
        if !expected.starts_with(shown) || self.head.len() > HEAD {
            return Reading::Failed("not-http");
        }
        if !self.head.ends_with(b"\n\r\n") && !self.head.ends_with(b"\n\n") {
            return Reading::More;
        }
        let head = std::mem::take(&mut self.head);
        match read_head(&head) {
            None => Reading::Failed("not-http"),
            Some((response, _)) if matches!(response.status, 100..=199) => {
                self.interim += 1;
                if self.interim > INTERIM || response.status == 101 { Reading::Failed("not-http") } else { Reading::More }
            }
            Some((response, framing)) => {
                let empty = matches!(response.status, 204 | 304) || matches!(framing, Framing::Length(0));
                self.response = Some((response, framing));
                if empty { Reading::Done } else { Reading::More }
            }
        }
    }

    fn feed_body(&mut self, mut bytes: &[u8]) -> Reading {
        let Some((_, framing)) = &mut self.response else { return Reading::More };
        while let Some((first, rest)) = bytes.split_first() {
            let data = match framing {
                Framing::Close => bytes,
                Framing::Length(left) | Framing::Chunked(Chunk::Data(left)) => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left = left.saturating_sub(taken as u64);
                    bytes.get(..taken).unwrap_or_default()
                }
                Framing::Chunked(chunk) => {
                    match chunk.feed(*first) {
                        Reading::More => bytes = rest,
                        end => return end,
                    }
                    continue;
                }
            };
            bytes = bytes.get(data.len()..).unwrap_or_default();
            let room = BODY.saturating_sub(self.body.len());
            self.body.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
            if data.len() > room {
                return Reading::Failed("too-large");
            }
            match framing {
                Framing::Length(0) => return Reading::Done,
                Framing::Chunked(chunk @ Chunk::Data(0)) => *chunk = Chunk::End,
                _ => {}
            }
        }
        Reading::More
    }
}

impl Chunk {
    /// Takes one octet that is no data.
    fn feed(&mut self, byte: u8) -> Reading {
        match (&mut *self, byte) {
            (Chunk::Size(line), b'\n') => {
                line.extend_from_slice(b"\n");
                *self = match httparse::parse_chunk_size(line) {
                    Ok(httparse::Status::Complete((_, 0))) => Chunk::Trailer(0, 0),
                    Ok(httparse::Status::Complete((_, size))) => Chunk::Data(size),
                    _ => return Reading::Failed("not-http"),
                };
            }
            (Chunk::Size(line), _) if line.len() < CHUNK_LINE => line.push(byte),
            (Chunk::End, b'\r') => {}
            (Chunk::End, b'\n') => *self = Chunk::Size(Vec::new()),
            (Chunk::Trailer(0, _), b'\n') => return Reading::Done,
            (Chunk::Trailer(line, all), _) if *all < CHUNK_LINE => {
                *line = match byte {
                    b'\n' => 0,
                    b'\r' => *line,
                    _ => *line + 1,
                };
                *all += 1;
            }
            _ => return Reading::Failed("not-http"),
        }
        Reading::More
    }
}

/// Status line and header fields.
fn read_head(head: &[u8]) -> Option<(HttpResponse, Framing)> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut parsed = httparse::Response::new(&mut fields);
    parsed.parse(head).ok().filter(httparse::Status::is_complete)?;
    let values = |name: &'static str| parsed.headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value);
    let text = |name| values(name).next().map(|v| String::from_utf8_lossy(v).chars().take(FIELD).collect::<String>());
    let framing = match (values("transfer-encoding").next_back(), values("content-length").next()) {
        (Some(coding), _) if coding.trim_ascii().eq_ignore_ascii_case(b"chunked") => Framing::Chunked(Chunk::Size(Vec::new())),
        (Some(_), _) => return None,
        (None, Some(length)) => Framing::Length(std::str::from_utf8(length).ok()?.trim().parse().ok()?),
        (None, None) => Framing::Close,
    };
    let (content_type, location) = (text("content-type"), text("location"));
    Some((HttpResponse { status: parsed.code?, content_type, location, body: Body::Text(String::new()) }, framing))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a response in pieces of every size; how it ended, and what was read.
    fn read(text: &[u8]) -> (Reading, Option<HttpResponse>) {
        let cut = |size: usize| {
            let mut reader = ResponseReader::default();
            let ended = text.chunks(size).map(|piece| reader.feed(piece)).find(|r| *r != Reading::More).unwrap_or_else(|| reader.end());
            (ended, reader.response())
        };
        let whole = cut(text.len().max(1));
        for size in [1, 2, 7] {
            assert_eq!(cut(size), whole, "in pieces of {size}");
        }
        whole
    }

    fn body(text: &str) -> Option<String> {
        let (reading, response) = read(text.as_bytes());
        assert_eq!(reading, Reading::Done, "{text}");
        response.map(|r| format!("{} {}", r.status, r.body.text().unwrap()))
    }

    #[test]
    fn bodies_end_as_rfc_9112_says() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
        assert_eq!(body(&format!("{ok}Content-Length: 5\r\n\r\nhello and more")).as_deref(), Some("200 hello"));
        assert_eq!(body(&format!("{ok}\r\nhello")).as_deref(), Some("200 hello"));
        // RFC 9112 section 7.1, with an extension and trailer fields; Transfer-Encoding overrides Content-Length (section 6.3).
        let chunked = "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(body(&format!("{ok}{chunked}3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n")).as_deref(), Some("200 hello"));
        assert_eq!(body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 Not Found\nContent-Length: 0\n\n").as_deref(), Some("404 "));
        assert_eq!(body("HTTP/1.1 204 No Content\r\n\r\n").as_deref(), Some("204 "));
    }

    #[test]
    fn fields_that_matter() {
        let (_, response) =
            read(b"HTTP/1.1 301 Moved\r\nLOCATION: https://x/\r\ncontent-type:  text/html \r\nContent-Length: 1\r\n\r\n\xff");
        let response = response.unwrap();
        assert_eq!((response.status, response.location.as_deref()), (301, Some("https://x/")));
        assert_eq!(response.content_type.as_deref(), Some("text/html"));
        assert_eq!(response.body, Body::Octets { base64: "/w==".into() });
    }

    #[test]
    fn what_is_hostile_is_bounded_and_named() {
        let ok = "HTTP/1.1 200 OK\r\n";
        let long = "x".repeat(70_000);
        for (text, why) in [
            ("SSH-2.0-OpenSSH\r\n".to_owned(), "not-http"),
            (String::new(), "closed"),
            ("HTTP/1.1 200".to_owned(), "closed"),
            (format!("{ok}A: {long}\r\n\r\n"), "not-http"),
            (format!("{ok}{}\r\n", "A: b\r\n".repeat(101)), "not-http"),
            (format!("{ok}\r\n{long}"), "too-large"),
            (format!("{ok}Content-Length: 70000\r\n\r\n{long}"), "too-large"),
            (format!("{ok}Content-Length: -1\r\n\r\n"), "not-http"),
            (format!("{ok}Content-Length: 10\r\n\r\nhello"), "closed"),
            (format!("{ok}Transfer-Encoding: gzip\r\n\r\n"), "not-http"),
            (format!("{ok}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "not-http"),
            (format!("{ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX"), "not-http"),
            (format!("{ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhel"), "closed"),
            (format!("{ok}Transfer-Encoding: chunked\r\n\r\n1;{long}"), "not-http"),
            (format!("{ok}Transfer-Encoding: chunked\r\n\r\n0\r\n{}", "A: b\r\n".repeat(1000)), "not-http"),
            ("HTTP/1.1 100 Continue\r\n\r\n".repeat(6), "not-http"),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned(), "not-http"),
        ] {
            let (reading, response) = read(text.as_bytes());
            assert_eq!(reading, Reading::Failed(why), "{}", text.chars().take(60).collect::<String>());
            assert!(response.is_none_or(|r| r.body.text().unwrap().len() <= BODY));
        }
    }
}
