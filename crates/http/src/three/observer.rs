//! HTTP/3 as it passes between two ends, for one who sees the streams of both in the clear, as a capture with
//! keys does.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::frame::{Frames, Kind, Part};
use super::qpack::{Decoded, Decoder};
use super::settings::Settings;
use super::unidirectional::Use;

/// Bytes that a field section may come to, each field counting 32 more, and that a frame may have which is not DATA.
const SECTION: usize = 1 << 20;
/// Bytes of the largest table by which fields are coded; browsers allow 64 KiB.
const TABLE: u64 = 1 << 20;
/// Bytes that are held for what was not seen yet, of one stream, before that is given up.
const HELD: usize = 4 << 20;

/// What passed on a stream of a request, in the order in which it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// A field section (RFC 9114 §4.1): a head, or the trailers behind a body.
    Fields {
        /// Names and values, those with a colon before the name among them.
        lines: Vec<(Vec<u8>, Vec<u8>)>,
        /// Bytes of the section as it was coded.
        bytes: u64,
    },
    /// Bytes of a body, without the framing.
    Data(Bytes),
    /// The stream has ended as it should.
    End,
    /// The rest of the stream cannot be read: it breaks RFC 9114 or RFC 9204, or refers to what was not seen.
    Unreadable,
}

/// What passed, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Whether the client sent it.
    pub by_client: bool,
    /// The number of the stream.
    pub stream: u64,
    /// What passed.
    pub what: Observed,
}

/// Both directions of a connection.
#[derive(Debug)]
pub struct Observer {
    halves: [Half; 2],
}

impl Default for Observer {
    fn default() -> Self {
        Self { halves: [Half::new(true), Half::new(false)] }
    }
}

impl Observer {
    /// Takes the next bytes of a stream, in order; `ends` says that they are the last. What can be read now, on this
    /// stream and on those that waited for it, is added to `out`.
    pub fn feed(
        &mut self,
        by_client: bool,
        stream: u64,
        bytes: Bytes,
        ends: bool,
        out: &mut Vec<Observation>,
    ) {
        let n = usize::from(!by_client);
        // The lowest bits of a stream's number: who opened it, and whether it goes in one direction (RFC 9000 §2.1).
        match (stream & 3, by_client) {
            (0, _) => self.halves[n].request(stream, bytes, ends, out),
            (2, true) | (3, false) => self.unidirectional(n, stream, bytes, out),
            _ => {}
        }
    }

    /// Takes bytes of a stream that goes in one direction.
    fn unidirectional(
        &mut self,
        n: usize,
        stream: u64,
        mut bytes: Bytes,
        out: &mut Vec<Observation>,
    ) {
        let used = self.halves[n].unidirectional.entry(stream).or_default();
        if !used.learn(&mut bytes) {
            return;
        }
        match used {
            Use::Control(frames) => {
                let Some(settings) = settings(frames, bytes) else { return };
                self.halves[1 - n].fields.allow(settings.table);
                self.halves[1 - n].retry(out);
            }
            Use::Encoder => {
                self.halves[n].fields.instructions(&bytes);
                self.halves[n].retry(out);
            }
            Use::Unknown(_) | Use::Push | Use::Decoder | Use::Other => {}
        }
    }
}

/// The settings among the next bytes of a control stream.
fn settings(frames: &mut Frames, bytes: Bytes) -> Option<Settings> {
    frames.push(bytes);
    let mut found = None;
    while let Ok(Some(part)) = frames.next() {
        if let Part::Frame(Kind::Settings, payload) = part {
            found = Settings::decode(&payload).ok();
        }
    }
    // Behind a frame that may not be, nothing of what it says counts.
    frames.clear();
    found
}

/// One direction.
#[derive(Debug)]
struct Half {
    by_client: bool,
    requests: BTreeMap<u64, Request>,
    unidirectional: BTreeMap<u64, Use>,
    fields: Coding,
}

impl Half {
    fn new(by_client: bool) -> Self {
        Self {
            by_client,
            requests: BTreeMap::new(),
            unidirectional: BTreeMap::new(),
            fields: Coding::default(),
        }
    }

    fn request(&mut self, id: u64, bytes: Bytes, ends: bool, out: &mut Vec<Observation>) {
        let request = self.requests.entry(id).or_insert_with(Request::new);
        if !request.unreadable {
            request.held += bytes.len();
            request.waiting.push_back(bytes);
        }
        request.ends |= ends;
        self.pull(id, out);
    }

    /// Goes on with the streams that wait for entries of the table.
    fn retry(&mut self, out: &mut Vec<Observation>) {
        let blocked = self.requests.iter().filter(|(_, request)| request.section.is_some());
        let blocked: Vec<u64> = blocked.map(|(id, _)| *id).collect();
        for id in blocked {
            self.pull(id, out);
        }
    }

