//! `Rules`: what is said in answers beyond what their handlers say: fields by the path asked for, how long caches
//! keep them, who may read them, that only TLS will do, what a page will want next.

use core::str::FromStr;
use std::rc::Rc;

use http::Method;
use roundtrip_wire::LocalFuture;

use super::cors::Origins;
use super::pattern::{Pattern, plain};
use crate::message::Fields;
use crate::server::{Handler, Request, RequestBody, Response};

/// What is said in answers beyond what their handlers say.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Fields of answers. All that are for a path count, in their order.
    pub fields: Vec<FieldRule>,
    /// How long caches keep what is at a path. The first that is for it counts.
    pub cache: Vec<CacheRule>,
    /// What a page will want next. All that are for a path count.
    pub links: Vec<LinkRule>,
    /// Pages of which other origins may read answers.
    pub origins: Origins,
    /// The value of Strict-Transport-Security (RFC 6797) in answers through TLS.
    pub hsts: Option<Hsts>,
}

/// A field of answers: `[PATTERN] NAME: VALUE`; without a value, handlers' own fields of that name are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRule {
    paths: Pattern,
    name: String,
    value: Vec<u8>,
}

/// How long caches keep what is at a path: `[PATTERN] VALUE`, the value that of Cache-Control (RFC 9111 §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheRule {
    paths: Pattern,
    value: String,
}

/// What a page will want next: `[PATTERN] VALUE`, the value that of Link (RFC 8288). It is told before the answer
/// is made, in 103 Early Hints (RFC 8297), and with the answer once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRule {
    paths: Pattern,
    value: String,
}

/// The value of Strict-Transport-Security (RFC 6797 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hsts(String);

/// Fields that the server makes of what it sends.
const OWN: [&str; 7] =
    ["Connection", "Content-Length", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade"];

impl FromStr for FieldRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (paths, rest) = Pattern::split(text);
        let Some((name, value)) = rest.split_once(':') else {
            return Err("wanted [PATTERN] NAME: VALUE, as \"*.css X-Kind: style\"".into());
        };
        let (name, value) = (name.trim(), value.trim());
        if OWN.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            return Err(format!("{name} is made of what is sent"));
        }
        let added = ["Date", "Server"].iter().any(|own| own.eq_ignore_ascii_case(name));
        if added && value.is_empty() {
            return Err(format!("{name} is always sent: give it a value"));
        }
        let mut tried = Fields::new();
        tried.push(name, value.as_bytes()).map_err(|error| error.to_string())?;
        Ok(Self { paths, name: name.to_owned(), value: value.into() })
    }
}

impl FromStr for CacheRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (paths, value) = Pattern::split(text);
        if !is_value(value) {
            return Err("wanted [PATTERN] VALUE, as \"*.css max-age=3600\"".into());
        }
        Ok(Self { paths, value: value.to_owned() })
    }
}

impl FromStr for LinkRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (paths, value) = Pattern::split(text);
        if !is_value(value) || !value.starts_with('<') || !value.contains('>') {
            let example = "\"/ </style.css>; rel=preload; as=style\"";
            return Err(format!("wanted [PATTERN] <TARGET>; rel=…, as {example}"));
        }
        Ok(Self { paths, value: value.to_owned() })
    }
}

impl FromStr for Hsts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let first = text.split(';').next().unwrap_or_default().trim();
        let after = first.strip_prefix("max-age=").unwrap_or(first);
        if !seconds(after) || !is_value(text) {
            return Err("wanted seconds, as 31536000 or \"31536000; includeSubDomains\"".into());
        }
        let rest = text.split_once(';').map_or_else(String::new, |(_, rest)| format!(";{rest}"));
        Ok(Self(format!("max-age={after}{rest}")))
    }
}

/// Whether a text can be the value of a field.
fn is_value(text: &str) -> bool {
    !text.is_empty() && Fields::new().push("x", text.as_bytes()).is_ok()
}

