//! HTTP Strict Transport Security (RFC 6797): hosts that want to be spoken to through TLS only.

use core::cell::RefCell;
use core::time::Duration;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::SystemTime;

use url::{Host, Url};

/// The name of the field by which a host says so.
pub(crate) const FIELD: &str = "Strict-Transport-Security";

/// The hosts that are known to want TLS. Its clones know the same ones.
#[derive(Clone, Debug, Default)]
pub struct Hsts(Rc<RefCell<BTreeMap<String, Known>>>);

/// What a host said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    /// Until when it counts.
    until: SystemTime,
    /// The hosts below it want the same.
    below: bool,
}

impl Hsts {
    /// No host is known yet: there is no list to begin with.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes down what an answer from an address says (§8.1). Only what came through TLS counts, and of
    /// several fields only the first; addresses in digits have no such policy.
    pub fn learn(&self, from: &Url, field: &str, now: SystemTime) {
        let (Some(Host::Domain(name)), "https") = (from.host(), from.scheme()) else { return };
        let Some((lasts, below)) = read(field) else { return };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let mut known = self.0.borrow_mut();
        match now.checked_add(lasts).filter(|_| !lasts.is_zero()) {
            Some(until) => known.insert(name, Known { until, below }),
            None => known.remove(&name),
        };
    }

    /// The address through TLS, where its host wants that (§8.3); `None`: it stays as it is.
    pub fn secured(&self, url: &Url, now: SystemTime) -> Option<Url> {
        let (Some(Host::Domain(name)), "http") = (url.host(), url.scheme()) else { return None };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if !self.is_known(&name, now) {
            return None;
        }
        let mut url = url.clone();
        // Port 80, which need not be written, becomes 443 with it; any other stays.
        url.set_scheme("https").ok()?;
        Some(url)
    }

    /// The host itself, or one above it that speaks for all below (§8.2).
    fn is_known(&self, name: &str, now: SystemTime) -> bool {
        let known = self.0.borrow();
        let counts = |name: &str| known.get(name).filter(|known| now < known.until);
        let mut above = name;
        while let Some((_, parent)) = above.split_once('.') {
            above = parent;
            if counts(above).is_some_and(|known| known.below) {
                return true;
            }
        }
        counts(name).is_some()
    }
}

/// How long a field counts, and whether for the hosts below too; `None` where it is not well formed (§6.1).
fn read(field: &str) -> Option<(Duration, bool)> {
    let (mut lasts, mut below) = (None, false);
    let mut seen: Vec<String> = Vec::new();
    for directive in field.split(';').map(str::trim).filter(|directive| !directive.is_empty()) {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (directive, None),
        };
        let name = name.to_ascii_lowercase();
        match (name.as_str(), value) {
            // Each may stand there once.
            _ if seen.contains(&name) => return None,
            ("max-age", Some(value)) => {
                let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                // More seconds than can be counted are as good as for ever.
                lasts = Some(digits.then(|| value.parse().unwrap_or(MOST).min(MOST))?);
            }
            ("max-age", None) => return None,
            ("includesubdomains", _) => below = true,
            _ => {}
        }
        seen.push(name);
    }
    Some((Duration::from_secs(lasts?), below))
}

/// A hundred years, in seconds: longer than anything here lasts.
const MOST: u64 = 100 * 365 * 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    /// What becomes of an address once another answered with a field.
    fn after(from: &str, field: &str, wanted: &str) -> String {
        let hsts = Hsts::new();
        let now = SystemTime::UNIX_EPOCH;
        hsts.learn(&url(from), field, now);
        hsts.secured(&url(wanted), now).unwrap_or_else(|| url(wanted)).to_string()
    }

    #[test]
    fn a_host_that_says_so_is_spoken_to_through_tls() {
        let (own, plain, secure) =
            ("https://a.example/", "http://a.example/x", "https://a.example/x");
        for (from, field, wanted, expected) in [
            (own, "max-age=60", plain, secure),
            (own, "MAX-AGE=\"60\" ; includeSubDomains; preload", plain, secure),
            (own, "max-age=99999999999999999999", plain, secure),
            (own, "max-age=60", "http://a.example:8080/x", "https://a.example:8080/x"),
            (own, "max-age=60", "http://A.example./x", "https://a.example./x"),
            // Not in the clear, nor for ever, nor for others.
            ("http://a.example/", "max-age=60", plain, plain),
            (own, "max-age=0", plain, plain),
            (own, "max-age=60", "http://b.a.example/x", "http://b.a.example/x"),
            (own, "max-age=60; includeSubDomains", "http://b.a.example/x", "https://b.a.example/x"),
            (own, "max-age=60; includeSubDomains", "http://ba.example/x", "http://ba.example/x"),
            ("https://192.0.2.1/", "max-age=60", "http://192.0.2.1/x", "http://192.0.2.1/x"),
            // Not well formed.
            (own, "", plain, plain),
            (own, "includeSubDomains", plain, plain),
            (own, "max-age", plain, plain),
            (own, "max-age=-1", plain, plain),
            (own, "max-age=60; max-age=60", plain, plain),
        ] {
            assert_eq!(after(from, field, wanted), expected, "{from} {field} {wanted}");
        }
    }

    #[test]
    fn it_ends_when_the_host_says_so_or_its_time_is_over() {
        let hsts = Hsts::new();
        let (own, plain, begin) =
            (url("https://a.example/"), url("http://a.example/"), SystemTime::UNIX_EPOCH);
        hsts.learn(&own, "max-age=60", begin);
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert!(hsts.secured(&plain, at(59)).is_some());
        assert!(hsts.secured(&plain, at(60)).is_none());
        hsts.learn(&own, "max-age=0", at(10));
        assert!(hsts.secured(&plain, at(11)).is_none());
    }
}