    /// Reads on in a stream, as far as it can be read.
    fn pull(&mut self, id: u64, out: &mut Vec<Observation>) {
        let Some(request) = self.requests.get_mut(&id) else { return };
        let by_client = self.by_client;
        let out = |what| out.push(Observation { by_client, stream: id, what });
        match request.read(id, &mut self.fields, out) {
            Progress::Waits => {}
            Progress::Over => drop(self.requests.remove(&id)),
        }
    }
}

/// A stream's part in one direction.
#[derive(Debug)]
struct Request {
    frames: Frames,
    /// What came behind a section that waits, and how many bytes that is.
    waiting: VecDeque<Bytes>,
    held: usize,
    /// A field section that was not decoded yet.
    section: Option<Bytes>,
    ends: bool,
    unreadable: bool,
}

/// Where a stream is after what came.
enum Progress {
    /// More is to come.
    Waits,
    /// It has ended.
    Over,
}

impl Request {
    fn new() -> Self {
        Self {
            frames: Frames::new(SECTION),
            waiting: VecDeque::new(),
            held: 0,
            section: None,
            ends: false,
            unreadable: false,
        }
    }

    fn read(&mut self, id: u64, fields: &mut Coding, mut out: impl FnMut(Observed)) -> Progress {
        while !self.unreadable {
            if let Some(section) = self.section.take() {
                match fields.decode(id, &section) {
                    Some(Decoded::Lines(lines)) => {
                        out(Observed::Fields { lines, bytes: section.len() as u64 });
                    }
                    Some(Decoded::Blocked) if self.held <= HELD => {
                        self.section = Some(section);
                        return Progress::Waits;
                    }
                    Some(Decoded::Blocked | Decoded::TooLarge) | None => self.give_up(&mut out),
                }
                continue;
            }
            match self.frames.next() {
                Ok(Some(Part::Data(bytes))) => out(Observed::Data(bytes)),
                Ok(Some(Part::Frame(Kind::Headers, section))) => self.section = Some(section),
                Ok(Some(Part::Frame(..))) => {}
                Ok(None) => {
                    let Some(bytes) = self.waiting.pop_front() else { break };
                    self.held -= bytes.len();
                    self.frames.push(bytes);
                }
                Err(_) => self.give_up(&mut out),
            }
        }
        if !self.ends {
            return Progress::Waits;
        }
        if !self.unreadable {
            out(if self.frames.is_within() { Observed::Unreadable } else { Observed::End });
        }
        Progress::Over
    }

    fn give_up(&mut self, out: &mut impl FnMut(Observed)) {
        self.unreadable = true;
        self.waiting = VecDeque::new();
        out(Observed::Unreadable);
    }
}

/// How one direction codes its fields.
#[derive(Debug)]
struct Coding {
    decoder: Decoder,
    table: State,
}

/// Whether the table is known by which fields are coded.
#[derive(Debug)]
enum State {
    /// The other end has not said how large it may be; what would go into it so far.
    Unknown(Vec<u8>),
    Known,
    /// It is too large, or something came that cannot be.
    Lost,
}

impl Default for Coding {
    fn default() -> Self {
        Self { decoder: Decoder::new(0, SECTION), table: State::Unknown(Vec::new()) }
    }
}

impl Coding {
    /// The other end allows a table of so many bytes.
    fn allow(&mut self, table: u64) {
        let State::Unknown(early) = &mut self.table else { return };
        let early = core::mem::take(early);
        if table > TABLE {
            self.table = State::Lost;
            return;
        }
        self.decoder = Decoder::new(table, SECTION);
        self.table = State::Known;
        self.instructions(&early);
    }

    /// Takes bytes of the encoder's stream.
    fn instructions(&mut self, bytes: &[u8]) {
        match &mut self.table {
            State::Unknown(early) if early.len() + bytes.len() <= HELD => early.extend(bytes),
            State::Known if self.decoder.feed(bytes).is_ok() => self.answer(),
            State::Unknown(_) | State::Known => self.table = State::Lost,
            State::Lost => {}
        }
    }

    /// Decodes a section; `None` where that cannot be done, now or later.
    fn decode(&mut self, stream: u64, section: &[u8]) -> Option<Decoded> {
        // A section that begins with 0 needs no table (RFC 9204 §4.5.1.1).
        let decoded = match (&self.table, section.first()) {
            (State::Known, _) | (_, Some(0)) => self.decoder.decode(stream, section).ok(),
            (State::Unknown(_), _) => Some(Decoded::Blocked),
            (State::Lost, _) => None,
        };
        self.answer();
        decoded
    }

    /// What the decoder would say to the encoder: its own end says it.
    fn answer(&mut self) {
        self.decoder.take_output();
    }
}

#[cfg(test)]
mod tests {
    use super::super::qpack::encode;
    use super::super::{data_head, framed};
    use super::*;

    fn feed(observer: &mut Observer, by_client: bool, stream: u64, bytes: &[u8]) -> Vec<String> {
        let mut out = Vec::new();
        observer.feed(by_client, stream, Bytes::copy_from_slice(bytes), false, &mut out);
        words(&out)
    }

