//! `Aim`: the hosts of a plan, looked up once and found to be permitted.

use std::net::IpAddr;
use std::rc::Rc;

use futures_util::StreamExt as _;
use roundtrip_http::client::{Client, Fixed, Opener, Origin, Prepared, Resolve as _, Scheme};
use roundtrip_visit::Names;
use roundtrip_visit::ground::Here;
use roundtrip_wire::Wire;

use crate::consent::Consent;
use crate::error::LoadError;
use crate::plan::Plan;

/// What is sent, and where connections for it come from.
pub(crate) struct Aim<W: Wire> {
    pub(crate) targets: Vec<Aimed>,
    /// One of each origin.
    pub(crate) openers: Vec<Opener<W>>,
}

/// A target, ready to be sent.
pub(crate) struct Aimed {
    pub(crate) request: Prepared,
    /// Which of the openers.
    pub(crate) origin: usize,
    pub(crate) url: String,
}

impl<W: Wire> Aim<W> {
    /// Looks the hosts up. What is found counts for the whole run, so that what was permitted is what is
    /// aimed at, and no lookup is taken for the server's work.
    ///
    /// # Errors
    /// When a host cannot be found or may not be aimed at, or a request cannot be written.
    pub(crate) async fn take(
        plan: &Plan,
        here: Here<W>,
        consent: Option<&Consent>,
        names: roundtrip_dns::Options,
    ) -> Result<Self, LoadError> {
        let options = plan.options();
        let mut origins = Vec::new();
        let mut targets = Vec::new();
        for target in &plan.targets {
            let url = target.url.to_string();
            let bad = |kind| LoadError::Target { url: url.clone(), kind: Box::new(kind) };
            let request = Prepared::new(&target.request(), &options).map_err(bad)?;
            let Some(origin) = Origin::of(&target.url) else { continue };
            let known = origins.iter().position(|known| *known == origin);
            let number = known.unwrap_or(origins.len());
            if known.is_none() {
                origins.push(origin);
            }
            targets.push(Aimed { request, origin: number, url });
        }
        let resolve = Names::new(here.wire.clone(), names, here.pins);
        let mut fixed = Fixed::default();
        for origin in &origins {
            let host = origin.bare_host();
            for address in look_up(&resolve, origin).await? {
                if consent.is_some_and(|consent| !consent.permits(host, address, &here.wire)) {
                    return Err(LoadError::NotPermitted { host: host.to_owned(), address });
                }
                fixed.0.push((host.to_owned(), address));
            }
        }
        let secure = origins.iter().any(|origin| origin.scheme == Scheme::Https);
        let tls = if secure { Some((here.trust)()?) } else { None };
        let client = Client::new(here.wire, Rc::new(fixed), tls, options);
        let openers = origins.into_iter().map(|origin| client.opener(origin)).collect();
        Ok(Self { targets, openers })
    }
}

/// All addresses of a host.
async fn look_up<W: Wire>(names: &Names<W>, origin: &Origin) -> Result<Vec<IpAddr>, LoadError> {
    let host = origin.bare_host();
    let failed = |kind| LoadError::Target { url: origin.to_string(), kind: Box::new(kind) };
    let found = names.resolve(host, origin.port, None).await.map_err(failed)?;
    let mut all = found.addresses.to_vec();
    let mut late = found.addresses.late();
    while let Some(more) = match &mut late {
        Some(late) => late.next().await,
        None => None,
    } {
        all.extend(more);
    }
    Ok(all)
}
