//! Step 1 for the client: `http` asks for addresses, `dns` finds them.

use core::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

use futures_util::stream::unfold;
use roundtrip_dns::{Lookup, Options, Resolver};
use roundtrip_fetch::Alternatives;
use roundtrip_http::client::{Addresses, Resolve, Resolved};
use roundtrip_record::{EventId, FaultKind};
use roundtrip_wire::{LocalFuture, Wire};

/// A host whose address is given and not asked for (curl's `--resolve`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The host, as it stands in a URL; `*` for every one that no other pin is for.
    pub host: String,
    /// The port that it is for; `None` for all.
    pub port: Option<u16>,
    /// Its addresses; none takes back what an earlier pin says.
    pub addresses: Vec<IpAddr>,
}

/// A host and port that another host and port stand in for (curl's `--connect-to`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detour {
    /// The host of the URL; `None` for every one.
    pub host: Option<String>,
    /// Its port; `None` for every one.
    pub port: Option<u16>,
    /// The host to connect to, an IPv6 address without brackets; `None` for that of the URL.
    pub to_host: Option<String>,
    /// The port to connect to; `None` for that of the URL.
    pub to_port: Option<u16>,
}

impl Detour {
    /// The way to the host of a URL whose address has a zone: by that zone.
    pub fn by_zone(url: &str) -> Option<Self> {
        let (address, zone) = roundtrip_http::url::zone(url)?;
        let to_host = Some(format!("{address}%{zone}"));
        Some(Self { host: Some(address.to_string()), to_host, ..Self::default() })
    }

    fn is_for(&self, host: &str, port: u16) -> bool {
        self.host.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(host))
            && self.port.is_none_or(|own| own == port)
    }
}

/// Finds addresses by the name ladder.
pub struct Names<W> {
    wire: W,
    resolver: Resolver<W>,
    options: Options,
    pins: Vec<Pin>,
    detours: Vec<Detour>,
    alternatives: Option<Rc<RefCell<Alternatives>>>,
}

impl<W: Wire> Names<W> {
    /// The ladder of this wire's host.
    pub fn new(wire: W, options: Options, pins: Vec<Pin>) -> Self {
        let (resolver, detours) = (Resolver::new(wire.clone()), Vec::new());
        Self { wire, resolver, options, pins, detours, alternatives: None }
    }

    /// Goes elsewhere for some hosts; the first detour that is for a host is taken.
    #[must_use]
    pub fn with_detours(mut self, detours: Vec<Detour>) -> Self {
        self.detours = detours;
        self
    }

    /// Goes to the other places that hosts have named, where no detour is for them.
    #[must_use]
    pub fn with_alternatives(self, alternatives: Option<Rc<RefCell<Alternatives>>>) -> Self {
        Self { alternatives, ..self }
    }

    /// The last pin for a host wins; one for the host itself stands above one for all.
    fn pinned(&self, host: &str, port: u16) -> Option<&Pin> {
        let for_port =
            || self.pins.iter().rev().filter(|pin| pin.port.is_none_or(|own| own == port));
        for_port()
            .find(|pin| pin.host.eq_ignore_ascii_case(host))
            .or_else(|| for_port().find(|pin| pin.host == "*"))
            .filter(|pin| !pin.addresses.is_empty())
    }
}

impl<W: Wire> Resolve for Names<W> {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        cause: Option<EventId>,
    ) -> LocalFuture<'a, Result<Resolved, FaultKind>> {
        Box::pin(async move {
            if let Some(pin) = self.pinned(host, port) {
                let addresses = pin.addresses.clone().into();
                return Ok(Resolved { lookup: None, addresses, event: cause });
            }
            let mut options = self.options;
            options.https = options.https.and(Some(port));
            let mut pending = self.resolver.start(host, options, cause);
            if pending.ready().await.is_empty() {
                // Nothing will come: the lookup is over.
                return match pending.finish().await {
                    Ok(found) => Ok(resolved(&found)),
                    Err(fault) => Err(*fault.kind),
                };
            }
            let mut found = resolved(&pending.so_far());
            // The other family may still be on its way; who connects is told of it.
            let late = unfold(pending, |mut pending| async {
                Some((pending.next().await?.addresses, pending))
            });
            found.addresses = found.addresses.and_later(Box::pin(late));
            Ok(found)
        })
    }

    /// By a detour, or because the host said so itself.
    fn elsewhere(&self, host: &str, port: u16) -> Option<(String, u16)> {
        if let Some(detour) = self.detours.iter().find(|detour| detour.is_for(host, port)) {
            let to_host = detour.to_host.as_deref().unwrap_or(host);
            return Some((to_host.to_owned(), detour.to_port.unwrap_or(port)));
        }
        let known = self.alternatives.as_ref()?.borrow();
        let (host, port) = known.at(host, port, self.wire.wall())?;
        Some((host.to_owned(), port))
    }
}

fn resolved(found: &Lookup) -> Resolved {
    Resolved {
        lookup: Some(found.id),
        addresses: Addresses::from(found.addresses()).behind(found.scope),
        event: found.event,
    }
}
