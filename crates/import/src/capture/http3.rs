//! HTTP/3 (RFC 9114) in both directions of a QUIC connection: what its streams say, put in order.

use std::collections::BTreeMap;

use bytes::BytesMut;
use roundtrip_http::{Observation, Observed, Observer};
use roundtrip_record::{BodyCut, HttpVersion};

use super::ordered::{Ordered, StreamBytes};
use super::section::{Section, framing, text};
use super::stream::Stamp;
use super::talk::{Carrier, Desk, Talk};

/// How many bytes of a stream are held behind a gap, at most: what a fast connection has under way.
const MOST_HELD: usize = 16 << 20;

/// Both directions.
#[derive(Default)]
pub(crate) struct Http3 {
    observer: Observer,
    /// The client's part of each stream, and the server's.
    parts: [BTreeMap<u64, Part>; 2],
    talks: BTreeMap<u64, Talk>,
    /// Streams that could not be read to their end.
    pub(crate) unreadable: u64,
}

/// One direction of a stream.
struct Part {
    bytes: Ordered,
    /// Where it ends, once that was said.
    size: Option<u64>,
    /// When the first byte of the head that is coming passed.
    began: Option<Stamp>,
    over: bool,
}

impl Part {
    fn new() -> Self {
        Self { bytes: Ordered::new(MOST_HELD), size: None, began: None, over: false }
    }
}

impl Http3 {
    /// Takes the bytes of a frame.
    pub(crate) fn feed(
        &mut self,
        desk: &mut Desk,
        carrier: &mut Carrier,
        by_client: bool,
        frame: &StreamBytes<'_>,
        stamp: Stamp,
    ) {
        let part =
            self.parts[usize::from(!by_client)].entry(frame.stream).or_insert_with(Part::new);
        if part.over {
            return;
        }
        if frame.ends {
            part.size = frame.offset.checked_add(frame.bytes.len() as u64);
        }
        let mut ready = BytesMut::new();
        part.bytes.take(frame.offset, frame.bytes, |bytes| ready.extend_from_slice(bytes));
        part.over = part.size == Some(part.bytes.next());
        if ready.is_empty() && !part.over {
            return;
        }
        part.began.get_or_insert(stamp);
        let mut said = Vec::new();
        self.observer.feed(by_client, frame.stream, ready.freeze(), part.over, &mut said);
        let mut said = said.into_iter().peekable();
        while let Some(Observation { by_client, stream, what }) = said.next() {
            if by_client {
                self.asked(desk, carrier, stream, what, stamp);
            } else {
                let end = Observation { by_client, stream, what: Observed::End };
                self.answered(desk, stream, what, said.peek() == Some(&end), stamp);
            }
        }
    }

    /// The client said this on a request's stream.
    fn asked(
        &mut self,
        desk: &mut Desk,
        carrier: &mut Carrier,
        stream: u64,
        what: Observed,
        stamp: Stamp,
    ) {
        let began = self.began(0, stream, &what, stamp);
        match (self.talks.get_mut(&stream), what) {
            (None, Observed::Fields { lines, bytes }) => {
                let head = section(lines, bytes).request(HttpVersion::Http3, stream);
                if let Some(head) = head {
                    self.talks.insert(stream, Talk::new(desk, carrier, head, began));
                }
            }
            (Some(talk), Observed::Data(bytes)) => talk.request_body(desk, &bytes),
            (Some(talk), Observed::End) => talk.request_end(desk, stamp),
            (_, Observed::Unreadable) => self.unreadable += 1,
            // Trailers; and what belongs to no request that is known.
            (Some(_), Observed::Fields { .. }) | (None, Observed::Data(_) | Observed::End) => {}
        }
    }

    /// The server said this on a request's stream; `ends` says that nothing follows.
    fn answered(&mut self, desk: &mut Desk, stream: u64, what: Observed, ends: bool, stamp: Stamp) {
        let began = self.began(1, stream, &what, stamp);
        let Some(talk) = self.talks.get_mut(&stream) else { return };
        match what {
            Observed::Fields { lines, bytes } if talk.is_answered() => {
                talk.trailers(section(lines, bytes).fields());
            }
            Observed::Fields { lines, bytes } => {
                if let Some(head) = section(lines, bytes).answer(HttpVersion::Http3) {
                    let framing = framing(&head, &talk.method, ends);
                    talk.head(desk, head, began, stamp, framing);
                }
            }
            Observed::Data(bytes) => talk.body(&bytes),
            Observed::End => self.end(desk, stream, None, stamp),
            Observed::Unreadable => {
                self.unreadable += 1;
                self.end(desk, stream, Some(BodyCut::Malformed), stamp);
            }
        }
    }

    /// When the first byte of what was read passed: of a field section, when its stream's bytes began to wait for it.
    fn began(&mut self, n: usize, stream: u64, what: &Observed, stamp: Stamp) -> Stamp {
        let Some(part) = self.parts[n].get_mut(&stream) else { return stamp };
        let began = part.began.unwrap_or(stamp);
        // What follows in the same packet passed with it.
        part.began = matches!(what, Observed::Fields { .. }).then_some(stamp);
        began
    }

    /// One end breaks a stream off.
    pub(crate) fn reset(&mut self, desk: &mut Desk, by_client: bool, stream: u64, stamp: Stamp) {
        let part = self.parts[usize::from(!by_client)].entry(stream).or_insert_with(Part::new);
        if !core::mem::replace(&mut part.over, true) {
            self.end(desk, stream, Some(BodyCut::Reset), stamp);
        }
    }

    /// The connection is closed.
    pub(crate) fn closed(&mut self, desk: &mut Desk, stamp: Stamp) {
        for (_, mut talk) in core::mem::take(&mut self.talks) {
            talk.end(desk, stamp, Some(BodyCut::Short));
        }
    }

    fn end(&mut self, desk: &mut Desk, stream: u64, cut: Option<BodyCut>, stamp: Stamp) {
        if let Some(mut talk) = self.talks.remove(&stream) {
            talk.end(desk, stamp, cut);
        }
    }
}

fn section(lines: Vec<(Vec<u8>, Vec<u8>)>, bytes: u64) -> Section {
    let lines = lines.into_iter().map(|(name, value)| (text(name), text(value)));
    Section { lines: lines.collect(), bytes }
}
