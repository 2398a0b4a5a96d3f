//! Preconditions (RFC 9110 §13).

use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};

use crate::message::Fields;

/// What tells one state of a resource from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validators {
    /// The entity tag as it stands in the field, with its quotes and `W/` where it is weak.
    pub(crate) etag: String,
    /// When it was last changed, in whole seconds.
    pub(crate) modified: Option<SystemTime>,
}

impl Validators {
    /// Of content this long that was changed then, asked for at `now`. What was changed within the
    /// last second could change again and keep its length and time: the tag is weak then.
    pub(crate) fn new(length: u64, modified: Option<SystemTime>, now: SystemTime) -> Self {
        let since = modified.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let settled = modified
            .is_none_or(|at| now.duration_since(at).is_ok_and(|age| age >= Duration::from_secs(1)));
        let nanos = since.unwrap_or_default().as_nanos();
        let weak = if settled { "" } else { "W/" };
        Self {
            etag: format!("{weak}\"{length:x}-{nanos:x}\""),
            // A date in the future is told as now (RFC 9110 §8.8.2.1).
            modified: since
                .map(|since| (SystemTime::UNIX_EPOCH + since).min(now.max(SystemTime::UNIX_EPOCH)))
                .and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok())
                .map(|since| SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())),
        }
    }
}

/// The status that the preconditions lead to, in the order of RFC 9110 §13.2.2; `None` when the
/// request is to be carried out. If-Range is not among them.
pub(crate) fn evaluate(
    method: &Method,
    fields: &Fields,
    validators: &Validators,
) -> Option<StatusCode> {
    let reads = method == Method::GET || method == Method::HEAD;
    if fields.contains("If-Match") {
        if !matches(fields, "If-Match", &validators.etag, Comparison::Strong) {
            return Some(StatusCode::PRECONDITION_FAILED);
        }
    } else if let (Some(date), Some(modified)) =
        (date(fields, "If-Unmodified-Since"), validators.modified)
        && modified > date
    {
        return Some(StatusCode::PRECONDITION_FAILED);
    }
    let unchanged = if fields.contains("If-None-Match") {
        matches(fields, "If-None-Match", &validators.etag, Comparison::Weak)
    } else if reads
        && let (Some(date), Some(modified)) =
            (date(fields, "If-Modified-Since"), validators.modified)
    {
        modified <= date
    } else {
        false
    };
    match (unchanged, reads) {
        (true, true) => Some(StatusCode::NOT_MODIFIED),
        (true, false) => Some(StatusCode::PRECONDITION_FAILED),
        (false, _) => None,
    }
}

/// Whether a request asks for a resource only if it is another than the one whose fields these are, and it
/// is not (RFC 9110 §13.1.2, §13.1.3): the answer is 304 then.
pub fn is_unchanged(method: &Method, asked: &Fields, resource: &Fields) -> bool {
    let etag = resource.text("ETag").unwrap_or_default().to_owned();
    let validators = Validators { etag, modified: date(resource, "Last-Modified") };
    evaluate(method, asked, &validators) == Some(StatusCode::NOT_MODIFIED)
}

/// Whether a Range may be followed: there is no If-Range, or it names this very state
/// (RFC 9110 §13.1.5).
pub(crate) fn range_is_current(fields: &Fields, validators: &Validators) -> bool {
    let Some(value) = fields.text("If-Range") else { return true };
    if value.ends_with('"') {
        return compare(value, &validators.etag, Comparison::Strong);
    }
    // A date is as strong as the tag is: both come from the same time of change.
    let strong = !validators.etag.starts_with("W/");
    strong
        && validators.modified.is_some()
        && httpdate::parse_http_date(value).ok() == validators.modified
}

/// RFC 9110 §8.8.3.2.
#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    Strong,
    Weak,
}

fn matches(fields: &Fields, name: &str, etag: &str, comparison: Comparison) -> bool {
    fields
        .get_all(name)
        .filter_map(|value| core::str::from_utf8(value).ok())
        .any(|value| value == "*" || tags(value).any(|tag| compare(tag, etag, comparison)))
}

fn compare(one: &str, other: &str, comparison: Comparison) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    match comparison {
        Comparison::Strong => one == other && !one.starts_with("W/"),
        Comparison::Weak => opaque(one) == opaque(other),
    }
}

/// The entity tags of a list. A comma may stand within a tag.
fn tags(mut rest: &str) -> impl Iterator<Item = &str> {
    core::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let quote = rest.find('"')?;
        let end = quote + 1 + rest[quote + 1..].find('"')? + 1;
        let (tag, tail) = rest.split_at(end);
        rest = tail;
        Some(tag)
    })
}

