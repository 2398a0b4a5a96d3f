//! `Certificates`: those of a server, one for each name; they can be read anew while it serves.

use core::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use webpki::EndEntityCert;

use crate::identity::{BadIdentity, Identity};

/// See the module.
pub(crate) struct Certificates {
    provider: Arc<CryptoProvider>,
    current: RwLock<Vec<Arc<CertifiedKey>>>,
}

impl Certificates {
    /// Reads the certificates of these identities; `None` where there are none.
    pub(crate) fn read(identities: &[Identity]) -> Result<Option<Arc<Self>>, BadIdentity> {
        if identities.is_empty() {
            return Ok(None);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let current = RwLock::new(all(identities, &provider)?);
        Ok(Some(Arc::new(Self { provider, current })))
    }

    /// Reads them anew: connections from now on are shown those. Where one cannot be used, or there are none,
    /// all stay as they were.
    pub(crate) fn reload(&self, identities: &[Identity]) -> Result<(), BadIdentity> {
        let new = all(identities, &self.provider)?;
        if new.is_empty() {
            return Ok(());
        }
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// TLS as a server with these certificates speaks it.
    pub(crate) fn config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let own = Arc::<Self>::clone(self);
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(own);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn all(
    identities: &[Identity],
    provider: &CryptoProvider,
) -> Result<Vec<Arc<CertifiedKey>>, BadIdentity> {
    identities.iter().map(|identity| identity.read(provider).map(Arc::new)).collect()
}

impl ResolvesServerCert for Certificates {
    /// The first one that is for the name asked for (RFC 6066 §3); the first of all where no name was, or
    /// none is for it: the client says best what is wrong with that.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let fits = |one: &&Arc<CertifiedKey>| {
            let (Some(name), Some(own)) = (&name, one.cert.first()) else { return false };
            EndEntityCert::try_from(own)
                .is_ok_and(|own| own.verify_is_valid_for_subject_name(name).is_ok())
        };
        current.iter().find(fits).or(current.first()).map(Arc::clone)
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}
