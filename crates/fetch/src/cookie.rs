//! One cookie, as a server sets it (RFC 6265).

use std::time::{Duration, SystemTime};

use roundtrip_http::message::to_text;
use url::{Host, Url};

use crate::asker::Asker;
use crate::cookie_date::parse as parse_date;
use crate::jar_manner::Manner;

/// Bytes of name and value together, at most.
const LARGEST: usize = 4096;

/// The longest that a cookie is kept: 400 days (RFC 6265bis §5.5).
const LONGEST: Duration = Duration::from_hours(400 * 24);

/// One cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// The name, as it came: bytes, which need not be text.
    pub name: Vec<u8>,
    /// The value, likewise.
    pub value: Vec<u8>,
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
    /// Which sites' pages it goes along for.
    pub same_site: SameSite,
    /// When it ends; `None` with the run.
    pub expires: Option<SystemTime>,
    /// Its place in the order of creation.
    pub(crate) order: u64,
}

/// Whether a cookie goes along when another site's page asks (RFC 6265bis §5.6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// It does not say; taken for `Lax`, as Chromium does.
    #[default]
    Unsaid,
    /// It does, through TLS.
    None,
    /// It does not, but for links that are followed.
    Lax,
    /// It does not.
    Strict,
}

impl Cookie {
    /// One that somebody gave for the host of a URL, whatever the path.
    pub(crate) fn given(name: &str, value: &str, url: &Url, order: u64) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            domain: url.host_str().unwrap_or_default().to_owned(),
            host_only: true,
            path: "/".to_owned(),
            secure: false,
            http_only: false,
            same_site: SameSite::default(),
            expires: None,
            order,
        }
    }

    /// Whether both have one place in a jar.
    pub(crate) fn is_same(&self, other: &Self, manner: Manner) -> bool {
        self.name == other.name
            && self.domain == other.domain
            && self.path_in(manner) == other.path_in(manner)
    }

    /// Whether it belongs to this URL at this time.
    pub(crate) fn is_for(&self, url: &Url, now: SystemTime, manner: Manner) -> bool {
        self.expires.is_none_or(|expires| expires > now)
            && (!self.secure || is_secure(url))
            && url.host().is_some_and(|host| domain_matches(&host, &self.domain, self.host_only))
            && path_matches(url.path(), self.path_in(manner))
    }

    /// The path it is for; curl passes the last slash over.
    fn path_in(&self, manner: Manner) -> &str {
        match manner {
            Manner::Curl if self.path.len() > 1 => self.path.trim_end_matches('/'),
            _ => &self.path,
        }
    }

    /// Whether it goes along to this URL, to which it belongs (RFC 6265bis §5.8.3).
    pub(crate) fn may_be_told(&self, url: &Url, asker: &Asker) -> bool {
        self.same_site == SameSite::None || !asker.is_another_site(url)
    }

    /// Whether an answer from this URL may set it (RFC 6265bis §5.7; without TLS nothing goes to other
    /// sites, as in Chromium).
    pub(crate) fn may_be_set_by(&self, url: &Url, asker: &Asker) -> bool {
        match self.same_site {
            SameSite::None => self.secure,
            _ => !asker.is_another_site(url),
        }
    }
}

/// RFC 6265 §5.2 and §5.3.
pub(crate) fn parse(field: &[u8], url: &Url, now: SystemTime, manner: Manner) -> Option<Cookie> {
    let host = url.host()?;
    let mut parts = field.split(|byte| *byte == b';');
    let pair = parts.next()?;
    let (name, value) = pair.split_at(pair.iter().position(|byte| *byte == b'=')?);
    let (name, value) = (name.trim_ascii(), value[1..].trim_ascii());
    if name.is_empty() || name.len() + value.len() > LARGEST {
        return None;
    }
    // A tab may stand around what is said, not within it: it parts the columns of cookie files.
    if [name, value].iter().any(|text| text.iter().any(u8::is_ascii_control))
        || field.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t')
    {
        return None;
    }
    let mut cookie = Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        domain: host.to_string(),
        host_only: true,
        path: default_path(url.path(), manner),
        secure: false,
        http_only: false,
        same_site: SameSite::default(),
        expires: None,
        order: 0,
    };
    let mut max_age = None;
    for part in parts.map(to_text) {
        let (key, value) = part.split_once('=').unwrap_or((&part, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "expires" => cookie.expires = parse_date(value).or(cookie.expires),
            "max-age" => max_age = parse_age(value, manner).or(max_age),
            "domain" => {
                let domain = value.trim_start_matches('.').to_ascii_lowercase();
                if domain.is_empty() {
                    continue;
                }
                let (itself, public) = (domain == host.to_string(), is_public(&domain));
                let is_shared = public || is_above_public(&host, &domain);
                if !domain_matches(&host, &domain, false) || is_shared && !itself {
                    return None;
                }
                // RFC 6265 §5.3, step 5: a public suffix that sets a cookie sets it for itself alone.
                cookie.domain = domain;
                // An address has no names below it.
                cookie.host_only = public || !matches!(host, Host::Domain(_));
            }
            "path" if value.bytes().any(|byte| byte.is_ascii_control()) => return None,
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "samesite" => cookie.same_site = same_site(value),
            _ => {}
        }
    }
    // RFC 6265bis §5.5.
    let latest = (manner == Manner::Browser).then(|| now.checked_add(LONGEST)).flatten();
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
        name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    let refused = cookie.secure && !trusted
        || prefix("__Secure-") && !cookie.secure
        || prefix("__Host-") && !(cookie.secure && cookie.host_only && cookie.path == "/");
    (!refused).then_some(cookie)
}

/// What is none of the three counts as nothing said (RFC 6265bis §5.6.7).
fn same_site(value: &str) -> SameSite {
    match value.to_ascii_lowercase().as_str() {
        "none" => SameSite::None,
        "lax" => SameSite::Lax,
        "strict" => SameSite::Strict,
        _ => SameSite::Unsaid,
    }
}

/// Whether nobody in between can read what goes there: TLS, or this machine itself (W3C Secure
/// Contexts §3.1).
pub(crate) fn is_secure(url: &Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        }
}

/// Seconds; none or less than none is at once.
fn parse_age(value: &str, manner: Manner) -> Option<Duration> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if value.starts_with('-') {
        return Some(Duration::ZERO);
    }
    let age = digits.parse().map_or(LONGEST, Duration::from_secs);
    Some(if manner == Manner::Browser { age.min(LONGEST) } else { age })
}

/// Whether a name is one below which everybody may register: nobody may set a cookie for all of them.
/// The list is that of publicsuffix.org, as the crate `psl` has it.
fn is_public(domain: &str) -> bool {
    let domain = domain.trim_end_matches('.');
    psl::suffix_str(domain).is_some_and(|suffix| suffix == domain)
}

/// Whether a name lies above the one below which the host's owner registered: some names of the list have
/// others above them that are not on it (`*.kawasaki.jp`, but not `kawasaki.jp`).
fn is_above_public(host: &Host<&str>, domain: &str) -> bool {
    let Host::Domain(name) = host else { return false };
    psl::suffix_str(name.trim_end_matches('.')).is_some_and(|suffix| suffix.len() > domain.len())
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

/// RFC 6265 §5.1.4; curl lets the last slash stand.
fn default_path(path: &str, manner: Manner) -> String {
    match path.rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(at) if manner == Manner::Curl => path[..=at].to_owned(),
        Some(at) => path[..at].to_owned(),
    }
}
