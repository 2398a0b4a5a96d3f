//! URLs, as browsers and curl take them.

use std::net::Ipv6Addr;

use roundtrip_record::FaultKind;
use url::Url;

/// Reads a URL that somebody typed. One without a scheme is of http, as curl has it; a name may be
/// international.
///
/// # Errors
/// [`FaultKind::BadUrl`] when it is no URL of http or https.
///
/// ```
/// use roundtrip_http::url::parse;
///
/// assert_eq!(parse("example.org").unwrap().as_str(), "http://example.org/");
/// assert_eq!(parse("bücher.example:8080/a b").unwrap().as_str(), "http://xn--bcher-kva.example:8080/a%20b");
/// assert!(parse("ftp://example.org/").is_err());
/// ```
pub fn parse(text: &str) -> Result<Url, FaultKind> {
    parse_with(text, "http")
}

/// Reads a URL that somebody typed, of `scheme` where it names none.
///
/// # Errors
/// As [`parse`].
pub fn parse_with(text: &str, scheme: &str) -> Result<Url, FaultKind> {
    let bad = |why: String| FaultKind::BadUrl { url: text.to_owned(), why };
    let bare = without_zone(text.trim());
    let trimmed = bare.as_str();
    let url = if has_scheme(trimmed) {
        Url::parse(trimmed)
    } else {
        Url::parse(&format!("{scheme}://{}", trimmed.trim_start_matches("//")))
    };
    let url = match url {
        Err(::url::ParseError::InvalidIpv4Address) => numeric_name(trimmed, scheme),
        parsed => parsed,
    };
    let url = url.map_err(|error| bad(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad(format!("{} is neither http nor https", url.scheme())));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(bad("it names no host".into()));
    }
    if url.host_str().is_some_and(|host| host.len() > LONGEST) {
        return Err(bad("its host is longer than any name".into()));
    }
    Ok(url)
}

/// The zone of the IPv6 address that is a URL's host, and that address (RFC 4007 §11): `fe80::1` and `eth0`
/// of `http://[fe80::1%25eth0]/`, as RFC 6874 writes it, or with a bare percent sign. It says which of this
/// machine's networks is meant, and is no part of the URL that goes out.
///
/// ```
/// use roundtrip_http::url::{parse, zone};
///
/// let text = "http://[fe80::1%25eth0]:8080/";
/// assert_eq!(zone(text), Some(("fe80::1".parse().unwrap(), "eth0")));
/// assert_eq!(parse(text).unwrap().as_str(), "http://[fe80::1]:8080/");
/// ```
pub fn zone(text: &str) -> Option<(Ipv6Addr, &str)> {
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next()?;
    let inner = authority.split_once('[')?.1.split_once(']')?.0;
    let (address, zone) = inner.split_once('%')?;
    let zone = zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone);
    Some((address.parse().ok()?, zone)).filter(|_| !zone.is_empty())
}

/// A URL without the zone of its host.
fn without_zone(text: &str) -> String {
    let bracketed = zone(text).and_then(|_| text.split_once('['));
    let Some((before, (inside, after))) =
        bracketed.and_then(|(before, rest)| Some((before, rest.split_once(']')?)))
    else {
        return text.to_owned();
    };
    let address = inside.split('%').next().unwrap_or_default();
    format!("{before}[{address}]{after}")
}

/// Bytes that a host has at most, as for curl; names of DNS have 255.
const LONGEST: usize = 65_535;

/// What stands behind a name in a [`Url`] that is none by the URL Standard (§3.5, "ends in a number
/// checker"), since it would take the name for an address: `host.test.80`. DNS, and curl, have such names.
/// Nobody else's name can end so (RFC 2606 §2).
const NUMERIC: &str = ".ends-in-a-number.invalid";

/// Reads a URL whose host's last label is a number.
fn numeric_name(text: &str, scheme: &str) -> Result<Url, ::url::ParseError> {
    let (scheme, rest) = text.split_once("://").unwrap_or((scheme, text));
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let at = authority.rfind('@').map_or(0, |at| at + 1);
    let (user, place) = authority.split_at(at);
    let (host, port) = place.find(':').map_or((place, ""), |colon| place.split_at(colon));
    // Numbers alone are an address, and a wrong one.
    if !host.bytes().any(|byte| byte.is_ascii_alphabetic()) || host.starts_with("0x") {
        return Err(::url::ParseError::InvalidIpv4Address);
    }
    Url::parse(&format!("{scheme}://{user}{host}{NUMERIC}{port}{path}"))
}

/// The host of a URL as it is asked for: a name in ASCII, an address, one of IPv6 in its brackets.
pub fn host(url: &Url) -> Option<&str> {
    let host = url.host_str().filter(|host| !host.is_empty())?;
    Some(host.strip_suffix(NUMERIC).unwrap_or(host))
}

