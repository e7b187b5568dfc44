//! A cursor over a DNS message. Never panics, never loops: every step moves forward, and every compression pointer backward.

use bytes::Bytes;

use crate::types::Name;

/// The octets ran out or a name is malformed. Says what was being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub &'static str);

/// Reads forward through `message` up to `end`; names may point back before `pos`.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    message: &'a [u8],
    pos: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `message`.
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { message, pos: 0, end: message.len() }
    }

    /// Octets not yet read.
    pub(crate) fn remaining(&self) -> usize {
        self.end.saturating_sub(self.pos)
    }

    /// The next `len` octets.
    pub(crate) fn octets(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        if len > self.remaining() {
            return Err(Malformed("data ends too early"));
        }
        let octets = self.message.get(self.pos..self.pos + len).ok_or(Malformed("data ends too early"))?;
        self.pos += len;
        Ok(octets)
    }

    /// A reader limited to the next `len` octets, which this reader skips.
    pub(crate) fn section(&mut self, len: usize) -> Result<Self, Malformed> {
        let start = self.pos;
        self.octets(len)?;
        Ok(Self { message: self.message, pos: start, end: self.pos })
    }

    /// One octet.
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.octets(1)?.first().copied().ok_or(Malformed("data ends too early"))
    }

    /// Two octets, most significant first.
    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.octets(2)?.try_into().map(u16::from_be_bytes).map_err(|_| Malformed("data ends too early"))
    }

    /// Four octets, most significant first.
    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.octets(4)?.try_into().map(u32::from_be_bytes).map_err(|_| Malformed("data ends too early"))
    }

    /// A name, uncompressed and appended to `out`.
    pub(crate) fn name_into(&mut self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let start = out.len();
        let mut cursor = *self;
        let mut jumped = false;
        loop {
            let here = cursor.pos;
            let len = cursor.u8()?;
            match len {
                0 => {
                    out.push(0);
                    break;
                }
                1..=63 => {
                    out.push(len);
                    out.extend_from_slice(cursor.octets(len.into())?);
                    if out.len() - start > 254 {
                        return Err(Malformed("name is longer than 255 octets"));
                    }
                }
                0xC0.. => {
                    let target = usize::from(len & 0x3F) << 8 | usize::from(cursor.u8()?);
                    if !jumped {
                        self.pos = cursor.pos;
                        jumped = true;
                    }
                    if target >= here {
                        return Err(Malformed("compression pointer does not point back"));
                    }
                    // The labels read from here on end before this pointer, so that the way back is finite.
                    cursor = Self { message: self.message, pos: target, end: here };
                }
                _ => return Err(Malformed("unknown label type")),
            }
        }
        if !jumped {
            self.pos = cursor.pos;
        }
        Ok(())
    }

    /// Steps over a name without reading what it points to.
    pub(crate) fn skip_name(&mut self) -> Result<(), Malformed> {
        loop {
            match self.u8()? {
                0 => return Ok(()),
                len @ 1..=63 => _ = self.octets(len.into())?,
                0xC0.. => return self.u8().map(|_| ()),
                _ => return Err(Malformed("unknown label type")),
            }
        }
    }

    /// A name, uncompressed.
    pub(crate) fn name(&mut self) -> Result<Name, Malformed> {
        let mut out = Vec::with_capacity(64);
        self.name_into(&mut out)?;
        Name::from_octets(Bytes::from(out)).map_err(|_| Malformed("bad name"))
    }
}
