//! The frames in a stream of bytes (RFC 9113 §4), as they pass.

use core::ops::ControlFlow;

/// What a client begins with (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a frame before its payload.
pub(crate) const HEAD: usize = 9;

/// How much of a payload is kept for those who look at it. Frames whose content is of interest are
/// shorter, `PRIORITY_UPDATE` with a field value of this length included.
const KEPT: usize = 1024;
/// The same for fields and settings: all of any frame that may be sent to us (RFC 9113 §4.2).
const KEPT_WHOLE: usize = 16 * 1024;

/// Types of frames (RFC 9113 §6, RFC 9218 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    PriorityUpdate,
    Other(u8),
}

/// The number of 31 bits that a payload begins with; the first bit is reserved.
pub(crate) fn number(payload: &[u8]) -> u32 {
    payload.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes) & 0x7fff_ffff)
}

impl Kind {
    const fn of(number: u8) -> Self {
        match number {
            0 => Self::Data,
            1 => Self::Headers,
            2 => Self::Priority,
            3 => Self::RstStream,
            4 => Self::Settings,
            5 => Self::PushPromise,
            6 => Self::Ping,
            7 => Self::GoAway,
            8 => Self::WindowUpdate,
            9 => Self::Continuation,
            16 => Self::PriorityUpdate,
            other => Self::Other(other),
        }
    }

    /// How much of a payload is kept.
    const fn kept(self) -> usize {
        match self {
            Self::Headers | Self::Continuation | Self::Settings => KEPT_WHOLE,
            _ => KEPT,
        }
    }
}

/// What stands before a frame's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHead {
    /// Bytes of payload.
    pub(crate) length: u32,
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    /// 0 is the connection.
    pub(crate) stream: u32,
}

impl FrameHead {
    /// Bytes of the whole frame.
    pub(crate) fn size(&self) -> u64 {
        HEAD as u64 + u64::from(self.length)
    }

    /// Whether the sender's direction of the stream ends with it.
    pub(crate) fn ends_stream(&self) -> bool {
        matches!(self.kind, Kind::Data | Kind::Headers) && self.flags & 1 != 0
    }

    /// Whether a block of fields ends with it.
    pub(crate) fn ends_fields(&self) -> bool {
        matches!(self.kind, Kind::Headers | Kind::Continuation) && self.flags & 4 != 0
    }

    /// Whether the length of its padding stands first.
    pub(crate) fn is_padded(&self) -> bool {
        matches!(self.kind, Kind::Data | Kind::Headers) && self.flags & 8 != 0
    }

    /// Whether RFC 7540's priority stands before its fields.
    pub(crate) fn has_priority(&self) -> bool {
        self.kind == Kind::Headers && self.flags & 32 != 0
    }

    /// Whether it answers one of ours.
    pub(crate) fn is_ack(&self) -> bool {
        matches!(self.kind, Kind::Settings | Kind::Ping) && self.flags & 1 != 0
    }
}

/// What has passed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Passed<'a> {
    /// The head of a frame, and nothing of its payload yet.
    Head(FrameHead),
    /// A whole frame, and the first bytes of its payload.
    Frame(FrameHead, &'a [u8]),
}

/// Finds the frames in one direction of a connection.
#[derive(Debug)]
pub(crate) struct Scanner {
    /// Bytes of the preface that are still to come.
    preface: usize,
    head: [u8; HEAD],
    /// How many bytes of a head are there.
    have: usize,
    current: Option<FrameHead>,
    /// Bytes of the current payload that are still to come.
    left: u32,
    payload: Vec<u8>,
}

impl Scanner {
    /// For the direction of a server.
    pub(crate) fn of_server() -> Self {
        Self {
            preface: 0,
            head: [0; HEAD],
            have: 0,
            current: None,
            left: 0,
            payload: Vec::with_capacity(64),
        }
    }

    /// For the direction of a client, which begins with the preface.
    pub(crate) fn of_client() -> Self {
        Self { preface: PREFACE.len(), ..Self::of_server() }
    }

