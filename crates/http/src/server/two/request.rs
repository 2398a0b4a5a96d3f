//! A request of HTTP/2 in the form that handlers know.

use http::{Method, Version};

use crate::message::{Fields, Head, RequestHead, RequestLine};
use crate::two::from_map;

/// Its head. The target is what HTTP/1 would have; `:authority` becomes Host (RFC 9113 §8.3.1), and
/// Cookie fields are joined (RFC 9113 §8.2.3).
pub(crate) fn head(parts: &http::request::Parts, bytes: u64) -> RequestHead {
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let target = match &parts.method {
        &Method::CONNECT => authority.unwrap_or_default().to_owned(),
        _ => parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
    };
    let came = from_map(&parts.headers);
    let mut fields = Fields::new();
    if let Some(authority) = authority {
        fields.add("Host", authority);
    }
    for (name, value) in came.iter() {
        let told = match name {
            "cookie" => true,
            "host" => authority.is_some(),
            _ => false,
        };
        if !told {
            // They were checked when they were taken from the map.
            let _ = fields.push(name, value);
        }
    }
    let cookies: Vec<&[u8]> = came.get_all("cookie").collect();
    if !cookies.is_empty() {
        fields.add("cookie", cookies.join(&b"; "[..]));
    }
    let line = RequestLine { method: parts.method.clone(), target, version: Version::HTTP_2 };
    Head { line, fields, bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_looks_as_one_of_http_1() {
        let request = http::Request::builder()
            .uri("https://a.test:8443/b?c")
            .header("cookie", "a=1")
            .header("host", "other.test")
            .header("x-own", "1")
            .header("cookie", "b=2")
            .body(())
            .unwrap();
        let head = head(&request.into_parts().0, 99);
        assert_eq!((head.line.target.as_str(), head.bytes), ("/b?c", 99));
        let fields: Vec<(&str, &[u8])> = head.fields.iter().collect();
        assert_eq!(
            fields,
            [("Host", &b"a.test:8443"[..]), ("x-own", b"1"), ("cookie", b"a=1; b=2")]
        );
    }
}
