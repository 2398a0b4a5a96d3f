//! The fields that browsers send, so that requests are as large as theirs and servers that choose by
//! them choose alike.

use roundtrip_fetch::same_site;
use roundtrip_http::client::{KeepAlive, Request};
use roundtrip_record::{Priority, ResourceKind};
use url::Url;

use super::name::BrowserName;

/// What decides which fields a request carries, besides what it is for, how urgent it is, and whether it
/// goes through TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The page that asks; `None` for the page itself.
    pub(crate) page: Option<&'a Url>,
    /// Whether other origins are asked without credentials (CORS).
    pub(crate) cors: bool,
    /// Whether connections are kept.
    pub(crate) keep_alive: KeepAlive,
}

/// Where a resource stands to the page that asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    SameOrigin,
    SameSite,
    CrossSite,
}

/// Where a resource stands to the page that asks for it.
fn relation(page: &Url, resource: &Url) -> Relation {
    if page.origin() == resource.origin() {
        Relation::SameOrigin
    } else if same_site(page, resource) {
        Relation::SameSite
    } else {
        Relation::CrossSite
    }
}

/// Gives a request the fields of a browser.
pub(crate) fn fields(browser: BrowserName, asked: &Asked<'_>, request: &mut Request) {
    match browser {
        BrowserName::Roundtrip => {
            let elsewhere = |page| relation(page, &request.url) != Relation::SameOrigin;
            if asked.page.is_some_and(elsewhere) {
                origin(asked, request);
            }
        }
        BrowserName::Chromium => chromium(asked, request),
        BrowserName::Firefox => firefox(asked, request),
    }
}

/// As Chromium 156 was seen to send them; what is in `Accept` is in
/// `services/network/public/cpp/constants.cc` and `third_party/blink/renderer/platform/loader`.
fn chromium(asked: &Asked<'_>, request: &mut Request) {
    let document = asked.page.is_none();
    keep_alive(asked, request);
    if is_secure(request) {
        request
            .fields
            .add("sec-ch-ua", "\"Chromium\";v=\"156\", \"Not)A;Brand\";v=\"24\"")
            .add("sec-ch-ua-mobile", "?0")
            .add("sec-ch-ua-platform", "\"Linux\"");
    }
    if document {
        request.fields.add("Upgrade-Insecure-Requests", "1");
    }
    request.fields.set(
        "Accept",
        match request.kind {
            ResourceKind::Document | ResourceKind::Frame => {
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,\
             image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
            }
            ResourceKind::Style => "text/css,*/*;q=0.1",
            ResourceKind::Image | ResourceKind::Icon => {
                "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
            }
            _ => "*/*",
        },
    );
    common(asked, request, "en-US,en;q=0.9");
    // net/http/http_util.cc and the requests' wire form as it was seen: 3, the default, is left out.
    let urgency = match request.priority {
        Priority::VeryHigh => Some(0),
        Priority::High => Some(1),
        Priority::Medium => Some(2),
        Priority::Low => None,
        Priority::VeryLow => Some(4),
    };
    let parts =
        matches!(request.kind, ResourceKind::Document | ResourceKind::Icon | ResourceKind::Other);
    priority(request, urgency, parts);
}

/// As Firefox 153 was seen to send them (netwerk/protocol/http/nsHttpHandler.cpp).
fn firefox(asked: &Asked<'_>, request: &mut Request) {
    keep_alive(asked, request);
    let (accept, urgency, parts) = match request.kind {
        ResourceKind::Document | ResourceKind::Frame => {
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 0, true)
        }
        ResourceKind::Style => ("text/css,*/*;q=0.1", 2, false),
        ResourceKind::Script => ("*/*", 2, false),
        ResourceKind::Image | ResourceKind::Icon => {
            ("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", 5, true)
        }
        ResourceKind::Font => {
            ("application/font-woff2;q=1.0,application/font-woff;q=0.9,*/*;q=0.8", 2, false)
        }
        _ => ("*/*", 4, false),
    };
    request.fields.set("Accept", accept);
    if asked.page.is_none() {
        request.fields.add("Upgrade-Insecure-Requests", "1");
    }
    common(asked, request, "en-US,en;q=0.5");
    priority(request, Some(urgency), parts);
}

