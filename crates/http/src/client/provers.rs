//! Who asks the proxies that make tunnels, and what they want to be told.

use core::cell::RefCell;
use std::collections::BTreeMap;

use super::login::Prover;
use super::proxy::Proxy;

/// What proxies that make tunnels want to be told, as far as they said so.
#[derive(Debug, Default)]
pub(crate) struct Provers(RefCell<BTreeMap<String, Prover>>);

impl Provers {
    /// The prover for a proxy; `None` where what is told is told at once, or nothing is.
    pub(crate) fn take(&self, proxy: &Proxy) -> Option<Prover> {
        let login = proxy.login.as_ref().filter(|login| login.at_once().is_none())?;
        let known = self.0.borrow_mut().remove(&proxy.authority());
        Some(known.unwrap_or_else(|| Prover::new(login.clone())))
    }

    /// Keeps it for the next tunnel.
    pub(crate) fn put(&self, proxy: &Proxy, prover: Option<Prover>) {
        if let Some(prover) = prover {
            self.0.borrow_mut().insert(proxy.authority(), prover);
        }
    }
}
