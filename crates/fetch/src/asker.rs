//! Who asks, which decides whose cookies go along.

use url::{Host, Url};

/// Who asks for something (RFC 6265bis §5.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Asker {
    /// A person, who typed the address: no other site is involved.
    #[default]
    Person,
    /// A page at this URL, which needs it to be shown.
    Page(Url),
}

impl Asker {
    /// The site that what is kept of `url` is kept for, scheme included: that of the page, or of what
    /// somebody typed.
    pub(crate) fn site(&self, url: &Url) -> String {
        let top = match self {
            Self::Person => url,
            Self::Page(page) => page,
        };
        format!("{}://{}", top.scheme(), site(top).unwrap_or_default())
    }

    /// Whether another site than the one of `url` asks for it.
    pub(crate) fn is_another_site(&self, url: &Url) -> bool {
        match self {
            Self::Person => false,
            Self::Page(page) => !same_site(page, url),
        }
    }
}

/// Whether two URLs are of one site: one scheme, and hosts below one registrable domain (HTML, "same
/// site"). Hosts without one, as addresses and `localhost` are, must be equal.
pub fn same_site(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme() && site(one) == site(other)
}

/// Whether a URL's host is a name that anybody may register, so that there can be a certificate for it: no
/// name of a private network or of one that is for tests (Chromium's `net::IsHostnameNonUnique`).
pub fn is_public_name(url: &Url) -> bool {
    let Some(Host::Domain(name)) = url.host() else { return false };
    let name = name.trim_end_matches('.');
    let suffix = psl::suffix(name.as_bytes()).filter(psl::Suffix::is_known);
    suffix.is_some_and(|suffix| suffix.as_bytes().len() < name.len())
}

/// The registrable domain of a URL's host, or the host.
fn site(url: &Url) -> Option<&str> {
    match url.host()? {
        Host::Domain(name) => Some(psl::domain_str(name).unwrap_or(name)),
        Host::Ipv4(_) | Host::Ipv6(_) => url.host_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_registrable_domains_of_one_scheme() {
        for (one, other, same) in [
            ("https://a.shop.example", "https://b.shop.example:8443/x", true),
            ("https://shop.example", "http://shop.example", false),
            ("https://shop.example", "https://other.example", false),
            ("https://a.co.uk", "https://b.co.uk", false),
            ("https://www.a.co.uk", "https://a.co.uk", true),
            ("https://me.github.io", "https://you.github.io", false),
            ("http://127.0.0.1:1", "http://127.0.0.1:2", true),
            ("http://127.0.0.1", "http://127.0.0.2", false),
            ("http://[::1]", "http://[::1]:8080", true),
            ("http://localhost", "http://localhost:8080", true),
        ] {
            let [one, other] = [one, other].map(|text| Url::parse(text).unwrap());
            assert_eq!(same_site(&one, &other), same, "{one} {other}");
            assert_eq!(Asker::Page(one).is_another_site(&other), !same);
            assert!(!Asker::Person.is_another_site(&other));
        }
    }
}
