//! What the head of an answer decides: whether the page that asked may have it.

use url::Url;

use super::hash::wants_something;
use super::media_type::is_refused_script;
use super::refused::Refusal;
use super::{Claims, Policy};
use crate::encoding;
use crate::fetch::Kind;

/// What of an answer's head decides whether a page may have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnswerHead {
    /// `X-Content-Type-Options: nosniff` is there.
    pub nosniff: bool,
    /// The value of `Access-Control-Allow-Origin`; of several, all with commas between.
    pub allow_origin: Option<String>,
    /// `Access-Control-Allow-Credentials: true` is there.
    pub allow_credentials: bool,
    /// The value of `Cross-Origin-Resource-Policy`.
    pub resource_policy: Option<String>,
    /// Page and answer are of one site, and the answer came over TLS if the page did.
    pub same_site: bool,
}

impl AnswerHead {
    /// Whether a page may have what came from an address.
    pub(crate) fn check(
        &self,
        policy: &Policy,
        kind: Kind,
        claims: &Claims,
        from: &Url,
        content_type: Option<&str>,
    ) -> Result<(), Refusal> {
        let page = policy.document();
        if page.origin() != from.origin() {
            self.check_origin(page, claims)?;
        }
        let given = content_type.map(encoding::essence).unwrap_or_default();
        // A style sheet is looked at where the mode of the page is known.
        if kind == Kind::Script && is_refused_script(&given, self.nosniff, claims.module) {
            return Err(Refusal::ContentType { given, nosniff: self.nosniff });
        }
        Ok(())
    }

    /// Another origin answered.
    fn check_origin(&self, page: &Url, claims: &Claims) -> Result<(), Refusal> {
        if claims.cors {
            return self.check_cors(page, !claims.anonymous);
        }
        let refuses = match self.resource_policy.as_deref().map(str::trim) {
            Some("same-origin") => true,
            Some("same-site") => !self.same_site,
            // What else stands there counts for nothing.
            _ => false,
        };
        if let Some(policy) = self.resource_policy.clone().filter(|_| refuses) {
            return Err(Refusal::ResourcePolicy { policy });
        }
        // What is not to be read cannot be compared.
        match claims.integrity.as_deref() {
            Some(integrity) if wants_something(integrity) => {
                Err(Refusal::Unreadable { expected: integrity.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Fetch, section 4.10, "CORS check".
    fn check_cors(&self, page: &Url, credentials: bool) -> Result<(), Refusal> {
        let own = page.origin().ascii_serialization();
        let allowed = match self.allow_origin.as_deref() {
            Some("*") => !credentials,
            Some(origin) => origin == own && (!credentials || self.allow_credentials),
            None => false,
        };
        if allowed {
            return Ok(());
        }
        Err(Refusal::Cors { allowed: self.allow_origin.clone(), credentials })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a page may have something from an address.
    fn passes(head: &AnswerHead, claims: &Claims, from: &str) -> bool {
        let policy = Policy::new(Url::parse("https://a.example/").unwrap());
        let from = Url::parse(from).unwrap();
        head.check(&policy, Kind::Font, claims, &from, None).is_ok()
    }

    #[test]
    fn another_origin_has_to_allow_what_is_asked_for_with_cors() {
        let other = "https://b.example/f";
        let head = |origin: &str, credentials| AnswerHead {
            allow_origin: Some(origin.to_owned()),
            allow_credentials: credentials,
            ..AnswerHead::default()
        };
        let none = AnswerHead::default();
        assert!(!passes(&none, &Claims::FONT, other));
        assert!(passes(&none, &Claims::FONT, "https://a.example/f"));
        assert!(!passes(&none, &Claims::FONT, "https://a.example:8443/f"));
        assert!(passes(&none, &Claims::default(), other));
        // Anonymous: the star will do. With credentials: the origin itself, and that it is said.
        for (origin, credentials, anonymous, expected) in [
            ("*", false, true, true),
            ("https://a.example", false, true, true),
            ("https://a.example/", false, true, false),
            ("https://a.example, *", false, true, false),
            ("null", false, true, false),
            ("*", true, false, false),
            ("https://a.example", false, false, false),
            ("https://a.example", true, false, true),
        ] {
            let (head, claims) = (head(origin, credentials), Claims { anonymous, ..Claims::FONT });
            assert_eq!(passes(&head, &claims, other), expected, "{head:?}");
        }
    }

    #[test]
    fn a_server_can_keep_its_answers_from_other_origins_and_sites() {
        let plain = Claims::default();
        for (policy, same_site, expected) in [
            ("same-origin", true, false),
            ("same-site", true, true),
            ("same-site", false, false),
            ("cross-origin", false, true),
            ("nonsense", false, true),
        ] {
            let resource_policy = Some(policy.to_owned());
            let head = AnswerHead { resource_policy, same_site, ..AnswerHead::default() };
            assert_eq!(passes(&head, &plain, "https://b.example/x"), expected, "{policy}");
            assert!(passes(&head, &plain, "https://a.example/x"));
        }
    }

    #[test]
    fn integrity_is_for_what_the_page_may_read() {
        let claims = Claims { integrity: Some("sha256-AAAA".to_owned()), ..Claims::default() };
        let head = AnswerHead::default();
        assert!(!passes(&head, &claims, "https://b.example/x"));
        assert!(passes(&head, &claims, "https://a.example/x"));
        let unknown = Claims { integrity: Some("md5-AAAA".to_owned()), ..Claims::default() };
        assert!(passes(&head, &unknown, "https://b.example/x"));
    }
}