    /// Takes the next bytes, until `see` breaks it off. Answers how many of them there are before the
    /// frame at which it did: all, if it did not.
    pub(crate) fn scan(
        &mut self,
        bytes: &[u8],
        mut see: impl FnMut(Passed<'_>) -> ControlFlow<()>,
    ) -> usize {
        let mut at = self.preface.min(bytes.len());
        self.preface -= at;
        let mut start = at;
        while at < bytes.len() {
            if self.current.is_none() && self.have == 0 {
                start = at;
            }
            let (took, flow) = match self.current {
                None => self.take_head(&bytes[at..], &mut see),
                Some(head) => self.take_payload(head, &bytes[at..], &mut see),
            };
            at += took;
            if flow.is_break() {
                return start;
            }
        }
        bytes.len()
    }

    /// Takes bytes of a head; when it is complete, its frame has begun.
    fn take_head(
        &mut self,
        bytes: &[u8],
        see: &mut impl FnMut(Passed<'_>) -> ControlFlow<()>,
    ) -> (usize, ControlFlow<()>) {
        let length = (HEAD - self.have).min(bytes.len());
        self.head[self.have..self.have + length].copy_from_slice(&bytes[..length]);
        self.have += length;
        if self.have < HEAD {
            return (length, ControlFlow::Continue(()));
        }
        let [a, b, c, kind, flags, stream @ ..] = self.head;
        let head = FrameHead {
            length: u32::from_be_bytes([0, a, b, c]),
            kind: Kind::of(kind),
            flags,
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
        };
        self.have = 0;
        self.left = head.length;
        self.payload.clear();
        let mut flow = see(Passed::Head(head));
        if head.length > 0 {
            self.current = Some(head);
        } else if flow.is_continue() {
            flow = see(Passed::Frame(head, &[]));
        }
        (length, flow)
    }

    /// Takes bytes of the payload of a frame, up to its end.
    fn take_payload(
        &mut self,
        head: FrameHead,
        bytes: &[u8],
        see: &mut impl FnMut(Passed<'_>) -> ControlFlow<()>,
    ) -> (usize, ControlFlow<()>) {
        let length = (self.left as usize).min(bytes.len());
        let kept = length.min(head.kind.kept().saturating_sub(self.payload.len()));
        self.payload.extend_from_slice(&bytes[..kept]);
        self.left -= length as u32;
        if self.left > 0 {
            return (length, ControlFlow::Continue(()));
        }
        self.current = None;
        (length, see(Passed::Frame(head, &self.payload)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_the_bytes_are_cut() {
        let mut bytes = PREFACE.to_vec();
        bytes.extend_from_slice(&[0, 0, 0, 4, 1, 0, 0, 0, 0]);
        bytes.extend_from_slice(&[0, 0, 3, 1, 5, 0, 0, 0, 1, 7, 8, 9]);
        bytes.extend_from_slice(&[0, 0, 4, 3, 0, 0x80, 0, 0, 3, 0, 0, 0, 8]);
        for size in [1, 2, 5, 24, 100] {
            let (mut scanner, mut seen) = (Scanner::of_client(), Vec::new());
            for piece in bytes.chunks(size) {
                scanner.scan(piece, |passed| {
                    if let Passed::Frame(head, payload) = passed {
                        seen.push((head.kind, head.stream, payload.to_vec()));
                        assert_eq!(head.ends_stream(), head.kind == Kind::Headers);
                        assert_eq!(head.ends_fields(), head.kind == Kind::Headers);
                        assert_eq!(head.is_ack(), head.kind == Kind::Settings);
                    }
                    ControlFlow::Continue(())
                });
            }
            let expected = [
                (Kind::Settings, 0, vec![]),
                (Kind::Headers, 1, vec![7, 8, 9]),
                (Kind::RstStream, 3, vec![0, 0, 0, 8]),
            ];
            assert_eq!(seen, expected, "pieces of {size}");
        }
    }

    #[test]
    fn of_a_long_payload_only_the_beginning_is_kept() {
        let mut bytes = vec![0, 0x40, 0, 0, 0, 0, 0, 0, 1];
        bytes.resize(9 + 0x4000, 5);
        let mut lengths = Vec::new();
        Scanner::of_server().scan(&bytes, |passed| {
            if let Passed::Frame(head, payload) = passed {
                lengths.push((head.size(), payload.len()));
            }
            ControlFlow::Continue(())
        });
        assert_eq!(lengths, [(9 + 0x4000, KEPT)]);
    }

    #[test]
    fn what_stands_before_a_frame_that_is_refused_is_told() {
        // Two frames; the second is refused by its head, and then by its payload.
        let bytes = [0, 0, 1, 0, 0, 0, 0, 0, 1, 7, 0, 0, 2, 8, 0, 0, 0, 0, 3, 8, 9];
        for at_head in [true, false] {
            let refuses = |passed: Passed<'_>| match passed {
                Passed::Head(head) if at_head && head.stream == 3 => ControlFlow::Break(()),
                Passed::Frame(head, _) if head.stream == 3 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            };
            assert_eq!(Scanner::of_server().scan(&bytes, refuses), 10);
            let mut scanner = Scanner::of_server();
            assert_eq!(scanner.scan(&bytes[..12], refuses), 12);
            // Its beginning passed before; nothing more of it does.
            assert_eq!(scanner.scan(&bytes[12..], refuses), 0);
        }
    }
}
