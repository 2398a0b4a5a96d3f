//! The protection of QUIC's packets (RFC 9001 §5): what was sealed with keys that are known is opened. The keys of Initial
//! packets follow from the connection id that the client chose (§5.2), and so everybody has them.

use ring::{aead, hkdf};

use super::super::protect::{Suite, expand_label, suite};
use super::versions::Version;

/// The length of what is sampled for the protection of a header (RFC 9001 §5.4.2).
const SAMPLE: usize = 16;

/// Opens the packets of one direction, under one secret.
pub(crate) struct Seal {
    suite: Suite,
    label: &'static str,
    secret: Vec<u8>,
    key: Key,
    /// The key before this one: for packets that were overtaken by the first one of a new phase.
    before: Option<Key>,
    header: aead::quic::HeaderProtectionKey,
    /// The number after the largest that was opened.
    expected: u64,
    /// The phase of the key (RFC 9001 §6): the bit that short headers have.
    phase: bool,
}

/// What seals payloads.
struct Key {
    key: aead::LessSafeKey,
    iv: Vec<u8>,
}

/// A packet that was opened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) number: u64,
    /// Its frames.
    pub(crate) payload: Vec<u8>,
}

/// The seals of client and server for Initial packets, by the connection id that the client chose for the server.
pub(crate) fn initial(version: &Version, chosen: &[u8]) -> Option<[Seal; 2]> {
    // AEAD_AES_128_GCM and SHA-256, whatever is negotiated later (RFC 9001 §5.2).
    let suite = suite(0x1301)?;
    let common = hkdf::Salt::new(hkdf::HKDF_SHA256, version.salt).extract(chosen);
    let seal = |label| Seal::new(suite, version.label, &expand_label(&common, label, 32)?);
    Some([seal("client in")?, seal("server in")?])
}

impl Seal {
    /// For a traffic secret.
    pub(crate) fn new(suite: Suite, label: &'static str, secret: &[u8]) -> Option<Self> {
        let length = suite.aead().key_len();
        let algorithm = header_protection(suite.aead());
        let header = suite.expand(secret, &format!("{label} hp"), length)?;
        Some(Self {
            suite,
            label,
            secret: secret.to_vec(),
            key: Key::new(suite, label, secret)?,
            before: None,
            header: aead::quic::HeaderProtectionKey::new(algorithm, &header).ok()?,
            expected: 0,
            phase: false,
        })
    }

    /// Opens a packet whose number begins at `number_at`.
    pub(crate) fn open(&mut self, packet: &[u8], number_at: usize) -> Option<Opened> {
        // The sample is taken as if the number had four bytes.
        let sample = packet.get(number_at + 4..number_at + 4 + SAMPLE)?;
        let mask = self.header.new_mask(sample).ok()?;
        let is_long = packet[0] & 0x80 != 0;
        let first = packet[0] ^ (mask[0] & if is_long { 0x0f } else { 0x1f });
        let length = usize::from(first & 3) + 1;
        let (head, sealed) = packet.split_at_checked(number_at + length)?;
        let mut head = head.to_vec();
        head[0] = first;
        for (byte, mask) in head[number_at..].iter_mut().zip(&mask[1..]) {
            *byte ^= mask;
        }
        let cut = head[number_at..].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let number = whole_number(self.expected, cut, length);
        let payload = if is_long || (first & 4 != 0) == self.phase {
            self.key.unseal(number, &head, sealed)?
        } else {
            self.other_phase(number, &head, sealed)?
        };
        self.expected = self.expected.max(number + 1);
        Some(Opened { number, payload })
    }

    /// Opens a packet of the other phase: a late one of the key before, or else the first of the next (RFC 9001 §6.3).
    fn other_phase(&mut self, number: u64, head: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let late = self.before.as_ref().and_then(|key| key.unseal(number, head, sealed));
        if late.is_some() {
            return late;
        }
        let label = format!("{} ku", self.label);
        let secret = self.suite.expand(&self.secret, &label, self.secret.len())?;
        let key = Key::new(self.suite, self.label, &secret)?;
        let opened = key.unseal(number, head, sealed)?;
        self.before = Some(core::mem::replace(&mut self.key, key));
        (self.secret, self.phase) = (secret, !self.phase);
        Some(opened)
    }
}

