//! TLS at the client.

use core::pin::pin;
use core::time::Duration;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{Either, select};
use roundtrip_quic::{Ended, Handshake};
use roundtrip_record::{
    Certificate, ConnectionId, EventId, FaultKind, Time, TlsStarted, Trace as _, What,
};
use roundtrip_wire::{Transport as _, Wire};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, ClientConnection, ResolvesClientCert};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{DigitallySignedStruct, KeyLog, SignatureScheme, SupportedProtocolVersion};
use tokio_rustls::TlsConnector;

use super::alert;
use super::certificate::summarize;
use super::refusal::refused;
use crate::channel::{Channel, Counted};
use crate::session::{THREE, established, established_within, text};

/// What TLS is made of. All of it comes from the caller: on a live wire the platform's trust and the
/// machine's randomness, in the lab a generated authority and the host's own generator.
#[derive(Clone)]
pub struct TlsOptions {
    /// Ciphers, key exchange, signatures, randomness.
    pub provider: Arc<CryptoProvider>,
    /// The calendar.
    pub time: Arc<dyn TimeProvider>,
    /// Who is trusted.
    pub verifier: Arc<dyn ServerCertVerifier>,
    /// Takes the keys of sessions (`SSLKEYLOGFILE`).
    pub key_log: Option<Arc<dyn KeyLog>>,
    /// Who we are, for servers that want to know (RFC 8446 §4.3.2).
    pub identity: Option<Arc<dyn ResolvesClientCert>>,
    /// The versions that are offered.
    pub versions: &'static [&'static SupportedProtocolVersion],
}

/// TLS, ready to be used for any number of connections. Sessions are resumed among them.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Offers HTTP/1.1.
    one: Arc<ClientConfig>,
    /// Offers HTTP/2 before HTTP/1.1.
    two: Arc<ClientConfig>,
    /// Offers HTTP/3, within QUIC.
    three: Arc<ClientConfig>,
    witness: Arc<Witness>,
    /// What is spoken with proxies, whom others may vouch for.
    proxies: Option<Arc<Tls>>,
}

/// Which protocols are offered (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    One,
    TwoAndOne,
}

impl Offer {
    fn protocols(self) -> Vec<Vec<u8>> {
        match self {
            Self::One => vec![b"http/1.1".to_vec()],
            Self::TwoAndOne => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        }
    }
}

impl Tls {
    /// TLS with these parts.
    ///
    /// # Errors
    /// When the provider has nothing that these versions could use.
    pub fn new(options: TlsOptions) -> Result<Self, rustls::Error> {
        let witness = Arc::new(Witness { inner: options.verifier, refused: Mutex::default() });
        let verifier = Arc::<Witness>::clone(&witness);
        let mut config = ClientConfig::builder_with_details(options.provider, options.time)
            .with_protocol_versions(options.versions)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        if let Some(identity) = options.identity {
            config.client_auth_cert_resolver = identity;
        }
        if let Some(key_log) = options.key_log {
            config.key_log = key_log;
        }
        let (mut two, mut three) = (config.clone(), config.clone());
        config.alpn_protocols = Offer::One.protocols();
        two.alpn_protocols = Offer::TwoAndOne.protocols();
        three.alpn_protocols = vec![THREE.to_vec()];
        let (one, two, three) = (Arc::new(config), Arc::new(two), Arc::new(three));
        Ok(Self { one, two, three, witness, proxies: None })
    }

    /// For HTTP/3, within QUIC.
    pub(crate) fn within_quic(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.three)
    }

    /// The same, which speaks with proxies as this other one does; without, it speaks with none.
    #[must_use]
    pub fn and_proxies(self, proxies: Self) -> Self {
        Self { proxies: Some(Arc::new(proxies)), ..self }
    }

    /// What is spoken with proxies.
    pub(crate) fn with_proxies(&self) -> Option<&Self> {
        self.proxies.as_deref()
    }

    fn config(&self, offer: Offer) -> Arc<ClientConfig> {
        Arc::clone(match offer {
            Offer::One => &self.one,
            Offer::TwoAndOne => &self.two,
        })
    }
}

/// A handshake that succeeded.
pub(crate) struct Secured<S> {
    pub(crate) channel: Channel<S>,
    pub(crate) event: Option<EventId>,
    /// HTTP/2 was chosen.
    pub(crate) is_two: bool,
    /// The names in the server's certificate; none where we showed one of ours, which is for one host.
    pub(crate) names: Vec<String>,
}

/// Carries a handshake out.
pub(crate) async fn handshake<W: Wire>(
    wire: &W,
    tls: &Tls,
    stream: Counted<Channel<W::Stream>>,
    host: &str,
    offer: Offer,
    limit: Option<Duration>,
    cause: Option<EventId>,
) -> Result<Secured<W::Stream>, FaultKind> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| FaultKind::TlsFailed {
        why: format!("{host} is no name for a server: {error}"),
        alert_received: false,
    })?;
    let connection = stream.stream.id();
    let started = wire.log().emit(wire.now(), cause, || {
        What::TlsStarted(TlsStarted {
            connection,
            server_name: match &name {
                ServerName::DnsName(name) => name.as_ref().to_owned(),
                _ => String::new(),
            },
            alpn: offer.protocols().iter().map(|name| text(name)).collect(),
        })
    });
    let connector = TlsConnector::from(tls.config(offer));
    let handshake = connector.connect(name, stream).into_fallible();
    let result = match limit {
        None => handshake.await,
        Some(limit) => match select(handshake, pin!(wire.sleep(limit))).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => return Err(FaultKind::TimedOut { limit, received: 0, head: 0 }),
        },
    };
    let stream = result.map_err(|(error, stream)| fault(tls, host, &error, stream.first()))?;
    let (raw, session) = stream.get_ref();
    let is_two = session.alpn_protocol() == Some(b"h2");
    let names = names(tls, session);
    let cause = raw.last_segment().or(started);
    let event = wire.log().emit(wire.now(), cause, || {
        let certificates = chain(wire, session);
        What::TlsEstablished(established(connection, session, certificates, raw.last_arrived()))
    });
    Ok(Secured { channel: Channel::Tls(Box::new(stream.into())), event, is_two, names })
}

