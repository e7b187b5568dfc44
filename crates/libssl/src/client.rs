//! One session, without I/O.

use crate::ffi::{Library, MAX_CERTIFICATES, Ptr};
use crate::transcript::{Transcript, hear};
use std::cell::UnsafeCell;
use std::ffi::{CString, c_int, c_long, c_void};
use std::sync::Arc;

const SET_MSG_CALLBACK_ARG: c_int = 16;
const SET_TLSEXT_HOSTNAME: c_int = 55;
const SET_SIGALGS_LIST: c_int = 98;
const SET_MAX_CERT_LIST: c_int = 51;
const SET_MAX_PROTO_VERSION: c_int = 124;
const BIO_SET_MEM_EOF_RETURN: c_int = 130;
const BIO_PENDING: c_int = 10;
const WANT_READ: c_int = 2;
const WANT_WRITE: c_int = 3;
const ZERO_RETURN: c_int = 6;
const AUTH_NULL: c_int = 1053;

/// What a client offers beside everything that the library has.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// The server's name for SNI; none: the extension is left out.
    pub server_name: Option<String>,
    /// Cipher suites up to TLS 1.2 in OpenSSL's words, instead of all.
    pub cipher_list: Option<String>,
    /// Signature algorithms in OpenSSL's words (`RSA+SHA256:…`), instead of all.
    pub signature_algorithms: Option<String>,
    /// The newest version, by its code point, instead of the library's.
    pub newest: Option<u16>,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It waits for octets from the network.
    WantsMore,
    /// So many octets were read or written; of a handshake 0: it is complete.
    Done(usize),
    /// The server ended the session in good order.
    Ended,
}

/// Why a session cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Failure {
    /// The library's words.
    pub words: String,
    /// The code of the alert that the server sent, if it did.
    pub alert: Option<u8>,
}

/// One session, without I/O: octets from the network go in, octets for the network come out.
pub struct Client {
    ssl: Ptr,
    /// The library's ends of both directions; freed with the session.
    incoming: Ptr,
    outgoing: Ptr,
    /// In its own piece of memory, as the library keeps its address.
    transcript: Box<UnsafeCell<Transcript>>,
    library: Arc<Library>,
}

// SAFETY: an SSL object may move between threads as long as only one uses it at a time, and every use needs `&mut self` or reads plainly.
unsafe impl Send for Client {}

impl Client {
    /// Begins a session.
    ///
    /// # Errors
    /// If the library refuses what is offered.
    pub fn new(library: &Arc<Library>, offer: &Offer) -> Result<Self, Failure> {
        let f = &library.f;
        // SAFETY: the context lives as long as the library; each result is checked before it is used, and `SSL_set_bio` takes both BIOs over.
        let client = unsafe {
            (f.ERR_clear_error)();
            let ssl = (f.SSL_new)(library.context);
            let (incoming, outgoing) = ((f.BIO_new)((f.BIO_s_mem)()), (f.BIO_new)((f.BIO_s_mem)()));
            if ssl.is_null() || incoming.is_null() || outgoing.is_null() {
                for bio in [incoming, outgoing].into_iter().filter(|b| !b.is_null()) {
                    (f.BIO_free)(bio);
                }
                if !ssl.is_null() {
                    (f.SSL_free)(ssl);
                }
                return Err(refused(library));
            }
            // An empty buffer means "later", not "end".
            (f.BIO_ctrl)(incoming, BIO_SET_MEM_EOF_RETURN, -1, std::ptr::null_mut());
            (f.BIO_ctrl)(outgoing, BIO_SET_MEM_EOF_RETURN, -1, std::ptr::null_mut());
            (f.SSL_set_bio)(ssl, incoming, outgoing);
            (f.SSL_set_connect_state)(ssl);
            Self { ssl, incoming, outgoing, transcript: Box::default(), library: Arc::clone(library) }
        };
        // SAFETY: the transcript has a fixed address and lives as long as the session.
        unsafe {
            (f.SSL_set_msg_callback)(client.ssl, Some(hear));
            (f.SSL_ctrl)(client.ssl, SET_MSG_CALLBACK_ARG, 0, client.transcript.get().cast::<c_void>());
            (f.SSL_ctrl)(client.ssl, SET_MAX_CERT_LIST, MAX_CERTIFICATES, std::ptr::null_mut());
        }
        client.offer(offer)?;
        Ok(client)
    }

    fn offer(&self, offer: &Offer) -> Result<(), Failure> {
        if let Some(name) = &offer.server_name {
            self.set(SET_TLSEXT_HOSTNAME, name)?;
        }
        if let Some(list) = &offer.signature_algorithms {
            self.set(SET_SIGALGS_LIST, list)?;
        }
        if let Some(version) = offer.newest {
            // SAFETY: sets a number; the library refuses versions that it does not know.
            let done = unsafe { (self.library.f.SSL_ctrl)(self.ssl, SET_MAX_PROTO_VERSION, c_long::from(version), std::ptr::null_mut()) };
            if done != 1 {
                return Err(refused(&self.library));
            }
        }
        if let Some(list) = &offer.cipher_list {
            let list = CString::new(list.as_str()).map_err(|_| refused(&self.library))?;
            // SAFETY: the library copies the string.
            if unsafe { (self.library.f.SSL_set_cipher_list)(self.ssl, list.as_ptr()) } != 1 {
                return Err(refused(&self.library));
            }
        }
        Ok(())
    }

