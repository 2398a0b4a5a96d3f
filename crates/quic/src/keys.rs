//! Keys of packets, which show each packet while it is in the clear.

use bytes::BytesMut;
use quinn_proto::crypto::{CryptoError, HeaderKey, KeyPair, Keys, PacketKey};
use roundtrip_record::{Direction, QuicSpace};
use rustls::quic;

use crate::frames;
use crate::notes::{Note, Notes, Packet};

/// A key for the payloads of packets in one direction.
pub(crate) struct Payload {
    key: Box<dyn quic::PacketKey>,
    direction: Direction,
    space: QuicSpace,
    notes: Notes,
}

/// A key for the headers of packets in one direction.
pub(crate) struct Header(Box<dyn quic::HeaderProtectionKey>);

/// The keys of both directions, whose packets are shown to `notes`.
pub(crate) fn both(keys: quic::Keys, space: QuicSpace, notes: &Notes) -> Keys {
    let quic::Keys { local, remote } = keys;
    Keys {
        header: KeyPair {
            local: Box::new(Header(local.header)),
            remote: Box::new(Header(remote.header)),
        },
        packet: payloads(local.packet, remote.packet, space, notes),
    }
}

/// The same without those for headers.
pub(crate) fn payloads(
    local: Box<dyn quic::PacketKey>,
    remote: Box<dyn quic::PacketKey>,
    space: QuicSpace,
    notes: &Notes,
) -> KeyPair<Box<dyn PacketKey>> {
    KeyPair {
        local: payload(local, Direction::Sent, space, notes),
        remote: payload(remote, Direction::Received, space, notes),
    }
}

/// The keys of what a client sends before the handshake is complete (RFC 9001 §4.6).
pub(crate) fn early(
    keys: quic::DirectionalKeys,
    direction: Direction,
    notes: &Notes,
) -> (Box<dyn HeaderKey>, Box<dyn PacketKey>) {
    let packet = payload(keys.packet, direction, QuicSpace::ZeroRtt, notes);
    (Box::new(Header(keys.header)), packet)
}

fn payload(
    key: Box<dyn quic::PacketKey>,
    direction: Direction,
    space: QuicSpace,
    notes: &Notes,
) -> Box<dyn PacketKey> {
    Box::new(Payload { key, direction, space, notes: notes.clone() })
}

impl Payload {
    fn show(&self, number: u64, length: usize, payload: &[u8]) {
        self.notes.add(|| {
            let (direction, space) = (self.direction, self.space);
            let frames = frames::read(payload);
            Note::Packet(Packet { direction, space, number, length: length as u32, frames })
        });
    }
}

impl PacketKey for Payload {
    fn encrypt(&self, packet: u64, buf: &mut [u8], header_len: usize) {
        let length = buf.len();
        let (header, rest) = buf.split_at_mut(header_len);
        let (payload, place) = rest.split_at_mut(rest.len() - self.key.tag_len());
        self.show(packet, length, payload);
        // AEAD fails for far longer messages alone. A packet without its tag is dropped by whoever gets it.
        if let Ok(tag) = self.key.encrypt_in_place(packet, header, payload) {
            place.copy_from_slice(tag.as_ref());
        }
    }

    fn decrypt(
        &self,
        packet: u64,
        header: &[u8],
        payload: &mut BytesMut,
    ) -> Result<(), CryptoError> {
        let whole = header.len() + payload.len();
        let plain = self.key.decrypt_in_place(packet, header, payload.as_mut());
        let length = plain.map_err(|_| CryptoError)?.len();
        payload.truncate(length);
        self.show(packet, whole, payload);
        Ok(())
    }

    fn tag_len(&self) -> usize {
        self.key.tag_len()
    }

    fn confidentiality_limit(&self) -> u64 {
        self.key.confidentiality_limit()
    }

    fn integrity_limit(&self) -> u64 {
        self.key.integrity_limit()
    }
}

/// Bytes of a header's packet number at most; the sample begins behind so many (RFC 9001 §5.4.2).
const NUMBER: usize = 4;

impl HeaderKey for Header {
    fn decrypt(&self, pn_offset: usize, packet: &mut [u8]) {
        let (header, sample) = packet.split_at_mut(pn_offset + NUMBER);
        let Some((first, rest)) = header.split_first_mut() else { return };
        let sample = &sample[..self.0.sample_len()];
        // It fails for samples of another length alone.
        let _ = self.0.decrypt_in_place(sample, first, &mut rest[pn_offset - 1..]);
    }

    fn encrypt(&self, pn_offset: usize, packet: &mut [u8]) {
        let (header, sample) = packet.split_at_mut(pn_offset + NUMBER);
        let Some((first, rest)) = header.split_first_mut() else { return };
        let sample = &sample[..self.0.sample_len()];
        // It fails for samples of another length alone.
        let _ = self.0.encrypt_in_place(sample, first, &mut rest[pn_offset - 1..]);
    }

    fn sample_size(&self) -> usize {
        self.0.sample_len()
    }
}
