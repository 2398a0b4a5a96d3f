//! TLS on a live wire: whom to trust, and where keys go.

use core::cell::RefCell;
use core::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use roundtrip_http::client::{PinnedKeys, Tls, TlsOptions, check_alone};
use roundtrip_record::Log;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::DefaultTimeProvider;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, KeyLog, OtherError, RootCertStore,
    SignatureScheme, SupportedProtocolVersion,
};
use rustls_platform_verifier::Verifier;

use crate::identity::{BadIdentity, Identity};
use crate::offer::Offer;

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
    /// The certificate of ours, or its key, cannot be used.
    #[error("--cert {0}; it must hold PEM, certificate and key, or --key names the key")]
    Identity(BadIdentity),
    /// The same of what is for proxies, whose options have the same names behind `--proxy-`.
    #[error("--proxy-{}", .0.to_string().trim_start_matches("--"))]
    Proxies(Box<TrustError>),
    /// The library refuses.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] Error),
}

/// How we show ourselves to servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// A certificate of ours.
    pub identity: Option<Identity>,
    /// The versions of TLS that are offered.
    pub versions: Versions,
    /// The ciphers and groups that are offered.
    pub offer: Offer,
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// 1.2 and 1.3.
    #[default]
    All,
    /// 1.2 alone.
    Two,
    /// 1.3 alone.
    Three,
}

static TWO: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
static THREE: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

impl Versions {
    pub(crate) fn offered(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            Self::All => rustls::ALL_VERSIONS,
            Self::Two => TWO,
            Self::Three => THREE,
        }
    }
}

/// TLS with this trust, for servers that have one of the `pinned` keys, where some are. Keys of sessions go
/// to the file that `key_log` names.
///
/// # Errors
/// When certificates cannot be had.
pub fn tls(
    trust: &Trust,
    pinned: Option<&PinnedKeys>,
    shown: &Shown,
    key_log: Option<Arc<dyn KeyLog>>,
) -> Result<Tls, TrustError> {
    let mut provider = ring::default_provider();
    shown.offer.limit(&mut provider);
    let provider = Arc::new(provider);
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Platform => Arc::new(Verifier::new(Arc::clone(&provider))?),
        Trust::File(path) => {
            let trusted = certificates(path)?;
            let builder = WebPkiServerVerifier::builder_with_provider(
                Arc::new(roots(path, &trusted)?),
                Arc::clone(&provider),
            );
            let chains = builder.build();
            let chains = chains.map_err(|why| unreadable(path, &why))?;
            let rule = Rule::Given { chains, trusted };
            Arc::new(Checker { rule, provider: Arc::clone(&provider) })
        }
        Trust::Everybody => Arc::new(Checker { rule: Rule::Any, provider: Arc::clone(&provider) }),
    };
    let verifier = match pinned {
        Some(keys) => Arc::new(Pinned { inner: verifier, keys: keys.clone() }),
        None => verifier,
    };
    let time = Arc::new(DefaultTimeProvider);
    let identity = shown.identity.as_ref().map(|identity| identity.read(&provider));
    let identity = identity.transpose().map_err(TrustError::Identity)?;
    let identity = identity
        .map(|own| -> Arc<dyn ResolvesClientCert> { Arc::new(SingleCertAndKey::from(own)) });
    let versions = shown.versions.offered();
    Ok(Tls::new(TlsOptions { provider, time, verifier, key_log, identity, versions })?)
}

fn unreadable(path: &Path, why: &dyn core::fmt::Display) -> TrustError {
    TrustError::Unreadable { path: path.to_owned(), why: why.to_string() }
}

/// The certificates of a PEM file.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let all: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|why| unreadable(path, &why))?.collect();
    let all = all.map_err(|why| unreadable(path, &why))?;
    if all.is_empty() {
        return Err(TrustError::Empty { path: path.to_owned() });
    }
    Ok(all)
}

fn roots(path: &Path, trusted: &[CertificateDer<'static>]) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.clone()).map_err(|why| unreadable(path, &why))?;
    }
    Ok(roots)
}

/// Checks certificates where the platform is not asked.
#[derive(Debug)]
struct Checker {
    rule: Rule,
    provider: Arc<CryptoProvider>,
}

/// Which certificates are taken.
#[derive(Debug)]
enum Rule {
    /// Those whose chain leads to a certificate that was given, and that certificate itself.
    ///
    /// webpki wants every server's certificate to have an issuer apart from it, so that one which
    /// signed itself, as people make them for a test, is refused even where it is the very one that
    /// is trusted. RFC 5280 §6.1 takes a trusted key for an input and has no rule against it, and
    /// OpenSSL accepts it.
    Given { chains: Arc<WebPkiServerVerifier>, trusted: Vec<CertificateDer<'static>> },
    /// Any. Whoever trusts everybody trusts a certificate that cannot even be read, so what its key
    /// is said to have signed proves nothing: a signature that cannot be verified is taken too.
    Any,
}

impl Checker {
    /// What becomes of a signature's verdict under this rule.
    fn judge(
        &self,
        verdict: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.rule {
            Rule::Given { .. } => verdict,
            Rule::Any => Ok(HandshakeSignatureValid::assertion()),
        }
    }
}

impl ServerCertVerifier for Checker {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.rule {
            Rule::Any => Ok(ServerCertVerified::assertion()),
            Rule::Given { trusted, .. } if trusted.iter().any(|one| one == end_entity) => {
                check_alone(end_entity, server_name, now)?;
                Ok(ServerCertVerified::assertion())
            }
            Rule::Given { chains, .. } => chains.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.judge(verify_tls12_signature(message, certificate, signed, algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.judge(verify_tls13_signature(message, certificate, signed, algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.provider.signature_verification_algorithms.supported_schemes();
        if matches!(self.rule, Rule::Any) {
            // What the server can sign with that we cannot verify: it is taken all the same.
            schemes.extend([
                SignatureScheme::ECDSA_NISTP521_SHA512,
                SignatureScheme::ED448,
                SignatureScheme::RSA_PKCS1_SHA1,
                SignatureScheme::ECDSA_SHA1_Legacy,
            ]);
        }
        schemes
    }
}

/// Takes what another takes, where the server's key is one of those that are known.
#[derive(Debug)]
struct Pinned {
    inner: Arc<dyn ServerCertVerifier>,
    keys: PinnedKeys,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        let other = |shown| Error::from(CertificateError::Other(OtherError(Arc::new(shown))));
        self.keys.check(end_entity).map_err(other)?;
        Ok(verdict)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
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
