//! How long an answer is good, and how old it is (RFC 9111 §4.2), in a cache of one person.

use core::time::Duration;
use std::time::SystemTime;

use http::StatusCode;
use roundtrip_http::message::Fields;

use crate::directives::{Directives, delta_seconds};

/// What an answer's age is taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AgeFrom {
    /// `Date` and `Age`, as RFC 9111 §4.2.3 has it.
    #[default]
    DateAndAge,
    /// `Age` alone, where clocks are known not to go alike: an answer that is replayed has the `Date`
    /// that was recorded, which says nothing of its age here.
    Age,
}

/// How long an answer is fresh; `None`: for ever.
///
/// What the server says goes before what is guessed. As browsers do (`net/http/http_response_headers.cc`),
/// `must-revalidate` forbids guesses; what is guessed is a tenth of the time since the last change, and
/// that permanent redirects and the like stay as they are.
///
/// `answered` is when it came, for answers without a `Date`.
pub fn lifetime(status: StatusCode, fields: &Fields, answered: SystemTime) -> Option<Duration> {
    let directives = Directives::of(fields);
    if directives.has("no-cache") || directives.has("no-store") || fields.has("Vary", "*") {
        return Some(Duration::ZERO);
    }
    if let Some(seconds) = directives.seconds("max-age") {
        return Some(Duration::from_secs(seconds));
    }
    let date = date(fields, "Date").unwrap_or(answered);
    if fields.contains("Expires") {
        // What is no date, such as 0, has passed.
        let expires = self::date(fields, "Expires").unwrap_or(SystemTime::UNIX_EPOCH);
        return Some(expires.duration_since(date).unwrap_or_default());
    }
    if directives.has("must-revalidate") {
        return Some(Duration::ZERO);
    }
    match status.as_u16() {
        200 | 203 => {
            let changed = self::date(fields, "Last-Modified");
            let since = changed.and_then(|changed| date.duration_since(changed).ok());
            Some(since.unwrap_or_default() / 10)
        }
        300 | 301 | 308 | 410 => None,
        _ => Some(Duration::ZERO),
    }
}

/// How old an answer was when it came, whose request was sent at `asked` (RFC 9111 §4.2.3).
pub(crate) fn age_on_arrival(
    fields: &Fields,
    from: AgeFrom,
    asked: SystemTime,
    answered: SystemTime,
) -> Duration {
    let on_the_way = answered.duration_since(asked).unwrap_or_default();
    let told = fields.text("Age").and_then(|text| delta_seconds(text.trim())).unwrap_or(0);
    let corrected = Duration::from_secs(told) + on_the_way;
    match from {
        AgeFrom::Age => corrected,
        AgeFrom::DateAndAge => {
            let apparent = date(fields, "Date").and_then(|date| answered.duration_since(date).ok());
            corrected.max(apparent.unwrap_or_default())
        }
    }
}

/// Whether an answer to a GET with these fields may be kept (RFC 9111 §3) and it is of any use: it is
/// fresh for a while, or can be asked about.
pub(crate) fn is_storable(
    status: StatusCode,
    asked: &Fields,
    fields: &Fields,
    answered: SystemTime,
) -> bool {
    /// Those that are understood here; a part of a resource (206) is kept by nobody's rules but its own.
    const UNDERSTOOD: [u16; 14] =
        [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501];
    /// Those that may be kept without being told so (RFC 9110 §15.1).
    const BY_DEFAULT: [u16; 11] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];
    let (request, response) = (Directives::of(asked), Directives::of(fields));
    let status_code = status.as_u16();
    let is_told = ["public", "private", "max-age"].iter().any(|name| response.has(name))
        || fields.contains("Expires");
    let is_of_use = lifetime(status, fields, answered) != Some(Duration::ZERO)
        || fields.contains("ETag")
        || fields.contains("Last-Modified");
    UNDERSTOOD.contains(&status_code)
        && !request.has("no-store")
        && !response.has("no-store")
        && (is_told || BY_DEFAULT.contains(&status_code))
        && is_of_use
}

