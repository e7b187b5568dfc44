//! Everything in the lab that looks random comes from one number.

use aws_lc_rs::digest::{SHA256, digest};

/// A place in a tree of pseudo-random values. Same root, same path, same value.
#[derive(Clone, Copy, Debug)]
pub struct Seed([u8; 32]);

impl Seed {
    /// The root of the tree.
    pub fn new(number: u64) -> Self {
        Self([0; 32]).child(&number.to_string())
    }

    /// The root of a tree that nobody can guess.
    pub fn secret(octets: [u8; 32]) -> Self {
        Self(octets).child("secret")
    }

    /// The value below this one with a name.
    pub fn child(&self, label: &str) -> Self {
        let mut input = self.0.to_vec();
        input.extend_from_slice(label.as_bytes());
        let mut out = [0; 32];
        out.copy_from_slice(digest(&SHA256, &input).as_ref());
        Self(out)
    }

    /// 32 octets.
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// As many octets as wanted.
    pub fn stretch(&self, length: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(length + 32);
        let mut next = *self;
        while out.len() < length {
            out.extend_from_slice(&next.0);
            next = next.child("+");
        }
        out.truncate(length);
        out
    }

    /// A number below `bound` (1 if `bound` is 0).
    pub fn below(&self, bound: usize) -> usize {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0[..8]);
        usize::try_from(u64::from_be_bytes(first) % (bound.max(1) as u64)).unwrap_or(0)
    }
}
