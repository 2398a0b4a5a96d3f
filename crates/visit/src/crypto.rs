//! TLS in the lab: the same cryptography as outside, with all its chance drawn from the seed.
//!
//! The suites, the signatures and their verification are ring's. Replaced is what draws from the
//! system's generator: `secure_random`, and the key exchange, whose keys ring will only make itself.
//! Certificates are Ed25519, whose signatures need no chance and always have one length, so that
//! records have the same size on every run.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use ring::digest::{SHA256, digest};
use roundtrip_http::client::{Tls, TlsOptions};
use roundtrip_lab::draw;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret,
    SupportedKxGroup, ring as stock,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};
use rustls::time_provider::TimeProvider;
use rustls::{Error, NamedGroup, PeerMisbehaved, ProtocolVersion, RootCertStore, ServerConfig};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::trust::Versions;

/// Draws from the generator of the simulated host whose task is running. Where none is, TLS fails
/// rather than use another source.
#[derive(Debug)]
struct SeededRandom;

impl SecureRandom for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        draw(bytes).map_err(|_| GetRandomFailed)
    }
}

/// X25519 (RFC 7748) with a key from [`SeededRandom`].
#[derive(Debug)]
struct SeededX25519;

impl SupportedKxGroup for SeededX25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut key = [0; 32];
        SeededRandom.fill(&mut key)?;
        let secret = StaticSecret::from(key);
        let public = PublicKey::from(&secret);
        Ok(Box::new(Exchange { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Exchange {
    secret: StaticSecret,
    public: PublicKey,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let bad = || Error::from(PeerMisbehaved::InvalidKeyShare);
        let peer: [u8; 32] = peer.try_into().map_err(|_| bad())?;
        let shared = self.secret.diffie_hellman(&PublicKey::from(peer));
        // RFC 8446 §7.4.2: an all-zero result must end the handshake.
        if shared.was_contributory() { Ok(shared.as_bytes()[..].into()) } else { Err(bad()) }
    }

    fn pub_key(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// Bytes of an ML-KEM-768 encapsulation key (FIPS 203, table 3).
const ENCAPSULATION_KEY: usize = 1184;

/// X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem) as a client offers it: with the X25519 key that also
/// stands alone. No server of the lab knows it, like most that were set up before 2025: each takes
/// X25519, so that what stands where the other key would is never used, and is drawn.
#[derive(Debug)]
struct OfferedHybrid {
    /// Bytes that stand with the key for what else a browser's first message holds.
    beside: usize,
}

impl SupportedKxGroup for OfferedHybrid {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut share = vec![0; ENCAPSULATION_KEY + self.beside];
        SeededRandom.fill(&mut share)?;
        let classical = SeededX25519.start()?;
        share.extend_from_slice(classical.pub_key());
        Ok(Box::new(HybridOffer { share, classical }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_3
    }
}

struct HybridOffer {
    share: Vec<u8>,
    classical: Box<dyn ActiveKeyExchange>,
}

impl ActiveKeyExchange for HybridOffer {
    /// A server that took it would have to be real.
    fn complete(self: Box<Self>, _: &[u8]) -> Result<SharedSecret, Error> {
        Err(PeerMisbehaved::WrongGroupForKeyShare.into())
    }

    fn hybrid_component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((NamedGroup::X25519, self.classical.pub_key()))
    }

    fn complete_hybrid_component(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        self.classical.complete(peer)
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }
}

/// Which keys the lab's client offers in its first message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyShares {
    /// X25519.
    #[default]
    Classical,
    /// X25519MLKEM768 and X25519, as browsers do since 2024: 1.2 kB more.
    Hybrid,
    /// The same, in a message as long as Chromium's. What our library does not send (GREASE, the stand-in for an
    /// encrypted `ClientHello`, more ciphers, application settings) is there as so many drawn bytes: on a slow
    /// uplink they take their milliseconds.
    Chromium,
}

/// Bytes by which Chromium's `ClientHello` is longer than ours with the same keys. Measured: 1,990 bytes of
/// version 156 for a name of 18 letters, both of its connections.
const CHROMIUM_BESIDE: usize = 509;
static HYBRID: OfferedHybrid = OfferedHybrid { beside: 0 };
static CHROMIUM: OfferedHybrid = OfferedHybrid { beside: CHROMIUM_BESIDE };

/// ring's cryptography with the lab's chance.
fn provider() -> Arc<CryptoProvider> {
    offering(KeyShares::Classical)
}

fn offering(shares: KeyShares) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        kx_groups: match shares {
            KeyShares::Classical => vec![&SeededX25519],
            KeyShares::Hybrid => vec![&HYBRID, &SeededX25519],
            KeyShares::Chromium => vec![&CHROMIUM, &SeededX25519],
        },
        secure_random: &SeededRandom,
        ..stock::default_provider()
    })
}

