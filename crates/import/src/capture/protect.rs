//! The record protection of TLS 1.2 and 1.3, to read what was sealed with keys that are known. The
//! ciphers are ring's; ours is the key schedule alone (RFC 8446 §7, RFC 5246 §6.3).

use ring::{aead, hkdf, hmac};

/// A cipher suite that can be undone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Suite {
    aead: &'static aead::Algorithm,
    hkdf: hkdf::Algorithm,
    hmac: hmac::Algorithm,
    /// Whether part of the nonce of TLS 1.2 stands in the record (AES-GCM, RFC 5288 §3).
    explicit_nonce: bool,
}

/// The cipher suite with this number, if it can be undone: those of authenticated encryption.
pub(crate) fn suite(number: u16) -> Option<Suite> {
    let (aead, small) = match number {
        0x1301 | 0xc02f | 0xc02b | 0x009c | 0x009e => (&aead::AES_128_GCM, true),
        0x1302 | 0xc030 | 0xc02c | 0x009d | 0x009f => (&aead::AES_256_GCM, false),
        0x1303 | 0xcca8 | 0xcca9 | 0xccaa => (&aead::CHACHA20_POLY1305, true),
        _ => return None,
    };
    Some(Suite {
        aead,
        hkdf: if small { hkdf::HKDF_SHA256 } else { hkdf::HKDF_SHA384 },
        hmac: if small { hmac::HMAC_SHA256 } else { hmac::HMAC_SHA384 },
        explicit_nonce: aead != &aead::CHACHA20_POLY1305,
    })
}

/// The IANA name of a cipher suite.
pub(crate) fn suite_name(number: u16) -> String {
    let name = match number {
        0x1301 => "TLS_AES_128_GCM_SHA256",
        0x1302 => "TLS_AES_256_GCM_SHA384",
        0x1303 => "TLS_CHACHA20_POLY1305_SHA256",
        0xc02b => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        0xc02c => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        0xc02f => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        0xc030 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        0xcca8 => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        0xcca9 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        0xccaa => "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        0x009c => "TLS_RSA_WITH_AES_128_GCM_SHA256",
        0x009d => "TLS_RSA_WITH_AES_256_GCM_SHA384",
        0x009e => "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
        0x009f => "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
        0xc013 => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        0xc014 => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        0x002f => "TLS_RSA_WITH_AES_128_CBC_SHA",
        0x0035 => "TLS_RSA_WITH_AES_256_CBC_SHA",
        _ => return format!("0x{number:04x}"),
    };
    name.to_owned()
}

/// Opens the records of one direction, under one key.
#[derive(Debug)]
pub(crate) struct Opener {
    key: aead::LessSafeKey,
    iv: Vec<u8>,
    sequence: u64,
    explicit_nonce: bool,
    version_13: bool,
    /// The secret, from which the next key follows (TLS 1.3, `KeyUpdate`).
    secret: Vec<u8>,
    suite: Suite,
}

impl Opener {
    /// For a traffic secret of TLS 1.3.
    pub(crate) fn of_secret(suite: Suite, secret: &[u8]) -> Option<Self> {
        let key = suite.expand(secret, "key", suite.aead.key_len())?;
        let iv = suite.expand(secret, "iv", 12)?;
        Self::new(suite, &key, iv, true, secret.to_vec())
    }

    /// The openers of client and server for a master secret of TLS 1.2.
    pub(crate) fn of_master(
        suite: Suite,
        master: &[u8],
        client_random: &[u8],
        server_random: &[u8],
    ) -> Option<[Self; 2]> {
        let seed = [b"key expansion", server_random, client_random].concat();
        let key = suite.aead.key_len();
        let iv = if suite.explicit_nonce { 4 } else { 12 };
        let block = prf(suite.hmac, master, &seed, 2 * (key + iv));
        let (keys, ivs) = block.split_at(2 * key);
        let opener = |n: usize| {
            Self::new(
                suite,
                &keys[n * key..(n + 1) * key],
                ivs[n * iv..(n + 1) * iv].to_vec(),
                false,
                Vec::new(),
            )
        };
        Some([opener(0)?, opener(1)?])
    }

