//! Cookies (RFC 6265), with the time handed in.

use core::cmp::Reverse;
use std::time::{Duration, SystemTime};

use url::{Host, Url};

use super::cookie_date::parse as parse_date;

/// Cookies kept in all and for one host, at most (RFC 6265 §6.1 asks for as many at least).
const MOST: usize = 3000;
/// Bytes of name and value together, at most.
const LARGEST: usize = 4096;

/// The longest that a cookie is kept: 400 days (RFC 6265bis §5.5).
const LONGEST: Duration = Duration::from_hours(400 * 24);

/// What servers asked to be told again.
#[derive(Clone, Debug, Default)]
pub struct Jar {
    cookies: Vec<Cookie>,
    next: u64,
    order: Order,
}

/// In which order cookies are told to a server. Longer paths always come first (RFC 6265 §5.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Among equal ones the older come first, as the RFC and browsers have it.
    #[default]
    Browsers,
    /// Among equal ones those of longer domains, then those of longer names, then the older come
    /// first, as curl has it (`lib/cookie.c`).
    Curl,
}

/// One cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
    /// The host it belongs to.
    pub domain: String,
    /// It is for that host alone, not for those below.
    pub host_only: bool,
    /// The path it is for.
    pub path: String,
    /// It goes through TLS only.
    pub secure: bool,
    /// Scripts do not see it.
    pub http_only: bool,
    /// When it ends; `None` with the run.
    pub expires: Option<SystemTime>,
    /// Its place in the order of creation.
    order: u64,
}

impl Jar {
    /// No cookies.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, told in this order.
    #[must_use]
    pub fn in_order(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// All of them, in the order of their creation.
    pub fn cookies(&self) -> &[Cookie] {
        &self.cookies
    }

    /// Takes a Set-Cookie field that came from `url`; answers whether it was taken.
    pub fn store(&mut self, field: &str, url: &Url, now: SystemTime) -> bool {
        let Some(mut cookie) = parse(field, url, now) else { return false };
        // Plain connections must not overwrite what belongs to secure ones.
        let is_same = |old: &Cookie| {
            old.name == cookie.name && old.domain == cookie.domain && old.path == cookie.path
        };
        let old = self.cookies.iter().position(is_same);
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

    /// Puts a cookie in for a URL's host alone, as `-b name=value` has it.
    pub fn insert(&mut self, name: &str, value: &str, url: &Url) {
        let order = self.next;
        self.next += 1;
        self.cookies.push(Cookie {
            name: name.to_owned(),
            value: value.to_owned(),
            domain: url.host_str().unwrap_or_default().to_owned(),
            host_only: true,
            path: "/".to_owned(),
            secure: false,
            http_only: false,
            expires: None,
            order,
        });
    }

    /// The value of a Cookie field for a request to `url`; `None` where there is nothing to say.
    pub fn field(&self, url: &Url, now: SystemTime) -> Option<String> {
        let host = url.host()?;
        let mut found: Vec<&Cookie> = self
            .cookies
            .iter()
            .filter(|cookie| cookie.expires.is_none_or(|expires| expires > now))
            .filter(|cookie| !cookie.secure || is_secure(url))
            .filter(|cookie| domain_matches(&host, &cookie.domain, cookie.host_only))
            .filter(|cookie| path_matches(url.path(), &cookie.path))
            .collect();
        found.sort_by_key(|cookie| {
            let finer = match self.order {
                Order::Browsers => (0, 0),
                Order::Curl => (cookie.domain.len(), cookie.name.len()),
            };
            (Reverse((cookie.path.len(), finer)), cookie.order)
        });
        let pairs: Vec<String> =
            found.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// RFC 6265 §5.2 and §5.3.
fn parse(field: &str, url: &Url, now: SystemTime) -> Option<Cookie> {
    let host = url.host()?;
    let mut parts = field.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || name.len() + value.len() > LARGEST {
        return None;
    }
    // A tab may stand around what is said, not within it: it parts the columns of cookie files.
    if [name, value].iter().any(|text| text.bytes().any(|byte| byte.is_ascii_control()))
        || field.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t')
    {
        return None;
    }
    let mut cookie = Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        domain: host.to_string(),
        host_only: true,
        path: default_path(url.path()),
        secure: false,
        http_only: false,
        expires: None,
        order: 0,
    };
    let mut max_age = None;
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "expires" => cookie.expires = parse_date(value).or(cookie.expires),
            "max-age" => max_age = parse_age(value).or(max_age),
            "domain" => {
                let domain = value.trim_start_matches('.').to_ascii_lowercase();
                if domain.is_empty() {
                    continue;
                }
                let (itself, public) = (domain == host.to_string(), is_public(&domain));
                if !domain_matches(&host, &domain, false) || public && !itself {
                    return None;
                }
                // RFC 6265 §5.3, step 5: a public suffix that sets a cookie sets it for itself alone.
                cookie.domain = domain;
                cookie.host_only = public;
            }
            "path" if value.bytes().any(|byte| byte.is_ascii_control()) => return None,
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            _ => {}
        }
    }
    // RFC 6265bis §5.5.
    let latest = now.checked_add(LONGEST);
    cookie.expires = cookie.expires.map(|expires| latest.map_or(expires, |at| expires.min(at)));
    if let Some(age) = max_age {
        // Max-Age wins over Expires.
        cookie.expires = Some(now.checked_add(age).unwrap_or(now));
        if age.is_zero() {
            cookie.expires = Some(SystemTime::UNIX_EPOCH);
        }
    }
    let trusted = is_secure(url);
    let prefix = |prefix: &str| {
        name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let refused = cookie.secure && !trusted
        || prefix("__Secure-") && !cookie.secure
        || prefix("__Host-") && !(cookie.secure && cookie.host_only && cookie.path == "/");
    (!refused).then_some(cookie)
}

/// Whether nobody in between can read what goes there: TLS, or this machine itself (W3C Secure
/// Contexts §3.1).
fn is_secure(url: &Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        }
}

/// Seconds; none or less than none is at once.
fn parse_age(value: &str) -> Option<Duration> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if value.starts_with('-') {
        return Some(Duration::ZERO);
    }
    let age = digits.parse().map_or(LONGEST, Duration::from_secs);
    Some(age.min(LONGEST))
}

