//! Mixed Content, level 2: what a page that came over TLS may have in the clear, which is nothing.
//!
//! Chromium agrees (`core/loader/mixed_content_checker.cc`): what could be upgraded and is not, since its host
//! is an address in digits, is refused like everything else.

use std::net::IpAddr;

use url::{Host, Url};

use super::claims::Claims;
use crate::fetch::Kind;

/// Whether a page at this address may have nothing in the clear (section 4.3).
pub(super) fn is_restricted(document: &Url) -> bool {
    document.scheme() == "https"
}

/// Whether nobody on the way can change what comes from there (Secure Contexts, section 3.1).
pub(super) fn is_trustworthy(url: &Url) -> bool {
    match url.scheme() {
        "https" | "wss" | "data" | "file" => true,
        _ => match url.host() {
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                name == "localhost" || name.ends_with(".localhost")
            }
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
            None => false,
        },
    }
}

/// Whether browsers ask for it over TLS instead, and do not come back to asking in the clear (section 4.1).
pub(super) fn is_upgradeable(url: &Url, kind: Kind, claims: &Claims) -> bool {
    let shown = matches!(kind, Kind::Image | Kind::Icon | Kind::Poster | Kind::Audio | Kind::Video);
    let named = matches!(url.host(), Some(Host::Domain(_)));
    shown && named && !claims.image_set
}
