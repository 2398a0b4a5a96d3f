//! `LabTls`: the TLS of a lab, with the sessions that both ends keep.

use std::rc::Rc;

use roundtrip_http::client::Tls;

use crate::crypto::{Authority, KeyShares, NoCertificate};
use crate::network::Virtual;
use crate::trust::Recorded;

/// The TLS of a lab: whom its servers' certificates are from, and what its client has. What the ends of
/// earlier sessions kept is with it, so that a second visit with the same one resumes them
/// (RFC 8446 §2.2, RFC 5246 §7.3).
#[derive(Clone)]
pub struct LabTls {
    pub(crate) authority: Rc<Authority>,
    pub(crate) client: Tls,
}

impl LabTls {
    /// That of a network, with no session yet.
    pub(crate) fn new(network: &Virtual, key_shares: KeyShares) -> Result<Self, NoCertificate> {
        let authority = Authority::new(network.seed, network.date)?;
        let client = authority.client_offering(key_shares, Some(Recorded::key_log()))?;
        Ok(Self { authority: Rc::new(authority), client })
    }
}