/// A field that is no date, or stands there twice, is as if it were not there (RFC 9110 §13.1.3,
/// §13.1.4).
fn date(fields: &Fields, name: &str) -> Option<SystemTime> {
    let mut values = fields.get_all(name);
    let value = core::str::from_utf8(values.next()?).ok()?;
    if values.next().is_some() {
        return None;
    }
    httpdate::parse_http_date(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    type Lines<'a> = &'a [(&'static str, &'a str)];

    fn validators() -> Validators {
        Validators { etag: "\"a,b\"".into(), modified: Some(SystemTime::UNIX_EPOCH + 365 * DAY) }
    }

    fn status(method: &Method, lines: Lines<'_>) -> Option<u16> {
        let mut fields = Fields::new();
        for (name, value) in lines {
            fields.add(name, value);
        }
        evaluate(method, &fields, &validators()).map(|status| status.as_u16())
    }

    #[test]
    fn preconditions_come_in_the_order_of_the_rfc() {
        const BEFORE: &str = "Thu, 31 Dec 1970 00:00:00 GMT";
        const AT: &str = "Fri, 01 Jan 1971 00:00:00 GMT";
        use Method as M;
        let cases: &[(M, Lines<'_>, Option<u16>)] = &[
            (M::GET, &[], None),
            (M::GET, &[("If-None-Match", "\"x\", W/\"a,b\"")], Some(304)),
            (M::HEAD, &[("If-None-Match", "*")], Some(304)),
            (M::PUT, &[("If-None-Match", "*")], Some(412)),
            (M::GET, &[("If-None-Match", "\"a\"")], None),
            (M::GET, &[("If-Match", "\"a,b\"")], None),
            (M::GET, &[("If-Match", "W/\"a,b\"")], Some(412)),
            (M::GET, &[("If-Match", "*"), ("If-Unmodified-Since", BEFORE)], None),
            (M::GET, &[("If-Unmodified-Since", BEFORE)], Some(412)),
            (M::GET, &[("If-Unmodified-Since", AT)], None),
            (M::GET, &[("If-Modified-Since", AT)], Some(304)),
            (M::GET, &[("If-Modified-Since", BEFORE)], None),
            (M::POST, &[("If-Modified-Since", AT)], None),
            (M::GET, &[("If-Modified-Since", "yesterday")], None),
            (M::GET, &[("If-Modified-Since", AT), ("If-Modified-Since", AT)], None),
            (M::GET, &[("If-Modified-Since", "Friday, 01-Jan-71 00:00:00 GMT")], Some(304)),
            (M::GET, &[("If-Modified-Since", "Fri Jan  1 00:00:00 1971")], Some(304)),
            (M::GET, &[("If-None-Match", "")], None),
            (M::GET, &[("If-None-Match", "\"x"), ("If-Modified-Since", AT)], None),
            (M::HEAD, &[("If-Match", "\"x\""), ("If-None-Match", "\"a,b\"")], Some(412)),
            (M::GET, &[("If-Match", "\"x\", \"a,b\""), ("If-None-Match", "\"y\"")], None),
            // If-None-Match, where there is one, decides alone.
            (M::GET, &[("If-None-Match", "\"x\""), ("If-Modified-Since", AT)], None),
        ];
        for (method, lines, expected) in cases {
            assert_eq!(status(method, lines), *expected, "{method} {lines:?}");
        }
    }

    #[test]
    fn a_tag_is_weak_while_its_time_is_fresh() {
        let now = SystemTime::UNIX_EPOCH + DAY;
        let of = |age| Validators::new(255, Some(now - age), now).etag;
        assert!(of(Duration::from_millis(999)).starts_with("W/\"ff-"));
        assert!(of(Duration::from_secs(1)).starts_with("\"ff-"));
        // A time of change in the future says nothing.
        assert!(Validators::new(1, Some(now + DAY), now).etag.starts_with("W/"));
    }

    #[test]
    fn if_range_compares_strongly() {
        let with = |value: &str| {
            let mut fields = Fields::new();
            fields.add("If-Range", value);
            range_is_current(&fields, &validators())
        };
        assert!(range_is_current(&Fields::new(), &validators()));
        assert!(with("\"a,b\""));
        assert!(!with("W/\"a,b\""));
        assert!(with("Fri, 01 Jan 1971 00:00:00 GMT"));
        assert!(!with("Sat, 02 Jan 1971 00:00:00 GMT"));
    }
}
