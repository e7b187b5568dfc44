//! What the server said in its handshake, message by message, as the library heard it.

use std::ffi::{c_int, c_void};

/// Record content types. (RFC 8446 section 5.1)
const ALERT: c_int = 21;
const HANDSHAKE: c_int = 22;
/// Messages kept, and octets of them: a certificate list is the largest, and what comes after the handshake is not of interest.
const MAX_MESSAGES: usize = 32;
const MAX_OCTETS: usize = 2 << 20;

/// What was heard so far.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    /// Handshake messages of the server: type, then length and body as received.
    pub(crate) messages: Vec<Vec<u8>>,
    octets: usize,
    /// The code of the last alert received.
    pub(crate) alert: Option<u8>,
}

impl Transcript {
    fn hear(&mut self, content: c_int, bytes: &[u8]) {
        match (content, bytes) {
            (ALERT, [_, code, ..]) => self.alert = Some(*code),
            (HANDSHAKE, _) if self.messages.len() < MAX_MESSAGES && self.octets + bytes.len() <= MAX_OCTETS => {
                self.octets += bytes.len();
                self.messages.push(bytes.to_vec());
            }
            _ => {}
        }
    }
}

/// The library calls this with every message, sent and received.
///
/// # Safety
/// `bytes` points to `length` octets, and `transcript` is the one that the session was given, not in use elsewhere.
pub(crate) unsafe extern "C" fn hear(
    sent: c_int,
    _version: c_int,
    content: c_int,
    bytes: *const c_void,
    length: usize,
    _ssl: *mut c_void,
    transcript: *mut c_void,
) {
    if sent != 0 || bytes.is_null() || transcript.is_null() {
        return;
    }
    // SAFETY: by the contract of this function.
    let (bytes, transcript) = unsafe { (std::slice::from_raw_parts(bytes.cast::<u8>(), length), &mut *transcript.cast::<Transcript>()) };
    transcript.hear(content, bytes);
}
