//! Questions about names that denial and wildcards ask.

use bytes::{BufMut, Bytes, BytesMut};

use crate::types::{Name, Relation};

/// Number of labels without the root's, and without a leading asterisk: what an RRSIG counts. (RFC 4034 section 3.1.3)
pub(crate) fn signed_labels(name: &Name) -> usize {
    labels(name) - usize::from(is_wildcard(name))
}

/// Number of labels without the root's.
pub(crate) fn labels(name: &Name) -> usize {
    name.label_count().saturating_sub(1)
}

/// Whether the first label is an asterisk.
pub(crate) fn is_wildcard(name: &Name) -> bool {
    name.as_slice().starts_with(b"\x01*")
}

/// The last `count` labels and the root; the name itself if it has no more.
pub(crate) fn ancestor(name: &Name, count: usize) -> Name {
    let skip = labels(name).saturating_sub(count);
    name.iter_suffixes().nth(skip).unwrap_or_else(Name::root_bytes)
}

/// The name without its first label; `None` for the root.
pub(crate) fn parent(name: &Name) -> Option<Name> {
    name.parent()
}

/// Whether `name` is `ancestor` or below it.
pub(crate) fn is_within(name: &Name, ancestor: &Name) -> bool {
    Relation::is_within(name, ancestor)
}

/// Whether `name` is below `ancestor`.
pub(crate) fn is_below(name: &Name, ancestor: &Name) -> bool {
    name.len() > ancestor.len() && Relation::is_within(name, ancestor)
}

/// `*.name`; `None` if that is too long.
pub(crate) fn wildcard_of(name: &Name) -> Option<Name> {
    prepend(b"*", name)
}

/// `label.name`; `None` if that is no name.
pub(crate) fn prepend(label: &[u8], name: &Name) -> Option<Name> {
    let len = u8::try_from(label.len()).ok()?;
    let mut wire = BytesMut::with_capacity(1 + label.len() + name.len());
    wire.put_u8(len);
    wire.put_slice(label);
    wire.put_slice(name.as_slice());
    from_wire(wire.freeze())
}

/// An absolute name from its wire form, which is all of `wire`.
pub(crate) fn from_wire(wire: Bytes) -> Option<Name> {
    Name::from_octets(wire).ok()
}

/// The longest name that is an ancestor of both, or one of them.
pub(crate) fn common_ancestor(a: &Name, b: &Name) -> Name {
    let shared = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    ancestor(a, shared.saturating_sub(1))
}

/// Puts `new` in the place of the ending `old` of `name`; `None` if the result is too long. (RFC 6672 section 2.2)
pub(crate) fn replace_suffix(name: &Name, old: &Name, new: &Name) -> Option<Name> {
    let keep = name.len().checked_sub(old.len())?;
    let mut wire = BytesMut::with_capacity(keep + new.len());
    wire.put_slice(name.as_slice().get(..keep)?);
    wire.put_slice(new.as_slice());
    from_wire(wire.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-113 rfc4034#6.1: the order that denial records follow.
    #[test]
    fn names_are_in_canonical_order() {
        let names = ["example", "a.example", "yljkjljk.a.example", "Z.a.example", "zABC.a.EXAMPLE", "z.example"];
        let names = names.into_iter().chain([r"\001.z.example", "*.z.example", r"\200.z.example"]);
        let names: Vec<Name> = names.map(|name| name.parse().unwrap()).collect();
        assert!(names.is_sorted_by(|a, b| a < b));
    }

    // R-015 rfc4343#3: held against comparing label by label.
    #[test]
    fn relations_are_those_of_the_labels() {
        let names = [
            "",
            "example",
            "EXAMPLE",
            "b.example",
            "a.B.example",
            "xample",
            "x.ample",
            r"\001b\007example",
            r"a\001b.example",
            "ab.example",
        ];
        let names: Vec<Name> = names.iter().map(|name| format!("{name}.").parse().unwrap()).collect();
        for (a, b) in names.iter().flat_map(|a| names.iter().map(move |b| (a, b))) {
            assert_eq!(a.is(b), a == b, "{a} {b}");
            assert_eq!(Relation::is_within(a, b), a.ends_with(b), "{a} {b}");
            assert_eq!(is_below(a, b), a.ends_with(b) && a != b, "{a} {b}");
        }
    }

    #[test]
    fn parts_of_names() {
        let name: Name = "a.b.example".parse().unwrap();
        assert_eq!(ancestor(&name, 2).to_string(), "b.example");
        assert_eq!(ancestor(&name, 0), Name::root_bytes());
        assert_eq!(common_ancestor(&name, &"c.B.example".parse().unwrap()).to_string(), "b.example");
        assert_eq!(common_ancestor(&name, &"x".parse().unwrap()), Name::root_bytes());
        let moved = replace_suffix(&name, &"b.example".parse().unwrap(), &"test".parse().unwrap());
        assert_eq!(moved.unwrap().to_string(), "a.test");
        assert!(is_below(&name, &"B.example".parse().unwrap()) && !is_below(&name, &name) && is_within(&name, &name));
        assert_eq!(signed_labels(&wildcard_of(&name).unwrap()), 3);
    }
}
