//! Source lists (CSP 3, sections 2.3.1 and 6.7.2): from where a directive lets a page have something.

use url::Url;

use super::hash::Hash;

/// One source expression.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// Everything of a scheme: `https:`.
    Scheme(String),
    Host(HostSource),
    /// `'self'`.
    Own,
    UnsafeInline,
    UnsafeHashes,
    StrictDynamic,
    Nonce(String),
    Hash(Hash),
}

/// Hosts: `https://*.example.com:443/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct HostSource {
    scheme: Option<String>,
    /// Without the `*.` of one for all hosts below it; empty for all hosts.
    host: String,
    wildcard: bool,
    port: Port,
    /// Empty where any path will do.
    path: String,
}

/// The port of a [`HostSource`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    /// None was written: that of the address's scheme.
    Default,
    Any,
    Is(u16),
}

/// How a scheme fits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Exact,
    /// The address is of the secure kin of the scheme.
    Upgraded,
}

/// A source list. An empty one is `'none'`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sources(Vec<Source>);

impl Sources {
    /// Reads the value of a directive. Expressions that cannot be read, and keywords that concern nothing
    /// here, are passed over, and so is `'none'` beside others.
    pub(super) fn read(value: &str) -> Self {
        Self(value.split_ascii_whitespace().filter_map(Source::read).collect())
    }

    fn has(&self, source: &Source) -> bool {
        self.0.contains(source)
    }

    /// Whether only scripts that a nonce or a hash names may be loaded by the page's markup.
    pub(super) fn is_strict(&self) -> bool {
        self.has(&Source::StrictDynamic)
    }

    /// Whether a nonce is among them.
    pub(super) fn has_nonce(&self, nonce: Option<&str>) -> bool {
        let is_it = |source: &Source| matches!((source, nonce), (Source::Nonce(own), Some(nonce)) if own == nonce);
        self.0.iter().any(is_it)
    }

    /// Whether each of some hashes, and there are some, is among them.
    pub(super) fn has_all(&self, hashes: &[Hash]) -> bool {
        let known =
            |hash: &Hash| self.0.iter().any(|own| matches!(own, Source::Hash(own) if own == hash));
        !hashes.is_empty() && hashes.iter().all(known)
    }

    /// Whether they let a page at `document` have what is at an address (section 6.7.2.6).
    pub(super) fn have(&self, url: &Url, document: &Url, redirected: bool) -> bool {
        self.0.iter().any(|source| source.has(url, document, redirected))
    }

    /// Whether they let the page have what stands in it (section 6.7.3.2, "allow all inline behavior", and
    /// 6.7.3.3). Of attributes a hash counts only with `'unsafe-hashes'`, and a nonce not at all. `script`
    /// says that it is one, which `'strict-dynamic'` concerns.
    pub(super) fn have_inline(
        &self,
        nonce: Option<&str>,
        text: &str,
        script: bool,
        attribute: bool,
    ) -> bool {
        let narrows = |source: &Source| match source {
            Source::Nonce(_) | Source::Hash(_) => true,
            Source::StrictDynamic => script,
            _ => false,
        };
        if self.has(&Source::UnsafeInline) && !self.0.iter().any(narrows) {
            return true;
        }
        if !attribute && self.has_nonce(nonce) {
            return true;
        }
        let hashed = !attribute || self.has(&Source::UnsafeHashes);
        let is_its =
            |source: &Source| matches!(source, Source::Hash(hash) if hash.is_of(text.as_bytes()));
        hashed && self.0.iter().any(is_its)
    }
}

impl Source {
    fn read(text: &str) -> Option<Self> {
        if let Some(word) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            return Self::read_keyword(word);
        }
        if let Some(scheme) = text.strip_suffix(':').filter(|scheme| is_scheme(scheme)) {
            return Some(Self::Scheme(scheme.to_ascii_lowercase()));
        }
        HostSource::read(text).map(Self::Host)
    }

    fn read_keyword(word: &str) -> Option<Self> {
        if let Some(hash) = Hash::read(word) {
            return Some(Self::Hash(hash));
        }
        let lower = word.to_ascii_lowercase();
        if lower.starts_with("nonce-") {
            // The nonce itself is told by case.
            return word
                .get("nonce-".len()..)
                .filter(|nonce| !nonce.is_empty())
                .map(|nonce| Self::Nonce(nonce.to_owned()));
        }
        Some(match lower.as_str() {
            "self" => Self::Own,
            "unsafe-inline" => Self::UnsafeInline,
            "unsafe-hashes" => Self::UnsafeHashes,
            "strict-dynamic" => Self::StrictDynamic,
            _ => return None,
        })
    }

    /// Section 6.7.2.8.
    fn has(&self, url: &Url, document: &Url, redirected: bool) -> bool {
        match self {
            Self::Scheme(scheme) => scheme_fit(scheme, url.scheme()).is_some(),
            Self::Host(source) => source.has(url, document, redirected),
            Self::Own => is_own(url, document),
            _ => false,
        }
    }
}

