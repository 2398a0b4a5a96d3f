//! The packets and frames of QUIC (RFC 9000 §17, §19), as far as they can be read without keys: the headers; and the
//! frames of what was opened.

use super::super::ordered::StreamBytes;
use super::versions::{self, Version};

/// What a packet with a long header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Initial,
    /// 0-RTT: early data.
    Early,
    Handshake,
    Retry,
}

impl Kind {
    /// The type of a packet by its first byte (RFC 9000 §17.2, RFC 9369 §3.2).
    fn of(first: u8, version: &Version) -> Self {
        match (first >> 4).wrapping_sub(version.initial) & 3 {
            0 => Self::Initial,
            1 => Self::Early,
            2 => Self::Handshake,
            _ => Self::Retry,
        }
    }
}

/// A packet with a long header, of a version that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Long<'a> {
    pub(crate) version: Version,
    pub(crate) kind: Kind,
    pub(crate) destination: &'a [u8],
    pub(crate) source: &'a [u8],
    /// Where the packet's number begins.
    pub(crate) number_at: usize,
    /// Where the packet ends. It may be behind the end of what was captured.
    pub(crate) end: usize,
}

/// The begin of a datagram, as far as it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Header<'a> {
    Long(Long<'a>),
    /// A server's answer to a version that it does not speak, with those that it does (RFC 9000 §17.2.1).
    Negotiation(Vec<u32>),
    /// A long header of a version that is not read.
    Foreign(u32),
    /// A short header: what goes on once the handshake is over.
    Short,
}

impl<'a> Header<'a> {
    /// Reads the header that `packet` begins with; `None` where it is none. Between ends that have met, `met`, the bit
    /// that is fixed in the first packets may be anything (RFC 9287).
    pub(crate) fn read(packet: &'a [u8], met: bool) -> Option<Self> {
        let first = *packet.first()?;
        let is_fixed = met || first & 0x40 != 0;
        if first & 0x80 == 0 {
            return is_fixed.then_some(Self::Short);
        }
        let mut rest = Reader { bytes: packet, at: 1 };
        let number = u32::from_be_bytes(rest.take(4)?.try_into().ok()?);
        let known = versions::known(number);
        if number != 0 && known.is_none() {
            return versions::is_plausible(number).then_some(Self::Foreign(number));
        }
        let destination = rest.counted()?;
        let source = rest.counted()?;
        let Some(version) = known else {
            let versions = rest.rest().chunks_exact(4);
            let versions =
                versions.map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]));
            return Some(Self::Negotiation(versions.collect()));
        };
        // RFC 9000 §17.2: a connection id has 20 bytes at most, and the fixed bit is set.
        if destination.len() > 20 || source.len() > 20 || !is_fixed {
            return None;
        }
        let kind = Kind::of(first, &version);
        let (number_at, end) = match kind {
            Kind::Retry => (packet.len(), packet.len()),
            Kind::Initial | Kind::Early | Kind::Handshake => {
                if kind == Kind::Initial {
                    let token = usize::try_from(rest.number()?).ok()?;
                    rest.take(token)?;
                }
                let length = usize::try_from(rest.number()?).ok()?;
                (rest.at, rest.at.checked_add(length)?)
            }
        };
        Some(Self::Long(Long { version, kind, destination, source, number_at, end }))
    }
}

