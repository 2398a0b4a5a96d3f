//! What a page may have: the rules by which browsers refuse requests, and answers that have come.
//!
//! A page refuses by its own policy (Content Security Policy, in its head and its markup), by what an
//! element says of its resource (`integrity`, `crossorigin`), and because it came over TLS (Mixed Content);
//! a server refuses by what the head of its answer says or lacks (CORS, `Cross-Origin-Resource-Policy`,
//! `Content-Type`). All of this is decided here, from values alone.

mod answer;
mod claims;
mod csp;
mod guard;
mod hash;
mod integrity;
mod media_type;
mod mixed;
mod refused;
mod source;

use std::sync::Arc;

use url::Url;

use crate::fetch::Kind;

pub use answer::AnswerHead;
pub use csp::{Disposition, Stands};
pub use guard::Guard;
pub use refused::{Refusal, Refused, Upgraded};

pub(crate) use claims::Claims;
pub(crate) use refused::RefusedData;

pub(crate) use csp::{Csp, Inline, PolicyText, Violated};
pub(crate) use integrity::check as check_integrity;
pub(crate) use media_type::is_refused_style;

/// The rules of one page for its requests.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    document: Url,
    pub(crate) csp: Csp,
}

/// Where a request goes in the end, and which policies that are only to be reported would refuse it.
pub(crate) struct Admitted {
    pub(crate) reported: Vec<Violated>,
}

impl Policy {
    /// The rules of a page at this address, without a policy of its own yet.
    pub(crate) fn new(document: Url) -> Arc<Self> {
        let csp = Csp::new(document.clone());
        Arc::new(Self { document, csp })
    }

    /// The address of the page.
    pub(crate) fn document(&self) -> &Url {
        &self.document
    }

    /// Where a request for this address goes: over TLS, where the page or a browser wants that.
    pub(crate) fn destination(
        &self,
        url: &Url,
        kind: Kind,
        claims: &Claims,
    ) -> (Url, Option<Upgraded>) {
        let why = if mixed::is_trustworthy(url) {
            None
        } else if self.csp.upgrades() {
            Some(Upgraded::ByPolicy)
        } else if mixed::is_restricted(&self.document) && mixed::is_upgradeable(url, kind, claims) {
            Some(Upgraded::AsMixedContent)
        } else {
            None
        };
        let mut url = url.clone();
        let why = why.filter(|_| secure(&mut url));
        (url, why)
    }

    /// Whether a request may go to an address that [`Policy::destination`] gave, a redirect's among them.
    pub(crate) fn admit(
        &self,
        url: &Url,
        kind: Kind,
        claims: &Claims,
        redirected: bool,
    ) -> Result<Admitted, Refusal> {
        if mixed::is_restricted(&self.document) && !mixed::is_trustworthy(url) {
            return Err(Refusal::MixedContent);
        }
        Violated::decide(self.csp.request(url, kind, claims, redirected))
    }

    /// Whether what stands in the page itself may be applied or run.
    pub(crate) fn admit_inline(
        &self,
        inline: Inline,
        nonce: Option<&str>,
        text: &str,
    ) -> Result<Admitted, Refusal> {
        Violated::decide(self.csp.inline(inline, nonce, text))
    }
}

/// The same address over TLS; says whether there is such a one.
fn secure(url: &mut Url) -> bool {
    url.scheme() == "http" && url.set_scheme("https").is_ok()
}

impl Violated {
    /// One of a policy that is enforced refuses; the others are only to be told of.
    fn decide(violated: Vec<Self>) -> Result<Admitted, Refusal> {
        let enforced = violated.iter().find(|one| one.disposition == Disposition::Enforce);
        match enforced {
            Some(one) => Err(one.clone().into()),
            None => Ok(Admitted { reported: violated }),
        }
    }
}

impl From<Violated> for Refusal {
    fn from(violated: Violated) -> Self {
        Refusal::Csp { directive: violated.directive, stands: violated.stands }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    /// What becomes of an image at an address that a page at another wants.
    fn image(page: &str, image: &str, claims: &Claims) -> String {
        let policy = Policy::new(url(page));
        let (to, _) = policy.destination(&url(image), Kind::Image, claims);
        match policy.admit(&to, Kind::Image, claims, false) {
            Ok(_) => to.to_string(),
            Err(refusal) => format!("{refusal:?}"),
        }
    }

    #[test]
    fn pictures_of_secure_pages_are_asked_for_over_tls_and_nothing_else_in_the_clear() {
        let plain = Claims::default();
        let set = Claims { image_set: true, ..Claims::default() };
        for (page, wanted, claims, expected) in [
            ("https://a.example/", "http://b.example/x.png", &plain, "https://b.example/x.png"),
            ("https://a.example/", "http://b.example:81/x", &plain, "https://b.example:81/x"),
            ("https://a.example/", "https://b.example/x", &plain, "https://b.example/x"),
            ("http://a.example/", "http://b.example/x", &plain, "http://b.example/x"),
            // An address in digits has no certificate, and of several pictures another can be chosen.
            ("https://a.example/", "http://192.0.2.1/x", &plain, "MixedContent"),
            ("https://a.example/", "http://[2001:db8::1]/x", &plain, "MixedContent"),
            ("https://a.example/", "http://b.example/x", &set, "MixedContent"),
            // This machine itself is as good as TLS.
            ("https://a.example/", "http://127.0.0.1:80/x", &plain, "http://127.0.0.1/x"),
            ("https://a.example/", "http://x.localhost/x", &plain, "http://x.localhost/x"),
        ] {
            assert_eq!(image(page, wanted, claims), expected, "{page} {wanted}");
        }
    }

    #[test]
    fn a_page_can_have_everything_asked_for_over_tls() {
        let mut policy = Policy::new(url("http://a.example/"));
        let field = "default-src *; upgrade-insecure-requests";
        Arc::make_mut(&mut policy).csp.add(field, Disposition::Enforce, Stands::Field);
        let to = |text: &str| {
            let (to, why) = policy.destination(&url(text), Kind::Script, &Claims::default());
            (to.to_string(), why)
        };
        let secure = "https://b.example/x".to_owned();
        assert_eq!(to("http://b.example/x"), (secure.clone(), Some(Upgraded::ByPolicy)));
        assert_eq!(to("https://b.example/x"), (secure, None));
        assert_eq!(to("http://localhost/x"), ("http://localhost/x".to_owned(), None));
    }
}