    fn new(
        suite: Suite,
        key: &[u8],
        iv: Vec<u8>,
        version_13: bool,
        secret: Vec<u8>,
    ) -> Option<Self> {
        let key = aead::LessSafeKey::new(aead::UnboundKey::new(suite.aead, key).ok()?);
        let explicit_nonce = suite.explicit_nonce && !version_13;
        Some(Self { key, iv, sequence: 0, explicit_nonce, version_13, secret, suite })
    }

    /// The key after this one (RFC 8446 §7.2).
    pub(crate) fn updated(&self) -> Option<Self> {
        let length = self.secret.len();
        let next = self.suite.expand(&self.secret, "traffic upd", length)?;
        Self::of_secret(self.suite, &next)
    }

    /// Opens a record: its header and what follows. Returns the content and its type.
    pub(crate) fn open(&mut self, header: [u8; 5], sealed: &[u8]) -> Option<(u8, Vec<u8>)> {
        let (nonce, sealed) = if self.explicit_nonce {
            let (explicit, sealed) = sealed.split_at_checked(8)?;
            ([&self.iv, explicit].concat(), sealed)
        } else {
            let mut nonce = self.iv.clone();
            for (byte, part) in nonce.iter_mut().rev().zip(self.sequence.to_be_bytes().iter().rev())
            {
                *byte ^= part;
            }
            (nonce, sealed)
        };
        let nonce = aead::Nonce::try_assume_unique_for_key(&nonce).ok()?;
        let length = sealed.len().checked_sub(aead::MAX_TAG_LEN)? as u16;
        let associated = if self.version_13 {
            header.to_vec()
        } else {
            [&self.sequence.to_be_bytes()[..], &header[..3], &length.to_be_bytes()].concat()
        };
        let mut bytes = sealed.to_vec();
        let opened = self.key.open_in_place(nonce, aead::Aad::from(associated), &mut bytes).ok()?;
        let opened = opened.len();
        bytes.truncate(opened);
        self.sequence += 1;
        if !self.version_13 {
            return Some((header[0], bytes));
        }
        // The type stands behind the content, and padding of zeros behind that.
        while let Some(last) = bytes.pop() {
            if last != 0 {
                return Some((last, bytes));
            }
        }
        None
    }

    /// Passes over a record that could not be opened.
    pub(crate) fn skip(&mut self) {
        self.sequence += 1;
    }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Suite {
    /// The algorithm that seals.
    pub(crate) fn aead(&self) -> &'static aead::Algorithm {
        self.aead
    }

    /// HKDF-Expand-Label of a secret with an empty context (RFC 8446 §7.1).
    pub(crate) fn expand(&self, secret: &[u8], label: &str, length: usize) -> Option<Vec<u8>> {
        expand_label(&hkdf::Prk::new_less_safe(self.hkdf, secret), label, length)
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 §7.1).
pub(crate) fn expand_label(secret: &hkdf::Prk, label: &str, length: usize) -> Option<Vec<u8>> {
    let label = format!("tls13 {label}");
    let mut info = (length as u16).to_be_bytes().to_vec();
    info.push(label.len() as u8);
    info.extend_from_slice(label.as_bytes());
    info.push(0);
    let mut out = vec![0; length];
    secret.expand(&[&info], Length(length)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

/// The pseudo-random function of TLS 1.2 (RFC 5246 §5).
fn prf(algorithm: hmac::Algorithm, secret: &[u8], seed: &[u8], length: usize) -> Vec<u8> {
    let key = hmac::Key::new(algorithm, secret);
    let mut a = hmac::sign(&key, seed);
    let mut out = Vec::new();
    while out.len() < length {
        out.extend_from_slice(hmac::sign(&key, &[a.as_ref(), seed].concat()).as_ref());
        a = hmac::sign(&key, a.as_ref());
    }
    out.truncate(length);
    out
}
