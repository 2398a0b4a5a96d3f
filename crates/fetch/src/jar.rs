//! Cookies that are kept (RFC 6265), with the time handed in.

use core::cmp::Reverse;
use std::time::SystemTime;

use url::Url;

use crate::asker::Asker;
use crate::cookie::{Cookie, is_secure, parse};
use crate::jar_manner::Manner;

/// Cookies kept in all and for one host, at most (RFC 6265 §6.1 asks for as many at least).
const MOST: usize = 3000;

/// Cookies that curl sends at most (`MAX_COOKIE_SEND_AMOUNT` in its `lib/cookie.h`).
const MOST_SENT: usize = 150;
/// Bytes of the field that it sends at most (`MAX_COOKIE_HEADER_LEN`), its name included.
const MOST_BYTES: usize = 8190;
const CURL_FIELD: &str = "Cookie: ";

/// What servers asked to be told again.
#[derive(Clone, Debug, Default)]
pub struct Jar {
    cookies: Vec<Cookie>,
    next: u64,
    manner: Manner,
}

impl Jar {
    /// No cookies.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, in this manner.
    #[must_use]
    pub fn in_manner(self, manner: Manner) -> Self {
        Self { manner, ..self }
    }

    /// All of them, in the order of their creation.
    pub fn cookies(&self) -> &[Cookie] {
        &self.cookies
    }

    /// Takes a Set-Cookie field that came from `url`, which `asker` had asked; answers whether it was
    /// taken.
    pub fn store(
        &mut self,
        field: impl AsRef<[u8]>,
        url: &Url,
        asker: &Asker,
        now: SystemTime,
    ) -> bool {
        let parsed = parse(field.as_ref(), url, now, self.manner);
        let Some(mut cookie) = parsed else { return false };
        if self.manner == Manner::Browser && !cookie.may_be_set_by(url, asker) {
            return false;
        }
        // Plain connections must not overwrite what belongs to secure ones.
        let old = self.cookies.iter().position(|old| old.is_same(&cookie, self.manner));
        if old.is_some_and(|at| self.cookies[at].secure && !is_secure(url)) {
            return false;
        }
        cookie.order = old.map_or(self.next, |at| self.cookies[at].order);
        self.next += 1;
        if let Some(at) = old {
            self.cookies.remove(at);
        }
        if cookie.expires.is_none_or(|expires| expires > now) {
            self.cookies.push(cookie);
            self.cookies.sort_by_key(|cookie| cookie.order);
        }
        if self.cookies.len() > MOST {
            self.cookies.remove(0);
        }
        true
    }

