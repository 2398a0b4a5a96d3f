//! `ThisMachine`: the machine on a real wire.

use std::path::PathBuf;

use roundtrip_http::client::{PinnedKeys, Tls};
use roundtrip_live::{Ports, Way};

use crate::run_error::RunError;
use crate::trust::{Recorded, Shown, Trust, TrustError, tls};

/// The machine on a real wire.
#[derive(Clone, Debug, Default)]
pub struct ThisMachine {
    /// Where caches are kept between runs.
    pub cache: Option<PathBuf>,
    /// Whom to trust.
    pub trust: Trust,
    /// The keys that servers may have; any where it is `None`.
    pub pinned: Option<PinnedKeys>,
    /// How we show ourselves.
    pub shown: Shown,
    /// How proxies are met that are spoken to through TLS; not at all where it is `None`.
    pub proxies: Option<TowardProxies>,
    /// How connections leave the machine.
    pub way: Way,
    /// Whether other wires of this process listen on the same ports.
    pub ports: Ports,
    /// Where keys of TLS sessions are appended (`SSLKEYLOGFILE`).
    pub key_log: Option<PathBuf>,
}

/// Whom to trust of the proxies that are spoken to through TLS, and what they are shown: servers are another
/// matter.
#[derive(Clone, Debug, Default)]
pub struct TowardProxies {
    /// Whom to trust.
    pub trust: Trust,
    /// The keys that they may have; any where it is `None`.
    pub pinned: Option<PinnedKeys>,
    /// How we show ourselves.
    pub shown: Shown,
}

/// TLS as this machine trusts, with the key log that was asked for, or the record's.
pub fn trusted(machine: &ThisMachine) -> Result<Tls, RunError> {
    let key_log: std::sync::Arc<dyn rustls::KeyLog> = match &machine.key_log {
        None => Recorded::key_log(),
        Some(path) => {
            let opened = crate::trust::KeyFile::open(path);
            let opened = opened.map_err(|why| RunError::KeyLog { path: path.clone(), why })?;
            std::sync::Arc::new(opened)
        }
    };
    let pinned = machine.pinned.as_ref();
    let own = tls(&machine.trust, pinned, &machine.shown, Some(key_log.clone()))?;
    let Some(TowardProxies { trust, pinned, shown }) = &machine.proxies else { return Ok(own) };
    let of_proxies = tls(trust, pinned.as_ref(), shown, Some(key_log));
    let of_proxies = of_proxies.map_err(|error| match error {
        TrustError::Tls(error) => TrustError::Tls(error),
        other => TrustError::Proxies(Box::new(other)),
    })?;
    Ok(own.and_proxies(of_proxies))
}
