//! Whom a load may be aimed at without being told that it may.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use roundtrip_wire::Wire;

/// Whom a load may be aimed at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// This machine, and private networks.
    #[default]
    OwnOnly,
    /// These hosts too: whoever asks for it says that they are his, or that their owner has agreed.
    Hosts(Vec<String>),
    /// Anybody, likewise.
    Anybody,
}

impl Consent {
    /// Whether a host at this address may be a target.
    pub(crate) fn permits<W: Wire>(&self, host: &str, address: IpAddr, wire: &W) -> bool {
        let named = match self {
            Self::OwnOnly => false,
            Self::Hosts(hosts) => hosts.iter().any(|own| own.eq_ignore_ascii_case(host)),
            Self::Anybody => true,
        };
        // Whoever is reached from an address by that address is this machine.
        named || is_private(address) || wire.source(address) == Some(address)
    }
}

/// Whether an address is of this machine or of a private network.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                // Where one connects to it, it is this machine.
                || address == Ipv4Addr::UNSPECIFIED
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address == Ipv6Addr::UNSPECIFIED
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_and_private_addresses_need_no_consent() {
        for (text, own) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("10.1.2.3", true),
            ("172.16.0.1", true),
            ("172.32.0.1", false),
            ("192.168.7.7", true),
            ("169.254.1.1", true),
            ("0.0.0.0", true),
            ("::1", true),
            ("::", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("::ffff:10.0.0.1", true),
            ("::ffff:8.8.8.8", false),
            ("2001:db8::1", false),
            ("203.0.113.7", false),
            ("100.64.0.1", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
        ] {
            assert_eq!(is_private(text.parse().unwrap()), own, "{text}");
        }
    }
}