    /// Puts in what somebody gave for a URL's host alone: `NAME=VALUE`, several with `;` between.
    pub fn insert(&mut self, text: &str, url: &Url) {
        for pair in text.split(';') {
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.push(Cookie::given(name.trim(), value.trim(), url, self.next));
                self.next += 1;
            }
        }
    }

    /// The value of a Cookie field for a request of `asker` to `url`; `None` where there is nothing to
    /// say.
    pub fn field(&self, url: &Url, asker: &Asker, now: SystemTime) -> Option<Vec<u8>> {
        let mut found: Vec<&Cookie> = self
            .cookies
            .iter()
            .filter(|cookie| cookie.is_for(url, now, self.manner))
            .filter(|cookie| self.manner == Manner::Curl || cookie.may_be_told(url, asker))
            .collect();
        match self.manner {
            Manner::Browser => {
                found.sort_by_key(|cookie| (Reverse(cookie.path.len()), cookie.order));
            }
            Manner::Curl => found.sort_by_key(|cookie| {
                let lengths = (cookie.path.len(), cookie.domain.len(), cookie.name.len());
                Reverse((lengths, cookie.order))
            }),
        }
        let mut out = Vec::new();
        for (number, cookie) in found.iter().enumerate() {
            let between: &[u8] = if out.is_empty() { b"" } else { b"; " };
            let more = between.len() + cookie.name.len() + 1 + cookie.value.len();
            let full = number == MOST_SENT || CURL_FIELD.len() + out.len() + more > MOST_BYTES;
            if self.manner == Manner::Curl && full {
                break;
            }
            out.extend([between, &cookie.name, b"=", &cookie.value].concat());
        }
        (!out.is_empty()).then_some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn sent(jar: &Jar, to: &str) -> String {
        let field = jar.field(&url(to), &Asker::Person, NOW + Duration::from_secs(10));
        String::from_utf8(field.unwrap_or_default()).unwrap()
    }

    #[test]
    fn bytes_that_are_no_text_go_back_as_they_came() {
        let (mut jar, from) = (Jar::new(), url("https://a.test/"));
        assert!(jar.store(b"a=caf\xe9; Path=/\xe9", &from, &Asker::Person, NOW));
        assert!(jar.store("b=caf\u{e9}", &from, &Asker::Person, NOW));
        let field = jar.field(&from, &Asker::Person, NOW);
        assert_eq!(field.as_deref(), Some(&b"b=caf\xc3\xa9"[..]));
        assert!(jar.store(b"a=caf\xe9; Path=/", &from, &Asker::Person, NOW));
        let field = jar.field(&from, &Asker::Person, NOW);
        assert_eq!(field.as_deref(), Some(&b"b=caf\xc3\xa9; a=caf\xe9"[..]));
    }

    #[test]
    fn a_slash_at_the_end_of_a_path_makes_another_cookie_but_for_curl() {
        for (manner, below) in [(Manner::Browser, "a=2; a=1"), (Manner::Curl, "a=2")] {
            let mut jar = Jar::new().in_manner(manner);
            for field in ["a=1; Path=/x", "a=2; Path=/x/"] {
                assert!(jar.store(field, &url("https://b.test/"), &Asker::Person, NOW));
            }
            assert_eq!(sent(&jar, "https://b.test/x/y"), below);
        }
    }

    #[test]
    fn cookies_go_where_they_belong() {
        let mut jar = Jar::new();
        let from = url("https://www.example.org/a/b");
        for field in [
            "plain=1",
            "wide=2; Domain=.example.org; Path=/",
            "deep=3; Path=/a/b/c",
            "safe=4; Secure; Path=/",
            "short=5; Max-Age=5; Path=/",
            "long=6; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Path=/",
            "dated=7; Expires=Thu, 01-Jan-1970 01:00:00 GMT; Path=/",
        ] {
            assert!(jar.store(field, &from, &Asker::Person, NOW), "{field}");
        }
        for field in [
            "no",
            "=no",
            "no=1; Domain=other.org",
            "no=1; Domain=org",
            "no=1; Domain=w.example.org",
            "__Host-no=1; Path=/",
            "__Secure-no=1",
            "no=\u{1}",
            "no=a\tb",
            "n\to=1",
            "no=1; Path=/a\tb",
        ] {
            assert!(!jar.store(field, &from, &Asker::Person, NOW), "{field}");
        }
        assert_eq!(
            sent(&jar, "https://www.example.org/a/x"),
            "plain=1; wide=2; safe=4; long=6; dated=7"
        );
        assert_eq!(sent(&jar, "https://www.example.org/ab"), "wide=2; safe=4; long=6; dated=7");
        assert_eq!(sent(&jar, "http://www.example.org/"), "wide=2; long=6; dated=7");
        assert_eq!(sent(&jar, "https://www.example.org/a/b/c/d").split(';').next(), Some("deep=3"));
        assert_eq!(sent(&jar, "https://other.example.org/"), "wide=2");
        assert_eq!(sent(&jar, "https://badexample.org/"), "");
    }

    #[test]
    fn nobody_sets_cookies_for_all_who_may_register() {
        for (host, domain, taken) in [
            ("www.shop.co.uk", "co.uk", false),
            ("www.shop.co.uk", "shop.co.uk", true),
            ("me.github.io", "github.io", false),
            ("me.github.io", "me.github.io", true),
            ("a.b.compute.amazonaws.com", "com", false),
            ("www.city.kawasaki.jp", "city.kawasaki.jp", true),
            ("x.kawasaki.jp", "kawasaki.jp", false),
            ("www.x.kawasaki.jp", "kawasaki.jp", false),
            ("www.unheard.of", "of", false),
        ] {
            let from = url(&format!("https://{host}/"));
            let field = format!("a=1; Domain={domain}");
            assert_eq!(
                Jar::new().store(&field, &from, &Asker::Person, NOW),
                taken,
                "{host} {domain}"
            );
        }
        // Such a name may set one for itself.
        let mut jar = Jar::new();
        assert!(jar.store(
            "a=1; Domain=github.io",
            &url("https://github.io/"),
            &Asker::Person,
            NOW
        ));
        assert_eq!(sent(&jar, "https://github.io/"), "a=1");
        assert_eq!(sent(&jar, "https://me.github.io/"), "");
    }

    #[test]
    fn cookies_are_told_in_the_order_of_browsers_or_of_curl() {
        let mut jar = Jar::new();
        let from = url("https://www.example.org/a/b");
        for field in [
            "one=1; Path=/; Domain=example.org",
            "two=2; Path=/",
            "three=3; Path=/",
            "f=4; Path=/a",
        ] {
            assert!(jar.store(field, &from, &Asker::Person, NOW));
        }
        let to = "https://www.example.org/a/b";
        assert_eq!(sent(&jar, to), "f=4; one=1; two=2; three=3");
        assert_eq!(sent(&jar.in_manner(Manner::Curl), to), "f=4; three=3; two=2; one=1");
    }

    #[test]
    fn a_cookie_is_replaced_removed_and_protected() {
        let mut jar = Jar::new();
        let from = url("https://example.org/");
        jar.store("a=1; Secure", &from, &Asker::Person, NOW);
        jar.store("b=2", &from, &Asker::Person, NOW);
        jar.store("a=3; Secure", &from, &Asker::Person, NOW);
        assert_eq!(sent(&jar, "https://example.org/"), "a=3; b=2");
        assert!(!jar.store("a=evil", &url("http://example.org/"), &Asker::Person, NOW));
        assert!(!jar.store("c=evil; Secure", &url("http://example.org/"), &Asker::Person, NOW));
        jar.store("a=; Max-Age=0", &from, &Asker::Person, NOW);
        assert_eq!(sent(&jar, "https://example.org/"), "b=2");
        let mut jar = Jar::new();
        jar.store("x=1; Domain=0.0.1", &url("http://127.0.0.1/"), &Asker::Person, NOW);
        assert!(jar.cookies().is_empty());
    }

    #[test]
    fn cookies_of_one_site_stay_there_unless_they_say_otherwise() {
        let mut jar = Jar::new();
        let shop = url("https://www.shop.example/");
        for field in [
            "silent=1; Domain=shop.example",
            "lax=1; SameSite=Lax",
            "strict=1; SameSite=Strict",
            "none=1; SameSite=None; Secure",
        ] {
            assert!(jar.store(field, &shop, &Asker::Person, NOW), "{field}");
        }
        assert!(!jar.store("open=1; SameSite=None", &shop, &Asker::Person, NOW));
        let told = |jar: &Jar, page: &str| {
            let field = jar.field(&shop, &Asker::Page(url(page)), NOW).unwrap_or_default();
            let field = String::from_utf8(field).unwrap();
            field.split("; ").map(|pair| pair[..pair.len() - 2].to_owned()).collect::<Vec<_>>()
        };
        let all = ["silent", "lax", "strict", "none"];
        assert_eq!(told(&jar, "https://blog.shop.example/x"), all);
        for page in ["https://other.example/", "http://www.shop.example/"] {
            assert_eq!(told(&jar, page), ["none"], "{page}");
        }
        // Nor may an answer to another site's page set them.
        let other = Asker::Page(url("https://other.example/"));
        for (field, taken) in [
            ("new=1", false),
            ("new=1; SameSite=Strict", false),
            ("new=1; SameSite=None; Secure", true),
        ] {
            assert_eq!(jar.store(field, &shop, &other, NOW), taken, "{field}");
        }
        // curl knows no pages.
        let mut jar = Jar::new().in_manner(Manner::Curl);
        assert!(jar.store("a=1; SameSite=Strict", &shop, &other, NOW));
        assert_eq!(jar.field(&shop, &other, NOW).as_deref(), Some(&b"a=1"[..]));
    }

    #[test]
    fn what_is_given_is_for_one_host() {
        let mut jar = Jar::new();
        jar.insert("a=1; b=2=3;c", &url("https://www.example.org/deep/"));
        assert_eq!(sent(&jar, "http://www.example.org/x"), "a=1; b=2=3");
        assert_eq!(sent(&jar, "http://example.org/"), "");
    }
}