/// Both say so, though HTTP/1.1 keeps connections without being told.
fn keep_alive(asked: &Asked<'_>, request: &mut Request) {
    if asked.keep_alive == KeepAlive::On {
        request.fields.set("Connection", "keep-alive");
    }
}

fn is_secure(request: &Request) -> bool {
    request.url.scheme() == "https"
}

/// What both send alike: codings (only over TLS those that old proxies would garble), language, and
/// what the request is for (W3C, Fetch Metadata Request Headers).
fn common(asked: &Asked<'_>, request: &mut Request, language: &str) {
    if is_secure(request) {
        let (site, mode, destination) = metadata(asked, request);
        request.fields.add("Sec-Fetch-Site", site).add("Sec-Fetch-Mode", mode);
        if asked.page.is_none() {
            request.fields.add("Sec-Fetch-User", "?1");
        }
        request.fields.add("Sec-Fetch-Dest", destination);
    }
    origin(asked, request);
    let codings = if is_secure(request) { "gzip, deflate, br, zstd" } else { "gzip, deflate" };
    for (name, value) in [("Accept-Encoding", codings), ("Accept-Language", language)] {
        if !request.fields.contains(name) {
            request.fields.add(name, value);
        }
    }
}

/// Who wants to use what another origin has (Fetch, "append a request Origin header"): servers answer by it.
fn origin(asked: &Asked<'_>, request: &mut Request) {
    if asked.cors
        && let Some(page) = asked.page
    {
        request.fields.add("Origin", page.origin().ascii_serialization());
    }
}

fn metadata(asked: &Asked<'_>, request: &Request) -> (&'static str, &'static str, &'static str) {
    let site = match asked.page.map(|page| relation(page, &request.url)) {
        None => "none",
        Some(Relation::SameOrigin) => "same-origin",
        Some(Relation::SameSite) => "same-site",
        Some(Relation::CrossSite) => "cross-site",
    };
    let mode = match (asked.page, asked.cors) {
        (None, _) => "navigate",
        (_, true) => "cors",
        (_, false) => "no-cors",
    };
    let destination = match request.kind {
        ResourceKind::Document => "document",
        ResourceKind::Style => "style",
        ResourceKind::Script => "script",
        ResourceKind::Image | ResourceKind::Icon => "image",
        ResourceKind::Font => "font",
        ResourceKind::Frame => "iframe",
        ResourceKind::Manifest => "manifest",
        _ => "empty",
    };
    (site, mode, destination)
}

/// The `priority` field (RFC 9218 §5), which goes only in HTTP/2 and above.
fn priority(request: &mut Request, urgency: Option<u8>, parts: bool) {
    let urgency = urgency.map(|urgency| format!("u={urgency}"));
    let members: Vec<&str> = urgency.as_deref().into_iter().chain(parts.then_some("i")).collect();
    if !members.is_empty() {
        request.multiplexed.set("priority", members.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_what_one_owner_may_register() {
        for (page, resource, expected) in [
            ("https://a.example/x", "https://a.example/y", Relation::SameOrigin),
            ("https://www.a.example", "https://img.a.example", Relation::SameSite),
            ("https://a.example", "http://a.example", Relation::CrossSite),
            ("https://www.a.co.uk", "https://img.a.co.uk", Relation::SameSite),
            ("https://a.co.uk", "https://b.co.uk", Relation::CrossSite),
            ("https://me.github.io", "https://you.github.io", Relation::CrossSite),
            ("http://192.0.2.1", "http://198.51.2.1", Relation::CrossSite),
            ("http://192.0.2.1", "http://192.0.2.1:8080", Relation::SameSite),
            ("http://[2001:db8::1]", "http://[2001:db8::2]", Relation::CrossSite),
        ] {
            let [page, resource] = [page, resource].map(|url| url.parse().expect("a URL"));
            assert_eq!(relation(&page, &resource), expected, "{page} {resource}");
        }
    }
}
