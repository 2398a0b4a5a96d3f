//! Sizes, and the limit on what comes out of compressed bodies.

use anyhow::anyhow;
use roundtrip_http::coding::DecodeLimits;

/// Reads a number of bytes: of 1024 times as many with k (also kB, KiB), of 1024 times as many again with M,
/// G, T, P.
pub(crate) fn byte_count(text: &str) -> Result<u64, String> {
    const UNITS: [&str; 5] = ["k", "m", "g", "t", "p"];
    let number = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    let unit = text[number.len()..].to_ascii_lowercase();
    let prefix = unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit);
    let power = match UNITS.iter().position(|known| *known == prefix) {
        Some(at) => Some(at + 1),
        None => matches!(unit.as_str(), "" | "b").then_some(0),
    };
    let count = power.zip(number.parse::<u64>().ok());
    let bytes = count.and_then(|(power, number)| number.checked_mul(1 << (10 * power)));
    bytes.ok_or_else(|| "wanted a number of bytes, as 5000, 100k, 20M or 2G".into())
}

/// The same as the value of an option that is named where it is none.
pub(crate) fn size(option: &str, text: &str) -> anyhow::Result<u64> {
    byte_count(text).map_err(|why| anyhow!("{option} {text}: {why}"))
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
            ("4KiB", 4096),
            ("5mb", 5 << 20),
        ] {
            assert_eq!(size("-x", text).ok(), Some(bytes), "{text}");
        }
        for text in ["", "k", "1x", "1ib", "1kbb", "-1", "1.5M", "99999999P"] {
            assert!(size("-x", text).is_err(), "{text}");
        }
        assert_eq!(decoded(Some("1k")).unwrap(), DecodeLimits::of(1024));
        assert_eq!(decoded(Some("0")).unwrap(), DecodeLimits::NONE);
    }
}
