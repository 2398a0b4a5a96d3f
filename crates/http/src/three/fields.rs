//! Heads of messages as field sections (RFC 9114 §4.2, §4.3), and back.

use http::{Method, StatusCode, Version};

use super::breach::Breach;
use crate::message::{Fields, Head, RequestHead, RequestLine, ResponseHead, StatusLine};
use crate::two::of_connection;

/// The lines of a section: names and values.
pub(crate) type Lines = Vec<(Vec<u8>, Vec<u8>)>;

/// A request as it is sent: to the authority that Host says, or to `authority` without one.
pub(crate) fn request_lines(head: &RequestHead, scheme: &str, authority: &str) -> Lines {
    let line = |name: &str, value: &[u8]| (name.as_bytes().to_vec(), value.to_vec());
    let authority = head.fields.get("Host").unwrap_or(authority.as_bytes());
    let mut lines =
        vec![line(":method", head.line.method.as_str().as_bytes()), line(":authority", authority)];
    // RFC 9114 §4.4.
    if head.line.method != Method::CONNECT {
        lines.push(line(":scheme", scheme.as_bytes()));
        lines.push(line(":path", head.line.target.as_bytes()));
    }
    lines.extend(others(&head.fields));
    lines
}

/// A response as it is sent.
pub(crate) fn response_lines(status: StatusCode, fields: &Fields) -> Lines {
    let mut lines = vec![(b":status".to_vec(), status.as_str().as_bytes().to_vec())];
    lines.extend(others(fields));
    lines
}

/// Fields after a body, as they are sent; the fields of a message that are no pseudo-fields.
pub(crate) fn others(fields: &Fields) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let own = fields.iter().filter(|(name, value)| !of_connection(fields, name, value));
    own.map(|(name, value)| (name.to_ascii_lowercase().into_bytes(), value.to_vec()))
}

/// What stands in a section, pseudo-fields apart.
#[derive(Default)]
struct Sorted {
    pseudo: Vec<(Vec<u8>, Vec<u8>)>,
    fields: Fields,
}

impl Sorted {
    /// Sorts the lines of a section, of which the pseudo-fields must be `known`.
    fn of(lines: Lines, known: &[&str]) -> Result<Self, Breach> {
        let mut sorted = Self::default();
        for (name, value) in lines {
            if name.first() == Some(&b':') {
                if !sorted.fields.is_empty() {
                    return Err(Breach::malformed("a pseudo-field after fields"));
                }
                if !known.iter().any(|known| known.as_bytes() == name) {
                    return Err(Breach::malformed("a pseudo-field that may not stand there"));
                }
                if sorted.pseudo.iter().any(|(other, _)| *other == name) {
                    return Err(Breach::malformed("a pseudo-field that stands there twice"));
                }
                sorted.pseudo.push((name, value));
                continue;
            }
            sorted.add(&name, &value)?;
        }
        Ok(sorted)
    }

    fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), Breach> {
        if name.iter().any(u8::is_ascii_uppercase) {
            return Err(Breach::malformed("a field name in upper case"));
        }
        let name = core::str::from_utf8(name).map_err(|_| bad_field())?;
        let of_connection = ["connection", "keep-alive", "proxy-connection", "upgrade"];
        if of_connection.contains(&name)
            || name == "transfer-encoding"
            || name == "te" && value != b"trailers"
        {
            return Err(Breach::malformed("a field that speaks of a connection of HTTP/1"));
        }
        self.fields.push(name, value).map_err(|_| bad_field())
    }

    fn pseudo(&self, name: &str) -> Option<&[u8]> {
        let found = self.pseudo.iter().find(|(own, _)| own == name.as_bytes());
        found.map(|(_, value)| value.as_slice())
    }
}

fn bad_field() -> Breach {
    Breach::malformed("a field with a name or a value that none may have")
}

/// The head of a request that came, in the form that handlers know: the target as HTTP/1 has it,
/// `:authority` as Host, Cookie fields joined (RFC 9114 §4.2.1); and the scheme.
pub(crate) fn request_head(lines: Lines, bytes: u64) -> Result<(RequestHead, String), Breach> {
    let sorted = Sorted::of(lines, &[":method", ":scheme", ":authority", ":path"])?;
    let missing = Breach::malformed("a request without method, scheme or path");
    let method = sorted.pseudo(":method").ok_or(missing)?;
    let method = Method::from_bytes(method)
        .map_err(|_| Breach::malformed("a method that is not a token"))?;
    let authority = sorted.pseudo(":authority");
    let (target, scheme) = if method == Method::CONNECT {
        let odd = sorted.pseudo(":scheme").is_some() || sorted.pseudo(":path").is_some();
        let authority = authority.filter(|authority| !odd && !authority.is_empty());
        (authority.ok_or(Breach::malformed("CONNECT to nobody, or with a path"))?, "https".into())
    } else {
        let path = sorted.pseudo(":path").filter(|path| !path.is_empty()).ok_or(missing)?;
        let scheme = sorted.pseudo(":scheme").ok_or(missing)?;
        (path, String::from_utf8_lossy(scheme).into_owned())
    };
    if !target.iter().all(u8::is_ascii_graphic) {
        return Err(Breach::malformed("a path with a byte that none may have"));
    }
    let target = String::from_utf8_lossy(target).into_owned();
    let line = RequestLine { method, target, version: Version::HTTP_3 };
    if line.form().is_none() {
        return Err(Breach::malformed("a path of no known form"));
    }
    let mut fields = Fields::new();
    let host = sorted.fields.get("host");
    match (authority, host) {
        (Some(authority), Some(host)) if authority != host => {
            return Err(Breach::malformed("a Host that is not the authority"));
        }
        (None | Some(b""), None | Some(b"")) => {
            return Err(Breach::malformed("a request to no authority"));
        }
        (authority, host) => fields.add("Host", authority.or(host).unwrap_or_default()),
    };
    let cookies: Vec<&[u8]> = sorted.fields.get_all("cookie").collect();
    for (name, value) in
        sorted.fields.iter().filter(|(name, _)| !matches!(*name, "host" | "cookie"))
    {
        // They were checked when they were sorted.
        let _ = fields.push(name, value);
    }
    if !cookies.is_empty() {
        fields.add("cookie", cookies.join(&b"; "[..]));
    }
    Ok((Head { line, fields, bytes }, scheme))
}