/// A frame, as far as it tells something of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// Bytes of the handshake.
    Crypto(u64, &'a [u8]),
    /// Bytes of a stream.
    Stream(StreamBytes<'a>),
    /// A stream is broken off by its sender; its number.
    Reset(u64),
    /// Another name that the sender may be called by.
    Name(&'a [u8]),
    /// Anything else that is known.
    Other,
    /// The end of the connection: whether the code is the application's, the code, and the reason.
    Close(bool, u64, &'a [u8]),
}

/// Reads the frames of a packet that was opened (RFC 9000 §19), up to one that is not known.
pub(crate) fn frames<'a>(payload: &'a [u8], mut each: impl FnMut(Frame<'a>)) {
    let mut rest = Reader { bytes: payload, at: 0 };
    while rest.at < payload.len() {
        match rest.frame() {
            Some(Frame::Other) => {}
            Some(frame) => each(frame),
            None => return,
        }
    }
}

/// Bytes that are read from the front.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    /// Bytes with their count, of one byte, before them.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let count = self.take(1)?[0];
        self.take(count.into())
    }

    /// An integer of variable length (RFC 9000 §16).
    fn number(&mut self) -> Option<u64> {
        let first = *self.bytes.get(self.at)?;
        let bytes = self.take(1 << (first >> 6))?;
        let first = u64::from(first & 0x3f);
        Some(bytes[1..].iter().fold(first, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Bytes with their count, of variable length, before them.
    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    fn numbers(&mut self, count: u64) -> Option<()> {
        (0..count).try_for_each(|_| self.number().map(drop))
    }

    /// The next frame; `None` where it is not known.
    fn frame(&mut self) -> Option<Frame<'a>> {
        let kind = self.number()?;
        match kind {
            // PADDING, PING, HANDSHAKE_DONE, IMMEDIATE_ACK (draft-ietf-quic-ack-frequency).
            0x00 | 0x01 | 0x1e | 0x1f => {}
            0x02 | 0x03 => self.acknowledgement(kind == 0x03)?,
            0x06 => {
                let offset = self.number()?;
                return Some(Frame::Crypto(offset, self.string()?));
            }
            0x1c | 0x1d => {
                let code = self.number()?;
                // The transport's names the frame that broke the rules.
                self.numbers(u64::from(kind == 0x1c))?;
                return Some(Frame::Close(kind == 0x1d, code, self.string()?));
            }
            0x04 => {
                let stream = self.number()?;
                self.numbers(2)?;
                return Some(Frame::Reset(stream));
            }
            0x05 | 0x11 | 0x15 => self.numbers(2)?,
            0x10 | 0x12..=0x14 | 0x16 | 0x17 | 0x19 => self.numbers(1)?,
            0x07 => drop(self.string()?),
            0x08..=0x0f => return Some(Frame::Stream(self.stream(kind)?)),
            0x18 => {
                self.numbers(2)?;
                let name = self.counted()?;
                // The token of a stateless reset.
                self.take(16)?;
                return Some(Frame::Name(name));
            }
            0x1a | 0x1b => drop(self.take(8)?),
            // DATAGRAM (RFC 9221 §4).
            0x30 => self.at = self.bytes.len(),
            0x31 => drop(self.string()?),
            // ACK_FREQUENCY.
            0xaf => self.numbers(4)?,
            _ => return None,
        }
        Some(Frame::Other)
    }

    fn acknowledgement(&mut self, counts: bool) -> Option<()> {
        self.numbers(2)?;
        let ranges = self.number()?;
        self.numbers(1)?;
        self.numbers(ranges.checked_mul(2)?)?;
        self.numbers(if counts { 3 } else { 0 })
    }

    fn stream(&mut self, kind: u64) -> Option<StreamBytes<'a>> {
        let stream = self.number()?;
        let offset = if kind & 4 == 0 { 0 } else { self.number()? };
        let bytes = if kind & 2 == 0 { self.take(self.rest().len())? } else { self.string()? };
        Some(StreamBytes { stream, offset, bytes, ends: kind & 1 != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart() {
        let payload = [
            &[0, 0, 1][..],
            // ACK of two ranges with counts of ECN.
            &[3, 9, 0x40, 25, 1, 2, 0, 1, 5, 6, 7],
            &[6, 0, 2, 0xaa, 0xbb],
            &[0x18, 1, 0, 2, 9, 9],
            &[0; 16],
            &[0x0e, 4, 3, 1, 0xcc],
            &[0x04, 8, 0x41, 0x0c, 9],
            &[0x40, 0xaf, 0, 1, 2, 3, 0x1f],
            &[0x1c, 0x41, 0x28, 6, 2, b'n', b'o'],
            &[0x1d, 0x41, 0x00, 0],
            &[0x09, 4, 1, 2, 3],
        ]
        .concat();
        let mut seen = Vec::new();
        frames(&payload, |frame| seen.push(frame));
        assert_eq!(
            seen,
            [
                Frame::Crypto(0, &[0xaa, 0xbb]),
                Frame::Name(&[9, 9]),
                Frame::Stream(StreamBytes { stream: 4, offset: 3, bytes: &[0xcc], ends: false }),
                Frame::Reset(8),
                Frame::Close(false, 0x128, b"no"),
                Frame::Close(true, 0x100, b""),
                Frame::Stream(StreamBytes { stream: 4, offset: 0, bytes: &[1, 2, 3], ends: true })
            ]
        );
        for cut in 0..payload.len() {
            frames(&payload[..cut], |_| ());
        }
    }

    #[test]
    fn headers_of_every_kind() {
        assert_eq!(Header::read(&[0x41, 2, 3], false), Some(Header::Short));
        assert_eq!(Header::read(&[0x01, 2, 3], false), None, "without the fixed bit");
        assert_eq!(Header::read(&[0x01, 2, 3], true), Some(Header::Short));
        let negotiation =
            [&[0x80, 0, 0, 0, 0, 1, 7, 0][..], &[0, 0, 0, 1], &[0x6b, 0x33, 0x43, 0xcf]].concat();
        assert_eq!(
            Header::read(&negotiation, false),
            Some(Header::Negotiation(vec![1, 0x6b33_43cf]))
        );
        assert_eq!(Header::read(b"\xc3Q046\x50", false), Some(Header::Foreign(0x5130_3436)));
        assert_eq!(Header::read(&[0x80, 0x47, 0x45, 0x54, 0x20], false), None);
        // Of version 2 an Initial has other bits than of version 1 (RFC 9369 §3.2).
        for (first, version, kind) in [
            (0xc0, [0, 0, 0, 1], Kind::Initial),
            (0xe0, [0, 0, 0, 1], Kind::Handshake),
            (0xd0, [0x6b, 0x33, 0x43, 0xcf], Kind::Initial),
            (0xf0, [0x6b, 0x33, 0x43, 0xcf], Kind::Handshake),
            (0xc0, [0x6b, 0x33, 0x43, 0xcf], Kind::Retry),
        ] {
            let packet = [&[first][..], &version, &[1, 7, 1, 8, 0, 9, 0, 0]].concat();
            let Some(Header::Long(long)) = Header::read(&packet, false) else {
                panic!("{packet:?}")
            };
            assert_eq!((long.kind, long.destination, long.source), (kind, &[7][..], &[8][..]));
        }
    }
}