    fn words(out: &[Observation]) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let of = |Observation { stream, what, .. }: &Observation| match what {
            Observed::Fields { lines, .. } => {
                let lines = lines.iter().map(|(name, value)| text(name) + "=" + &text(value));
                format!("{stream} {}", lines.collect::<Vec<_>>().join(" "))
            }
            Observed::Data(bytes) => format!("{stream} {}", text(bytes)),
            Observed::End => format!("{stream} end"),
            Observed::Unreadable => format!("{stream} unreadable"),
        };
        out.iter().map(of).collect()
    }

    /// A control stream whose settings allow a table of 220 bytes.
    const CONTROL: [u8; 6] = [0x00, 0x04, 0x03, 0x01, 0x40, 0xdc];
    /// RFC 9204 appendix B.2: two entries, and a section that refers to them.
    const INSERTS: &[u8] = b"\x02\x3f\xbd\x01\xc0\x0fwww.example.com\xc1\x0c/sample/path";
    const SECTION_OF_BOTH: [u8; 4] = [0x03, 0x81, 0x10, 0x11];

    #[test]
    fn messages_pass_in_both_directions() {
        let mut observer = Observer::default();
        let section = encode([(&b":method"[..], &b"GET"[..])]);
        let bytes = [framed(Kind::Headers, &section), data_head(3).to_vec(), b"abc".to_vec()];
        let bytes = bytes.concat();
        let mut told = Vec::new();
        for byte in &bytes {
            told.extend(feed(&mut observer, true, 0, &[*byte]));
        }
        assert_eq!(told, ["0 :method=GET", "0 a", "0 b", "0 c"]);
        let mut out = Vec::new();
        observer.feed(true, 0, Bytes::new(), true, &mut out);
        assert_eq!(words(&out), ["0 end"]);
        assert_eq!(feed(&mut observer, false, 0, &bytes), ["0 :method=GET", "0 abc"]);
        assert!(observer.halves[0].requests.is_empty());
    }

    #[test]
    fn sections_wait_for_the_table_and_for_how_large_it_may_be() {
        let request = framed(Kind::Headers, &SECTION_OF_BOTH);
        let both = ["4 :authority=www.example.com :path=/sample/path", "4 x"];
        for order in [[0, 1, 2], [0, 2, 1], [2, 0, 1], [1, 0, 2], [1, 2, 0], [2, 1, 0]] {
            let mut observer = Observer::default();
            let mut told = Vec::new();
            for step in order {
                told.extend(match step {
                    0 => feed(&mut observer, false, 3, &CONTROL),
                    1 => feed(&mut observer, true, 6, INSERTS),
                    _ => feed(&mut observer, true, 4, &[&request[..], &[0, 1, b'x']].concat()),
                });
            }
            assert_eq!(told, both, "{order:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_ends_its_stream_alone() {
        let mut observer = Observer::default();
        assert_eq!(feed(&mut observer, true, 0, &[2, 0]), ["0 unreadable"]);
        assert_eq!(feed(&mut observer, true, 0, b"more"), [""; 0]);
        let plain = framed(Kind::Headers, &encode([(&b"a"[..], &b"b"[..])]));
        assert_eq!(feed(&mut observer, true, 4, &plain), ["4 a=b"]);
        // A table beyond the limit: what needs it is lost, what does not is read.
        let large = [0x00, 0x04, 0x05, 0x01, 0xbf, 0xff, 0xff, 0xff];
        feed(&mut observer, false, 3, &large);
        let request = framed(Kind::Headers, &SECTION_OF_BOTH);
        assert_eq!(feed(&mut observer, true, 8, &request), ["8 unreadable"]);
        assert_eq!(feed(&mut observer, true, 12, &plain), ["12 a=b"]);
        // The end within a frame.
        let mut out = Vec::new();
        observer.feed(true, 16, Bytes::from_static(&[1, 9]), true, &mut out);
        assert_eq!(words(&out), ["16 unreadable"]);
    }

    #[test]
    fn what_waits_for_ever_is_given_up() {
        let mut observer = Observer::default();
        let request = framed(Kind::Headers, &SECTION_OF_BOTH);
        assert_eq!(feed(&mut observer, true, 0, &request), [""; 0]);
        let mut told = Vec::new();
        for _ in 0..=HELD / 16_384 {
            told.extend(feed(&mut observer, true, 0, &[0; 16_384]));
        }
        assert_eq!(told, ["0 unreadable"]);
    }

    proptest::proptest! {
        /// Whatever passes, nothing breaks.
        #[test]
        fn arbitrary_bytes_do_no_harm(passed: Vec<(bool, u8, Vec<u8>, bool)>) {
            let mut observer = Observer::default();
            let mut out = Vec::new();
            for (by_client, stream, bytes, ends) in passed {
                observer.feed(by_client, u64::from(stream & 15), bytes.into(), ends, &mut out);
            }
        }
    }
}
