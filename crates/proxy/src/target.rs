//! `Target`: whom a request is for.

use http::{Method, Version};
use roundtrip_http::client::Origin;
use roundtrip_http::message::{RequestHead, TargetForm};
use url::Url;

/// Whom a request is for, and what is asked of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The whole URL.
    pub(crate) url: Url,
    /// What stands in the request line, as the client has it (RFC 9112 §3.2).
    pub(crate) line: String,
    /// The value of Host, where it is not the client's.
    pub(crate) host: Option<String>,
}

/// Where requests of a connection go that do not say so themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: they are for the proxy itself.
    Nowhere,
    /// To the server at the tunnel's other end. `names` are those by which the client called it.
    Tunnel { origin: Origin, names: Vec<String> },
    /// To the server that the proxy stands in for, whatever the client calls it.
    Base(Url),
}

/// What can be said against a request's target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    /// It names no other server.
    #[error("it is for the proxy itself")]
    Own,
    /// It is no URL.
    #[error("{0} is no URL that could be asked for")]
    Malformed(String),
    /// It is the URL of another server than the one that the tunnel leads to.
    #[error("{url} is not of {origin}, and that is where this tunnel leads")]
    Misdirected {
        /// What is asked for.
        url: String,
        /// Where the tunnel leads.
        origin: String,
    },
}

impl Target {
    /// Of a request that came on a connection to `place`.
    pub(crate) fn of(head: &RequestHead, place: &Place) -> Result<Self, TargetError> {
        let whole = head.line.form() == Some(TargetForm::Absolute);
        match place {
            Place::Base(base) => Self::behind(head, base),
            Place::Tunnel { origin, names } if !whole => Self::in_tunnel(head, origin, names),
            Place::Tunnel { origin, names } => Self::whole_in_tunnel(head, origin, names),
            Place::Nowhere if !whole => Self::in_two(head),
            Place::Nowhere => Self::whole(head),
        }
    }

    /// Of a target that is a whole URL. Host is told anew from it (RFC 9112 §3.2.2).
    fn whole(head: &RequestHead) -> Result<Self, TargetError> {
        let text = &head.line.target;
        let url = parse(text)?;
        let rest = text.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let bare = authority.len() == rest.len();
        let line = if bare && head.line.method == Method::OPTIONS {
            "*".to_owned()
        } else {
            with_slash(head.line.path_and_query())
        };
        let own = head.fields.text("Host").is_some_and(|host| host.eq_ignore_ascii_case(authority));
        Ok(Self { url, line, host: (!own).then(|| authority.to_owned()) })
    }

    /// Of a target that is none of HTTP/1: in HTTP/2 it is a path, and the authority stands apart
    /// (RFC 9113 §8.3.1).
    fn in_two(head: &RequestHead) -> Result<Self, TargetError> {
        match head.fields.text("Host") {
            Some(host) if head.line.version == Version::HTTP_2 && head.line.target != "*" => {
                let line = head.line.target.clone();
                Ok(Self { url: parse(&format!("http://{host}{line}"))?, line, host: None })
            }
            _ => Err(TargetError::Own),
        }
    }

    /// Of a target that is a path on the server at a tunnel's other end. What the client calls the server
    /// in Host is its name in the record where the tunnel was asked for by that name; Host is sent as it
    /// is in any case.
    fn in_tunnel(
        head: &RequestHead,
        origin: &Origin,
        names: &[String],
    ) -> Result<Self, TargetError> {
        let told = head.fields.text("Host").and_then(|host| {
            let bare = host.rsplit_once(':').map_or(host, |(name, port)| {
                if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
            });
            names.iter().find(|name| name.eq_ignore_ascii_case(bare))
        });
        let host = told.unwrap_or(&origin.host);
        let origin = Origin { host: host.clone(), ..origin.clone() };
        let line = head.line.target.clone();
        let path = if line == "*" { "/" } else { line.as_str() };
        Ok(Self { url: parse(&format!("{origin}{path}"))?, line, host: None })
    }

    /// Of a whole URL within a tunnel: it is of the server at the tunnel's other end, by one of its names,
    /// or it is not passed on. It goes on as it came.
    fn whole_in_tunnel(
        head: &RequestHead,
        origin: &Origin,
        names: &[String],
    ) -> Result<Self, TargetError> {
        let line = head.line.target.clone();
        let url = parse(&line)?;
        let leads_there = Origin::of(&url).is_some_and(|asked| {
            let mut known = names.iter().chain([&origin.host]);
            (asked.scheme, asked.port) == (origin.scheme, origin.port)
                && known.any(|name| name.eq_ignore_ascii_case(&asked.host))
        });
        if !leads_there {
            return Err(TargetError::Misdirected { url: line, origin: origin.to_string() });
        }
        Ok(Self { url, line, host: None })
    }

