//! Whether a resource is what `integrity` says (Subresource Integrity).

use super::hash::{Hash, hashes};
use super::refused::Refusal;

/// Whether bytes are what an `integrity` attribute says: one of its hashes by the strongest of its
/// algorithms is theirs (Subresource Integrity, section 3.3.4).
pub(crate) fn check(attribute: &str, bytes: &[u8]) -> Result<(), Refusal> {
    let mut hashes = hashes(attribute);
    let Some(strongest) = hashes.iter().map(|hash| hash.algorithm).max() else { return Ok(()) };
    hashes.retain(|hash| hash.algorithm == strongest);
    let found = Hash::of(strongest, bytes);
    if hashes.contains(&found) {
        return Ok(());
    }
    let expected: Vec<String> = hashes.iter().map(ToString::to_string).collect();
    Err(Refusal::Integrity { expected: expected.join(" or "), found: found.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of no bytes at all, as `openssl dgst` has them.
    const EMPTY_256: &str = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    const EMPTY_384: &str =
        "sha384-OLBgp1GsljhM2TJ+sbHjaiH9txEUvgdDTAzHv2P24donTt6/529l+9Ua0vFImLlb";

    fn passes(attribute: &str, bytes: &[u8]) -> bool {
        check(attribute, bytes).is_ok()
    }

    #[test]
    fn one_of_the_strongest_hashes_has_to_be_that_of_the_bytes() {
        assert!(passes(EMPTY_256, b"") && passes(EMPTY_384, b""));
        assert!(!passes(EMPTY_256, b"x"));
        // Several of one algorithm: any will do.
        assert!(passes(&format!("sha256-AAAA {EMPTY_256}"), b""));
        // A weaker one that is right does not help a stronger one that is wrong, nor harm a right one.
        assert!(!passes(&format!("{EMPTY_256} sha384-AAAA"), b""));
        assert!(passes(&format!("sha256-AAAA\n\t{EMPTY_384}"), b""));
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        for attribute in
            ["", " ", "md5-AAAA", "sha256", "sha256-", "sha256-=", "sha256-ä", "sha1-x"]
        {
            assert!(passes(attribute, b"x"), "{attribute}");
        }
        assert!(!passes(&format!("md5-AAAA {EMPTY_256}"), b"x"));
    }

    #[test]
    fn hashes_are_written_in_several_ways() {
        let url = EMPTY_256.replace('+', "-").replace("FU=", "FU").replace("a-/", "a-_");
        for text in [&url, "SHA256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", EMPTY_256] {
            assert!(passes(text, b"") && !passes(text, b"x"), "{text}");
        }
        assert!(passes(&format!("{EMPTY_256}?ct=text/css"), b""));
    }

    #[test]
    fn a_refusal_has_both_hashes() {
        let Err(Refusal::Integrity { expected, found }) = check("sha256-AAAA sha256-BBBB", b"")
        else {
            panic!("it passed");
        };
        assert_eq!((expected.as_str(), found.as_str()), ("sha256-AAAA or sha256-BBBB", EMPTY_256));
    }
}
