//! Which hosts may share a connection of HTTP/2 (RFC 9113 §9.1.1).

use std::net::SocketAddr;

use roundtrip_record::ConnectionId;

use super::origin::{Origin, Scheme};

/// Whether hosts share connections of HTTP/2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coalescing {
    /// Each host has its own.
    #[default]
    Off,
    /// A host whose addresses have the one that a connection leads to goes by that connection, if the
    /// certificate that was shown there is for it too. So browsers do (Chromium:
    /// `net/spdy/spdy_session_pool.cc`, "IP-based pooling").
    ByAddress,
}

/// To whom else a connection could lead: what is known of its other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Where it leads.
    pub(crate) to: SocketAddr,
    /// The host that it was opened for.
    pub(crate) host: String,
    /// The names in the certificate that was shown.
    pub(crate) names: Vec<String>,
}

impl Reach {
    /// Whether the connection can carry requests for an origin that has these addresses.
    pub(crate) fn covers(&self, origin: &Origin, addresses: &[SocketAddr]) -> bool {
        origin.scheme == Scheme::Https
            && addresses.contains(&self.to)
            && self.names.iter().any(|name| is_for(name, origin.bare_host()))
    }

    /// Why a request for another host goes by it.
    pub(crate) fn why(&self, connection: ConnectionId, host: &str) -> String {
        format!(
            "goes by connection {connection}, which was opened for {}: {host} has the address {} too, and the \
             certificate there names it",
            self.host,
            self.to.ip()
        )
    }
}

/// Whether a name in a certificate is for a host (RFC 9525 §6.3): a star stands for one label, the first.
fn is_for(name: &str, host: &str) -> bool {
    let (name, host) = (name.trim_end_matches('.'), host.trim_end_matches('.'));
    match name.strip_prefix("*.") {
        None => name.eq_ignore_ascii_case(host),
        Some(below) => {
            let parent = host.split_once('.').filter(|(label, _)| !label.is_empty());
            below.contains('.')
                && parent.is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(below))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_names_hosts_and_labels_below_them() {
        for (name, host, expected) in [
            ("a.example", "a.example", true),
            ("A.Example", "a.example", true),
            ("a.example", "b.a.example", false),
            ("*.a.example", "b.a.example", true),
            ("*.a.example", "c.b.a.example", false),
            ("*.a.example", "a.example", false),
            ("*.a.example", ".a.example", false),
            ("*.example", "a.example", false),
            ("*", "a.example", false),
        ] {
            assert_eq!(is_for(name, host), expected, "{name} {host}");
        }
    }

    #[test]
    fn address_port_scheme_and_name_have_to_fit() {
        let at = |text: &str| text.parse().expect("an address");
        let names = vec!["a.example".to_owned(), "b.example".to_owned()];
        let reach = Reach { to: at("192.0.2.1:443"), host: "a.example".into(), names };
        let covers = |url: &str, addresses: &[&str]| {
            let origin = Origin::of(&url.parse().expect("a URL")).expect("an origin");
            let addresses: Vec<SocketAddr> = addresses.iter().map(|text| at(text)).collect();
            reach.covers(&origin, &addresses)
        };
        assert!(covers("https://b.example/", &["192.0.2.9:443", "192.0.2.1:443"]));
        assert!(!covers("https://b.example/", &["192.0.2.9:443"]));
        assert!(!covers("https://b.example:8443/", &["192.0.2.1:8443"]));
        assert!(!covers("https://c.example/", &["192.0.2.1:443"]));
        assert!(!covers("http://b.example/", &["192.0.2.1:443"]));
    }
}
