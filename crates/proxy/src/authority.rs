//! `Authority`: the certification authority of this machine's proxy.

use core::time::Duration;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use data_encoding::{BASE64, HEXUPPER};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _,
};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring as stock};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::certificates::Issue;

/// The file that holds key and certificate.
const FILE: &str = "authority.pem";
const DAY: Duration = Duration::from_hours(24);
/// How long the authority is good: nobody wants to have it trusted anew each year.
const AUTHORITY_DAYS: u32 = 3650;
/// How long a server's certificate is good, in days. Clients take no longer ones (CA/Browser Forum Baseline
/// Requirements §6.3.2 allowed 398 days until 2026; Apple's platforms hold private authorities to 825).
const SERVER_DAYS: u32 = 360;
/// How long before it was made a certificate is good, in days: for clocks that are late.
const BEFORE_DAYS: u32 = 2;

/// The certification authority of this machine's proxy, whose key is in a file that its owner alone may
/// read.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    /// SHA-256 of the authority's public key.
    key_digest: [u8; 32],
    /// The key of all servers that it stands in for.
    server_key: KeyPair,
    provider: Arc<CryptoProvider>,
}

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Its file cannot be read or written.
    #[error("the proxy's authority {path}: {why}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// Others may read its file.
    #[error(
        "the proxy's authority {path} may be read by others (mode {mode:o}): whoever has it can stand in for \
         any server before those who trust it; take it out of all trust stores and delete the file, and a new \
         one is made",
        path = .path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Its file holds something else.
    #[error("the proxy's authority {path} cannot be used: {why}; delete it, and a new one is made", path = .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// None can be made.
    #[error("no authority can be made: {0}")]
    Unmade(String),
}

impl Authority {
    /// The authority in this folder; made there, with its folder, where there is none.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn open(folder: &Path, now: SystemTime) -> Result<Self, AuthorityError> {
        let path = folder.join(FILE);
        match fs::metadata(&path) {
            Ok(found) => {
                let mode = found.permissions().mode() & 0o777;
                if mode & 0o077 != 0 {
                    return Err(AuthorityError::Exposed { path, mode });
                }
            }
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                make(folder, &path, now)?;
            }
            Err(why) => return Err(AuthorityError::Io { path, why }),
        }
        Self::read(&path)
    }

    fn read(path: &Path) -> Result<Self, AuthorityError> {
        let text = fs::read(path).map_err(|why| AuthorityError::Io { path: path.into(), why })?;
        let unusable = |why: String| AuthorityError::Unusable { path: path.to_owned(), why };
        let certificate =
            CertificateDer::from_pem_slice(&text).map_err(|why| unusable(why.to_string()))?;
        let key = PrivateKeyDer::from_pem_slice(&text).map_err(|why| unusable(why.to_string()))?;
        let key = KeyPair::try_from(&key).map_err(|why| unusable(why.to_string()))?;
        let key_digest = sha256(&key.subject_public_key_info());
        let issuer =
            Issuer::from_ca_cert_der(&certificate, key).map_err(|why| unusable(why.to_string()))?;
        let server_key = KeyPair::generate().map_err(|why| unmade(&why))?;
        let provider = Arc::new(stock::default_provider());
        Ok(Self { issuer, certificate, key_digest, server_key, provider })
    }

    /// Its certificate as PEM.
    pub fn pem(&self) -> String {
        pem(&self.certificate)
    }

    /// SHA-256 of its certificate, in upper-case hexadecimal with colons, as trust stores show it.
    pub fn fingerprint(&self) -> String {
        let digest = HEXUPPER.encode(&sha256(&self.certificate));
        let pairs: Vec<&str> = digest
            .as_bytes()
            .chunks(2)
            .map(|pair| core::str::from_utf8(pair).unwrap_or_default())
            .collect();
        pairs.join(":")
    }

    /// SHA-256 of its public key (SPKI), in Base64, as Chromium's `--ignore-certificate-errors-spki-list`
    /// takes it.
    pub fn key_digest(&self) -> String {
        BASE64.encode(&self.key_digest)
    }
}

impl Issue for Authority {
    fn server(&self, names: &[String], now: SystemTime) -> Result<ServerConfig, String> {
        /// The longest common name (RFC 5280, `ub-common-name`).
        const COMMON_NAME: usize = 64;
        let words = |why: rcgen::Error| why.to_string();
        let mut params = CertificateParams::new(names.to_vec()).map_err(words)?;
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = names.first().filter(|name| name.len() <= COMMON_NAME) {
            params.distinguished_name.push(DnType::CommonName, name.as_str());
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        fill(&mut params, now, SERVER_DAYS)?;
        let signed = params.signed_by(&self.server_key, &self.issuer).map_err(words)?;
        let chain = vec![signed.der().clone(), self.certificate.clone()];
        let key = PrivatePkcs8KeyDer::from(self.server_key.serialize_der());
        ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config.with_no_client_auth().with_single_cert(chain, PrivateKeyDer::Pkcs8(key))
            })
            .map_err(|why| why.to_string())
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }
}

