//! What is left to chance, from the host's generator.

use core::time::Duration;
use std::sync::Arc;

use quinn_proto::{ConnectionId, ConnectionIdGenerator, EndpointConfig};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use ring::{hkdf, hmac};
use roundtrip_wire::Wire;

/// Bytes of the connection ids that we choose. With 2⁶⁴ of them, nobody guesses one.
const ID_LENGTH: usize = 8;
/// Bytes of the id by which a client calls a server that has not chosen one (RFC 9000 §7.2: 8 at
/// least).
const FIRST_LENGTH: usize = 8;

/// Chooses connection ids.
struct Ids(ChaCha8Rng);

impl ConnectionIdGenerator for Ids {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; ID_LENGTH];
        self.0.fill_bytes(&mut id);
        ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        ID_LENGTH
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// 32 bytes of the host's generator.
fn seed<W: Wire>(wire: &W) -> [u8; 32] {
    let mut seed = [0; 32];
    wire.random(&mut seed);
    seed
}

/// What an endpoint draws from, and signs stateless resets with.
pub(crate) fn endpoint<W: Wire>(wire: &W) -> EndpointConfig {
    let mut config = EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &seed(wire))));
    let ids = seed(wire);
    config
        .rng_seed(Some(seed(wire)))
        .cid_generator(move || Box::new(Ids(ChaCha8Rng::from_seed(ids))));
    config
}

/// The key that a server seals tokens with (RFC 9000 §8.1).
pub(crate) fn token_key<W: Wire>(wire: &W) -> hkdf::Prk {
    hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&seed(wire))
}

/// By which id a client first calls a server.
pub(crate) fn first_id<W: Wire>(wire: &W) -> ConnectionId {
    let mut id = [0; FIRST_LENGTH];
    wire.random(&mut id);
    ConnectionId::new(&id)
}