impl Rules {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
            && self.cache.is_empty()
            && self.links.is_empty()
            && self.origins.is_empty()
            && self.hsts.is_none()
    }

    /// What the page at this path will want next.
    fn hints(&self, path: &[u8]) -> Fields {
        let mut fields = Fields::new();
        for rule in self.links.iter().filter(|rule| rule.paths.fits(path)) {
            fields.add("Link", &rule.value);
        }
        fields
    }

    fn say(&self, request: &Request, path: &[u8], response: &mut Response) {
        if let Some(Hsts(value)) = self.hsts.as_ref().filter(|_| request.secure) {
            response.fields.set("Strict-Transport-Security", value);
        }
        self.origins.say(&request.head.fields, &mut response.fields);
        // Errors may be over with soon, whatever was said of what would be there.
        let lasts = response.status.is_success() || response.status.is_redirection();
        if lasts && !response.fields.contains("Cache-Control") {
            let rule = self.cache.iter().find(|rule| rule.paths.fits(path));
            if let Some(CacheRule { value, .. }) = rule {
                response.fields.add("Cache-Control", value);
            }
        }
        for rule in self.fields.iter().filter(|rule| rule.paths.fits(path)) {
            response.fields.remove(&rule.name);
            if !rule.value.is_empty() {
                // That it can be sent was seen when the rule was read.
                let _ = response.fields.push(&rule.name, &rule.value);
            }
        }
    }
}

/// Answers as another handler does, and says more.
pub struct Ruled {
    rules: Rules,
    inner: Rc<dyn Handler>,
}

impl Ruled {
    /// Says more in what this handler answers.
    pub fn new(rules: Rules, inner: Rc<dyn Handler>) -> Self {
        Self { rules, inner }
    }
}

impl Handler for Ruled {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            let path = plain(request.path());
            let mut hints = Fields::new();
            let mut response = if let Some(response) = self.rules.origins.preflight(request) {
                response
            } else {
                if request.head.line.method == Method::GET {
                    hints = self.rules.hints(&path);
                }
                if !hints.is_empty() {
                    request.interim.early_hints(&hints);
                }
                self.inner.handle(request, body).await
            };
            // What goes on as something else is no answer.
            if response.status.is_informational() {
                return response;
            }
            if response.status.is_success() {
                for value in hints.get_all("Link") {
                    response.fields.add("Link", value);
                }
            }
            self.rules.say(request, &path, &mut response);
            response
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_cannot_be_followed_are_refused() {
        for text in ["X-A: b", "/a/** X-A: b", "*.css X-A:", "Server: x", "X-A: b: c"] {
            assert!(text.parse::<FieldRule>().is_ok(), "{text}");
        }
        for text in
            ["", "X-A", "/a", ": b", "X A: b", "X-A: b\nc", "Content-Length: 1", "/** date:"]
        {
            assert!(text.parse::<FieldRule>().is_err(), "{text}");
        }
        for text in ["no-cache", "*.css max-age=1, immutable"] {
            assert!(text.parse::<CacheRule>().is_ok(), "{text}");
        }
        assert!("*.css".parse::<CacheRule>().is_err() && "".parse::<CacheRule>().is_err());
        assert!("/ </a.css>; rel=preload".parse::<LinkRule>().is_ok());
        assert!("/ /a.css; rel=preload".parse::<LinkRule>().is_err());
    }

    #[test]
    fn seconds_are_a_whole_value() {
        let value = |text: &str| text.parse::<Hsts>().map(|hsts| hsts.0);
        assert_eq!(value("60"), Ok("max-age=60".into()));
        assert_eq!(value("max-age=60; preload"), Ok("max-age=60; preload".into()));
        assert_eq!(value("60; includeSubDomains"), Ok("max-age=60; includeSubDomains".into()));
        assert!(value("").is_err() && value("a year").is_err() && value("1\nX: y").is_err());
    }
}