    /// Of a target that is a path on the server that the proxy stands in for.
    fn behind(head: &RequestHead, base: &Url) -> Result<Self, TargetError> {
        let line = head.line.path_and_query();
        let Some(origin) = Origin::of(base) else {
            return Err(TargetError::Malformed(base.to_string()));
        };
        let host = Some(origin.authority());
        if line == "*" {
            return Ok(Self { url: base.clone(), line: line.to_owned(), host });
        }
        let line = format!("{}{}", base.path().trim_end_matches('/'), with_slash(line));
        Ok(Self { url: parse(&format!("{origin}{line}"))?, line, host })
    }
}

fn parse(text: &str) -> Result<Url, TargetError> {
    let url = Url::parse(text).map_err(|_| TargetError::Malformed(text.to_owned()))?;
    match Origin::of(&url) {
        Some(_) => Ok(url),
        None => Err(TargetError::Malformed(text.to_owned())),
    }
}

/// A path that is a query alone has a slash before it.
fn with_slash(line: &str) -> String {
    if line.starts_with('?') { format!("/{line}") } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roundtrip_http::message::{Fields, Head, RequestLine};

    fn head(method: Method, target: &str, host: &str) -> RequestHead {
        let line = RequestLine { method, target: target.into(), version: Version::HTTP_11 };
        let mut fields = Fields::new();
        fields.add("Host", host);
        Head { line, fields, bytes: 0 }
    }

    fn origin(text: &str) -> Origin {
        Origin::of(&Url::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn whole_urls_name_their_server() {
        for (target, host, url, line, told) in [
            ("http://a.test/x?y", "a.test", "http://a.test/x?y", "/x?y", None),
            ("http://a.test:81", "b.test", "http://a.test:81/", "/", Some("a.test:81")),
            ("http://a.test?q=1", "a.test", "http://a.test/?q=1", "/?q=1", None),
            ("https://A.test/a/../b", "A.test", "https://a.test/b", "/a/../b", None),
        ] {
            let target = Target::of(&head(Method::GET, target, host), &Place::Nowhere).unwrap();
            assert_eq!(target.url.as_str(), url);
            assert_eq!((target.line.as_str(), target.host.as_deref()), (line, told), "{url}");
        }
        let star = head(Method::OPTIONS, "http://a.test", "a.test");
        assert_eq!(Target::of(&star, &Place::Nowhere).unwrap().line, "*");
        let own = head(Method::GET, "/", "127.0.0.1:8080");
        assert_eq!(Target::of(&own, &Place::Nowhere), Err(TargetError::Own));
        let mut two = head(Method::GET, "/x", "a.test");
        two.line.version = Version::HTTP_2;
        let target = Target::of(&two, &Place::Nowhere).unwrap();
        assert_eq!((target.url.as_str(), target.line.as_str()), ("http://a.test/x", "/x"));
    }

    #[test]
    fn a_tunnel_leads_to_one_server() {
        let origin = origin("https://192.0.2.1:8443/");
        let names = vec!["192.0.2.1".to_owned(), "shop.test".to_owned()];
        let place = Place::Tunnel { origin, names };
        for (host, url) in [
            ("shop.test:8443", "https://shop.test:8443/a"),
            ("Shop.test", "https://shop.test:8443/a"),
            // It goes where the tunnel leads, whatever the client says in Host.
            ("front.test", "https://192.0.2.1:8443/a"),
        ] {
            let target = Target::of(&head(Method::GET, "/a", host), &place).unwrap();
            assert_eq!(target.url.as_str(), url);
            assert_eq!(target.host, None);
        }
        let whole = "https://Shop.test:8443/a";
        let target = Target::of(&head(Method::GET, whole, "shop.test:8443"), &place).unwrap();
        assert_eq!(
            (target.url.as_str(), target.line.as_str()),
            ("https://shop.test:8443/a", whole)
        );
        assert_eq!(target.host, None);
        for other in ["https://other.test:8443/a", "https://shop.test/a", "http://shop.test:8443/"]
        {
            let target = Target::of(&head(Method::GET, other, "shop.test:8443"), &place);
            assert!(matches!(target, Err(TargetError::Misdirected { .. })), "{other}");
        }
    }

    #[test]
    fn a_server_may_be_stood_in_for() {
        let base = Place::Base(Url::parse("http://127.0.0.1:3000/app/").unwrap());
        let target = Target::of(&head(Method::GET, "/x?y", "localhost:8080"), &base).unwrap();
        assert_eq!(target.url.as_str(), "http://127.0.0.1:3000/app/x?y");
        assert_eq!(
            (target.line.as_str(), target.host.as_deref()),
            ("/app/x?y", Some("127.0.0.1:3000"))
        );
    }
}
