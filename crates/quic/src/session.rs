//! One handshake of TLS within QUIC (RFC 9001).

use core::any::Any;
use std::io::Cursor;
use std::sync::Arc;

use quinn_proto::crypto::{
    ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, Session as Contract,
};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectionId, Side, TransportError, TransportErrorCode};
use roundtrip_record::{Direction, QuicSpace};
use rustls::crypto::SupportedKxGroup;
use rustls::quic::{Connection, KeyChange, Secrets, Suite, Version};
use rustls::{CertificateError, HandshakeKind, SupportedCipherSuite};

use crate::keys;
use crate::notes::{Handshake, Notes};
use crate::retry::retry_tag;

/// See the module.
pub(crate) struct Session {
    pub(crate) tls: Connection,
    pub(crate) initial: Suite,
    pub(crate) notes: Notes,
    pub(crate) side: Side,
    next: Option<Secrets>,
    told: bool,
}

impl Session {
    pub(crate) fn new(tls: Connection, initial: Suite, notes: Notes, side: Side) -> Self {
        Self { tls, initial, notes, side, next: None, told: false }
    }

    /// What the handshake has come to.
    fn outcome(&self) -> Handshake {
        let server_name = match &self.tls {
            Connection::Client(_) => None,
            Connection::Server(server) => server.server_name().map(str::to_owned),
        };
        let own = |chain: &[rustls::pki_types::CertificateDer<'_>]| {
            chain.iter().map(|der| der.clone().into_owned()).collect()
        };
        Handshake {
            protocol: self.tls.alpn_protocol().map(<[u8]>::to_vec),
            suite: self.tls.negotiated_cipher_suite().as_ref().map(SupportedCipherSuite::suite),
            group: self.tls.negotiated_key_exchange_group().map(SupportedKxGroup::name),
            resumed: self.tls.handshake_kind() == Some(HandshakeKind::Resumed),
            certificates: self.tls.peer_certificates().map_or_else(Vec::new, own),
            server_name,
        }
    }
}

/// The keys of the first packets, which both ends have from the client's first id (RFC 9001 §5.2).
pub(crate) fn initial(suite: &Suite, id: ConnectionId, side: Side, notes: &Notes) -> Keys {
    let side = match side {
        Side::Client => rustls::Side::Client,
        Side::Server => rustls::Side::Server,
    };
    keys::both(suite.keys(&id, side, Version::V1), QuicSpace::Initial, notes)
}

impl Contract for Session {
    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        initial(&self.initial, *dst_cid, side, &self.notes)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.told.then(|| -> Box<dyn Any> { Box::new(self.outcome()) })
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        let chain = self.outcome().certificates;
        (!chain.is_empty()).then(|| -> Box<dyn Any> { Box::new(chain) })
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        let direction = match self.side {
            Side::Client => Direction::Sent,
            Side::Server => Direction::Received,
        };
        Some(keys::early(self.tls.zero_rtt_keys()?, direction, &self.notes))
    }

    fn early_data_accepted(&self) -> Option<bool> {
        match &self.tls {
            Connection::Client(client) => Some(client.is_early_data_accepted()),
            Connection::Server(_) => None,
        }
    }

    fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        if let Err(error) = self.tls.read_hs(buf) {
            let reason = reason(&error);
            self.notes.set_error(error);
            let alert = self.tls.alert().map(|alert| TransportErrorCode::crypto(alert.into()));
            let code = alert.unwrap_or(TransportErrorCode::PROTOCOL_VIOLATION);
            return Err(TransportError { code, frame: None, reason });
        }
        if !self.tls.is_handshaking() && self.notes.handshake().is_none() {
            self.notes.set_handshake(self.outcome());
        }
        let known = self.tls.alpn_protocol().is_some() || !self.tls.is_handshaking();
        Ok(known && !core::mem::replace(&mut self.told, true))
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let Some(mut bytes) = self.tls.quic_transport_parameters().map(Cursor::new) else {
            return Ok(None);
        };
        Ok(Some(TransportParameters::read(self.side, &mut bytes)?))
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        let change = self.tls.write_hs(buf);
        if !self.tls.is_handshaking() && self.notes.handshake().is_none() {
            self.notes.set_handshake(self.outcome());
        }
        let (keys, space) = match change? {
            KeyChange::Handshake { keys } => (keys, QuicSpace::Handshake),
            KeyChange::OneRtt { keys, next } => {
                self.next = Some(next);
                (keys, QuicSpace::OneRtt)
            }
        };
        Some(keys::both(keys, space, &self.notes))
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        let next = self.next.as_mut()?.next_packet_keys();
        Some(keys::payloads(next.local, next.remote, QuicSpace::OneRtt, &self.notes))
    }

    /// RFC 9001 §5.8.
    fn is_valid_retry(&self, orig_dst_cid: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        let Some((token, tag)) = payload.split_last_chunk::<16>() else { return false };
        let packet = [header, token].concat();
        retry_tag(orig_dst_cid, &packet).as_ref() == Some(tag)
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        let exported = self.tls.export_keying_material(output, label, Some(context));
        exported.map(|_| ()).map_err(|_| ExportKeyingMaterialError)
    }
}

/// Why TLS failed, as the other end is told: what we think of its certificate is not its business in
/// any more detail than the alert.
fn reason(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(_)) => "bad certificate".into(),
        other => other.to_string(),
    }
}

/// The transport parameters as TLS carries them.
pub(crate) fn coded(params: &TransportParameters) -> Vec<u8> {
    let mut coded = Vec::new();
    params.write(&mut coded);
    coded
}

/// The suite of the first packets (RFC 9001 §5.2), out of those of a provider.
pub(crate) fn initial_suite(provider: &Arc<rustls::crypto::CryptoProvider>) -> Option<Suite> {
    let aes = rustls::CipherSuite::TLS13_AES_128_GCM_SHA256;
    let suite = provider.cipher_suites.iter().find(|suite| suite.suite() == aes)?;
    suite.tls13()?.quic_suite()
}
