//! SSL 2.0: a CLIENT-HELLO, and what answers it. (draft-hickman-netscape-ssl-00; prohibited by RFC 6176)
//!
//! Who accepts it gives away sessions of every version that the same key protects (DROWN, CVE-2016-0800). No session comes of it here.
//! Pure: the caller moves the bytes.

use dane::observation::HelloAnswer;

/// Cipher kinds by their codes.
const KINDS: [([u8; 3], &str); 7] = [
    ([1, 0, 0x80], "SSL_CK_RC4_128_WITH_MD5"),
    ([2, 0, 0x80], "SSL_CK_RC4_128_EXPORT40_WITH_MD5"),
    ([3, 0, 0x80], "SSL_CK_RC2_128_CBC_WITH_MD5"),
    ([4, 0, 0x80], "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5"),
    ([5, 0, 0x80], "SSL_CK_IDEA_128_CBC_WITH_MD5"),
    ([6, 0, 0x40], "SSL_CK_DES_64_CBC_WITH_MD5"),
    ([7, 0, 0xc0], "SSL_CK_DES_192_EDE3_CBC_WITH_MD5"),
];
/// Octets of one record, its header included.
const MAX_RECORD: usize = 0x8000 + 2;
/// Cipher kinds that are kept.
const MAX_KINDS: usize = 64;

/// A CLIENT-HELLO with every cipher kind.
pub(crate) fn client_hello(challenge: [u8; 16]) -> Vec<u8> {
    let kinds: Vec<u8> = KINDS.iter().flat_map(|(code, _)| *code).collect();
    let sizes = [kinds.len(), 0, challenge.len()].map(|n| u16::try_from(n).unwrap_or(0).to_be_bytes());
    // CLIENT-HELLO, version 0.2; no session to go on with.
    let message = [&[1, 0, 2][..], &sizes.concat(), &kinds, &challenge].concat();
    [&(0x8000 | u16::try_from(message.len()).unwrap_or(0)).to_be_bytes()[..], &message].concat()
}

/// What answered, and the cipher kinds of which the client may choose. `None`: more octets are needed.
pub(crate) fn answer(bytes: &[u8]) -> Option<(HelloAnswer, Vec<String>)> {
    let other = |answer| Some((answer, Vec::new()));
    let alert = |alert: String| other(HelloAnswer::Alert { alert });
    // Newer servers answer in their own language.
    if let [21, 3, ..] = bytes {
        let [_, _, _, 0, 2, _, description] = bytes.first_chunk::<7>()? else { return other(HelloAnswer::NotTls) };
        return alert(crate::tls::names::alert((*description).into()));
    }
    let (length, padding, rest) = match bytes {
        [high, low, rest @ ..] if *high >= 0x80 => (usize::from(high & 0x7f) << 8 | usize::from(*low), 0, rest),
        [high, low, padding, rest @ ..] if *high < 0x40 => (usize::from(*high) << 8 | usize::from(*low), usize::from(*padding), rest),
        [0x40..=0x7f, ..] => return other(HelloAnswer::NotTls),
        _ => return None,
    };
    // Octets that no server of this version begins with need not be waited for.
    match rest.first() {
        None => return None,
        Some(0) if length == padding + 3 => {}
        Some(4) => {}
        Some(_) => return other(HelloAnswer::NotTls),
    }
    let body = rest.get(..length)?;
    match body.get(..length.saturating_sub(padding)).unwrap_or_default() {
        [0, high, low] => alert(format!("ssl2-error-{}", u16::from_be_bytes([*high, *low]))),
        [4, _hit, _kind, 0, 2, sizes @ ..] => server_hello(sizes).map_or_else(|| other(HelloAnswer::NotTls), Some),
        _ => other(HelloAnswer::NotTls),
    }
}

