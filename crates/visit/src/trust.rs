//! TLS on a live wire: whom to trust, and where keys go.

use core::cell::RefCell;
use core::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use roundtrip_http::client::{Tls, TlsOptions};
use roundtrip_record::Log;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::DefaultTimeProvider;
use rustls::{DigitallySignedStruct, Error, KeyLog, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// Who is trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Whom the platform trusts.
    #[default]
    Platform,
    /// The certificates in a PEM file, and nobody else.
    File(PathBuf),
    /// Everybody (`--insecure`).
    Everybody,
}

/// Why TLS cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read.
    #[error("--cacert {path}: {why}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The file holds no certificate.
    #[error("--cacert {path}: no certificate in it; it must hold PEM, beginning with -----BEGIN CERTIFICATE-----", path = .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The library refuses.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] Error),
}

/// TLS with this trust. Keys of sessions go to the file that `key_log` names.
///
/// # Errors
/// When certificates cannot be had.
pub fn tls(trust: &Trust, key_log: Option<Arc<dyn KeyLog>>) -> Result<Tls, TrustError> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Platform => Arc::new(Verifier::new(Arc::clone(&provider))?),
        Trust::File(path) => WebPkiServerVerifier::builder_with_provider(
            Arc::new(roots(path)?),
            Arc::clone(&provider),
        )
        .build()
        .map_err(|why| TrustError::Unreadable { path: path.clone(), why: why.to_string() })?,
        Trust::Everybody => Arc::new(Anybody(Arc::clone(&provider))),
    };
    let time = Arc::new(DefaultTimeProvider);
    Ok(Tls::new(TlsOptions { provider, time, verifier, key_log })?)
}

fn roots(path: &Path) -> Result<RootCertStore, TrustError> {
    let unreadable = |why: &dyn core::fmt::Display| TrustError::Unreadable {
        path: path.to_owned(),
        why: why.to_string(),
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|why| unreadable(&why))? {
        let certificate = certificate.map_err(|why| unreadable(&why))?;
        roots.add(certificate).map_err(|why| unreadable(&why))?;
    }
    if roots.is_empty() {
        return Err(TrustError::Empty { path: path.to_owned() });
    }
    Ok(roots)
}

/// Takes any certificate; signatures are verified all the same.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Keys in the NSS key log format, appended to a file (`SSLKEYLOGFILE`).
#[derive(Debug)]
pub struct KeyFile(Mutex<File>);

impl KeyFile {
    /// Opens the file for appending.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Mutex::new(OpenOptions::new().create(true).append(true).open(path)?)))
    }
}

impl KeyLog for KeyFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = key_line(label, client_random, secret);
        if let Ok(mut file) = self.0.lock() {
            // A key log that cannot be written must not end the exchange.
            let _ = file.write_all(line.as_bytes());
        }
    }
}

thread_local! {
    /// The log that takes the keys of this thread's sessions.
    static RECORD: RefCell<Option<Log>> = const { RefCell::new(None) };
}

/// While it lives, keys of this thread's sessions go to a record, which decides whether it keeps them.
#[must_use = "keys go to the record only while this lives"]
#[derive(Debug)]
pub struct Recorded(());

impl Recorded {
    /// Sends keys to this log.
    pub fn into(log: &Log) -> Self {
        RECORD.set(Some(log.clone()));
        Self(())
    }

    /// What TLS is to be given.
    pub fn key_log() -> Arc<dyn KeyLog> {
        Arc::new(ToRecord)
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        RECORD.set(None);
    }
}

/// rustls wants a key log that any thread may use; sessions of ours stay on the thread of their wire.
#[derive(Debug)]
struct ToRecord;

impl KeyLog for ToRecord {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        RECORD.with_borrow(|record| {
            if let Some(log) = record.as_ref().filter(|log| log.is_on()) {
                log.tls_secrets(&key_line(label, client_random, secret));
            }
        });
    }
}

fn key_line(label: &str, client_random: &[u8], secret: &[u8]) -> String {
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    format!("{label} {} {}\n", hex(client_random), hex(secret))
}
