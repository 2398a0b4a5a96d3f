//! What the parts within `quinn-proto` notice, until the driver of the connection reports it.

use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roundtrip_record::{CongestionPhase, Direction, QuicFrame, QuicSpace};
use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, NamedGroup};

/// What a handshake came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The protocol that was chosen (RFC 7301).
    pub protocol: Option<Vec<u8>>,
    /// The cipher suite.
    pub suite: Option<CipherSuite>,
    /// The group of the key exchange; `None` where a session was resumed without one.
    pub group: Option<NamedGroup>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The certificates that the other end showed, its own first.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The name that the client asked for, at a server.
    pub server_name: Option<String>,
}

/// A packet that was sent or has come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) direction: Direction,
    pub(crate) space: QuicSpace,
    pub(crate) number: u64,
    /// Bytes, with its header and its tag.
    pub(crate) length: u32,
    pub(crate) frames: Vec<QuicFrame>,
}

/// A sender's view of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) phase: CongestionPhase,
    pub(crate) window: u64,
    pub(crate) threshold: Option<u64>,
    pub(crate) in_flight: u64,
    pub(crate) round_trip: Option<Duration>,
}

/// Something that was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Packet(Packet),
    Congestion(Sample),
    /// Packets are taken to be lost.
    Lost {
        bytes: u64,
        persistent: bool,
    },
}

#[derive(Debug, Default)]
struct Noted {
    notes: Vec<Note>,
    handshake: Option<Handshake>,
    error: Option<rustls::Error>,
}

/// Takes what is noticed of one connection. Its clones are the same. (`quinn-proto` wants its parts to
/// be fit for several threads; here they have one.)
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    recorded: bool,
    noted: Arc<Mutex<Noted>>,
}

impl Notes {
    /// Without `recorded`, packets and windows are not even looked at.
    pub(crate) fn new(recorded: bool) -> Self {
        Self { recorded, noted: Arc::default() }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was noticed.
    pub(crate) fn add(&self, note: impl FnOnce() -> Note) {
        if self.recorded {
            let note = note();
            self.noted().notes.push(note);
        }
    }

    /// What was noticed since this was asked last.
    pub(crate) fn take(&self) -> Vec<Note> {
        if self.recorded { core::mem::take(&mut self.noted().notes) } else { Vec::new() }
    }

    /// The handshake is complete.
    pub(crate) fn set_handshake(&self, handshake: Handshake) {
        self.noted().handshake = Some(handshake);
    }

    /// What the handshake came to, once it is complete.
    pub(crate) fn handshake(&self) -> Option<Handshake> {
        self.noted().handshake.clone()
    }

    /// TLS failed here.
    pub(crate) fn set_error(&self, error: rustls::Error) {
        self.noted().error.get_or_insert(error);
    }

    /// Why TLS failed here, if it did.
    pub(crate) fn error(&self) -> Option<rustls::Error> {
        self.noted().error.clone()
    }
}
