//! `Program`: what an application does with its end of a connection.

use std::time::Duration;

use roundtrip_host::{Host, SocketId};
use roundtrip_record::{CloseReason, Off, Time};
use roundtrip_tcp::{ReadError, WriteError};

use crate::Chance;

/// How a program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadStyle {
    /// Everything there is, as soon as it is told.
    Eager,
    /// At most `bytes` at a time, once `every` so often.
    Slow { bytes: u32, every: Duration },
    /// Nothing before the time `from`.
    Late { from: Time },
}

/// How a program ends its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseStyle {
    /// Shuts down sending when all is written, reads to the end of file, and closes.
    HalfClose,
    /// Reads to the end of file first, then shuts down sending.
    Last,
    /// Closes when all is written, whatever was received.
    Close,
    /// Resets the connection at this time.
    Abort(Time),
}

/// The application at one end of a connection. It acts when it is told of an event, or when its own
/// time has come. It notices nothing else, so an event that the host does not report is found out.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) socket: Option<SocketId>,
    /// The key by which the program's bytes are told from those of others.
    key: u8,
    /// The number of bytes to send; `chunk` is the most in one call.
    pub(crate) total: u64,
    chunk: usize,
    reading: ReadStyle,
    pub(crate) leaving: CloseStyle,
    pub(crate) written: u64,
    pub(crate) got: u64,
    has_shut: bool,
    /// Whether it has read the end of file.
    pub(crate) has_ended: bool,
    /// Why the connection ended before the end of file.
    pub(crate) failed: Option<CloseReason>,
    /// Whether it let go of the socket while the peer might still send.
    pub(crate) has_left_early: bool,
    /// When it wants to act by itself.
    pub(crate) wake: Option<Time>,
}

impl Program {
    pub(crate) fn new(chance: &mut Chance<'_>, now: Time, key: u8, most: u32) -> Self {
        let total = 1 + u64::from(chance.below(most) >> chance.below(8));
        let later = |chance: &mut Chance<'_>| {
            now + Duration::from_millis(u64::from(chance.below(256)) * 100)
        };
        let reading = match chance.below(4) {
            0 | 1 => ReadStyle::Eager,
            2 => ReadStyle::Slow {
                bytes: 1 + chance.below(10_000),
                every: Duration::from_millis(1 + u64::from(chance.below(256)) * 8),
            },
            _ => ReadStyle::Late { from: later(chance) },
        };
        let leaving = match chance.below(8) {
            0..=3 => CloseStyle::HalfClose,
            4 | 5 => CloseStyle::Last,
            6 => CloseStyle::Close,
            _ => CloseStyle::Abort(later(chance)),
        };
        let wake = match (reading, leaving) {
            (_, CloseStyle::Abort(at)) => Some(at),
            _ => None,
        };
        Self {
            socket: None,
            key,
            total,
            chunk: 1 + chance.below(40_000) as usize,
            reading,
            leaving,
            written: 0,
            got: 0,
            has_shut: false,
            has_ended: false,
            failed: None,
            has_left_early: false,
            wake,
        }
    }

    /// The byte at `place` in the stream with this key.
    fn byte(key: u8, place: u64) -> u8 {
        ((place as u32).wrapping_mul(0x9e37_79b1) >> 24) as u8 ^ key
    }

    /// Whether it has nothing more to do.
    pub(crate) fn is_done(&self) -> bool {
        self.socket.is_none()
    }

    /// Does what can be done now. `peer` is the key of the program at the other end.
    pub(crate) fn act(&mut self, now: Time, host: &mut Host, peer: u8) {
        let Some(socket) = self.socket else { return };
        if let CloseStyle::Abort(at) = self.leaving
            && at <= now
        {
            host.abort(now, socket, &mut Off);
            self.socket = None;
            self.has_left_early = true;
            return;
        }
        self.wake = match self.leaving {
            CloseStyle::Abort(at) => Some(at),
            _ => None,
        };
        self.write(now, host, socket);
        self.read(now, host, socket, peer);
        self.leave(now, host, socket);
    }

    fn write(&mut self, now: Time, host: &mut Host, socket: SocketId) {
        let mut bytes = Vec::new();
        while self.written < self.total {
            let length = self.chunk.min((self.total - self.written) as usize);
            bytes.clear();
            bytes.extend((0..length as u64).map(|n| Self::byte(self.key, self.written + n)));
            match host.write(now, socket, &bytes) {
                Ok(0) => break,
                Ok(count) => self.written += count as u64,
                Err(WriteError::Closed(reason)) => {
                    self.failed.get_or_insert(reason);
                    break;
                }
                Err(WriteError::ShutDown) => panic!("its own side is shut before all is written"),
            }
        }
    }

    fn read(&mut self, now: Time, host: &mut Host, socket: SocketId, peer: u8) {
        let mut left = match self.reading {
            ReadStyle::Eager => usize::MAX,
            ReadStyle::Slow { bytes, .. } => bytes as usize,
            ReadStyle::Late { from } if from > now => {
                self.wake_at(from);
                return;
            }
            ReadStyle::Late { .. } => usize::MAX,
        };
        let mut into = vec![0; 16_384];
        while left > 0 && !self.has_ended {
            let most = left.min(into.len());
            match host.read(now, socket, &mut into[..most]) {
                Ok(0) => self.has_ended = true,
                Ok(count) => {
                    let right = (self.got..).map(|place| Self::byte(peer, place));
                    assert!(
                        into[..count].iter().copied().eq(right.take(count)),
                        "other bytes than were sent, from {} on",
                        self.got
                    );
                    self.got += count as u64;
                    left -= count;
                }
                Err(ReadError::WouldBlock) => return,
                Err(ReadError::Closed(reason)) => {
                    self.failed.get_or_insert(reason);
                    return;
                }
            }
        }
        if let ReadStyle::Slow { every, .. } = self.reading
            && !self.has_ended
        {
            self.wake_at(now + every);
        }
    }

    fn wake_at(&mut self, at: Time) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    fn leave(&mut self, now: Time, host: &mut Host, socket: SocketId) {
        let has_written = self.written == self.total;
        let wants_to_shut = match self.leaving {
            CloseStyle::HalfClose => has_written,
            CloseStyle::Last => has_written && self.has_ended,
            CloseStyle::Close | CloseStyle::Abort(_) => false,
        };
        if wants_to_shut && !self.has_shut && self.failed.is_none() {
            self.has_shut = true;
            host.shutdown(now, socket, &mut Off);
        }
        let is_over = self.failed.is_some()
            || self.has_shut && self.has_ended
            || has_written && self.leaving == CloseStyle::Close;
        if is_over {
            self.has_left_early = !self.has_ended && self.failed.is_none();
            host.close(now, socket, &mut Off);
            self.socket = None;
            self.wake = None;
        }
    }
}
