//! `Identity`: a certificate of ours, with its chain and its key, in files.

use core::fmt::Display;
use std::path::{Path, PathBuf};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// Where a certificate of ours and its key are, in PEM: two files, which may be one and the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The chain, its own certificate first.
    pub chain: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// Why an [`Identity`] cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}", path = .path.display())]
pub struct BadIdentity {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

impl BadIdentity {
    fn of(path: &Path, why: &dyn Display) -> Self {
        Self { path: path.to_owned(), why: why.to_string() }
    }
}

impl Identity {
    /// Reads it, for this cryptography.
    ///
    /// # Errors
    /// When a file cannot be read or holds something else, or the key is not that of the certificate.
    pub(crate) fn read(&self, provider: &CryptoProvider) -> Result<CertifiedKey, BadIdentity> {
        let Self { chain, key } = self;
        let certificates: Vec<_> = CertificateDer::pem_file_iter(chain)
            .and_then(Iterator::collect)
            .map_err(|why| BadIdentity::of(chain, &why))?;
        if certificates.is_empty() {
            return Err(BadIdentity::of(chain, &"no certificate in it"));
        }
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|why| BadIdentity::of(key, &why))?;
        CertifiedKey::from_der(certificates, secret, provider)
            .map_err(|why| BadIdentity::of(key, &why))
    }
}
