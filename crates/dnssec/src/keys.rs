//! DNSKEY and DS records.
/// TODO
#[derive(Debug)]
pub struct Key {}
impl Key {
    pub(crate) fn tag(&self) -> u16 {
        0
    }
    pub(crate) fn algorithm(&self) -> u8 {
        0
    }
}
