//! `Certificates`: what clients are shown in place of the servers' own certificates.

use core::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;

/// Configurations that are kept for the next connection to the same host.
const MOST: usize = 1000;

/// Makes certificates.
pub trait Issue {
    /// What a server with these names shows, its protocols (RFC 7301) left open.
    ///
    /// # Errors
    /// Why there is none: a name that cannot stand in a certificate.
    fn server(&self, names: &[String], now: SystemTime) -> Result<ServerConfig, String>;

    /// The certificate of whoever signs them.
    fn certificate(&self) -> CertificateDer<'static>;
}

/// What clients are shown, made when it is first wanted.
pub struct Certificates {
    issuer: Rc<dyn Issue>,
    made: RefCell<BTreeMap<(Vec<String>, Protocols), Arc<ServerConfig>>>,
}

/// The protocols that a client may choose from: those that its server speaks too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protocols {
    /// HTTP/1.1.
    One,
    /// HTTP/2 before HTTP/1.1.
    TwoAndOne,
}

impl Certificates {
    /// Those of this issuer.
    pub fn new(issuer: Rc<dyn Issue>) -> Self {
        Self { issuer, made: RefCell::default() }
    }

    pub(crate) fn authority(&self) -> CertificateDer<'static> {
        self.issuer.certificate()
    }

    /// What stands for a server with these names.
    pub(crate) fn server(
        &self,
        mut names: Vec<String>,
        protocols: Protocols,
        now: SystemTime,
    ) -> Result<Arc<ServerConfig>, String> {
        names.dedup();
        let key = (names, protocols);
        if let Some(known) = self.made.borrow().get(&key) {
            return Ok(Arc::clone(known));
        }
        let mut config = self.issuer.server(&key.0, now)?;
        config.alpn_protocols = match protocols {
            Protocols::One => vec![b"http/1.1".to_vec()],
            Protocols::TwoAndOne => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        let config = Arc::new(config);
        let mut made = self.made.borrow_mut();
        if made.len() >= MOST {
            // Any will do: it is made again when it is wanted again.
            made.pop_first();
        }
        made.insert(key, Arc::clone(&config));
        Ok(config)
    }
}
