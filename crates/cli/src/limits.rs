//! Sizes, and the limit on what comes out of compressed bodies.

use anyhow::anyhow;
use roundtrip_http::coding::DecodeLimits;

/// Reads a number of bytes, of 1024 times as many with k, of 1024 times as many again with M, G, T, P.
pub(crate) fn size(option: &str, text: &str) -> anyhow::Result<u64> {
    let bad = || anyhow!("{option} {text}: wanted a number of bytes, as 5000, 100k, 20M or 2G");
    let number = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    let power = match &text[number.len()..] {
        "" | "b" | "B" => 0,
        "k" | "K" => 1,
        "m" | "M" => 2,
        "g" | "G" => 3,
        "t" | "T" => 4,
        "p" | "P" => 5,
        _ => return Err(bad()),
    };
    let number: u64 = number.parse().map_err(|_| bad())?;
    number.checked_mul(1 << (10 * power)).ok_or_else(bad)
}

/// The limits of `--max-decoded`: so many bytes of one body, four times as many of all together; 0 is no
/// limit.
pub(crate) fn decoded(text: Option<&str>) -> anyhow::Result<DecodeLimits> {
    let Some(text) = text else { return Ok(DecodeLimits::default()) };
    Ok(match size("--max-decoded", text)? {
        0 => DecodeLimits::NONE,
        total => DecodeLimits::of(total),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("0", 0),
            ("5000", 5000),
            ("100k", 102_400),
            ("2G", 2 << 30),
            ("1B", 1),
            ("3t", 3 << 40),
        ] {
            assert_eq!(size("-x", text).ok(), Some(bytes), "{text}");
        }
        for text in ["", "k", "1x", "-1", "1.5M", "99999999P"] {
            assert!(size("-x", text).is_err(), "{text}");
        }
        assert_eq!(decoded(Some("1k")).unwrap(), DecodeLimits::of(1024));
        assert_eq!(decoded(Some("0")).unwrap(), DecodeLimits::NONE);
    }
}