impl Key {
    fn new(suite: Suite, label: &str, secret: &[u8]) -> Option<Self> {
        let key = suite.expand(secret, &format!("{label} key"), suite.aead().key_len())?;
        let iv = suite.expand(secret, &format!("{label} iv"), aead::NONCE_LEN)?;
        let key = aead::LessSafeKey::new(aead::UnboundKey::new(suite.aead(), &key).ok()?);
        Some(Self { key, iv })
    }

    /// Opens what was sealed under a number; `head` is what was authenticated along with it.
    fn unseal(&self, number: u64, head: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = self.iv.clone();
        for (byte, part) in nonce.iter_mut().rev().zip(number.to_be_bytes().iter().rev()) {
            *byte ^= part;
        }
        let nonce = aead::Nonce::try_assume_unique_for_key(&nonce).ok()?;
        let mut bytes = sealed.to_vec();
        let opened = self.key.open_in_place(nonce, aead::Aad::from(head), &mut bytes).ok()?.len();
        bytes.truncate(opened);
        Some(bytes)
    }
}

fn header_protection(sealing: &'static aead::Algorithm) -> &'static aead::quic::Algorithm {
    if *sealing == aead::AES_128_GCM {
        &aead::quic::AES_128
    } else if *sealing == aead::AES_256_GCM {
        &aead::quic::AES_256
    } else {
        &aead::quic::CHACHA20
    }
}

/// A packet's number, of which the packet has the lowest bytes: the nearest to the one that is expected
/// (RFC 9000 appendix A.3).
fn whole_number(expected: u64, cut: u64, length: usize) -> u64 {
    let window = 1_u64 << (8 * length);
    let candidate = (expected & !(window - 1)) | cut;
    if candidate + window / 2 <= expected && candidate < (1 << 62) - window {
        candidate + window
    } else if candidate > expected + window / 2 && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::super::versions::known;
    use super::*;

    /// The client's connection id of the examples in RFC 9001 appendix A and RFC 9369 appendix A.
    const CHOSEN: &str = "8394c8f03e515708";
    /// The server's Initial of RFC 9001 appendix A.3.
    const SERVER_1: &str = "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee";
    /// The server's Initial of RFC 9369 appendix A.3.
    const SERVER_2: &str = "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89237bbf87263017915358230035f7fd3945d88965cf17f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca84bed8521e2e140";

    #[test]
    fn initial_packets_of_the_examples_are_opened() {
        let chosen = HEXLOWER.decode(CHOSEN.as_bytes()).unwrap();
        for (version, packet) in [(1, SERVER_1), (0x6b33_43cf, SERVER_2)] {
            let version = known(version).unwrap();
            let packet = HEXLOWER.decode(packet.as_bytes()).unwrap();
            let [mut client, mut server] = initial(&version, &chosen).unwrap();
            // First byte, version, an empty connection id, one of 8 bytes, an empty token, a length of 2 bytes.
            let Opened { number, payload: opened } = server.open(&packet, 18).unwrap();
            assert_eq!(number, 1);
            // An acknowledgement, and a ServerHello of 90 bytes.
            assert_eq!(opened[..9], [2, 0, 0, 0, 0, 6, 0, 0x40, 0x5a]);
            assert_eq!(opened[9..13], [2, 0, 0, 0x56]);
            assert_eq!(client.open(&packet, 18), None);
            assert_eq!(server.open(&packet[..packet.len() - 1], 18), None, "cut");
        }
    }

    #[test]
    fn numbers_are_completed() {
        // The example of RFC 9000 appendix A.3, and those at the edges.
        assert_eq!(whole_number(0xa82f_30eb, 0x9b32, 2), 0xa82f_9b32);
        assert_eq!(whole_number(0, 200, 1), 200);
        assert_eq!(whole_number(256, 255, 1), 255);
        assert_eq!(whole_number(510, 3, 1), 515);
    }
}