/// A date of any of the three forms (RFC 9110 §5.6.7).
fn date(fields: &Fields, name: &str) -> Option<SystemTime> {
    fields.text(name).and_then(|text| httpdate::parse_http_date(text.trim()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Lines<'a> = &'a [(&'static str, &'a str)];

    const DATE: &str = "Fri, 01 Jan 2027 00:00:00 GMT";
    const HOUR_LATER: &str = "Fri, 01 Jan 2027 01:00:00 GMT";
    const TEN_DAYS_BEFORE: &str = "Tue, 22 Dec 2026 00:00:00 GMT";

    fn fields(lines: Lines<'_>) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in lines {
            fields.add(name, value);
        }
        fields
    }

    fn at(text: &str) -> SystemTime {
        httpdate::parse_http_date(text).expect("a date")
    }

    fn seconds(status: u16, lines: Lines<'_>) -> Option<u64> {
        let status = StatusCode::from_u16(status).expect("a status");
        lifetime(status, &fields(lines), at(DATE)).map(|lifetime| lifetime.as_secs())
    }

    #[test]
    fn lifetimes_are_those_of_the_rfc_and_of_browsers() {
        const DAY: u64 = 86_400;
        let cases: &[(u16, Lines<'_>, Option<u64>)] = &[
            (200, &[], Some(0)),
            (200, &[("Cache-Control", "max-age=60")], Some(60)),
            (200, &[("Cache-Control", "max-age=31536000, immutable")], Some(31_536_000)),
            (200, &[("Cache-Control", "MAX-AGE=60, must-revalidate")], Some(60)),
            (200, &[("Cache-Control", "immutable")], Some(0)),
            // Of a cache that others share.
            (200, &[("Cache-Control", "s-maxage=60")], Some(0)),
            (200, &[("Cache-Control", "private, max-age=60")], Some(60)),
            (200, &[("Cache-Control", "max-age=60, no-cache")], Some(0)),
            (200, &[("Cache-Control", "no-cache=\"Set-Cookie\", max-age=60")], Some(0)),
            (200, &[("Pragma", "no-cache"), ("Expires", HOUR_LATER), ("Date", DATE)], Some(0)),
            (200, &[("Cache-Control", "max-age=60"), ("Vary", "Accept, *")], Some(0)),
            (200, &[("Cache-Control", "Max-Age=60")], Some(60)),
            (200, &[("Cache-Control", "max-age=-1"), ("Expires", HOUR_LATER)], Some(0)),
            (200, &[("Cache-Control", "max-age=60"), ("Expires", HOUR_LATER)], Some(60)),
            (200, &[("Date", DATE), ("Expires", HOUR_LATER)], Some(3600)),
            (200, &[("Expires", HOUR_LATER)], Some(3600)),
            (200, &[("Date", HOUR_LATER), ("Expires", DATE)], Some(0)),
            (200, &[("Expires", "0"), ("Last-Modified", TEN_DAYS_BEFORE)], Some(0)),
            (200, &[("Expires", "Friday, 01-Jan-27 01:00:00 GMT"), ("Date", DATE)], Some(3600)),
            (200, &[("Expires", "Fri Jan  1 01:00:00 2027"), ("Date", DATE)], Some(3600)),
            (200, &[("Date", DATE), ("Last-Modified", TEN_DAYS_BEFORE)], Some(DAY)),
            (200, &[("Last-Modified", TEN_DAYS_BEFORE)], Some(DAY)),
            (
                200,
                &[("Last-Modified", TEN_DAYS_BEFORE), ("Cache-Control", "must-revalidate")],
                Some(0),
            ),
            (200, &[("Date", DATE), ("Last-Modified", HOUR_LATER)], Some(0)),
            (301, &[], None),
            (308, &[("Cache-Control", "max-age=9")], Some(9)),
            (302, &[("Last-Modified", TEN_DAYS_BEFORE)], Some(0)),
            (404, &[("Last-Modified", TEN_DAYS_BEFORE)], Some(0)),
        ];
        for (status, lines, expected) in cases {
            assert_eq!(seconds(*status, lines), *expected, "{status} {lines:?}");
        }
    }

    #[test]
    fn an_age_is_what_is_told_and_what_passed() {
        let (asked, answered) =
            (at(DATE) + Duration::from_secs(50), at(DATE) + Duration::from_mins(1));
        for (lines, from, expected) in [
            (&[][..], AgeFrom::DateAndAge, 10),
            (&[("Age", "7")], AgeFrom::DateAndAge, 17),
            (&[("Date", DATE)], AgeFrom::DateAndAge, 60),
            (&[("Date", DATE), ("Age", "100")], AgeFrom::DateAndAge, 110),
            (&[("Date", DATE), ("Age", "100")], AgeFrom::Age, 110),
            (&[("Date", DATE)], AgeFrom::Age, 10),
            (&[("Date", HOUR_LATER), ("Age", "old")], AgeFrom::DateAndAge, 10),
        ] {
            let age = age_on_arrival(&fields(lines), from, asked, answered);
            assert_eq!(age.as_secs(), expected, "{lines:?} {from:?}");
        }
    }

    #[test]
    fn what_may_be_kept_and_is_of_use_is_kept() {
        let fresh = ("Cache-Control", "max-age=60");
        let cases: &[(u16, Lines<'_>, Lines<'_>, bool)] = &[
            (200, &[], &[fresh], true),
            (200, &[], &[("ETag", "\"a\"")], true),
            (200, &[], &[("Last-Modified", TEN_DAYS_BEFORE)], true),
            (200, &[], &[], false),
            (200, &[], &[("Cache-Control", "private, max-age=60")], true),
            (200, &[], &[("Cache-Control", "no-cache"), ("ETag", "\"a\"")], true),
            (200, &[], &[("Cache-Control", "no-store, max-age=60")], false),
            (200, &[("Cache-Control", "no-store")], &[fresh], false),
            (206, &[], &[fresh], false),
            (304, &[], &[fresh], false),
            (301, &[], &[], true),
            (302, &[], &[], false),
            (302, &[], &[fresh], true),
            (404, &[], &[fresh], true),
            (500, &[], &[fresh], false),
        ];
        for (status, asked, answer, expected) in cases {
            let code = StatusCode::from_u16(*status).expect("a status");
            let kept = is_storable(code, &fields(asked), &fields(answer), at(DATE));
            assert_eq!(kept, *expected, "{status} {asked:?} {answer:?}");
        }
    }
}
