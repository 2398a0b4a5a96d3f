//! `WrittenOrigin`: scheme, host and port of a URL as a record has it.

/// Scheme, host and port of a URL as they are written there: nothing is looked up, completed or
/// corrected, so that any text has some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenOrigin<'a> {
    /// The URL up to its path, credentials included: `https://me@shop.example:8443`.
    pub text: &'a str,
    /// The scheme: `https`.
    pub scheme: Option<&'a str>,
    /// The host; an IPv6 address has its brackets.
    pub host: &'a str,
    /// The port, where one is written.
    pub port: Option<u16>,
}

impl<'a> WrittenOrigin<'a> {
    /// That of this URL. Without a scheme the text is taken to begin with the host.
    pub fn of(url: &'a str) -> Self {
        let of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let scheme = scheme.filter(|scheme| scheme.bytes().all(of_scheme));
        let begin = scheme.map_or(0, |scheme| scheme.len() + 3);
        let end = url[begin..].find(['/', '?', '#']).map_or(url.len(), |at| begin + at);
        let authority = &url[begin..end];
        let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        let port = place.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = port.map_or((place, None), |(host, port)| (host, Some(port)));
        Self { text: &url[..end], scheme, host, port }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_has_one() {
        for (url, text, scheme, host, port) in [
            ("https://a.example/x", "https://a.example", Some("https"), "a.example", None),
            ("http://a.example:81?x", "http://a.example:81", Some("http"), "a.example", Some(81)),
            ("http://u:p@a.example#x", "http://u:p@a.example", Some("http"), "a.example", None),
            ("http://[2001:db8::1]/", "http://[2001:db8::1]", Some("http"), "[2001:db8::1]", None),
            ("http://[::1]:80/", "http://[::1]:80", Some("http"), "[::1]", Some(80)),
            ("a.example?x=http://b.example", "a.example", None, "a.example", None),
            ("a.example:81/x", "a.example:81", None, "a.example", Some(81)),
            ("", "", None, "", None),
        ] {
            let expected = WrittenOrigin { text, scheme, host, port };
            assert_eq!(WrittenOrigin::of(url), expected, "{url}");
        }
    }
}
