//! Frames of WebSocket (RFC 6455 §5.2), as they pass, without I/O.

/// Reads the frames of one direction off the bytes that pass.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    head: Vec<u8>,
    /// The frame whose payload is passing.
    current: Option<Frame>,
    /// Bytes of its payload that are still to come.
    left: u64,
    /// Bytes of it that have passed: where its mask is.
    at: usize,
    mask: Option<[u8; 4]>,
    /// The message that is passing is compressed.
    compressed: bool,
    broken: Option<&'static str>,
}

/// A frame's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) fin: bool,
    /// Its message is compressed (RFC 7692 §6).
    pub(crate) compressed: bool,
    pub(crate) length: u64,
}

/// What is seen as bytes pass.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Passed<'a> {
    /// Bytes of a frame's payload, unmasked.
    Payload(Frame, &'a [u8]),
    /// A frame has passed whole.
    Whole(Frame),
}

const CONTINUATION: u8 = 0;
pub(crate) const CLOSE: u8 = 8;

impl FrameReader {
    /// Looks at bytes that pass. What is no frame ends the reading: nothing tells where the next begins.
    pub(crate) fn pass(&mut self, mut bytes: &[u8], mut see: impl FnMut(Passed<'_>)) {
        while !bytes.is_empty() && self.broken.is_none() {
            bytes = match self.current {
                None => self.take_head(bytes, &mut see),
                Some(frame) => self.take_payload(frame, bytes, &mut see),
            };
        }
    }

    /// Why what passes cannot be read any more, if so.
    pub(crate) fn broken(&self) -> Option<&'static str> {
        self.broken
    }

    /// Whether a frame is under way.
    pub(crate) fn is_within(&self) -> bool {
        self.current.is_some() || !self.head.is_empty()
    }

    /// Takes bytes of a head; gives the rest.
    fn take_head<'a>(&mut self, bytes: &'a [u8], see: &mut impl FnMut(Passed<'_>)) -> &'a [u8] {
        let need = head_length(&self.head);
        let (taken, rest) = bytes.split_at((need - self.head.len()).min(bytes.len()));
        self.head.extend_from_slice(taken);
        // Two bytes tell how many there are.
        if self.head.len() < head_length(&self.head) {
            return rest;
        }
        match self.parse() {
            Ok(frame) => {
                self.head.clear();
                (self.left, self.at) = (frame.length, 0);
                self.current = Some(frame);
                if frame.length == 0 {
                    self.end(frame, see);
                }
            }
            Err(why) => self.broken = Some(why),
        }
        rest
    }

    fn take_payload<'a>(
        &mut self,
        frame: Frame,
        bytes: &'a [u8],
        see: &mut impl FnMut(Passed<'_>),
    ) -> &'a [u8] {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let (payload, rest) = bytes.split_at(most);
        match self.mask {
            None => see(Passed::Payload(frame, payload)),
            Some(mask) => {
                let plain: Vec<u8> = payload
                    .iter()
                    .enumerate()
                    .map(|(at, byte)| byte ^ mask[(self.at + at) % 4])
                    .collect();
                see(Passed::Payload(frame, &plain));
            }
        }
        self.at = (self.at + most) % 4;
        self.left -= most as u64;
        if self.left == 0 {
            self.end(frame, see);
        }
        rest
    }

    fn end(&mut self, frame: Frame, see: &mut impl FnMut(Passed<'_>)) {
        self.current = None;
        see(Passed::Whole(frame));
    }

    fn parse(&mut self) -> Result<Frame, &'static str> {
        let [first, second, rest @ ..] = self.head.as_slice() else { return Err("no head") };
        let (fin, opcode) = (first & 0x80 != 0, first & 0x0f);
        if first & 0x30 != 0 || !matches!(opcode, 0..=2 | 8..=10) {
            return Err("it has a frame of an extension that is not known");
        }
        let (length, rest) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => {
                let mut long = [0; 8];
                long.copy_from_slice(&rest[..8]);
                (u64::from_be_bytes(long), &rest[8..])
            }
            short => (u64::from(short), rest),
        };
        if opcode >= CLOSE && (length > 125 || !fin) {
            return Err("it has a control frame of more than 125 bytes, or in parts");
        }
        self.mask = <[u8; 4]>::try_from(rest).ok();
        let marked = first & 0x40 != 0;
        let compressed = match opcode {
            CONTINUATION => self.compressed,
            CLOSE.. => false,
            _ => {
                self.compressed = marked;
                marked
            }
        };
        Ok(Frame { opcode, fin, compressed, length })
    }
}

/// How long a head is, as far as its beginning tells: never less than two bytes.
fn head_length(head: &[u8]) -> usize {
    let Some(second) = head.get(1) else { return 2 };
    let length = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + length + if second & 0x80 != 0 { 4 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What passes, in pieces of this size.
    fn read(bytes: &[u8], piece: usize) -> (Vec<(Frame, Vec<u8>)>, Option<&'static str>) {
        let (mut reader, mut frames, mut payload) =
            (FrameReader::default(), Vec::new(), Vec::new());
        for piece in bytes.chunks(piece) {
            reader.pass(piece, |passed| match passed {
                Passed::Payload(_, bytes) => payload.extend_from_slice(bytes),
                Passed::Whole(frame) => frames.push((frame, core::mem::take(&mut payload))),
            });
        }
        (frames, reader.broken())
    }

    #[test]
    fn frames_are_read_however_they_come() {
        // RFC 6455 §5.7, and longer ones.
        let mut bytes = b"\x81\x05Hello\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".to_vec();
        bytes.extend_from_slice(b"\x01\x03Hel\x80\x02lo\x89\x00");
        bytes.extend_from_slice(b"\x82\x7e\x01\x00");
        bytes.extend_from_slice(&[7; 256]);
        bytes.extend_from_slice(b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00");
        bytes.extend_from_slice(&vec![9; 65536]);
        bytes.extend_from_slice(b"\x88\x02\x03\xe8");
        for piece in [1, 2, 3, 7, 1000, usize::MAX / 2] {
            let (frames, broken) = read(&bytes, piece.min(bytes.len()));
            assert_eq!(broken, None);
            let texts: Vec<(u8, bool, usize)> = frames
                .iter()
                .map(|(frame, payload)| (frame.opcode, frame.fin, payload.len()))
                .collect();
            assert_eq!(
                texts,
                [
                    (1, true, 5),
                    (1, true, 5),
                    (1, false, 3),
                    (0, true, 2),
                    (9, true, 0),
                    (2, true, 256),
                    (2, true, 65536),
                    (8, true, 2)
                ]
            );
            assert_eq!(frames[0].1, b"Hello");
            assert_eq!(frames[1].1, b"Hello", "unmasked");
        }
    }

    #[test]
    fn what_is_no_frame_is_not_read_on() {
        for bytes in
            [&b"\x83\x00"[..], b"\xb1\x00", b"\x89\x7e\x01\x00", b"\x08\x00", b"GET / HTTP"]
        {
            let (frames, broken) = read(bytes, 1);
            assert!(frames.is_empty() && broken.is_some(), "{bytes:?}");
        }
    }

    #[test]
    fn a_compressed_message_is_so_to_its_end() {
        let (frames, _) = read(b"\x41\x01a\x89\x00\x80\x01b\x81\x01c", 100);
        let compressed: Vec<bool> = frames.iter().map(|(frame, _)| frame.compressed).collect();
        assert_eq!(compressed, [true, false, true, false]);
    }
}