impl HostSource {
    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme.to_ascii_lowercase()), rest),
            Some(_) => return None,
            None => (None, text),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            // The colons of an IPv6 address stand within its brackets.
            Some((host, port)) if !port.contains(']') => (host, Port::read(port)?),
            _ => (authority, Port::Default),
        };
        let path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
        let host = host.to_ascii_lowercase();
        let (wildcard, host) = match host.strip_prefix("*.") {
            _ if host == "*" => (true, ""),
            Some(below) => (true, below),
            None => (false, host.as_str()),
        };
        let good =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '[' | ']' | ':');
        let named = !host.is_empty() || wildcard && !authority.starts_with("*.");
        if !named || !host.chars().all(good) {
            return None;
        }
        Some(Self { scheme, host: host.to_owned(), wildcard, port, path })
    }

    /// `*` alone, which is for everything that goes over the network.
    fn is_everything(&self) -> bool {
        self.scheme.is_none()
            && self.host.is_empty()
            && self.port == Port::Default
            && self.path.is_empty()
    }

    fn has(&self, url: &Url, document: &Url, redirected: bool) -> bool {
        if self.is_everything() {
            return is_network(url.scheme()) || url.scheme() == document.scheme();
        }
        // One without a scheme is for that of the page, and for what is more secure than that.
        let scheme = self.scheme.as_deref().unwrap_or(document.scheme());
        let (Some(fit), Some(host)) = (scheme_fit(scheme, url.scheme()), url.host_str()) else {
            return false;
        };
        self.has_host(&host.to_ascii_lowercase())
            && self.port.fits(url, fit)
            // Where a redirect leads is not to be found out path by path (section 7.6).
            && (redirected || path_fits(&self.path, url.path()))
    }

    /// Section 6.7.2.10. Unlike there, addresses in digits fit, as they do in browsers.
    fn has_host(&self, host: &str) -> bool {
        if !self.wildcard {
            return host == self.host;
        }
        let below = host.strip_suffix(self.host.as_str());
        self.host.is_empty() || below.is_some_and(|below| below.len() > 1 && below.ends_with('.'))
    }
}

impl Port {
    fn read(text: &str) -> Option<Self> {
        if text == "*" { Some(Self::Any) } else { text.parse().ok().map(Self::Is) }
    }