    fn set(&self, what: c_int, text: &str) -> Result<(), Failure> {
        let text = CString::new(text).map_err(|_| refused(&self.library))?;
        // SAFETY: both controls copy the string; the third argument is TLSEXT_NAMETYPE_host_name or unused.
        let done = unsafe { (self.library.f.SSL_ctrl)(self.ssl, what, 0 as c_long, text.as_ptr().cast_mut().cast()) };
        if done == 1 { Ok(()) } else { Err(refused(&self.library)) }
    }

    /// Takes octets from the network.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let length = c_int::try_from(bytes.len()).unwrap_or(c_int::MAX);
            // SAFETY: the library copies from memory of that length.
            let taken = unsafe { (self.library.f.BIO_write)(self.incoming, bytes.as_ptr().cast(), length) };
            // A memory BIO takes all or is out of memory.
            let Some(rest) = usize::try_from(taken).ok().filter(|n| *n > 0).and_then(|n| bytes.get(n..)) else { return };
            bytes = rest;
        }
    }

    /// Gives the octets that are to be sent.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        // SAFETY: asks for a count.
        let pending = unsafe { (self.library.f.BIO_ctrl)(self.outgoing, BIO_PENDING, 0, std::ptr::null_mut()) };
        let mut bytes = vec![0; usize::try_from(pending).unwrap_or(0)];
        let length = c_int::try_from(bytes.len()).unwrap_or(c_int::MAX);
        if length > 0 {
            // SAFETY: the library writes at most as many octets as there is room for.
            let got = unsafe { (self.library.f.BIO_read)(self.outgoing, bytes.as_mut_ptr().cast(), length) };
            bytes.truncate(usize::try_from(got).unwrap_or(0));
        }
        bytes
    }

    /// Goes on with the handshake.
    ///
    /// # Errors
    /// If it failed.
    pub fn handshake(&mut self) -> Result<Step, Failure> {
        self.step(|client| {
            // SAFETY: plain call on a live session.
            unsafe { (client.library.f.SSL_do_handshake)(client.ssl) }
        })
        .map(|step| if let Step::Done(_) = step { Step::Done(0) } else { step })
    }

    /// Begins another handshake within the session, as TLS up to 1.2 has it (RFC 5246 section 7.4.1.1); [`Client::read`] goes on with
    /// it, and takes what the server said before it came to know of it.
    ///
    /// # Errors
    /// If the session is one of TLS 1.3.
    pub fn renegotiate(&mut self) -> Result<Step, Failure> {
        // SAFETY: plain call on a live session.
        unsafe {
            (self.library.f.ERR_clear_error)();
            if (self.library.f.SSL_renegotiate)(self.ssl) != 1 {
                return Err(refused(&self.library));
            }
        }
        self.handshake()
    }

    /// Whether a handshake is under way, the first or a later one.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        // SAFETY: reads the state.
        unsafe { (self.library.f.SSL_in_init)(self.ssl) != 0 }
    }

    /// Reads what the server said inside the session.
    ///
    /// # Errors
    /// If the session broke.
    pub fn read(&mut self, into: &mut [u8]) -> Result<Step, Failure> {
        let length = c_int::try_from(into.len()).unwrap_or(c_int::MAX);
        self.step(|client| {
            // SAFETY: the library writes at most as many octets as there is room for.
            unsafe { (client.library.f.SSL_read)(client.ssl, into.as_mut_ptr().cast(), length) }
        })
    }

    /// Says something inside the session.
    ///
    /// # Errors
    /// If the session broke.
    pub fn write(&mut self, bytes: &[u8]) -> Result<Step, Failure> {
        let length = c_int::try_from(bytes.len()).unwrap_or(c_int::MAX);
        self.step(|client| {
            // SAFETY: the library reads as many octets as there are.
            unsafe { (client.library.f.SSL_write)(client.ssl, bytes.as_ptr().cast(), length) }
        })
    }

    /// Says that we end the session.
    pub fn close(&mut self) {
        // SAFETY: plain call on a live session; before the end of the handshake it does nothing.
        unsafe {
            (self.library.f.SSL_shutdown)(self.ssl);
            (self.library.f.ERR_clear_error)();
        }
    }

    fn step(&mut self, call: impl FnOnce(&mut Self) -> c_int) -> Result<Step, Failure> {
        // SAFETY: errors of other sessions in this thread must not be taken for ours.
        unsafe { (self.library.f.ERR_clear_error)() };
        let result = call(self);
        if let Some(count) = usize::try_from(result).ok().filter(|n| *n > 0) {
            return Ok(Step::Done(count));
        }
        // SAFETY: asks what became of the call just made.
        match unsafe { (self.library.f.SSL_get_error)(self.ssl, result) } {
            WANT_READ | WANT_WRITE => Ok(Step::WantsMore),
            ZERO_RETURN => Ok(Step::Ended),
            _ => {
                let words = self.library.error().unwrap_or_else(|| "the session broke".to_owned());
                Err(Failure { words, alert: self.transcript().alert })
            }
        }
    }

    /// The server's handshake messages so far, each with type and length before its body (RFC 8446 section 4); bounded in number and size.
    #[must_use]
    pub fn messages(&self) -> &[Vec<u8>] {
        &self.transcript().messages
    }

    /// Protocol version by its code point; of the offer, as long as the server has not answered.
    #[must_use]
    pub fn version(&self) -> u16 {
        // SAFETY: reads a field.
        u16::try_from(unsafe { (self.library.f.SSL_version)(self.ssl) }).unwrap_or(0)
    }

    /// The cipher suite agreed on, by its code point.
    #[must_use]
    pub fn cipher_suite(&self) -> Option<u16> {
        // SAFETY: a static table of the library, checked for null.
        unsafe {
            let cipher = (self.library.f.SSL_get_current_cipher)(self.ssl);
            (!cipher.is_null()).then(|| (self.library.f.SSL_CIPHER_get_protocol_id)(cipher))
        }
    }

    /// Whether the suite agreed on names nobody (anonymous Diffie-Hellman).
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        // SAFETY: as above.
        unsafe {
            let cipher = (self.library.f.SSL_get_current_cipher)(self.ssl);
            !cipher.is_null() && (self.library.f.SSL_CIPHER_get_auth_nid)(cipher) == AUTH_NULL
        }
    }

    fn transcript(&self) -> &Transcript {
        // SAFETY: the library writes to it only during calls that take `&mut self`.
        unsafe { &*self.transcript.get() }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: made by SSL_new; frees both BIOs, too.
        unsafe { (self.library.f.SSL_free)(self.ssl) }
    }
}

