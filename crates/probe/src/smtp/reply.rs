//! SMTP replies out of a stream of bytes, within limits. Pure: whoever reads the network feeds it.

/// Characters of one line that are kept.
const KEPT_CHARS: usize = 512;

/// Bounds on one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReplyLimits {
    /// Octets in one line, line end included.
    pub(crate) line_octets: usize,
    /// Lines in one reply.
    pub(crate) lines: usize,
}

/// A reply of RFC 5321 section 4.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// Three digits, that of the last line.
    pub(crate) code: u16,
    /// The text of every line, escaped, at most 512 characters each.
    pub(crate) lines: Vec<String>,
}

/// Why bytes are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoReply {
    /// A line that does not begin with a code.
    NotSmtp,
    /// A line beyond the limit.
    LineTooLong,
    /// A reply beyond the limit.
    TooManyLines,
}

impl NoReply {
    /// The code that `dane::observation::Got::Garbage` uses.
    pub(crate) fn code(self) -> &'static str {
        match self {
            NoReply::NotSmtp => "not-smtp",
            NoReply::LineTooLong => "line-too-long",
            NoReply::TooManyLines => "too-many-lines",
        }
    }
}

/// Collects bytes and gives replies. Holds at most one line and the kept text of one reply.
#[derive(Debug)]
pub(crate) struct ReplyReader {
    limits: ReplyLimits,
    /// Bytes received and not yet taken as a line.
    pending: Vec<u8>,
    /// How many of `pending` are known to hold no line end.
    searched: usize,
    /// Lines of the reply under way.
    lines: Vec<String>,
    /// The beginning of what was received since the last whole reply, for the record.
    start: Vec<u8>,
}

impl ReplyReader {
    /// An empty reader.
    pub(crate) fn new(limits: ReplyLimits) -> Self {
        Self { limits, pending: Vec::new(), searched: 0, lines: Vec::new(), start: Vec::new() }
    }

    /// Takes bytes from the network. Call [`ReplyReader::next_reply`] until it gives `None` before feeding more.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next reply, if one is complete; or why there will never be one.
    ///
    /// Line ends are CRLF, or LF alone as real servers send. All lines count towards the reply of the last one's code: servers that
    /// change the code on the way are read as senders read them.
    ///
    /// # Errors
    /// What breaks the form or a limit. The reader is of no use afterwards.
    pub(crate) fn next_reply(&mut self) -> Result<Option<Reply>, NoReply> {
        while let Some(line) = self.take_line()? {
            if self.start.len() < KEPT_CHARS {
                self.start.extend_from_slice(line.get(..KEPT_CHARS.min(line.len())).unwrap_or_default());
                self.start.push(b'\n');
            }
            let (code, last, text) = split_line(&line).ok_or(NoReply::NotSmtp)?;
            if self.lines.len() >= self.limits.lines {
                return Err(NoReply::TooManyLines);
            }
            self.lines.push(escape(text));
            if last {
                self.start.clear();
                return Ok(Some(Reply { code, lines: std::mem::take(&mut self.lines) }));
            }
        }
        Ok(None)
    }

    /// Whether a reply has begun and is not complete.
    pub(crate) fn is_within_reply(&self) -> bool {
        !self.pending.is_empty() || !self.lines.is_empty()
    }

    /// The beginning of what is no complete reply, escaped: for the record of a failure.
    pub(crate) fn fragment(&self) -> String {
        let mut bytes = self.start.clone();
        bytes.extend_from_slice(&self.pending);
        escape(&bytes)
    }

    /// Takes out all bytes that are not part of a reply already given.
    pub(crate) fn take_pending(&mut self) -> Vec<u8> {
        self.searched = 0;
        self.lines.clear();
        self.start.clear();
        std::mem::take(&mut self.pending)
    }

    /// The next line without its line end.
    fn take_line(&mut self) -> Result<Option<Vec<u8>>, NoReply> {
        let end = self.pending.iter().skip(self.searched).position(|b| *b == b'\n').map(|at| at + self.searched + 1);
        self.searched = self.pending.len();
        let length = end.unwrap_or(self.pending.len());
        if length > self.limits.line_octets {
            return Err(NoReply::LineTooLong);
        }
        let Some(end) = end else { return Ok(None) };
        let rest = self.pending.split_off(end);
        let mut line = std::mem::replace(&mut self.pending, rest);
        self.searched = 0;
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(line))
    }
}

/// Code, whether it is the last line, text.
fn split_line(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    let code = digits.iter().try_fold(0u16, |code, d| d.is_ascii_digit().then(|| code * 10 + u16::from(d - b'0')))?;
    if !(200..600).contains(&code) {
        return None;
    }
    match rest.split_first() {
        None => Some((code, true, &[])),
        Some((b' ', text)) => Some((code, true, text)),
        Some((b'-', text)) => Some((code, false, text)),
        Some(_) => None,
    }
}

/// Bytes as text: UTF-8 stays, control characters and everything else becomes `\xNN`. Cut at 512 characters.
pub(crate) fn escape(bytes: &[u8]) -> String {
    // What nearly all lines are.
    if bytes.len() <= KEPT_CHARS
        && bytes.iter().all(|b| matches!(b, b' '..=b'~'))
        && let Ok(text) = str::from_utf8(bytes)
    {
        return text.to_owned();
    }
    let mut text = String::new();
    let mut room = KEPT_CHARS;
    for chunk in bytes.get(..bytes.len().min(4 * KEPT_CHARS)).unwrap_or_default().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                push(&mut text, &mut room, &c.escape_default().to_string());
            } else {
                push(&mut text, &mut room, c.encode_utf8(&mut [0; 4]));
            }
        }
        for byte in chunk.invalid() {
            push(&mut text, &mut room, &format!("\\x{byte:02x}"));
        }
        if room == 0 {
            break;
        }
    }
    text
}

