//! Keys of servers that are known beforehand: whoever shows another one is not the server, whoever
//! vouches for it (RFC 7469 §2.4, curl's `--pinnedpubkey`).

use core::fmt;

use data_encoding::BASE64;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use sha2::{Digest as _, Sha256};

use super::certificate::public_key;

/// The keys that servers may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedKeys(Vec<Pinned>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pinned {
    /// The SHA-256 of a key.
    Hash([u8; 32]),
    /// The key itself, as a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    Key(Vec<u8>),
}

/// How the hash of a key is marked.
const HASH: &str = "sha256//";

/// The server's key is none of those that it may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotPinned {
    /// The SHA-256 of the server's key, in base64; `None` where the certificate cannot be read.
    pub shown: Option<String>,
}

impl fmt::Display for NotPinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shown {
            Some(shown) => write!(f, "its key is {HASH}{shown}"),
            None => f.write_str("its key cannot be read"),
        }
    }
}

impl core::error::Error for NotPinned {}

impl PinnedKeys {
    /// Reads hashes of keys: `sha256//BASE64`, with semicolons between. `None` where it is something else,
    /// such as the name of a file.
    ///
    /// # Errors
    /// The hash that is none.
    pub fn hashes(text: &str) -> Option<Result<Self, String>> {
        if !text.starts_with(HASH) {
            return None;
        }
        let read = |one: &str| {
            let hash = one.trim().strip_prefix(HASH).and_then(|hash| {
                let bytes = BASE64.decode(hash.as_bytes()).ok()?;
                <[u8; 32]>::try_from(bytes).ok()
            });
            hash.map(Pinned::Hash).ok_or_else(|| one.to_owned())
        };
        let all = text.split(';').filter(|one| !one.trim().is_empty()).map(read);
        Some(all.collect::<Result<_, _>>().map(Self))
    }

    /// Takes the public key of a file, in PEM or DER.
    pub fn of_file(bytes: &[u8]) -> Option<Self> {
        let key = match SubjectPublicKeyInfoDer::from_pem_slice(bytes) {
            Ok(key) => key.to_vec(),
            // A sequence, which has a tag of its own.
            Err(_) if bytes.first() == Some(&0x30) => bytes.to_vec(),
            Err(_) => return None,
        };
        Some(Self(vec![Pinned::Key(key)]))
    }

    /// Looks whether a server's certificate has one of the keys.
    ///
    /// # Errors
    /// When it has another.
    pub fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), NotPinned> {
        let Some(key) = public_key(certificate) else { return Err(NotPinned { shown: None }) };
        let hash: [u8; 32] = Sha256::digest(key).into();
        let known = self.0.iter().any(|pinned| match pinned {
            Pinned::Hash(pinned) => *pinned == hash,
            Pinned::Key(pinned) => pinned == key,
        });
        if known { Ok(()) } else { Err(NotPinned { shown: Some(BASE64.encode(&hash)) }) }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::PublicKeyData as _;

    use super::*;

    #[test]
    fn a_key_is_known_by_its_hash_or_as_a_whole() {
        let made = rcgen::generate_simple_self_signed(vec!["a.test".into()]).unwrap();
        let (certificate, der) = (made.cert.der(), made.signing_key.subject_public_key_info());
        let hash = BASE64.encode(&Sha256::digest(&der));
        let other = BASE64.encode(&[7; 32]);
        let of = |text: &str| PinnedKeys::hashes(text).unwrap().unwrap();
        assert_eq!(of(&format!("sha256//{hash}")).check(certificate), Ok(()));
        assert_eq!(of(&format!("sha256//{other};sha256//{hash}")).check(certificate), Ok(()));
        let refused = of(&format!("sha256//{other}")).check(certificate);
        assert_eq!(refused, Err(NotPinned { shown: Some(hash) }));
        assert_eq!(PinnedKeys::of_file(&der).unwrap().check(certificate), Ok(()));
        let pem = made.signing_key.public_key_pem();
        assert_eq!(PinnedKeys::of_file(pem.as_bytes()).unwrap().check(certificate), Ok(()));
        assert_eq!(PinnedKeys::of_file(b"no key"), None);
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        assert!(PinnedKeys::hashes("key.pem").is_none());
        for text in ["sha256//", "sha256//YWJj", "sha256//%%", "sha256//x;y"] {
            assert!(PinnedKeys::hashes(text).unwrap().is_err(), "{text}");
        }
    }
}