/// A certificate as PEM (RFC 7468).
pub(crate) fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = BASE64.encode(certificate);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| core::str::from_utf8(line).unwrap_or_default())
        .collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// Makes an authority. Where another process is first, its authority stays.
fn make(folder: &Path, path: &Path, now: SystemTime) -> Result<(), AuthorityError> {
    let io = |why| AuthorityError::Io { path: path.to_owned(), why };
    let text = new(now)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
    let new = folder.join(format!("{FILE}.{}", std::process::id()));
    let written = private(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    // A link, and not a new name for it: that would replace the authority of whoever was first.
    let linked = written.and_then(|()| match fs::hard_link(&new, path) {
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let _ = fs::remove_file(&new);
    linked.map_err(io)
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Key and certificate of a new authority.
fn new(now: SystemTime) -> Result<String, AuthorityError> {
    let key = KeyPair::generate().map_err(|why| unmade(&why))?;
    // Two authorities have two names: whoever trusts both finds the key by the name.
    let digest = sha256(&key.subject_public_key_info());
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(
        DnType::CommonName,
        format!(
            "roundtrip proxy {:02x}{:02x}{:02x}{:02x}",
            digest[0], digest[1], digest[2], digest[3]
        ),
    );
    params.distinguished_name.push(DnType::OrganizationName, "roundtrip, this machine only");
    fill(&mut params, now, AUTHORITY_DAYS).map_err(AuthorityError::Unmade)?;
    let certificate = params.self_signed(&key).map_err(|why| unmade(&why))?;
    Ok(format!("{}{}", key.serialize_pem(), pem(certificate.der())))
}

/// Validity and serial number.
fn fill(params: &mut CertificateParams, now: SystemTime, days: u32) -> Result<(), String> {
    let mut serial = [0; 16];
    SystemRandom::new().fill(&mut serial).map_err(|_| "the system has no randomness".to_owned())?;
    // It is positive (RFC 5280 §4.1.2.2).
    serial[0] &= 0x7f;
    params.serial_number = Some(serial.to_vec().into());
    params.not_before = (now - BEFORE_DAYS * DAY).into();
    params.not_after = (now + days * DAY).into();
    Ok(())
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

fn unmade(why: &rcgen::Error) -> AuthorityError {
    AuthorityError::Unmade(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(500_000)
    }

    #[test]
    fn it_is_made_once_and_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state/proxy");
        let first = Authority::open(&folder, now()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.join(FILE)), 0o600);
        assert_eq!(mode(&folder), 0o700);
        let again = Authority::open(&folder, now()).unwrap();
        assert_eq!(first.pem(), again.pem());
        assert_eq!(first.key_digest(), again.key_digest());
        let files = fs::metadata(&folder).map(|_| folder.join(FILE)).unwrap();
        let text = fs::read_to_string(files).unwrap();
        assert!(text.starts_with("-----BEGIN PRIVATE KEY-----") && text.contains(&first.pem()));
        assert!(!first.pem().contains("PRIVATE"));
    }

    #[test]
    fn one_that_others_may_read_is_not_used() {
        let home = tempfile::tempdir().unwrap();
        Authority::open(home.path(), now()).unwrap();
        let path = home.path().join(FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Authority::open(home.path(), now()).map(|_| ()).unwrap_err();
        assert!(matches!(error, AuthorityError::Exposed { mode: 0o640, .. }), "{error}");
    }

    #[test]
    fn what_is_none_is_told() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(FILE);
        fs::write(&path, "nothing of the kind").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = Authority::open(home.path(), now()).map(|_| ()).unwrap_err();
        assert!(matches!(error, AuthorityError::Unusable { .. }), "{error}");
    }

    #[test]
    fn it_stands_in_for_names_and_addresses() {
        let home = tempfile::tempdir().unwrap();
        let authority = Authority::open(home.path(), now()).unwrap();
        let long = format!("{}.test", ["abcdefghi"; 9].join("."));
        for name in ["a.test", "192.0.2.1", "2001:db8::1", long.as_str()] {
            assert!(authority.server(&[name.to_owned()], now()).is_ok(), "{name}");
        }
        assert!(authority.server(&["ä".to_owned()], now()).is_err());
    }
}