/// The calendar of the lab: it stands still at its epoch, which is precise enough for certificates
/// that are good for a year, and tickets that are good for a day.
struct Calendar(UnixTime);

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Calendar({})", self.0.as_secs())
    }
}

impl TimeProvider for Calendar {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

/// A certification authority of the lab's own, and what it has signed.
pub struct Authority {
    calendar: UnixTime,
    key: KeyPair,
    certificate: rcgen::Certificate,
    seed: [u8; 32],
    /// What servers keep of sessions, by their first names.
    sessions: Mutex<BTreeMap<String, Arc<dyn StoresServerSessions>>>,
}

/// What keeps the lab from making a certificate: a name that cannot stand in one.
#[derive(Debug, thiserror::Error)]
#[error("no certificate for {name}: {why}")]
pub struct NoCertificate {
    name: String,
    why: String,
}

/// How a certificate of the lab is to be wrong, for trying what a client says to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validity {
    /// It is good.
    #[default]
    Good,
    /// It ended three days ago.
    Expired,
}

/// What of a server's TLS makes its handshake as long as another's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Likeness {
    /// The versions it speaks: one that has none above 1.2 takes one round trip more.
    pub versions: Versions,
    /// Bytes of its certificates, where they are to have so many.
    pub chain: Option<usize>,
}

impl Authority {
    /// The authority that belongs to a seed, at a calendar time (seconds since 1970).
    ///
    /// # Errors
    /// Never for the fixed names used here, unless the library changes its mind.
    pub fn new(seed: u64, now: u64) -> Result<Self, NoCertificate> {
        let seed = derive(&[0; 32], &format!("authority {seed}"));
        // Two authorities have two names: a verifier takes the key by the name.
        let name = &format!("roundtrip lab authority {:02x}{:02x}", seed[0], seed[1]);
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name.as_str());
        fill(&mut params, &seed, name, now, Validity::Good);
        let key = key(&derive(&seed, name)).map_err(|why| NoCertificate::of(name, &why))?;
        let certificate = params.self_signed(&key).map_err(|why| NoCertificate::of(name, &why))?;
        let calendar = UnixTime::since_unix_epoch(Duration::from_secs(now));
        Ok(Self { calendar, key, certificate, seed, sessions: Mutex::default() })
    }

    /// What a server for these names needs.
    ///
    /// # Errors
    /// When a name cannot stand in a certificate.
    pub fn server(
        &self,
        names: &[String],
        validity: Validity,
    ) -> Result<ServerConfig, NoCertificate> {
        self.server_like(names, validity, Likeness::default())
    }

    /// The same for a server whose handshake is to be as long as another's.
    ///
    /// # Errors
    /// As [`Authority::server`].
    pub fn server_like(
        &self,
        names: &[String],
        validity: Validity,
        likeness: Likeness,
    ) -> Result<ServerConfig, NoCertificate> {
        let first = names.first().map_or("", String::as_str);
        let bad = |why: &dyn fmt::Display| NoCertificate::of(first, why);
        let own = key(&derive(&self.seed, first)).map_err(|why| bad(&why))?;
        let issuer = rcgen::Issuer::from_ca_cert_der(self.certificate.der(), &self.key)
            .map_err(|why| bad(&why))?;
        let signed = |comment: usize| {
            let mut params = CertificateParams::new(names.to_vec())?;
            params.distinguished_name.push(DnType::CommonName, first);
            fill(&mut params, &self.seed, first, self.calendar.as_secs(), validity);
            if comment > 0 {
                params.custom_extensions.push(comment_of(comment));
            }
            params.signed_by(&own, &issuer)
        };
        let authority = self.certificate.der();
        let mut leaf = signed(0).map_err(|why| bad(&why))?;
        if let Some(chain) = likeness.chain {
            // A comment takes a few bytes beside its text, more of them the longer it is.
            let mut comment = 0;
            for _ in 0..3 {
                let has = leaf.der().len() + authority.len();
                if has == chain {
                    break;
                }
                comment = (comment + chain).saturating_sub(has);
                leaf = signed(comment).map_err(|why| bad(&why))?;
            }
        }
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
        let chain = vec![leaf.der().clone(), authority.clone()];
        let config = ServerConfig::builder_with_details(provider(), self.calendar())
            .with_protocol_versions(likeness.versions.offered())
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|why| bad(&why))?;
        config.session_storage = self.sessions_of(first);
        Ok(config)
    }

    /// What a server keeps of sessions, now and when it is put up again.
    fn sessions_of(&self, name: &str) -> Arc<dyn StoresServerSessions> {
        /// As many as rustls keeps unless it is told otherwise.
        const MOST: usize = 256;
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let of_name = sessions.entry(name.to_owned());
        Arc::clone(of_name.or_insert_with(|| ServerSessionMemoryCache::new(MOST)))
    }

    /// What a client that trusts this authority needs; `key_log` takes the keys of its sessions.
    ///
    /// # Errors
    /// Never, unless the library refuses its own certificate.
    pub fn client(&self, key_log: Option<Arc<dyn rustls::KeyLog>>) -> Result<Tls, NoCertificate> {
        self.client_offering(KeyShares::Classical, key_log)
    }

    /// The same for a client that offers these keys.
    ///
    /// # Errors
    /// As [`Authority::client`].
    pub fn client_offering(
        &self,
        shares: KeyShares,
        key_log: Option<Arc<dyn rustls::KeyLog>>,
    ) -> Result<Tls, NoCertificate> {
        let bad = |why: &dyn fmt::Display| NoCertificate::of("the authority", why);
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).map_err(|why| bad(&why))?;
        let provider = offering(shares);
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|why| bad(&why))?;
        Tls::new(TlsOptions {
            provider,
            time: self.calendar(),
            verifier,
            key_log,
            identity: None,
            versions: rustls::ALL_VERSIONS,
        })
        .map_err(|why| bad(&why))
    }

    /// Its certificate.
    pub fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    fn calendar(&self) -> Arc<dyn TimeProvider> {
        Arc::new(Calendar(self.calendar))
    }
}