    /// Section 6.7.2.11; where the scheme fits as its secure kin, 80 does for 443 as in browsers.
    fn fits(self, url: &Url, fit: Fit) -> bool {
        let port = url.port_or_known_default();
        match self {
            Self::Any => true,
            Self::Default => url.port().is_none(),
            Self::Is(80) if fit == Fit::Upgraded => matches!(port, Some(80 | 443)),
            Self::Is(own) => port == Some(own),
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// Schemes that `*` is for.
fn is_network(scheme: &str) -> bool {
    matches!(scheme, "http" | "https" | "ws" | "wss")
}

/// Whether a scheme is the one that was written, or more secure (section 6.7.2.9).
fn scheme_fit(written: &str, scheme: &str) -> Option<Fit> {
    match (written, scheme) {
        _ if written == scheme => Some(Fit::Exact),
        ("http" | "ws", "https") | ("ws" | "http" | "https", "wss") => Some(Fit::Upgraded),
        ("ws", "http") => Some(Fit::Exact),
        _ => None,
    }
}

/// `'self'`: the page's own origin, or the same host by a more secure scheme, each on its own port.
fn is_own(url: &Url, document: &Url) -> bool {
    if url.origin() == document.origin() {
        return true;
    }
    let own_ports = url.port().is_none() && document.port().is_none();
    let same_port = url.port_or_known_default() == document.port_or_known_default();
    url.host().is_some()
        && url.host() == document.host()
        && (same_port || own_ports)
        && scheme_fit(document.scheme(), url.scheme()).is_some()
}

/// Section 6.7.2.12: a path that ends in a slash is for all that is below it.
fn path_fits(written: &str, path: &str) -> bool {
    if written.is_empty() || written == "/" && path.is_empty() {
        return true;
    }
    let pieces = |path: &str| -> Vec<Vec<u8>> { path.split('/').map(decoded).collect() };
    let (mut own, of_url) = (pieces(written), pieces(path));
    if written.ends_with('/') {
        own.pop();
        of_url.len() > own.len() && of_url.starts_with(&own)
    } else {
        of_url == own
    }
}

/// The bytes of a piece of a path, escapes undone.
fn decoded(piece: &str) -> Vec<u8> {
    let bytes = piece.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex =
            piece.get(at + 1..at + 3).filter(|hex| hex.bytes().all(|c| c.is_ascii_hexdigit()));
        let escaped = hex.filter(|_| byte == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "http://www.a.example/page";

    fn have(list: &str, url: &str, page: &str, redirected: bool) -> bool {
        let [url, page] = [url, page].map(|text| Url::parse(text).unwrap());
        Sources::read(list).have(&url, &page, redirected)
    }

    #[test]
    fn hosts_schemes_ports_and_paths_fit_as_the_standard_has_it() {
        let rows: [(&str, &str, bool); 44] = [
            ("'none'", "http://www.a.example/x", false),
            ("", "http://www.a.example/x", false),
            ("'none' b.example", "http://b.example/x", true),
            ("*", "http://b.example:81/x", true),
            ("*", "https://b.example/x", true),
            ("*", "data:,x", false),
            ("data:", "data:,x", true),
            ("https:", "https://b.example/x", true),
            ("https:", "http://b.example/x", false),
            ("http:", "https://b.example/x", true),
            ("HTTPS:", "https://b.example/x", true),
            ("'self'", "http://www.a.example/x", true),
            ("'SELF'", "https://www.a.example/x", true),
            ("'self'", "http://www.a.example:81/x", false),
            ("'self'", "http://a.example/x", false),
            ("self", "http://www.a.example/x", false),
            ("b.example", "http://b.example/x", true),
            ("B.Example", "http://b.example/x", true),
            ("b.example", "https://b.example/x", true),
            ("b.example", "http://b.example:81/x", false),
            ("b.example", "http://x.b.example/x", false),
            ("https://b.example", "http://b.example/x", false),
            ("*.b.example", "http://x.b.example/x", true),
            ("*.b.example", "http://x.y.b.example/x", true),
            ("*.b.example", "http://b.example/x", false),
            ("*.b.example", "http://xb.example/x", false),
            ("b.example:81", "http://b.example:81/x", true),
            ("b.example:81", "http://b.example/x", false),
            ("b.example:80", "http://b.example/x", true),
            ("b.example:80", "https://b.example/x", true),
            ("b.example:443", "http://b.example/x", false),
            ("https://b.example:80", "https://b.example/x", false),
            ("b.example:*", "http://b.example:81/x", true),
            ("*:81", "http://b.example:81/x", true),
            ("*:81", "http://b.example/x", false),
            ("b.example/x", "http://b.example/x", true),
            ("b.example/x", "http://b.example/x/y", false),
            ("b.example/x/", "http://b.example/x/y", true),
            ("b.example/x/", "http://b.example/x", false),
            ("b.example/a%20b", "http://b.example/a b", true),
            ("b.example/x?q", "http://b.example/x", true),
            ("b.example/", "http://b.example/x", true),
            ("192.0.2.1", "http://192.0.2.1/x", true),
            ("*. https://*.", "http://b.example/x", false),
        ];
        for (list, url, expected) in rows {
            assert_eq!(have(list, url, PAGE, false), expected, "{list} for {url}");
        }
    }

    #[test]
    fn of_a_redirects_target_only_the_path_is_not_looked_at() {
        assert!(have("b.example/x", "http://b.example/y", PAGE, true));
        assert!(!have("b.example/x", "http://c.example/x", PAGE, true));
    }

    #[test]
    fn without_a_scheme_that_of_the_page_counts() {
        let page = "https://www.a.example/";
        assert!(!have("b.example", "http://b.example/x", page, false));
        assert!(have("b.example", "https://b.example/x", page, false));
        assert!(!have("'self'", "http://www.a.example/x", page, false));
        assert!(have("'self'", "https://www.a.example:443/x", page, false));
    }

    #[test]
    fn what_stands_in_the_page_needs_a_nonce_or_a_hash_where_there_are_some() {
        let hash = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='";
        let with = |word: &str| format!("{word} {hash}");
        let (script, style, attribute) = ((true, false), (false, false), (false, true));
        type Row<'a> = (&'a str, Option<&'a str>, &'a str, (bool, bool), bool);
        let rows: [Row<'_>; 15] = [
            ("'self'", None, "x", script, false),
            ("'unsafe-inline'", None, "x", script, true),
            ("'unsafe-inline' 'nonce-a'", None, "x", script, false),
            ("'unsafe-inline' 'nonce-a'", Some("a"), "x", script, true),
            ("'nonce-a'", Some("A"), "x", script, false),
            ("'NONCE-a'", Some("a"), "x", style, true),
            ("'unsafe-inline' 'strict-dynamic'", None, "x", script, false),
            ("'unsafe-inline' 'strict-dynamic'", None, "x", style, true),
            (hash, None, "", style, true),
            (hash, None, "x", style, false),
            (&with("'unsafe-inline'"), None, "x", style, false),
            (hash, None, "", attribute, false),
            (&with("'unsafe-hashes'"), None, "", attribute, true),
            ("'nonce-a'", Some("a"), "x", attribute, false),
            ("'unsafe-inline'", None, "x", attribute, true),
        ];
        for (list, nonce, text, (script, attribute), expected) in rows {
            let have = Sources::read(list).have_inline(nonce, text, script, attribute);
            assert_eq!(have, expected, "{list} {nonce:?} {text}");
        }
    }

    #[test]
    fn any_list_can_be_read() {
        for list in [
            "'", "''", ":", "://", "*:", "*:x", "a:99999", "[::1]:80", "/", "%", "'nonce-'", "ä",
            "a/%", "a/%f",
        ] {
            for url in ["http://a/%", "http://[::1]/%e4%", "data:,"] {
                let _ = have(list, url, PAGE, false);
            }
        }
    }
}