/// The head of a response that came.
pub(crate) fn response_head(lines: Lines, bytes: u64) -> Result<ResponseHead, Breach> {
    let sorted = Sorted::of(lines, &[":status"])?;
    let bad = Breach::malformed("a status that is not three digits from 100 to 999");
    let status = sorted.pseudo(":status").ok_or(Breach::malformed("a response without status"))?;
    let status = StatusCode::from_bytes(status).map_err(|_| bad)?;
    // RFC 9114 §4.5.
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Breach::malformed("101, which HTTP/3 does not have"));
    }
    let line = StatusLine { version: Version::HTTP_3, status, reason: Vec::new() };
    Ok(Head { line, fields: sorted.fields, bytes })
}

/// Fields that came after a body.
pub(crate) fn trailers(lines: Lines) -> Result<Fields, Breach> {
    Ok(Sorted::of(lines, &[])?.fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(of: &[(&str, &str)]) -> Lines {
        of.iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect()
    }

    const ASKED: [(&str, &str); 4] =
        [(":method", "GET"), (":scheme", "https"), (":authority", "a.test"), (":path", "/b?c")];

    #[test]
    fn a_request_comes_back_as_one_of_http_1() {
        let mut all = ASKED.to_vec();
        all.extend([("cookie", "a=1"), ("x-own", "1"), ("cookie", "b=2"), ("te", "trailers")]);
        let (head, scheme) = request_head(lines(&all), 99).unwrap();
        assert_eq!((head.line.target.as_str(), scheme.as_str(), head.bytes), ("/b?c", "https", 99));
        let fields: Vec<(&str, &[u8])> = head.fields.iter().collect();
        let expected: [(&str, &[u8]); 4] =
            [("Host", b"a.test"), ("x-own", b"1"), ("te", b"trailers"), ("cookie", b"a=1; b=2")];
        assert_eq!(fields, expected);
        let mut again = request_lines(&head, "https", "other.test");
        again.sort();
        assert!(again.contains(&(b":authority".to_vec(), b"a.test".to_vec())));
        assert!(request_head(again, 0).is_ok());
    }

    #[test]
    fn malformed_requests_end_their_stream_alone() {
        let with = |more: &[(&str, &str)]| lines(&[&ASKED[..], more].concat());
        let without = |name: &str| {
            lines(&ASKED.into_iter().filter(|(own, _)| *own != name).collect::<Vec<_>>())
        };
        for bad in [
            without(":method"),
            without(":scheme"),
            without(":path"),
            without(":authority"),
            with(&[(":path", "/")]),
            with(&[(":status", "200")]),
            with(&[("x", "1"), (":protocol", "websocket")]),
            with(&[("X-Own", "1")]),
            with(&[("connection", "close")]),
            with(&[("transfer-encoding", "chunked")]),
            with(&[("te", "gzip")]),
            with(&[("host", "other.test")]),
            with(&[("x y", "1")]),
            with(&[("x", "a\nb")]),
            lines(&[(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "b")]),
            lines(&[(":method", "CONNECT"), (":authority", "a:1"), (":path", "/")]),
            lines(&[("x", "1"), (":method", "GET")]),
        ] {
            let breach = request_head(bad.clone(), 0).unwrap_err();
            assert!(breach.of_stream, "{bad:?}");
        }
        let connect = lines(&[(":method", "CONNECT"), (":authority", "a.test:1")]);
        assert_eq!(request_head(connect, 0).unwrap().0.line.target, "a.test:1");
    }

    #[test]
    fn responses_have_a_status_and_no_other_pseudo_field() {
        let head = response_head(lines(&[(":status", "204"), ("x", "")]), 3).unwrap();
        assert_eq!((head.line.status, head.fields.len()), (StatusCode::NO_CONTENT, 1));
        for bad in
            [&[("x", "1")][..], &[(":status", "20")], &[(":status", "101")], &[(":path", "/")]]
        {
            assert!(response_head(lines(bad), 0).is_err(), "{bad:?}");
        }
        assert!(trailers(lines(&[(":status", "200")])).is_err());
        assert_eq!(trailers(lines(&[("x", "1")])).unwrap().len(), 1);
    }
}
