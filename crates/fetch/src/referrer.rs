//! The Referer of requests (RFC 9110 §10.1.3; W3C Referrer Policy).

use roundtrip_http::url::clear_userinfo;
use url::Url;

/// What stands in Referer, unless the caller's own fields have one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Referrer {
    /// Nothing.
    #[default]
    None,
    /// The same all along the chain.
    Given(String),
    /// At first this, if anything, and after a redirect the URL before (curl's `;auto`).
    Follows(Option<String>),
    /// The page that asks, as much of it as the policy lets through.
    Page(Url),
}

impl Referrer {
    /// What it is for a request to `url`, which `before` redirected to.
    pub(crate) fn value(&self, url: &Url, before: Option<&Url>) -> Option<String> {
        match self {
            Self::None => None,
            Self::Given(text) => Some(text.clone()),
            Self::Follows(given) => before.map(bare).or_else(|| given.clone()),
            Self::Page(page) => policy(page, url),
        }
    }
}

/// What a page tells `to` of itself where nobody set another policy:
/// `strict-origin-when-cross-origin` (Referrer Policy §3.7).
fn policy(page: &Url, to: &Url) -> Option<String> {
    if page.scheme() == "https" && to.scheme() != "https" {
        return None;
    }
    if page.origin() == to.origin() {
        return Some(bare(page));
    }
    let mut origin = page.clone();
    origin.set_path("/");
    origin.set_query(None);
    Some(bare(&origin))
}

/// A URL as others may see it: without credentials and fragment.
fn bare(url: &Url) -> String {
    let mut url = url.clone();
    clear_userinfo(&mut url);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_others_less_than_itself() {
        let page = Url::parse("https://u:p@a.test/path?query#part").unwrap();
        let to = |text: &str| policy(&page, &Url::parse(text).unwrap());
        assert_eq!(to("https://a.test/x").as_deref(), Some("https://a.test/path?query"));
        assert_eq!(to("https://b.test/x").as_deref(), Some("https://a.test/"));
        assert_eq!(to("http://a.test/x"), None);
        let follows = Referrer::Follows(Some("first".into()));
        assert_eq!(follows.value(&page, None).as_deref(), Some("first"));
        assert_eq!(follows.value(&page, Some(&page)).as_deref(), Some("https://a.test/path?query"));
    }
}