fn refused(library: &Library) -> Failure {
    Failure { words: library.error().unwrap_or_else(|| "OpenSSL refuses what is offered".to_owned()), alert: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenSSL; without it the tests say so and pass, unless CI is set.
    fn library() -> Option<Arc<Library>> {
        let found = Library::load(None);
        assert!(found.is_ok() || std::env::var_os("CI").is_none(), "install OpenSSL 3 (libssl3): CI does not skip: {:?}", found.err());
        found.ok()
    }

    #[test]
    fn a_client_begins_with_a_hello_that_says_whom_it_wants() {
        let Some(library) = library() else { return };
        assert!(library.version().starts_with("OpenSSL 3."), "{}", library.version());
        for name in [Some("mx.example.org".to_owned()), None] {
            let mut client = Client::new(&library, &Offer { server_name: name.clone(), ..Offer::default() }).unwrap();
            assert_eq!(client.handshake(), Ok(Step::WantsMore));
            let hello = client.take();
            // A handshake record, version 3.x, ClientHello. (RFC 8446 sections 5.1 and 4)
            assert!(matches!(hello.as_slice(), [22, 3, _, _, _, 1, ..]), "{hello:?}");
            assert_eq!(hello.windows(14).any(|w| w == b"mx.example.org"), name.is_some());
            assert!(client.take().is_empty(), "said once");
        }
    }

    #[test]
    fn what_is_no_tls_and_alerts_are_told_apart() {
        let Some(library) = library() else { return };
        let fail = |bytes: &[u8]| {
            let mut client = Client::new(&library, &Offer::default()).unwrap();
            client.handshake().unwrap();
            client.feed(bytes);
            client.handshake().unwrap_err()
        };
        assert_eq!(fail(b"500 command unrecognized\r\n").words, "wrong version number");
        // Fatal handshake_failure. (RFC 8446 section 6.2)
        assert_eq!(fail(&[21, 3, 3, 0, 2, 2, 40]).alert, Some(40));
    }

    #[test]
    fn the_newest_version_is_that_of_the_offer() {
        let Some(library) = library() else { return };
        for (newest, version) in [(Some(0x0303), [3, 3]), (Some(0x0302), [3, 2]), (None, [3, 3])] {
            let mut client = Client::new(&library, &Offer { newest, ..Offer::default() }).unwrap();
            client.handshake().unwrap();
            let hello = client.take();
            // client_version; TLS 1.3 is in an extension. (RFC 8446 sections 4.1.2 and 4.2.1)
            assert_eq!(
                (&hello[9..11], hello.windows(6).any(|w| w[..4] == [0, 43, 0, w[3]] && w[5] == 3)),
                (&version[..], newest.is_none())
            );
        }
    }

    #[test]
    fn what_openssl_does_not_know_is_refused() {
        let Some(library) = library() else { return };
        for offer in [
            Offer { cipher_list: Some("no such suite".into()), ..Offer::default() },
            Offer { signature_algorithms: Some("RSA+SHA9".into()), ..Offer::default() },
            Offer { server_name: Some("a\0b".into()), ..Offer::default() },
            Offer { newest: Some(0x0399), ..Offer::default() },
        ] {
            assert!(Client::new(&library, &offer).is_err(), "{offer:?}");
        }
        assert!(Library::load(Some(std::path::Path::new("/nowhere"))).is_err());
    }
}
