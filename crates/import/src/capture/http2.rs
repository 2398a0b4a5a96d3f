//! HTTP/2 (RFC 9113) in both directions of a connection.

use std::collections::BTreeMap;

use roundtrip_record::{BodyCut, HttpVersion};

use super::hpack::Decoder;
use super::section::{Section, framing};
use super::stream::Stamp;
use super::talk::{Carrier, Desk, Talk};

/// What a client says first (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The longest frame that is read: larger ones than the default need a setting.
const LONGEST: usize = 1 << 20;
/// The longest block of fields that is put together.
const LONGEST_BLOCK: usize = 1 << 20;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Both directions.
pub(crate) struct Http2 {
    halves: [Half; 2],
    talks: BTreeMap<u32, Talk>,
    /// Responses on streams whose request was not seen.
    pub(crate) passed_over: u64,
}

/// One direction.
struct Half {
    buffer: Vec<u8>,
    /// When the first byte in the buffer passed.
    began: Option<Stamp>,
    fields: Decoder,
    /// A block of fields that goes on in the next frame: its stream, its flags, its first byte.
    block: Option<(u32, u8, Stamp, Vec<u8>)>,
    preface: bool,
    /// The code of fields broke, or bytes are missing: nothing that follows can be read.
    lost: bool,
}

impl Half {
    fn new(whole: bool, preface: bool) -> Self {
        Self {
            buffer: Vec::new(),
            began: None,
            fields: Decoder::new(whole),
            block: None,
            preface,
            lost: false,
        }
    }
}

impl Http2 {
    /// A connection; `whole` says that it is seen from its begin. Its begin may be there, and yet the
    /// bytes before it not, so that the preface is taken off whenever it comes first.
    pub(crate) fn new(whole: bool) -> Self {
        let halves = [Half::new(whole, true), Half::new(whole, false)];
        Self { halves, talks: BTreeMap::new(), passed_over: 0 }
    }

    /// Fields that referred to what was said before the capture began.
    pub(crate) fn unknown_fields(&self) -> u64 {
        self.halves.iter().map(|half| half.fields.unknown).sum()
    }

    /// Takes the next bytes of one direction.
    pub(crate) fn feed(
        &mut self,
        desk: &mut Desk,
        carrier: &mut Carrier,
        by_client: bool,
        bytes: &[u8],
        stamp: Stamp,
    ) {
        let n = usize::from(!by_client);
        let half = &mut self.halves[n];
        if half.lost {
            self.passed_over += bytes.len() as u64;
            return;
        }
        half.buffer.extend_from_slice(bytes);
        let mut began = half.began.take().unwrap_or(stamp);
        let mut buffer = core::mem::take(&mut half.buffer);
        let mut at = 0;
        if half.preface {
            if buffer.len() < PREFACE.len() && PREFACE.starts_with(&buffer) {
                (half.buffer, half.began) = (buffer, Some(began));
                return;
            }
            half.preface = false;
            if buffer.starts_with(PREFACE) {
                at = PREFACE.len();
            }
        }
        while let Some(head) = buffer.get(at..at + 9) {
            let length =
                usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let (kind, flags) = (head[3], head[4]);
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
            if length > LONGEST {
                self.halves[n].lost = true;
                return;
            }
            let Some(payload) = buffer.get(at + 9..at + 9 + length) else { break };
            let frame = Frame { kind, flags, stream, payload, began, stamp };
            self.frame(desk, carrier, n, &frame);
            at += 9 + length;
            began = stamp;
            if self.halves[n].lost {
                return;
            }
        }
        buffer.drain(..at);
        let half = &mut self.halves[n];
        half.began = (!buffer.is_empty()).then_some(began);
        half.buffer = buffer;
    }

    fn frame(&mut self, desk: &mut Desk, carrier: &mut Carrier, n: usize, frame: &Frame<'_>) {
        match frame.kind {
            0 => self.data(desk, n, frame),
            // HEADERS, and PUSH_PROMISE, whose fields count for those that follow.
            1 | 5 => {
                let mut payload = frame.unpadded();
                if frame.kind == 1 && frame.flags & PRIORITY != 0 {
                    payload = payload.get(5..).unwrap_or_default();
                }
                if frame.kind == 5 {
                    payload = payload.get(4..).unwrap_or_default();
                }
                let stream = if frame.kind == 5 { 0 } else { frame.stream };
                self.halves[n].block = Some((stream, frame.flags, frame.began, payload.to_vec()));
                if frame.flags & END_HEADERS != 0 {
                    self.fields(desk, carrier, n, frame.stamp);
                }
            }
            3 => {
                if let Some(mut talk) = self.talks.remove(&frame.stream) {
                    talk.end(desk, frame.stamp, Some(BodyCut::Reset));
                }
            }
            9 => {
                if let Some((_, _, _, block)) = &mut self.halves[n].block {
                    block.extend_from_slice(frame.payload);
                    if block.len() > LONGEST_BLOCK {
                        self.halves[n].lost = true;
                    } else if frame.flags & END_HEADERS != 0 {
                        self.fields(desk, carrier, n, frame.stamp);
                    }
                }
            }
            _ => {}
        }
    }

