//! Fields of one hop, and fields that go all the way (RFC 9110 §7.6.1).

use http::{StatusCode, Version};

use crate::message::Fields;

/// Fields that speak of one connection, besides those that `Connection` names.
const OF_THE_HOP: [&str; 7] = [
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "TE",
    "Transfer-Encoding",
    "Upgrade",
    "HTTP2-Settings",
];

/// Fields of a request that are for this proxy (RFC 9110 §11.7.2).
const OF_THE_PROXY: &str = "Proxy-Authorization";

/// Fields that mean something in a head alone, besides those of the hop.
const NO_TRAILERS: [&str; 4] = ["Content-Length", "Host", OF_THE_PROXY, "Trailer"];

/// What a request is to go on as (RFC 9110 §7.8), where both ends of the hop are to agree on that.
pub fn upgrade(fields: &Fields) -> Option<String> {
    if !fields.has("Connection", "upgrade") {
        return None;
    }
    let wanted: Vec<&[u8]> = fields.list("Upgrade").collect();
    // HTTP/2 by this way was given up (RFC 9113 §3.1), and would be this hop's alone.
    let known = |protocol: &&&[u8]| !protocol.eq_ignore_ascii_case(b"h2c");
    let protocol = wanted.iter().find(known)?;
    core::str::from_utf8(protocol).ok().map(str::to_owned)
}

/// The fields of a request that came in this version, as they go on. What is for a proxy goes no further where it was this
/// one that was asked; within a tunnel it is for whoever is at the other end.
pub fn request(fields: &Fields, version: Version, upgrade: Option<&str>, asked: bool) -> Fields {
    let mut on = kept(fields, |name| {
        (asked && name.eq_ignore_ascii_case(OF_THE_PROXY)) || name.eq_ignore_ascii_case("Expect")
    });
    let mut options = Vec::new();
    if fields.has("TE", "trailers") {
        on.add("TE", "trailers");
        // HTTP/2 has no options of a connection, and this one field of the kind (RFC 9113 §8.2.2).
        if version < Version::HTTP_2 {
            options.push("TE");
        }
    }
    if let Some(protocol) = upgrade {
        // It was a field's value, and is one again.
        let _ = on.push("Upgrade", protocol.as_bytes());
        options.push("Upgrade");
    }
    if !options.is_empty() {
        on.add("Connection", options.join(", "));
    }
    on
}

/// The fields of an answer as they go on. Its length is told anew where its body is sent; where it is not,
/// as of 304, it stays.
pub fn answer(fields: &Fields, status: StatusCode) -> Fields {
    let mut on = kept(fields, |name| {
        status != StatusCode::NOT_MODIFIED && name.eq_ignore_ascii_case("Content-Length")
    });
    if status == StatusCode::SWITCHING_PROTOCOLS
        && let Some(protocol) = fields.get("Upgrade")
    {
        let _ = on.push("Upgrade", protocol);
    }
    on
}

/// The fields after a body as they go on: none that says where a message ends, whom it is for, or what is
/// this hop's alone (RFC 9110 §6.5.1).
pub fn trailers(fields: &Fields) -> Fields {
    kept(fields, |name| NO_TRAILERS.iter().any(|other| name.eq_ignore_ascii_case(other)))
}

/// Adds this proxy to the recipients that a message went through (RFC 9110 §7.6.3).
pub fn add_via(fields: &mut Fields, version: Version) {
    let version = match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    };
    fields.add("Via", format!("{version} roundtrip"));
}

fn kept(fields: &Fields, drops: impl Fn(&str) -> bool) -> Fields {
    let named: Vec<&[u8]> = fields.list("Connection").collect();
    let of_the_hop = |name: &str| {
        OF_THE_HOP.iter().any(|other| name.eq_ignore_ascii_case(other))
            || named.iter().any(|other| name.as_bytes().eq_ignore_ascii_case(other))
    };
    let mut on = Fields::new();
    for (name, value) in fields.iter().filter(|(name, _)| !of_the_hop(name) && !drops(name)) {
        // They were fields before: that a value cannot be sent is not to be thought of, and one that
        // could not was never a field.
        let _ = on.push(name, value);
    }
    on
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(fields: &Fields) -> Vec<&str> {
        fields.iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn what_is_of_the_hop_stays_behind() {
        let mut fields = Fields::new();
        fields.add("Host", "a.test").add("Connection", "close, X-Hop").add("X-Hop", "1");
        fields.add("Proxy-Connection", "keep-alive").add("Proxy-Authorization", "Basic eA==");
        fields.add("Keep-Alive", "timeout=5").add("TE", "gzip").add("Cookie", "a=1");
        fields
            .add("Upgrade", "h2c")
            .add("HTTP2-Settings", "AAA")
            .add("Authorization", "Basic eA==");
        assert_eq!(upgrade(&fields), None);
        assert_eq!(
            names(&request(&fields, Version::HTTP_11, None, true)),
            ["Host", "Cookie", "Authorization"]
        );
    }

    #[test]
    fn an_upgrade_is_asked_for_again() {
        let mut fields = Fields::new();
        fields.add("Connection", "keep-alive, Upgrade").add("Upgrade", "websocket");
        fields.add("Sec-WebSocket-Key", "x").add("TE", "trailers");
        let wanted = upgrade(&fields);
        assert_eq!(wanted.as_deref(), Some("websocket"));
        let on = request(&fields, Version::HTTP_11, wanted.as_deref(), true);
        assert_eq!(names(&on), ["Sec-WebSocket-Key", "TE", "Upgrade", "Connection"]);
        assert_eq!(on.text("Connection"), Some("TE, Upgrade"));
        let given = answer(&fields, StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(names(&given), ["Sec-WebSocket-Key", "Upgrade"]);
    }

    #[test]
    fn trailers_are_asked_for_in_the_way_of_the_version() {
        let mut fields = Fields::new();
        fields.add("te", "trailers");
        assert_eq!(names(&request(&fields, Version::HTTP_2, None, true)), ["TE"]);
        assert_eq!(names(&request(&fields, Version::HTTP_11, None, true)), ["TE", "Connection"]);
    }

    #[test]
    fn trailers_do_not_say_where_a_message_ends() {
        let mut fields = Fields::new();
        fields.add("Content-Length", "5").add("Transfer-Encoding", "chunked").add("Host", "a.test");
        fields.add("Proxy-Authorization", "Basic eA==").add("Trailer", "X-Sum");
        fields.add("Connection", "X-Hop").add("X-Hop", "1").add("X-Sum", "2");
        assert_eq!(names(&trailers(&fields)), ["X-Sum"]);
    }

    #[test]
    fn a_length_stays_where_no_body_is() {
        let mut fields = Fields::new();
        fields.add("Content-Length", "5").add("ETag", "\"x\"");
        assert_eq!(names(&answer(&fields, StatusCode::NOT_MODIFIED)), ["Content-Length", "ETag"]);
        assert_eq!(names(&answer(&fields, StatusCode::OK)), ["ETag"]);
    }
}