/// Reports that TLS begins within a connection of QUIC.
pub(crate) fn begin_within<W: Wire>(
    wire: &W,
    connection: ConnectionId,
    host: &str,
    cause: Option<EventId>,
) -> Option<EventId> {
    wire.log().emit(wire.now(), cause, || {
        let named = host.parse::<std::net::IpAddr>().is_err();
        What::TlsStarted(TlsStarted {
            connection,
            server_name: if named { host.to_owned() } else { String::new() },
            alpn: vec![text(THREE)],
        })
    })
}

/// Reports that TLS is complete within a connection of QUIC.
pub(crate) fn complete_within<W: Wire>(
    wire: &W,
    connection: ConnectionId,
    handshake: &Handshake,
    arrived: Option<Time>,
    cause: Option<EventId>,
) -> Option<EventId> {
    wire.log().emit(wire.now(), cause, || {
        let certificates = handshake.certificates.iter().map(|der| certificate(wire, der));
        let certificates = certificates.collect();
        What::TlsEstablished(established_within(connection, handshake, certificates, arrived))
    })
}

/// What a handshake within QUIC that failed comes to: the fault, where it is one of TLS.
pub(crate) fn fault_within(
    tls: &Tls,
    host: &str,
    error: Option<&rustls::Error>,
    ended: &Ended,
) -> Option<FaultKind> {
    match (error, ended.alert()) {
        (Some(rustls::Error::InvalidCertificate(why)), _) => {
            Some(refused(host, &tls.witness.take(), why))
        }
        (Some(other), _) => {
            Some(FaultKind::TlsFailed { why: other.to_string(), alert_received: false })
        }
        (None, Some(number)) => {
            let why = alert::words(rustls::AlertDescription::from(number));
            Some(FaultKind::TlsFailed { why, alert_received: true })
        }
        (None, None) => None,
    }
}

/// The names for which a server's certificate lets it answer.
fn names(tls: &Tls, session: &ClientConnection) -> Vec<String> {
    if tls.two.client_auth_cert_resolver.has_certs() {
        return Vec::new();
    }
    let own = session.peer_certificates().and_then(<[_]>::first);
    own.and_then(|der| summarize(der)).map_or_else(Vec::new, |summary| summary.names)
}

/// The chain that a server showed, for the record.
fn chain<W: Wire>(wire: &W, session: &ClientConnection) -> Vec<Certificate> {
    let chain = session.peer_certificates().unwrap_or_default();
    chain.iter().map(|der| certificate(wire, der)).collect()
}

fn certificate<W: Wire>(wire: &W, der: &CertificateDer<'_>) -> Certificate {
    let summary = summarize(der).unwrap_or_default();
    Certificate {
        subject: summary.subject,
        issuer: summary.issuer,
        names: summary.names,
        not_before: summary.not_before,
        not_after: summary.not_after,
        der: wire.log().body(der),
    }
}

/// What a handshake that failed comes to.
fn fault(tls: &Tls, host: &str, error: &io::Error, first: &[u8]) -> FaultKind {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(why)) => refused(host, &tls.witness.take(), why),
        Some(rustls::Error::AlertReceived(alert)) => {
            FaultKind::TlsFailed { why: alert::words(*alert), alert_received: true }
        }
        Some(other) => FaultKind::TlsFailed {
            why: alert::in_the_clear(first).map_or_else(|| other.to_string(), str::to_owned),
            alert_received: false,
        },
        None => FaultKind::TlsFailed {
            why: match error.kind() {
                io::ErrorKind::UnexpectedEof => "the connection ended inside the handshake".into(),
                io::ErrorKind::ConnectionReset => {
                    "the connection was reset inside the handshake".into()
                }
                _ => error.to_string(),
            },
            alert_received: false,
        },
    }
}

/// Asks the caller's verifier, and remembers the chain that it refused: rustls tells only why.
///
/// The refusal and the handshake's end fall into one poll, and a wire has one thread, so what is
/// remembered belongs to the handshake that failed.
#[derive(Debug)]
struct Witness {
    inner: Arc<dyn ServerCertVerifier>,
    refused: Mutex<Vec<CertificateDer<'static>>>,
}

impl Witness {
    /// A signature of the server's that does not hold says something of its certificate: rustls cannot
    /// use a key that is too short for any.
    fn remember(
        &self,
        verdict: Result<HandshakeSignatureValid, rustls::Error>,
        certificate: &CertificateDer<'_>,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if verdict.is_err() {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) =
                vec![certificate.clone().into_owned()];
        }
        verdict
    }

    fn take(&self) -> Vec<CertificateDer<'static>> {
        core::mem::take(&mut self.refused.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        if verdict.is_err() {
            let chain = core::iter::once(end_entity).chain(intermediates);
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) =
                chain.map(|der| der.clone().into_owned()).collect();
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let verdict = self.inner.verify_tls12_signature(message, cert, dss);
        self.remember(verdict, cert)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let verdict = self.inner.verify_tls13_signature(message, cert, dss);
        self.remember(verdict, cert)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.inner.requires_raw_public_keys()
    }

    fn root_hint_subjects(&self) -> Option<&[rustls::DistinguishedName]> {
        self.inner.root_hint_subjects()
    }
}
