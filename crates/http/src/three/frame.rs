//! Frames (RFC 9114 §7).

use bytes::Bytes;

use super::breach::{Breach, Code};
use super::number;

/// Kinds of frames that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Data,
    Headers,
    CancelPush,
    Settings,
    PushPromise,
    GoAway,
    MaxPushId,
    /// RFC 9218 §7.2, of a request.
    PriorityUpdate,
    /// Anything that we do not know, which is passed over (RFC 9114 §9).
    Other,
}

impl Kind {
    /// # Errors
    /// For what HTTP/2 has and HTTP/3 may not (RFC 9114 §7.2.8).
    fn of(number: u64) -> Result<Self, Breach> {
        Ok(match number {
            0x00 => Self::Data,
            0x01 => Self::Headers,
            0x03 => Self::CancelPush,
            0x04 => Self::Settings,
            0x05 => Self::PushPromise,
            0x07 => Self::GoAway,
            0x0d => Self::MaxPushId,
            0xf_0700 => Self::PriorityUpdate,
            0x02 | 0x06 | 0x08 | 0x09 => {
                let why = "a frame of HTTP/2";
                return Err(Breach::of_connection(Code::FRAME_UNEXPECTED, why));
            }
            _ => Self::Other,
        })
    }

    fn number(self) -> u64 {
        match self {
            Self::Data => 0x00,
            Self::Headers => 0x01,
            Self::CancelPush => 0x03,
            Self::Settings => 0x04,
            Self::PushPromise => 0x05,
            Self::GoAway => 0x07,
            Self::MaxPushId => 0x0d,
            Self::PriorityUpdate => 0xf_0700,
            // Reserved to be passed over (RFC 9114 §7.2.8).
            Self::Other => 0x21,
        }
    }
}

/// A whole frame.
pub(crate) fn framed(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 8);
    number::encode(kind.number(), &mut frame);
    number::encode(payload.len() as u64, &mut frame);
    frame.extend_from_slice(payload);
    frame
}

/// The head of a DATA frame of this length.
pub(crate) fn data_head(length: usize) -> Bytes {
    let mut head = Vec::with_capacity(9);
    number::encode(Kind::Data.number(), &mut head);
    number::encode(length as u64, &mut head);
    head.into()
}

/// What comes out of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Bytes of a DATA frame.
    Data(Bytes),
    /// A frame of another kind, whole.
    Frame(Kind, Bytes),
}

/// Cuts a stream into frames, however its bytes come.
#[derive(Debug)]
pub(crate) struct Frames {
    /// Bytes that a frame may have which has to be there as a whole.
    most: usize,
    /// What came and was not looked at.
    input: Bytes,
    /// The beginning of a frame's head that is not there to its end, or of a payload.
    held: Vec<u8>,
    frame: Option<Open>,
    /// Bytes of the stream that have been looked at.
    read: u64,
    /// Bytes of DATA frames, with their heads.
    framed: u64,
}

/// A frame whose head has come.
#[derive(Clone, Copy, Debug)]
struct Open {
    kind: Kind,
    left: u64,
}

impl Frames {
    /// One for frames of so many bytes, DATA and what we do not know excepted.
    pub(crate) fn new(most: usize) -> Self {
        let (input, held) = (Bytes::new(), Vec::new());
        Self { most, input, held, frame: None, read: 0, framed: 0 }
    }

    /// The next bytes of the stream; those before have been taken.
    pub(crate) fn push(&mut self, bytes: Bytes) {
        debug_assert!(self.input.is_empty());
        self.input = bytes;
    }

    /// Passes over what came and was not taken.
    pub(crate) fn clear(&mut self) {
        self.input.clear();
    }

    /// Whether all that came has been taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// Whether a frame has begun and not ended.
    pub(crate) fn is_within(&self) -> bool {
        self.frame.is_some() || !self.held.is_empty()
    }

    /// Bytes of the stream so far.
    pub(crate) fn read(&self) -> u64 {
        self.read
    }

    /// Bytes of DATA frames so far, with their heads.
    pub(crate) fn framed(&self) -> u64 {
        self.framed
    }

