//! `Digest`: SHA-256 over parts, none of which can run into the next.

use core::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};

/// 32 bytes of SHA-256.
pub(crate) type Hash = [u8; 32];

/// Takes parts and makes one hash of them. Each part is followed by its length, so that "ab", "c" and
/// "a", "bc" differ.
#[derive(Default)]
pub(crate) struct Digest(Sha256);

impl Digest {
    /// Takes a part.
    #[must_use]
    pub(crate) fn with(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.0.update(part);
        self.0.update((part.len() as u64).to_le_bytes());
        self
    }

    /// Takes a value as `Debug` writes it: all of it, in one order.
    #[must_use]
    pub(crate) fn with_debug(mut self, value: &impl fmt::Debug) -> Self {
        let mut written = Written { hasher: &mut self.0, length: 0 };
        // A hash takes everything.
        let _ = fmt::write(&mut written, format_args!("{value:?}"));
        let length = written.length;
        self.0.update(length.to_le_bytes());
        self
    }

    /// The hash of all parts.
    pub(crate) fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}

/// Text that goes into a hash as it is written.
struct Written<'a> {
    hasher: &'a mut Sha256,
    length: u64,
}

impl fmt::Write for Written<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.hasher.update(text);
        self.length += text.len() as u64;
        Ok(())
    }
}

/// A hash in lower-case hexadecimal.
pub(crate) fn hex(hash: &[u8]) -> String {
    hash.iter().fold(String::with_capacity(2 * hash.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let of = |parts: &[&str]| parts.iter().fold(Digest::default(), Digest::with).finish();
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a"]), of(&["a", ""]));
        assert_eq!(Digest::default().with_debug(&1).finish(), of(&["1"]));
        assert_eq!(hex(&[0, 255]), "00ff");
    }
}
