//! What is known of hosts from before: which want https, and which can be had elsewhere.

use core::cell::RefCell;
use std::rc::Rc;
use std::time::SystemTime;

use http::Version;
use roundtrip_fetch::{Alternatives, Hsts};
use roundtrip_http::message::{Fields, to_text};
use url::Url;

/// What is known of hosts, and learned of them on the way. What is `None` is not asked and not learned.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Hosts that want https.
    pub hsts: Option<Hsts>,
    /// Hosts that can be had elsewhere.
    pub alternatives: Option<Rc<RefCell<Alternatives>>>,
}

impl Known {
    /// Makes a URL one of https where its host wants that.
    pub(super) fn secure(&self, url: &mut Url, now: SystemTime) {
        if let Some(secured) = self.hsts.as_ref().and_then(|hsts| hsts.secured(url, now)) {
            *url = secured;
        }
    }

    /// Where else a URL can be had, as host and port.
    pub(super) fn elsewhere(&self, url: &Url, now: SystemTime) -> Option<String> {
        let known = self.alternatives.as_ref()?.borrow();
        let (host, port) = known.find(url, now)?;
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        Some(format!("{host}:{port}"))
    }

    /// Learns what an answer says of its host.
    pub(super) fn learn(&self, url: &Url, version: Version, fields: &Fields, now: SystemTime) {
        if let (Some(hsts), Some(said)) = (&self.hsts, fields.get("Strict-Transport-Security")) {
            hsts.learn(url, &to_text(said), now);
        }
        if let Some(known) = &self.alternatives {
            let protocol = match version {
                Version::HTTP_3 => "h3",
                Version::HTTP_2 => "h2",
                _ => "h1",
            };
            known.borrow_mut().learn(url, protocol, fields, now);
        }
    }
}