    /// What is there whole; `None` where more has to come.
    pub(crate) fn next(&mut self) -> Result<Option<Part>, Breach> {
        loop {
            let Some(mut frame) = self.frame else {
                if !self.head()? {
                    return Ok(None);
                }
                continue;
            };
            let there = frame.left.min(self.input.len() as u64);
            let taken = self.input.split_to(there as usize);
            self.read += there;
            frame.left -= there;
            self.frame = (frame.left > 0).then_some(frame);
            match frame.kind {
                Kind::Data => {
                    self.framed += there;
                    if there > 0 {
                        return Ok(Some(Part::Data(taken)));
                    }
                }
                Kind::Other => {}
                kind if frame.left == 0 => {
                    let payload = if self.held.is_empty() {
                        taken
                    } else {
                        self.held.extend_from_slice(&taken);
                        core::mem::take(&mut self.held).into()
                    };
                    return Ok(Some(Part::Frame(kind, payload)));
                }
                _ => self.held.extend_from_slice(&taken),
            }
            if frame.left > 0 {
                return Ok(None);
            }
        }
    }

    /// Reads the head of the next frame, if it is there.
    fn head(&mut self) -> Result<bool, Breach> {
        while !self.input.is_empty() {
            let next = self.input.split_to(1);
            self.held.extend_from_slice(&next);
            self.read += 1;
            let Some((number, first)) = number::decode(&self.held) else { continue };
            let Some((length, second)) = number::decode(&self.held[first..]) else { continue };
            self.held.clear();
            let kind = Kind::of(number)?;
            if kind == Kind::Data {
                self.framed += (first + second) as u64;
            } else if kind != Kind::Other && length > self.most as u64 {
                let why = "a frame longer than the limit";
                return Err(Breach::of_connection(Code::EXCESSIVE_LOAD, why));
            }
            self.frame = Some(Open { kind, left: length });
            return Ok(true);
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of these bytes, cut into pieces of this length; DATA is joined.
    fn parts(bytes: &[u8], piece: usize) -> Result<Vec<Part>, Breach> {
        let (mut frames, mut all) = (Frames::new(100), Vec::new());
        for piece in bytes.chunks(piece) {
            frames.push(Bytes::copy_from_slice(piece));
            while let Some(part) = frames.next()? {
                match (all.last_mut(), part) {
                    (Some(Part::Data(before)), Part::Data(more)) => {
                        *before = [&before[..], &more[..]].concat().into();
                    }
                    (_, part) => all.push(part),
                }
            }
        }
        assert_eq!(frames.read(), bytes.len() as u64);
        assert!(frames.held.len() <= 100);
        Ok(all)
    }

    #[test]
    fn however_they_are_cut_frames_are_the_same() {
        let mut bytes = framed(Kind::Headers, b"head");
        bytes.extend(data_head(70));
        bytes.extend([b'x'; 70]);
        bytes.extend(framed(Kind::Other, &[0; 300]));
        bytes.extend(framed(Kind::Data, b""));
        bytes.extend(framed(Kind::Headers, b""));
        let expected = vec![
            Part::Frame(Kind::Headers, Bytes::from_static(b"head")),
            Part::Data(vec![b'x'; 70].into()),
            Part::Frame(Kind::Headers, Bytes::new()),
        ];
        for piece in [1, 2, 3, 7, 64, 1000] {
            assert_eq!(parts(&bytes, piece), Ok(expected.clone()), "pieces of {piece}");
        }
    }

    proptest::proptest! {
        /// However arbitrary bytes are cut, the same comes out, and no more than a frame is kept.
        #[test]
        fn arbitrary_bytes_are_cut_the_same(bytes: Vec<u8>, piece in 1_usize..20) {
            let whole = parts(&bytes, bytes.len().max(1));
            proptest::prop_assert_eq!(parts(&bytes, piece), whole);
        }
    }

    #[test]
    fn frames_that_may_not_be_end_the_connection() {
        for number in [2, 6, 8, 9] {
            let breach = parts(&[number, 0], 2).unwrap_err();
            assert_eq!((breach.code, breach.of_stream), (Code::FRAME_UNEXPECTED, false));
        }
        let breach = parts(&[1, 0x40, 101], 3).unwrap_err();
        assert_eq!(breach.code, Code::EXCESSIVE_LOAD);
        // DATA has no limit, and what is not known is not kept.
        assert_eq!(parts(&[0, 0xbf, 0xff, 0xff, 0xff, 0x21], 6).unwrap().len(), 1);
    }

    #[test]
    fn the_end_within_a_frame_is_seen() {
        let mut frames = Frames::new(10);
        frames.push(Bytes::from_static(&[1, 2, 3]));
        assert_eq!(frames.next(), Ok(None));
        assert!(frames.is_within());
        frames.push(Bytes::from_static(&[4]));
        assert!(matches!(frames.next(), Ok(Some(Part::Frame(Kind::Headers, _)))));
        assert!(!frames.is_within());
        frames.push(Bytes::from_static(&[0x40]));
        assert_eq!(frames.next(), Ok(None));
        assert!(frames.is_within());
    }
}
