//! Byte ranges (RFC 9110 §14).

use core::fmt;

/// Part of a content: both ends count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Range {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Range {
    pub(crate) const fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// What a Range field asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All: the field is not understood or asks for too much; it is passed over.
    All,
    /// These, of which there is at least one.
    Parts(Vec<Range>),
    /// Nothing that there is: 416.
    Nothing,
}

/// More than this is no reader but an attack (RFC 9110 §17.15).
const MOST: usize = 32;

/// Reads a Range field for content of this length. Ranges that overlap or touch are joined.
pub(crate) fn parse(value: &str, length: u64) -> Wanted {
    let Some((unit, set)) = value.split_once('=') else { return Wanted::All };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::All;
    }
    let mut parts = Vec::new();
    let mut count = 0;
    for spec in set.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|s| !s.is_empty())
    {
        count += 1;
        match parse_one(spec, length) {
            // The last bytes of nothing are all there is (RFC 9110 §14.1.2), which no Content-Range can tell.
            Spec::Beyond if length == 0 && is_suffix(spec) => return Wanted::All,
            Spec::Bad => return Wanted::All,
            Spec::Beyond => {}
            Spec::Range(range) => parts.push(range),
        }
    }
    match (count, parts.is_empty()) {
        (0, _) => Wanted::All,
        (MOST.., _) => Wanted::All,
        (_, true) => Wanted::Nothing,
        _ => Wanted::Parts(join(parts)),
    }
}

/// One element of a Range field.
enum Spec {
    /// It is no range.
    Bad,
    /// It lies beyond the content.
    Beyond,
    Range(Range),
}

fn parse_one(spec: &str, length: u64) -> Spec {
    match ends(spec, length) {
        None => Spec::Bad,
        Some((first, last)) if first > last || first >= length => Spec::Beyond,
        Some((first, last)) => Spec::Range(Range { first, last }),
    }
}

/// Whether the last bytes are asked for, and at least one.
fn is_suffix(spec: &str) -> bool {
    spec.strip_prefix('-').is_some_and(|count| count.bytes().any(|digit| digit != b'0'))
}

/// First and last byte that are meant, cut to the content; `None` for what is no range.
fn ends(spec: &str, length: u64) -> Option<(u64, u64)> {
    let (first, last) = spec.split_once('-')?;
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        // A number beyond 64 bits lies beyond every content.
        plain.then(|| digits.parse().unwrap_or(u64::MAX))
    };
    if first.is_empty() {
        let suffix: u64 = number(last)?;
        return Some((length.saturating_sub(suffix), length.saturating_sub(1)));
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some((first, last.min(length.saturating_sub(1))))
}

/// Keeps the order that was asked for unless ranges overlap or touch.
fn join(parts: Vec<Range>) -> Vec<Range> {
    let mut sorted = parts.clone();
    sorted.sort_unstable();
    let mut joined: Vec<Range> = Vec::new();
    for part in sorted {
        match joined.last_mut() {
            Some(before) if part.first <= before.last.saturating_add(1) => {
                before.last = before.last.max(part.last);
            }
            _ => joined.push(part),
        }
    }
    if joined.len() == parts.len() { parts } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(value: &str) -> String {
        match parse(value, 1000) {
            Wanted::All => "all".into(),
            Wanted::Nothing => "nothing".into(),
            Wanted::Parts(parts) => {
                parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn ranges_are_read_as_the_rfc_has_them() {
        for (value, expected) in [
            ("bytes=0-499", "0-499"),
            ("bytes=500-", "500-999"),
            ("bytes=-500", "500-999"),
            ("bytes=-5000", "0-999"),
            ("bytes=9500-", "nothing"),
            ("bytes=-0", "nothing"),
            ("bytes=999-5000", "999-999"),
            ("bytes=0-0,-1", "0-0 999-999"),
            ("bytes=-1, 0-0", "999-999 0-0"),
            ("bytes=0-10,5-20,21-30", "0-30"),
            ("bytes= 0-1 ,, 5-6", "0-1 5-6"),
            ("bytes=5000-,0-1", "0-1"),
            ("BYTES=0-1", "0-1"),
            ("bytes=5-4", "all"),
            ("bytes=a-b", "all"),
            ("bytes=+1-2", "all"),
            ("bytes=", "all"),
            ("lines=1-2", "all"),
            ("bytes 0-1", "all"),
            ("bytes=0-99999999999999999999999", "0-999"),
            ("bytes=99999999999999999999999-", "nothing"),
        ] {
            assert_eq!(parts(value), expected, "{value}");
        }
        let many = (0..100).map(|i| format!("{}-{}", i * 4, i * 4)).collect::<Vec<_>>().join(",");
        assert_eq!(parts(&format!("bytes={many}")), "all");
    }

    #[test]
    fn of_nothing_there_is_no_range() {
        for value in ["bytes=0-", "bytes=-0", "bytes=0-0"] {
            assert_eq!(parse(value, 0), Wanted::Nothing, "{value}");
        }
        assert_eq!(parse("bytes=-1", 0), Wanted::All, "the last bytes of nothing are all there is");
    }
}
