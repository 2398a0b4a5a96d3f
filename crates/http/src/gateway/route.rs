//! `Route`: a path that other servers answer for.

use core::str::FromStr;

use url::Url;

use crate::handler::Place;

/// A path that other servers answer for: `PATH=URL`, with several URLs with commas between. Where the URL has a path,
/// be it a slash alone, that stands in place of PATH in what is asked; where it has none, what is asked for stays as it
/// is. The scheme `h2c` is HTTP/2 in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    path: String,
    /// Which servers: with http or https, and what stands in place of the path.
    pub(super) to: Vec<(Url, Option<String>)>,
    /// Whether HTTP/2 is spoken in the clear.
    pub(super) two: bool,
}

impl FromStr for Route {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const WANTED: &str = "wanted PATH=URL, as /api/=http://127.0.0.1:3000/";
        let (path, urls) = text.split_once('=').ok_or(WANTED)?;
        if !path.starts_with('/') {
            return Err(WANTED.into());
        }
        let two = urls.starts_with("h2c://");
        let to = urls.split(',').map(|url| target(url.trim(), two));
        Ok(Self { path: path.to_owned(), to: to.collect::<Result<_, _>>()?, two })
    }
}

/// A server, and what stands in place of the path.
fn target(text: &str, two: bool) -> Result<(Url, Option<String>), String> {
    let plain = match text.strip_prefix("h2c://") {
        Some(rest) if two => format!("http://{rest}"),
        _ if two => return Err("servers of one path are all of h2c, or none is".into()),
        _ => text.to_owned(),
    };
    let wrong = |why: &str| format!("{text}: {why}");
    let url = Url::parse(&plain).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("wanted http://, https:// or h2c:// and a host"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(wrong("wanted no more than scheme, host, port and path"));
    }
    let has_path = plain.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    let path = has_path.then(|| url.path().to_owned());
    Ok((url, path))
}

impl Route {
    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether a server of it is asked through TLS.
    pub fn is_secure(&self) -> bool {
        self.to.iter().any(|(url, _)| url.scheme() == "https")
    }

    /// Whether what is asked for is for these servers.
    pub fn is_for(&self, target: &str) -> bool {
        let path = target.split('?').next().unwrap_or_default();
        let plain = match Place::parse(path) {
            Ok(place) => place.bytes(),
            // An encoded slash, say, which no file has: that is between the server and its clients.
            Err(_) if !has_dots(path) => path.as_bytes().to_vec(),
            Err(_) => return false,
        };
        let own = self.path.as_bytes();
        let rest = plain.strip_prefix(own);
        // A path is no path of another that only begins alike.
        rest.is_some_and(|rest| own.ends_with(b"/") || rest.is_empty() || rest.starts_with(b"/"))
    }

    /// What a server is asked for in place of `target`: it gets no path that leads out of the one it is for.
    pub(super) fn rewritten(&self, target: &str, replaced: Option<&str>) -> String {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (target, String::new()),
        };
        let plain = match Place::parse(path) {
            Ok(place) if has_dots(path) || !path.starts_with(&self.path) => place.to_string(),
            _ => path.to_owned(),
        };
        let rest = plain.strip_prefix(&self.path).unwrap_or_default();
        match replaced {
            None => format!("{plain}{query}"),
            Some(own) => {
                let rest = if own.ends_with('/') { rest.trim_start_matches('/') } else { rest };
                format!("{own}{rest}{query}")
            }
        }
    }
}

/// Whether a path has names that are dots, in any spelling.
fn has_dots(path: &str) -> bool {
    let plain = path.replace("%2e", ".").replace("%2E", ".");
    plain.split('/').any(|name| matches!(name, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(text: &str) -> Route {
        text.parse().unwrap()
    }

    #[test]
    fn a_path_is_for_what_is_below_it() {
        let (slash, bare) = (route("/api/=http://a"), route("/api=http://a"));
        for (path, of_slash, of_bare) in [
            ("/api/x", true, true),
            ("/api/", true, true),
            ("/api", false, true),
            ("/apix", false, false),
            ("/%61pi/x", true, true),
            ("/x/../api/y?z", true, true),
            ("/api/../x", false, false),
            ("/api/a%2fb", true, true),
            ("/api/%2e%2e/%2e%2e/x", false, false),
        ] {
            assert_eq!((slash.is_for(path), bare.is_for(path)), (of_slash, of_bare), "{path}");
        }
        assert!(route("/=http://a").is_for("/anything"));
    }

    #[test]
    fn what_is_asked_for_is_below_the_url() {
        let rewritten = |text: &str, target: &str| {
            let route = route(text);
            let (_, replaced) = route.to[0].clone();
            route.rewritten(target, replaced.as_deref())
        };
        assert_eq!(rewritten("/api=http://a", "/api/x?y=/../z"), "/api/x?y=/../z");
        assert_eq!(rewritten("/api/=http://a/", "/api/x%20y"), "/x%20y");
        assert_eq!(rewritten("/api=http://a/", "/api/x"), "/x");
        assert_eq!(rewritten("/api=http://a/v1", "/api/x"), "/v1/x");
        assert_eq!(rewritten("/api/=http://a/v1/", "/api/b/../c"), "/v1/c");
        assert_eq!(rewritten("/api/=http://a/v1/", "/x/%2e%2e/api/c"), "/v1/c");
        assert_eq!(rewritten("/=http://a/v1/", "/x"), "/v1/x");
        assert_eq!(rewritten("/api/=http://a/v1/", "/api/b%2Fc"), "/v1/b%2Fc");
    }

    #[test]
    fn what_is_no_route_is_refused() {
        assert!(route("/a=http://a,http://b:1").to.len() == 2);
        assert!(route("/a=h2c://a:1").two && route("/a=https://b").is_secure());
        for text in
            ["", "/a", "a=http://b", "/a=ftp://b", "/a=http://b?c", "/a=h2c://b,http://c", "/a="]
        {
            assert!(text.parse::<Route>().is_err(), "{text}");
        }
    }
}