/// A URL as text, its host as it is asked for.
pub fn text(url: &Url) -> String {
    url.as_str().replacen(NUMERIC, "", 1)
}

/// The name and the password in a URL, decoded; `None` where it has neither.
pub fn userinfo(url: &Url) -> Option<(Vec<u8>, Vec<u8>)> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).collect();
    Some((decoded(url.username()), decoded(url.password().unwrap_or_default())))
}

/// Puts a name and a password into a URL, in place of what stands there; what cannot stand in a URL is
/// encoded, and so is a percent sign, which stands for itself.
///
/// # Errors
/// When the URL has no host.
pub fn set_userinfo(url: &mut Url, user: &str, password: &str) -> Result<(), NoHost> {
    let [user, password] = [user, password].map(|text| text.replace('%', "%25"));
    let set = url.set_username(&user).and_then(|()| url.set_password(Some(&password)));
    set.map_err(|()| NoHost)
}

/// Takes the name and the password out of a URL.
pub fn clear_userinfo(url: &mut Url) {
    // Both fail only without a host, where there is neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

/// A URL without a host has no place for a name and a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a URL without a host has no place for a name and a password")]
pub struct NoHost;

/// Whether it begins with a scheme. `localhost:8080` and `user:word@host` do not, though their first
/// parts could be one: without slashes after it, only a few schemes are taken for what they are.
fn has_scheme(text: &str) -> bool {
    const WITHOUT_SLASHES: [&str; 6] = ["about", "blob", "data", "file", "javascript", "mailto"];
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut bytes = scheme.bytes();
    let named = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let known = WITHOUT_SLASHES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let ours = ["http", "https"].iter().any(|ours| scheme.eq_ignore_ascii_case(ours));
    // Browsers and curl take one slash for two.
    named && (rest.starts_with("//") || known || ours && rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_no_part_of_a_url() {
        for (text, url, found) in [
            ("http://[fe80::1%25eth0]/a", "http://[fe80::1]/a", Some("eth0")),
            ("[fe80::1%eth0]:81", "http://[fe80::1]:81/", Some("eth0")),
            ("http://u%40:p@[fe80::1%252]/%5d", "http://u%40:p@[fe80::1]/%5d", Some("2")),
            ("http://[fe80::1%25]/", "http://[fe80::1]/", Some("25")),
            ("http://[::1]/%25", "http://[::1]/%25", None),
            ("http://a.test/[fe80::1%25eth0]", "http://a.test/[fe80::1%25eth0]", None),
        ] {
            assert_eq!(zone(text).map(|(_, zone)| zone), found, "{text}");
            assert_eq!(parse(text).unwrap().as_str(), url, "{text}");
        }
        assert!(zone("http://[fe80::1%]/").is_none() && parse("http://[fe80::1%]/").is_err());
    }

    #[test]
    fn names_and_passwords_are_taken_as_they_are() {
        let mut url = parse("http://old:older@a.test/").unwrap();
        for (user, password) in [("me", "p:w%41"), ("a@b/c", ""), ("", "pw")] {
            set_userinfo(&mut url, user, password).unwrap();
            let told = (user.as_bytes().to_vec(), password.as_bytes().to_vec());
            assert_eq!(userinfo(&url), Some(told), "{url}");
        }
        clear_userinfo(&mut url);
        assert_eq!((url.as_str(), userinfo(&url)), ("http://a.test/", None));
        assert_eq!(set_userinfo(&mut Url::parse("data:,a").unwrap(), "a", "b"), Err(NoHost));
    }

    #[test]
    fn a_name_may_end_in_a_number() {
        let url = parse("http://u@host.test.80:8080/a?b").unwrap();
        assert_eq!(host(&url), Some("host.test.80"));
        assert_eq!(text(&url), "http://u@host.test.80:8080/a?b");
        assert_eq!(url.port(), Some(8080));
        for wrong in ["http://1.2.3.4.5/", "http://256.1.1.1/", "http://0x1.0xfffffffff/"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_people_type_is_understood() {
        for (text, expected) in [
            ("example.org", "http://example.org/"),
            (" https://example.org ", "https://example.org/"),
            ("HTTP://Example.ORG/A?b#c", "http://example.org/A?b#c"),
            ("localhost:8080/x", "http://localhost:8080/x"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("[::1]:8080/", "http://[::1]:8080/"),
            ("//example.org/", "http://example.org/"),
            ("user:pw@example.org", "http://user:pw@example.org/"),
            ("faß.example", "http://xn--fa-hia.example/"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
        ] {
            assert_eq!(parse(text).map(String::from), Ok(expected.to_owned()), "{text}");
        }
        for text in
            ["", "http://", "mailto:a@b", "file:///etc/passwd", "http://a b/", "http://[::1"]
        {
            assert!(matches!(parse(text), Err(FaultKind::BadUrl { .. })), "{text}");
        }
    }
}