    fn data(&mut self, desk: &mut Desk, n: usize, frame: &Frame<'_>) {
        let Some(talk) = self.talks.get_mut(&frame.stream) else {
            self.passed_over += frame.payload.len() as u64;
            return;
        };
        let ends = frame.flags & END_STREAM != 0;
        if n == 0 {
            talk.request_body(desk, frame.unpadded());
            if ends {
                talk.request_end(desk, frame.stamp);
            }
            return;
        }
        talk.body(frame.unpadded());
        if ends && let Some(mut talk) = self.talks.remove(&frame.stream) {
            talk.end(desk, frame.stamp, None);
        }
    }

    /// A block of fields is whole.
    fn fields(&mut self, desk: &mut Desk, carrier: &mut Carrier, n: usize, stamp: Stamp) {
        let Some((stream, flags, began, block)) = self.halves[n].block.take() else { return };
        let bytes = block.len() as u64;
        let Ok(lines) = self.halves[n].fields.decode(&block) else {
            self.halves[n].lost = true;
            return;
        };
        let ends = flags & END_STREAM != 0;
        let section = Section { lines, bytes };
        if n == 0 {
            self.request(desk, carrier, stream, section, ends, [began, stamp]);
        } else {
            self.response(desk, stream, section, ends, [began, stamp]);
        }
    }

    fn request(
        &mut self,
        desk: &mut Desk,
        carrier: &mut Carrier,
        stream: u32,
        section: Section,
        ends: bool,
        [began, stamp]: [Stamp; 2],
    ) {
        if let Some(talk) = self.talks.get_mut(&stream) {
            // Trailers.
            if ends {
                talk.request_end(desk, stamp);
            }
            return;
        }
        let Some(head) = section.request(HttpVersion::Http2, stream.into()) else { return };
        let mut talk = Talk::new(desk, carrier, head, began);
        if ends {
            talk.request_end(desk, stamp);
        }
        self.talks.insert(stream, talk);
    }

    fn response(
        &mut self,
        desk: &mut Desk,
        stream: u32,
        section: Section,
        ends: bool,
        [began, stamp]: [Stamp; 2],
    ) {
        let Some(talk) = self.talks.get_mut(&stream) else { return };
        if talk.is_answered() {
            talk.trailers(section.fields());
        } else if let Some(head) = section.answer(HttpVersion::Http2) {
            let framing = framing(&head, &talk.method, ends);
            talk.head(desk, head, began, stamp, framing);
        }
        if ends && let Some(mut talk) = self.talks.remove(&stream) {
            talk.end(desk, stamp, None);
        }
    }

    /// Bytes of one direction are missing.
    pub(crate) fn gap(&mut self, by_client: bool, bytes: u64) {
        self.passed_over += bytes;
        self.halves[usize::from(!by_client)].lost = true;
    }

    /// The connection is closed.
    pub(crate) fn closed(&mut self, desk: &mut Desk, reset: bool, stamp: Stamp) {
        let cut = if reset { BodyCut::Reset } else { BodyCut::Short };
        for (_, mut talk) in core::mem::take(&mut self.talks) {
            talk.end(desk, stamp, Some(cut));
        }
    }
}

/// A frame, with the times of its first and last byte.
struct Frame<'a> {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &'a [u8],
    began: Stamp,
    stamp: Stamp,
}

impl<'a> Frame<'a> {
    /// The payload without padding (RFC 9113 §6.1).
    fn unpadded(&self) -> &'a [u8] {
        if self.flags & PADDED == 0 {
            return self.payload;
        }
        let (length, rest) = self.payload.split_first().unwrap_or((&0, &[]));
        rest.get(..rest.len().saturating_sub(usize::from(*length))).unwrap_or_default()
    }
}
