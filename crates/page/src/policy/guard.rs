//! What the rules of a page say to the redirects of one of its requests.

use std::sync::Arc;

use url::Url;

use super::refused::Refused;
use super::{Claims, Policy};
use crate::fetch::Kind;

/// The rules for one request on its way, as they were when it began: a value that can go along with it.
#[derive(Debug, Clone)]
pub struct Guard {
    policy: Arc<Policy>,
    kind: Kind,
    claims: Claims,
    line: u64,
}

impl Guard {
    pub(crate) fn new(policy: Arc<Policy>, kind: Kind, claims: Claims, line: u64) -> Self {
        Self { policy, kind, claims, line }
    }

    /// Where the request goes that a redirect leads to this address: over TLS, where the rules want that.
    ///
    /// # Errors
    /// When it may not go there.
    pub fn redirected(&self, to: &Url) -> Result<Url, Box<Refused>> {
        let (url, _) = self.policy.destination(to, self.kind, &self.claims);
        match self.policy.admit(&url, self.kind, &self.claims, true) {
            Ok(_) => Ok(url),
            Err(by) => Err(Box::new(Refused {
                by,
                what: to.to_string(),
                kind: Some(self.kind),
                line: self.line,
                came: false,
                reported_only: false,
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Disposition, Stands};

    #[test]
    fn a_redirect_may_lead_anywhere_below_a_host_but_to_no_other() {
        let url = |text: &str| Url::parse(text).unwrap();
        let mut policy = Policy::new(url("https://a.example/"));
        let csp = &mut Arc::make_mut(&mut policy).csp;
        csp.add("img-src b.example/x", Disposition::Enforce, Stands::Field);
        let guard = Guard::new(policy, Kind::Image, Claims::default(), 3);
        let to = guard.redirected(&url("http://b.example/y")).expect("it may");
        assert_eq!(to.as_str(), "https://b.example/y");
        let refused = guard.redirected(&url("https://c.example/x")).expect_err("it may not");
        assert_eq!((refused.what.as_str(), refused.line), ("https://c.example/x", 3));
    }
}