/// A SERVER-HELLO from its lengths on.
fn server_hello(sizes: &[u8]) -> Option<(HelloAnswer, Vec<String>)> {
    let (sizes, rest) = sizes.split_first_chunk::<6>()?;
    let size = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low]));
    let [a, b, c, d, e, f] = *sizes;
    let (_certificate, rest) = rest.split_at_checked(size(a, b))?;
    let (kinds, connection) = rest.split_at_checked(size(c, d))?;
    if connection.len() != size(e, f) || kinds.len() % 3 != 0 {
        return None;
    }
    let name = |code: &[u8]| {
        let known = KINDS.iter().find(|(known, _)| known == code).map(|(_, name)| (*name).to_owned());
        known.unwrap_or_else(|| format!("0x{}", data_encoding::HEXLOWER.encode(code)))
    };
    Some((HelloAnswer::Accepted, kinds.chunks_exact(3).take(MAX_KINDS).map(name).collect()))
}

/// The octets that came so far, up to one record.
#[derive(Debug, Default)]
pub(crate) struct Ssl2Reader(Vec<u8>);

impl Ssl2Reader {
    /// Takes octets from the network; gives the answer when it is whole.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Option<(HelloAnswer, Vec<String>)> {
        let room = MAX_RECORD + 1 - self.0.len().min(MAX_RECORD);
        self.0.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        answer(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the draft's section 1.2.
    #[test]
    fn a_client_hello_says_what_the_draft_asks_for() {
        let hello = client_hello([9; 16]);
        assert_eq!(usize::from(u16::from_be_bytes([hello[0] & 0x7f, hello[1]])), hello.len() - 2);
        assert_eq!((hello[0] & 0x80, &hello[2..11]), (0x80, &[1, 0, 2, 0, 21, 0, 0, 0, 16][..]));
        assert_eq!(hello[hello.len() - 16..], [9; 16]);
    }

    /// Certificate of two octets, two cipher kinds, connection id of one octet; header of two octets, or of three with a padding of two.
    fn hellos() -> [Vec<u8>; 2] {
        let message = [4, 0, 1, 0, 2, 0, 2, 0, 6, 0, 1, 8, 8, 7, 0, 0xc0, 9, 9, 9, 5];
        [[&[0x80, 20][..], &message].concat(), [&[0, 22, 2][..], &message, &[0, 0]].concat()]
    }

    #[test]
    fn a_server_hello_is_known_however_it_is_cut() {
        for hello in hellos() {
            for cut in 1..=hello.len() {
                let mut reader = Ssl2Reader::default();
                let answers: Vec<_> = hello.chunks(cut).filter_map(|bytes| reader.feed(bytes)).collect();
                let kinds = ["SSL_CK_DES_192_EDE3_CBC_WITH_MD5".to_owned(), "0x090909".to_owned()];
                assert_eq!(answers, [(HelloAnswer::Accepted, kinds.to_vec())], "{cut}");
            }
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        let refused = |bytes: &[u8]| answer(bytes).map(|(answer, _)| answer);
        let alert = |alert: &str| Some(HelloAnswer::Alert { alert: alert.to_owned() });
        assert_eq!(refused(&[21, 3, 1, 0, 2, 2, 70]), alert("protocol_version"));
        assert_eq!(refused(&[21, 3, 1, 0]), None);
        // NO-CIPHER-ERROR
        assert_eq!(refused(&[0x80, 3, 0, 0, 1]), alert("ssl2-error-1"));
        let [mut version, _] = hellos();
        version[6] = 3;
        let [mut lengths, _] = hellos();
        lengths[12] = 9;
        for bytes in [&b"500 what?\r\n"[..], &[22, 3, 1, 0, 4], &[0x80, 1, 0], &version, &lengths] {
            assert_eq!(refused(bytes), Some(HelloAnswer::NotTls), "{bytes:?}");
        }
        // Endless.
        let mut reader = Ssl2Reader::default();
        assert!((0..9).any(|_| reader.feed(&[0xff; 9000]).is_some()));
        assert!(reader.0.len() <= MAX_RECORD + 9000);
    }
}