/// A comment in a certificate (`nsComment`): text that nobody looks at.
fn comment_of(length: usize) -> CustomExtension {
    const NS_COMMENT: [u64; 7] = [2, 16, 840, 1, 113_730, 1, 13];
    let length = length.min(usize::from(u16::MAX));
    // DER: an IA5String, its length in two bytes.
    let mut text = vec![0x16, 0x82, (length >> 8) as u8, length as u8];
    text.resize(text.len() + length, b' ');
    CustomExtension::from_oid_content(&NS_COMMENT, text)
}

impl NoCertificate {
    fn of(name: &str, why: &dyn fmt::Display) -> Self {
        Self { name: name.to_owned(), why: why.to_string() }
    }
}

/// What would otherwise be drawn by chance or read off a clock: serial number and validity.
fn fill(params: &mut CertificateParams, seed: &[u8; 32], name: &str, now: u64, validity: Validity) {
    const DAY: Duration = Duration::from_hours(24);
    let now = (UNIX_EPOCH + Duration::from_secs(now)).into();
    params.serial_number = Some(derive(seed, &format!("serial {name}"))[..16].to_vec().into());
    params.not_before = now;
    params.not_before -= 30 * DAY;
    params.not_after = now;
    match validity {
        Validity::Good => params.not_after += 335 * DAY,
        Validity::Expired => params.not_after -= 3 * DAY,
    }
}

/// A key for a purpose.
fn derive(seed: &[u8; 32], purpose: &str) -> [u8; 32] {
    let bytes = digest(&SHA256, &[&seed[..], purpose.as_bytes()].concat());
    let mut key = [0; 32];
    key.copy_from_slice(bytes.as_ref());
    key
}

/// An Ed25519 key from its 32 secret bytes, by way of PKCS #8 (RFC 8410 §7).
fn key(secret: &[u8; 32]) -> Result<KeyPair, rcgen::Error> {
    const PREFIX: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ];
    let der = [&PREFIX[..], secret].concat();
    KeyPair::try_from(der)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_host_there_is_no_tls() {
        assert!(SeededRandom.fill(&mut [0; 4]).is_err());
        assert!(SeededX25519.start().is_err());
    }

    #[test]
    fn one_seed_gives_one_authority() {
        let der = |seed| Authority::new(seed, 1_800_000_000).expect("a name that fits").der();
        assert_eq!(der(7), der(7));
        assert_ne!(der(7), der(8));
    }
}
