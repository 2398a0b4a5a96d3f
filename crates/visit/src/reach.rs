//! `Reach`: how a server reaches the servers that it asks.

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use roundtrip_dns::Options;
use roundtrip_http::client::{Resolve, Tls};
use roundtrip_http::gateway::{Outward, Route};
use roundtrip_wire::Wire;

use crate::ground::{Here, TrustMaker};
use crate::names::Names;
use crate::run_error::RunError;

/// How a server reaches the servers that it asks. What the machine trusts is looked at when the first of them is
/// spoken to through TLS.
pub(crate) struct Reach<W: Wire> {
    wire: W,
    names: Rc<dyn Resolve>,
    trust: RefCell<Trust>,
}

enum Trust {
    Unseen(TrustMaker),
    Seen(Tls),
    /// It could not be had.
    Failed,
}

impl<W: Wire> Reach<W> {
    /// From here.
    pub(crate) fn from(here: Here<W>) -> Self {
        let names = Names::new(here.wire.clone(), Options::default(), here.pins);
        Self {
            wire: here.wire,
            names: Rc::new(names),
            trust: RefCell::new(Trust::Unseen(here.trust)),
        }
    }

    /// To the servers of these routes, which may say nothing for so long.
    pub(crate) fn to(&self, routes: &[Route], patience: Duration) -> Result<Outward<W>, RunError> {
        let secure = routes.iter().any(Route::is_secure);
        let tls = if secure { Some(self.tls()?) } else { None };
        Ok(Outward { wire: self.wire.clone(), names: Rc::clone(&self.names), tls, patience })
    }

    fn tls(&self) -> Result<Tls, RunError> {
        let mut trust = self.trust.borrow_mut();
        let tls = match core::mem::replace(&mut *trust, Trust::Failed) {
            Trust::Unseen(make) => make()?,
            Trust::Seen(tls) => tls,
            Trust::Failed => {
                let why = "what this machine trusts could not be read before";
                return Err(RunError::Runtime(std::io::Error::other(why)));
            }
        };
        *trust = Trust::Seen(tls.clone());
        Ok(tls)
    }
}
