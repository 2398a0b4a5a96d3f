//! `Hash`: the digest of a resource (Subresource Integrity; CSP 3, section 2.3.1, "hash-source").

use std::fmt;

use data_encoding::BASE64;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// The algorithms there are, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "sha256" => Some(Self::Sha256),
            "sha384" => Some(Self::Sha384),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn digest(self, bytes: &[u8]) -> String {
        match self {
            Self::Sha256 => BASE64.encode(&Sha256::digest(bytes)),
            Self::Sha384 => BASE64.encode(&Sha384::digest(bytes)),
            Self::Sha512 => BASE64.encode(&Sha512::digest(bytes)),
        }
    }
}

/// An algorithm and a digest in base64, as `sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hash {
    pub(super) algorithm: Algorithm,
    digest: String,
}

impl Hash {
    /// Reads one. Both alphabets of base64 are taken, with and without the padding (CSP 3, section
    /// 6.7.3.3). Whether the digest has the right length does not matter: one that has not is nobody's.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (name, digest) = text.split_once('-')?;
        let algorithm = Algorithm::named(name)?;
        let bare = digest.trim_end_matches('=');
        let is_digit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
        if bare.is_empty() || !bare.chars().all(is_digit) {
            return None;
        }
        let mut digest = bare.replace('-', "+").replace('_', "/");
        while !digest.len().is_multiple_of(4) {
            digest.push('=');
        }
        Some(Self { algorithm, digest })
    }

    /// That of some bytes.
    pub(super) fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        Self { algorithm, digest: algorithm.digest(bytes) }
    }

    /// Whether it is that of some bytes.
    pub(super) fn is_of(&self, bytes: &[u8]) -> bool {
        *self == Self::of(self.algorithm, bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.algorithm.name(), self.digest)
    }
}

/// The hashes of an `integrity` attribute that can be read, each without its options. What cannot is passed
/// over, so that later versions can have other algorithms.
pub(super) fn hashes(attribute: &str) -> Vec<Hash> {
    let texts = attribute.split_ascii_whitespace().map(|text| text.split('?').next());
    texts.filter_map(|text| Hash::read(text?)).collect()
}

/// Whether an attribute wants anything: one without a hash that can be read does not.
pub(super) fn wants_something(attribute: &str) -> bool {
    !hashes(attribute).is_empty()
}
