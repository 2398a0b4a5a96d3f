//! Where a client has addresses from.

use std::net::IpAddr;

use roundtrip_record::{EventId, FaultKind, LookupId};
use roundtrip_wire::LocalFuture;

use super::addresses::Addresses;

/// What a lookup found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The lookup, where there was one.
    pub lookup: Option<LookupId>,
    /// The addresses, best first. Families are interleaved by the client.
    pub addresses: Addresses,
    /// The event of the lookup's end.
    pub event: Option<EventId>,
}

/// Finds the addresses of hosts.
pub trait Resolve {
    /// The addresses of `host`, whose `port` is to be connected to: a name in ASCII form, or an
    /// address without brackets. `cause` is what wanted them.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        cause: Option<EventId>,
    ) -> LocalFuture<'a, Result<Resolved, FaultKind>>;

    /// The host, an IPv6 address without brackets, and the port that stand in for these: it is them that are
    /// looked up and connected to, or that a proxy is asked for. `None` where they stand for themselves.
    fn elsewhere(&self, _host: &str, _port: u16) -> Option<(String, u16)> {
        None
    }
}

/// Knows addresses without asking: literal ones, and those it was given.
#[derive(Clone, Debug, Default)]
pub struct Fixed(pub Vec<(String, IpAddr)>);

impl Resolve for Fixed {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        _: u16,
        cause: Option<EventId>,
    ) -> LocalFuture<'a, Result<Resolved, FaultKind>> {
        let addresses: Vec<IpAddr> = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => self
                .0
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case(host))
                .map(|(_, address)| *address)
                .collect(),
        };
        let found = if addresses.is_empty() {
            Err(FaultKind::NxDomain { name: host.to_owned(), soa: None, ttl: None })
        } else {
            let addresses = addresses.into();
            Ok(Resolved { lookup: None, addresses, event: cause })
        };
        Box::pin(core::future::ready(found))
    }
}