fn push(text: &mut String, room: &mut usize, piece: &str) {
    let length = piece.chars().count();
    if *room >= length {
        *room -= length;
        text.push_str(piece);
    } else {
        *room = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: ReplyLimits = ReplyLimits { line_octets: 64, lines: 4 };

    /// Feeds everything at once, then takes replies until there is none.
    fn read(bytes: &[u8]) -> (Vec<Reply>, Option<NoReply>, ReplyReader) {
        let mut reader = ReplyReader::new(LIMITS);
        reader.feed(bytes);
        let mut replies = Vec::new();
        loop {
            match reader.next_reply() {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => return (replies, None, reader),
                Err(why) => return (replies, Some(why), reader),
            }
        }
    }

    fn reply(code: u16, lines: &[&str]) -> Reply {
        Reply { code, lines: lines.iter().map(|l| (*l).to_owned()).collect() }
    }

    #[test]
    fn replies_of_one_and_of_many_lines() {
        let (replies, why, _) = read(b"220 mx.example.org ESMTP\r\n250-mx\r\n250-STARTTLS\r\n250 OK\r\n");
        assert_eq!(why, None);
        assert_eq!(replies, [reply(220, &["mx.example.org ESMTP"]), reply(250, &["mx", "STARTTLS", "OK"])]);
    }

    #[test]
    fn tolerated_forms() {
        // Bare LF, no text, no text and no blank, a code that changes on the way.
        let (replies, why, _) = read(b"220 a\n250 \r\n221\r\n250-b\r\n550 c\r\n");
        assert_eq!(why, None);
        assert_eq!(replies, [reply(220, &["a"]), reply(250, &[""]), reply(221, &[""]), reply(550, &["b", "c"])]);
    }

    #[test]
    fn what_is_no_reply() {
        for bytes in [
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            b"HTTP/1.1 400 Bad Request\r\n",
            b"\r\n",
            b"22\r\n",
            b"120 soon\r\n",
            b"620 x\r\n",
            b"220_x\r\n",
        ] {
            assert_eq!(read(bytes).1, Some(NoReply::NotSmtp), "{bytes:?}");
        }
    }

    #[test]
    fn limits_on_lines_and_length() {
        assert_eq!(read(&[b'2'; 65]).1, Some(NoReply::LineTooLong));
        assert_eq!(read(&[b'2'; 64]).1, None);
        let longest = format!("220 {}\r\n", "x".repeat(58));
        assert_eq!(read(longest.as_bytes()).0.len(), 1);
        assert_eq!(read(format!("220 {}\r\n", "x".repeat(59)).as_bytes()).1, Some(NoReply::LineTooLong));
        assert_eq!(read(b"250-a\r\n250-b\r\n250-c\r\n250 d\r\n").0.len(), 1);
        assert_eq!(read(b"250-a\r\n250-b\r\n250-c\r\n250-d\r\n250 e\r\n").1, Some(NoReply::TooManyLines));
    }

    #[test]
    fn nothing_binary_gets_into_the_record() {
        let (replies, ..) = read(b"220 a\x00\x1b[31m\xff\xc3\xa9\r\n");
        assert_eq!(replies, [reply(220, &["a\\u{0}\\u{1b}[31m\\xff\u{e9}"])]);
    }

    #[test]
    fn the_rest_is_kept_apart() {
        let (replies, why, mut reader) = read(b"220 go ahead\r\ninjected\x01");
        assert_eq!((replies.len(), why), (1, None));
        assert!(reader.is_within_reply());
        assert_eq!(reader.fragment(), "injected\\u{1}");
        assert_eq!(reader.take_pending(), b"injected\x01");
        assert!(!reader.is_within_reply());
    }

    proptest! {
        /// How bytes are cut into packets changes nothing, and memory stays within the limits.
        #[test]
        fn packets_do_not_matter(bytes in proptest::collection::vec(prop_oneof![Just(b'2'), Just(b' '), Just(b'-'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..300), cut in 1usize..20) {
            let (whole, why, _) = read(&bytes);
            let mut reader = ReplyReader::new(LIMITS);
            let (mut replies, mut failed) = (Vec::new(), None);
            'all: for packet in bytes.chunks(cut) {
                reader.feed(packet);
                loop {
                    match reader.next_reply() {
                        Ok(Some(reply)) => replies.push(reply),
                        Ok(None) => break,
                        Err(why) => { failed = Some(why); break 'all; }
                    }
                }
                prop_assert!(reader.pending.len() <= LIMITS.line_octets && reader.lines.len() <= LIMITS.lines);
            }
            prop_assert_eq!(whole, replies);
            prop_assert_eq!(why, failed);
        }

        /// A well-formed reply comes back as it was sent.
        #[test]
        fn well_formed_replies_come_back(code in 200u16..600, lines in proptest::collection::vec("[ -~]{0,50}", 1..4)) {
            let mut bytes = String::new();
            for (i, line) in lines.iter().enumerate() {
                bytes.push_str(&format!("{code}{}{line}\r\n", if i + 1 == lines.len() { ' ' } else { '-' }));
            }
            let (replies, why, _) = read(bytes.as_bytes());
            prop_assert_eq!(why, None);
            prop_assert_eq!(replies, vec![Reply { code, lines }]);
        }

        /// Text never holds a control character and never grows beyond what is kept.
        #[test]
        fn escaped_text_is_printable_and_short(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
            let text = escape(&bytes);
            prop_assert!(text.chars().count() <= KEPT_CHARS && !text.chars().any(char::is_control));
        }
    }
}
