//! What stands in a request line: path and query as they were written on the command line. A URL as
//! browsers read it has some of that encoded in other ways (URL Standard §4.4), which a server may take
//! for another resource.

use super::percent::{self, Letters, is_unreserved};

/// Path and query of a URL, as curl writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    path: String,
    query: Option<String>,
}

impl Written {
    /// Reads a URL, with or without a scheme. Unless it is to be left `as_is`, `/./` and `/../` are taken
    /// out of its path (RFC 3986 §5.2.4).
    pub(super) fn read(url: &str, as_is: bool) -> Self {
        let url = url.trim();
        let rest = match url.split_once(":/") {
            Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => rest,
            _ => url,
        };
        let rest = rest.trim_start_matches('/');
        let rest = rest.split('#').next().unwrap_or_default();
        let start = rest.find(['/', '?']).unwrap_or(rest.len());
        let (path, query) = match rest[start..].split_once('?') {
            Some((path, query)) => (path, Some(encoded(query))),
            None => (&rest[start..], None),
        };
        let path = if as_is { path.to_owned() } else { without_dots(path) };
        let path = if path.is_empty() { "/".to_owned() } else { encoded(&path) };
        Self { path, query }
    }

    /// Adds the name of a file that goes up to a folder.
    pub(super) fn push_name(&mut self, name: &str) {
        if self.path.ends_with('/') {
            let name = percent::encoded(name.as_bytes(), is_unreserved, Letters::Small);
            self.path.push_str(&name);
        }
    }

    /// Adds to the query.
    pub(super) fn add_query(&mut self, query: &str) {
        let query = lower_case(query);
        self.query = Some(match self.query.take().filter(|own| !own.is_empty()) {
            Some(own) => format!("{own}&{query}"),
            None => query,
        });
    }

    /// What stands in the request line.
    pub(super) fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

/// Percent-encoded bytes with small letters, as curl writes them in URLs.
fn lower_case(text: &str) -> String {
    let mut out = String::new();
    let mut digits = 0;
    for char in text.chars() {
        out.push(if digits > 0 { char.to_ascii_lowercase() } else { char });
        digits = if char == '%' { 2 } else { digits.max(1) - 1 };
    }
    out
}

/// Bytes that no request line has, percent-encoded.
fn encoded(text: &str) -> String {
    percent::encoded(text.as_bytes(), |byte| byte.is_ascii_graphic(), Letters::Small)
}

/// RFC 3986 §5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." && kept.len() > 1 {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            part => kept.push(part),
        }
    }
    kept.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_asked_for() {
        for (url, target) in [
            ("http://a.test", "/"),
            ("a.test/{b}\\c?d=<'>#e", "/{b}\\c?d=<'>"),
            ("http://a.test?b", "/?b"),
            ("http:/a.test/b", "/b"),
            ("a.test:80/b", "/b"),
            ("http://a.test/a/../b/./c/..", "/b/"),
            ("http://a.test/../../b", "/b"),
            ("http://u:p@a.test:80/%7b\u{e4} x", "/%7b%c3%a4%20x"),
        ] {
            assert_eq!(Written::read(url, false).target(), target, "{url}");
        }
        assert_eq!(Written::read("http://a.test/../b", true).target(), "/../b");
        let mut written = Written::read("http://a.test/up/?a=1", false);
        written.push_name("b [1].txt");
        written.add_query("C=%2F%AB");
        assert_eq!(written.target(), "/up/b%20%5b1%5d.txt?a=1&C=%2f%ab");
    }
}
