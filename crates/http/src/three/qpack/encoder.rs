//! Codes field sections, by the static table alone.

use super::prefix::{number, string};
use super::static_table::{Found, find};

/// Fields whose values are secret, or would let somebody guess them: who sends them on may not put them
/// into a table either (RFC 9204 §7.1.3).
const NEVER_INDEXED: [&[u8]; 3] = [b"authorization", b"cookie", b"proxy-authorization"];

/// Codes a section. It refers to no dynamic table: its prefix is two zeros (RFC 9204 §4.5.1).
pub(crate) fn encode<'a>(lines: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
    let mut out = vec![0, 0];
    for (name, value) in lines {
        let never = NEVER_INDEXED.contains(&name);
        match find(name, value) {
            // An indexed field line (§4.5.2).
            Some(Found::Whole(index)) if !never => number(index as u64, 6, 0xc0, &mut out),
            // A literal with the name of an entry (§4.5.4).
            Some(Found::Whole(index) | Found::Name(index)) => {
                let mark = if never { 0x70 } else { 0x50 };
                number(index as u64, 4, mark, &mut out);
                string(value, 7, 0, &mut out);
            }
            // A literal with its name (§4.5.6).
            None => {
                let mark = if never { 0x30 } else { 0x20 };
                string(name, 3, mark, &mut out);
                string(value, 7, 0, &mut out);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_coded_by_the_static_table() {
        let coded = |name: &str, value: &str| encode([(name.as_bytes(), value.as_bytes())]);
        // RFC 9204 B.1.
        assert_eq!(
            coded(":path", "/index.html")[..3],
            [0, 0, 0x51],
            "a literal with the name of entry 1"
        );
        assert_eq!(coded(":method", "GET"), [0, 0, 0xc0 | 0x11]);
        assert_eq!(coded("x-frame-options", "sameorigin"), [0, 0, 0xff, 98 - 63]);
        assert_eq!(coded("cookie", "")[..3], [0, 0, 0x75]);
        assert_eq!(coded("x", "y"), [0, 0, 0x21, b'x', 1, b'y']);
    }
}
