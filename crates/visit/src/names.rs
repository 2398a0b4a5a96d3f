//! Step 1 for the client: `http` asks for addresses, `dns` finds them.

use std::net::IpAddr;

use roundtrip_dns::{Options, Resolver};
use roundtrip_http::client::{Resolve, Resolved};
use roundtrip_record::{EventId, FaultKind};
use roundtrip_wire::{LocalFuture, Wire};

/// A host whose address is given and not asked for (curl's `--resolve`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The host, as it stands in a URL.
    pub host: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// Finds addresses by the name ladder.
pub struct Names<W> {
    resolver: Resolver<W>,
    options: Options,
    pins: Vec<Pin>,
}

impl<W: Wire> Names<W> {
    /// The ladder of this wire's host.
    pub fn new(wire: W, options: Options, pins: Vec<Pin>) -> Self {
        Self { resolver: Resolver::new(wire), options, pins }
    }
}

impl<W: Wire> Resolve for Names<W> {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        cause: Option<EventId>,
    ) -> LocalFuture<'a, Result<Resolved, FaultKind>> {
        Box::pin(async move {
            if let Some(pin) = self.pins.iter().find(|pin| pin.host.eq_ignore_ascii_case(host)) {
                let addresses = pin.addresses.clone();
                return Ok(Resolved { lookup: None, addresses, event: cause });
            }
            match self.resolver.lookup(host, self.options, cause).await {
                Ok(found) => Ok(Resolved {
                    lookup: Some(found.id),
                    addresses: found.addresses(),
                    event: found.event,
                }),
                Err(fault) => Err(*fault.kind),
            }
        })
    }
}
