//! What the dialogue with one SMTP server means: did we see its TLS, and if not, who is in the way?

use crate::cause::Cause;
use crate::observation::AddressObservation;

/// What kept a sender from an authenticated TLS session with this address; `None`: nothing did.
///
/// Tells *could not look* (path, us) from *bad* (domain), and in doubt says *could not look*.
#[must_use]
pub fn obstacle(server: &AddressObservation) -> Option<Cause> {
    let _ = server;
    Some(Cause::NotLooked)
}
