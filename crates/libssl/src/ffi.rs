//! The functions of OpenSSL 3 that are used, by their C signatures. (openssl/ssl.h, bio.h, err.h of OpenSSL 3.0)

use libloading::Library as Shared;
use std::ffi::{CStr, c_char, c_int, c_long, c_ulong, c_void};
use std::path::Path;
use std::sync::Arc;

/// Opaque objects of the library.
pub(crate) type Ptr = *mut c_void;
/// `void cb(int write_p, int version, int content_type, const void *buf, size_t len, SSL *ssl, void *arg)`
pub(crate) type MessageCallback = unsafe extern "C" fn(c_int, c_int, c_int, *const c_void, usize, Ptr, *mut c_void);

/// Why there is no OpenSSL.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No such library, or not one that can be loaded.
    #[error("{0}")]
    Absent(String),
    /// It lacks a function that OpenSSL 3 has.
    #[error("the OpenSSL found lacks {0}")]
    Incomplete(&'static str),
    /// It would not begin.
    #[error("OpenSSL would not start")]
    Refused,
}

macro_rules! functions {
    ($($library:ident $name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions, each with the type that the headers give it.
        #[allow(non_snake_case)]
        pub(crate) struct Functions {
            $(pub(crate) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Functions {
            fn find(ssl: &Shared, crypto: &Shared) -> Result<Self, LoadError> {
                Ok(Self {
                    $($name: {
                        // SAFETY: the type is the one under which OpenSSL 3 declares this function; its ABI is stable within version 3.
                        let found = unsafe { functions!(@from $library ssl crypto).get(concat!(stringify!($name), "\0").as_bytes()) };
                        *found.map_err(|_| LoadError::Incomplete(stringify!($name)))?
                    },)*
                })
            }
        }
    };
    (@from ssl $ssl:ident $crypto:ident) => { $ssl };
    (@from crypto $ssl:ident $crypto:ident) => { $crypto };
}

functions! {
    ssl OPENSSL_init_ssl: fn(u64, *const c_void) -> c_int;
    ssl TLS_client_method: fn() -> *const c_void;
    ssl SSL_CTX_new: fn(*const c_void) -> Ptr;
    ssl SSL_CTX_free: fn(Ptr);
    ssl SSL_CTX_ctrl: fn(Ptr, c_int, c_long, *mut c_void) -> c_long;
    ssl SSL_CTX_set_options: fn(Ptr, u64) -> u64;
    ssl SSL_CTX_set_security_level: fn(Ptr, c_int);
    ssl SSL_CTX_set_verify: fn(Ptr, c_int, *const c_void);
    ssl SSL_CTX_set_cipher_list: fn(Ptr, *const c_char) -> c_int;
    ssl SSL_new: fn(Ptr) -> Ptr;
    ssl SSL_free: fn(Ptr);
    ssl SSL_ctrl: fn(Ptr, c_int, c_long, *mut c_void) -> c_long;
    ssl SSL_set_cipher_list: fn(Ptr, *const c_char) -> c_int;
    ssl SSL_set_msg_callback: fn(Ptr, Option<MessageCallback>);
    ssl SSL_set_bio: fn(Ptr, Ptr, Ptr);
    ssl SSL_set_connect_state: fn(Ptr);
    ssl SSL_do_handshake: fn(Ptr) -> c_int;
    ssl SSL_renegotiate: fn(Ptr) -> c_int;
    ssl SSL_in_init: fn(*const c_void) -> c_int;
    ssl SSL_read: fn(Ptr, *mut c_void, c_int) -> c_int;
    ssl SSL_write: fn(Ptr, *const c_void, c_int) -> c_int;
    ssl SSL_shutdown: fn(Ptr) -> c_int;
    ssl SSL_get_error: fn(*const c_void, c_int) -> c_int;
    ssl SSL_version: fn(*const c_void) -> c_int;
    ssl SSL_get_current_cipher: fn(*const c_void) -> *const c_void;
    ssl SSL_CIPHER_get_protocol_id: fn(*const c_void) -> u16;
    ssl SSL_CIPHER_get_auth_nid: fn(*const c_void) -> c_int;
    crypto BIO_new: fn(*const c_void) -> Ptr;
    crypto BIO_s_mem: fn() -> *const c_void;
    crypto BIO_free: fn(Ptr) -> c_int;
    crypto BIO_read: fn(Ptr, *mut c_void, c_int) -> c_int;
    crypto BIO_write: fn(Ptr, *const c_void, c_int) -> c_int;
    crypto BIO_ctrl: fn(Ptr, c_int, c_long, *mut c_void) -> c_long;
    crypto ERR_get_error: fn() -> c_ulong;
    crypto ERR_clear_error: fn();
    crypto ERR_error_string_n: fn(c_ulong, *mut c_char, usize);
    crypto OpenSSL_version: fn(c_int) -> *const c_char;
}

/// `OPENSSL_INIT_NO_LOAD_CONFIG`: a system-wide minimum version or security level is not ours.
const NO_CONFIG: u64 = 0x80;
const VERSION_TEXT: c_int = 0;
const SET_MIN_PROTO_VERSION: c_int = 123;
const SET_MAX_CERT_LIST: c_int = 51;
const SSL_VERIFY_NONE: c_int = 0;
/// `SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION`: servers
/// without RFC 5746, an end without notice; no resumption.
const OPTIONS: u64 = 1 << 2 | 1 << 7 | 1 << 14 | 1 << 18;
/// Octets of one certificate message that are taken.
pub(crate) const MAX_CERTIFICATES: c_long = 1 << 20;
/// Everything the library has, anonymous and NULL suites last.
const CIPHERS: &CStr = c"ALL:COMPLEMENTOFALL:+aNULL:+eNULL:@SECLEVEL=0";

/// OpenSSL, loaded; one per process is enough.
pub struct Library {
    pub(crate) f: Functions,
    pub(crate) context: Ptr,
    version: String,
    // Behind the function pointers: dropped last.
    _crypto: Shared,
    _ssl: Shared,
}

// SAFETY: the function table is immutable, and OpenSSL 3 locks within SSL_CTX, which is only read after `load`.
unsafe impl Send for Library {}
// SAFETY: as above; SSL_new counts references atomically.
unsafe impl Sync for Library {}

impl Library {
    /// Finds OpenSSL 3: in this directory, or where the system has it.
    ///
    /// # Errors
    /// If it is not there or is another.
    pub fn load(directory: Option<&Path>) -> Result<Arc<Self>, LoadError> {
        let (crypto, ssl) = names();
        let (crypto, ssl) = (open(directory, crypto)?, open(directory, ssl)?);
        let f = Functions::find(&ssl, &crypto)?;
        // SAFETY: initialises once; may be called again.
        if unsafe { (f.OPENSSL_init_ssl)(NO_CONFIG, std::ptr::null()) } != 1 {
            return Err(LoadError::Refused);
        }
        // SAFETY: a static string of the library.
        let version = unsafe { CStr::from_ptr((f.OpenSSL_version)(VERSION_TEXT)) }.to_string_lossy();
        // "OpenSSL 3.0.19 27 Jan 2026 (Library: …)": name and number.
        let version = version.split_ascii_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let context = context(&f)?;
        Ok(Arc::new(Self { f, context, version, _crypto: crypto, _ssl: ssl }))
    }

    /// `OpenSSL 3.0.19`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The oldest error waiting in this thread, in the library's words; the others are forgotten.
    pub(crate) fn error(&self) -> Option<String> {
        let mut text = [0_u8; 256];
        // SAFETY: the buffer is as long as we say, and the function ends what it writes with a NUL.
        unsafe {
            let code = (self.f.ERR_get_error)();
            if code == 0 {
                return None;
            }
            (self.f.ERR_error_string_n)(code, text.as_mut_ptr().cast(), text.len());
            (self.f.ERR_clear_error)();
        }
        let words = CStr::from_bytes_until_nul(&text).ok()?.to_string_lossy();
        // "error:0A000102:SSL routines::unsupported protocol": what comes last is for people.
        Some(words.rsplit("::").next().unwrap_or(&words).to_owned())
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: made by SSL_CTX_new; clients hold the library, so none is left.
        unsafe { (self.f.SSL_CTX_free)(self.context) }
    }
}

fn names() -> (&'static str, &'static str) {
    if cfg!(target_os = "macos") { ("libcrypto.3.dylib", "libssl.3.dylib") } else { ("libcrypto.so.3", "libssl.so.3") }
}

fn open(directory: Option<&Path>, name: &str) -> Result<Shared, LoadError> {
    let path = directory.map_or_else(|| name.into(), |d| d.join(name));
    // SAFETY: loading runs the library's initialisers; OpenSSL's set up its own tables only.
    let loaded = unsafe { Shared::new(&path) };
    // The loader's own words are below ours.
    loaded.map_err(|e| LoadError::Absent(std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string)))
}

/// What all clients have in common: every version and suite, no demands, no resumption.
fn context(f: &Functions) -> Result<Ptr, LoadError> {
    // SAFETY: the context is new and ours alone; constants are those of ssl.h.
    unsafe {
        let context = (f.SSL_CTX_new)((f.TLS_client_method)());
        if context.is_null() {
            return Err(LoadError::Refused);
        }
        (f.SSL_CTX_set_security_level)(context, 0);
        (f.SSL_CTX_set_options)(context, OPTIONS);
        (f.SSL_CTX_set_verify)(context, SSL_VERIFY_NONE, std::ptr::null());
        // 0: the oldest that the library was built with.
        (f.SSL_CTX_ctrl)(context, SET_MIN_PROTO_VERSION, 0, std::ptr::null_mut());
        (f.SSL_CTX_ctrl)(context, SET_MAX_CERT_LIST, MAX_CERTIFICATES, std::ptr::null_mut());
        if (f.SSL_CTX_set_cipher_list)(context, CIPHERS.as_ptr()) != 1 {
            (f.SSL_CTX_free)(context);
            return Err(LoadError::Refused);
        }
        Ok(context)
    }
}