/// Whether a name is one below which everybody may register: nobody may set a cookie for all of them.
/// The list is that of publicsuffix.org, as the crate `psl` has it.
fn is_public(domain: &str) -> bool {
    psl::suffix_str(domain).is_some_and(|suffix| suffix == domain)
}

fn domain_matches(host: &Host<&str>, domain: &str, host_only: bool) -> bool {
    let name = host.to_string();
    if name == domain {
        return true;
    }
    let below = name.strip_suffix(domain).is_some_and(|start| start.ends_with('.'));
    !host_only && below && matches!(host, Host::Domain(_))
}

fn path_matches(path: &str, of: &str) -> bool {
    path.strip_prefix(of)
        .is_some_and(|rest| rest.is_empty() || of.ends_with('/') || rest.starts_with('/'))
}

fn default_path(path: &str) -> String {
    match path.rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(at) => path[..at].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn sent(jar: &Jar, to: &str) -> String {
        jar.field(&url(to), NOW + Duration::from_secs(10)).unwrap_or_default()
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
            assert!(jar.store(field, &from, NOW), "{field}");
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
            assert!(!jar.store(field, &from, NOW), "{field}");
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
            ("www.unheard.of", "of", false),
        ] {
            let from = url(&format!("https://{host}/"));
            let field = format!("a=1; Domain={domain}");
            assert_eq!(Jar::new().store(&field, &from, NOW), taken, "{host} {domain}");
        }
        // Such a name may set one for itself.
        let mut jar = Jar::new();
        assert!(jar.store("a=1; Domain=github.io", &url("https://github.io/"), NOW));
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
            assert!(jar.store(field, &from, NOW));
        }
        let to = "https://www.example.org/a/b";
        assert_eq!(sent(&jar, to), "f=4; one=1; two=2; three=3");
        assert_eq!(sent(&jar.in_order(Order::Curl), to), "f=4; three=3; two=2; one=1");
    }

    #[test]
    fn a_cookie_is_replaced_removed_and_protected() {
        let mut jar = Jar::new();
        let from = url("https://example.org/");
        jar.store("a=1; Secure", &from, NOW);
        jar.store("b=2", &from, NOW);
        jar.store("a=3; Secure", &from, NOW);
        assert_eq!(sent(&jar, "https://example.org/"), "a=3; b=2");
        assert!(!jar.store("a=evil", &url("http://example.org/"), NOW));
        assert!(!jar.store("c=evil; Secure", &url("http://example.org/"), NOW));
        jar.store("a=; Max-Age=0", &from, NOW);
        assert_eq!(sent(&jar, "https://example.org/"), "b=2");
        let mut jar = Jar::new();
        jar.store("x=1; Domain=0.0.1", &url("http://127.0.0.1/"), NOW);
        assert!(jar.cookies().is_empty());
    }
}
