//! What the streams of a connection share: settings, the table of fields, that one end goes away.

use core::cell::RefCell;
use core::task::{Context, Poll, Waker};
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use roundtrip_quic::{Connection, Direction, Ended, StreamId, WriteError};
use roundtrip_record::Side;
use roundtrip_wire::Wire;

use super::breach::{Breach, Code};
use super::fields::Lines;
use super::frame::{Kind, Part, framed};
use super::number;
use super::qpack::{Decoded, Decoder, encode};
use super::settings::Settings;
use super::unidirectional::{Unidirectional, Use};

/// Bytes of the table by which the other end may code fields, as much as with HTTP/2.
const TABLE: u64 = 4096;
/// Streams that may wait for entries of it.
const BLOCKED: u64 = 16;
/// Streams of one direction that the other end may have: three that it must, and some to be passed over.
const MOST_UNIDIRECTIONAL: usize = 16;
/// Priorities that are kept for streams that have not begun.
const MOST_EARLY: usize = 100;
/// How much is read at once.
const READ: usize = 16 * 1024;

/// A field section that came on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Lines(Lines),
    /// It is larger than it may be.
    TooLarge,
}

/// What streams of a connection share.
pub(crate) struct Hub<W: Wire> {
    pub(crate) quic: Connection<W>,
    side: Side,
    state: RefCell<State>,
}

struct State {
    /// Our own streams, in the order in which they are opened, and what waits to be written to each.
    own: [Own; 3],
    theirs: Vec<Unidirectional>,
    /// What the other end allows; `None` until it has said so.
    settings: Option<Settings>,
    decoder: Decoder,
    /// Sections that wait, of how many streams.
    waiting: BTreeMap<u64, Waker>,
    /// The other end takes no more streams from this one on.
    going_away: Option<u64>,
    /// Priorities that came in frames of their own, by stream (RFC 9218 §7.2).
    updates: BTreeMap<u64, Vec<u8>>,
    breach: Option<Breach>,
    /// Who goes on with it.
    driver: Option<Waker>,
}

/// A stream of ours in one direction.
#[derive(Default)]
struct Own {
    id: Option<StreamId>,
    pending: VecDeque<Bytes>,
}

const CONTROL: usize = 0;
const ENCODER: usize = 1;
const DECODER: usize = 2;

impl<W: Wire> Hub<W> {
    /// For a connection; `section` is how many bytes a field section may come to.
    pub(crate) fn new(quic: Connection<W>, side: Side, section: usize) -> Self {
        let settings = Settings { table: TABLE, blocked: BLOCKED, section: Some(section as u64) };
        let mut own: [Own; 3] = Default::default();
        // The kind of each stream comes first (RFC 9114 §6.2, RFC 9204 §4.2).
        own[CONTROL].pending.push_back(Bytes::from_static(&[0x00]));
        own[CONTROL].pending.push_back(framed(Kind::Settings, &settings.encode()).into());
        own[ENCODER].pending.push_back(Bytes::from_static(&[0x02]));
        own[DECODER].pending.push_back(Bytes::from_static(&[0x03]));
        let state = RefCell::new(State {
            own,
            theirs: Vec::new(),
            settings: None,
            decoder: Decoder::new(TABLE, section),
            waiting: BTreeMap::new(),
            going_away: None,
            updates: BTreeMap::new(),
            breach: None,
            driver: None,
        });
        Self { quic, side, state }
    }

    /// The other end takes no more streams from this one on (RFC 9114 §5.2).
    pub(crate) fn going_away(&self) -> Option<u64> {
        self.state.borrow().going_away
    }

    /// What the other end did that ended the connection, if it did anything of the kind.
    pub(crate) fn breach(&self) -> Option<Breach> {
        self.state.borrow().breach
    }

    /// The priority that a frame of its own gave this stream.
    pub(crate) fn take_update(&self, stream: u64) -> Option<Vec<u8>> {
        self.state.borrow_mut().updates.remove(&stream)
    }

    /// Codes a field section.
    pub(crate) fn encode(lines: &Lines) -> Vec<u8> {
        encode(lines.iter().map(|(name, value)| (name.as_slice(), value.as_slice())))
    }

    /// Decodes a field section that came on a stream; pending while it refers to what has not come.
    pub(crate) fn poll_decode(
        &self,
        stream: StreamId,
        section: &[u8],
        context: &Context<'_>,
    ) -> Poll<Result<Section, Breach>> {
        let mut state = self.state.borrow_mut();
        let number = stream.number();
        Poll::Ready(match state.decoder.decode(number, section) {
            Ok(Decoded::Lines(lines)) => {
                state.waiting.remove(&number);
                state.flush_decoder();
                Ok(Section::Lines(lines))
            }
            Ok(Decoded::TooLarge) => {
                state.waiting.remove(&number);
                Ok(Section::TooLarge)
            }
            Ok(Decoded::Blocked)
                if state.waiting.contains_key(&number)
                    || (state.waiting.len() as u64) < BLOCKED =>
            {
                state.waiting.insert(number, context.waker().clone());
                return Poll::Pending;
            }
            Ok(Decoded::Blocked) => {
                let why = "more streams that wait for fields than we allow";
                Err(Breach::of_connection(Code::QPACK_DECOMPRESSION_FAILED, why))
            }
            Err(breach) => Err(breach),
        })
    }

    /// Nobody asks for a stream any more; `whole` says that it came to its end.
    pub(crate) fn forget(&self, stream: StreamId, whole: bool) {
        let mut state = self.state.borrow_mut();
        state.waiting.remove(&stream.number());
        state.updates.remove(&stream.number());
        if !whole {
            state.decoder.cancel(stream.number());
            state.flush_decoder();
        }
        drop(state);
        self.quic.forget(stream);
    }

    /// Says that no more streams are taken from this one on (RFC 9114 §5.2).
    pub(crate) fn go_away(&self, from: u64) {
        let mut payload = Vec::new();
        number::encode(from, &mut payload);
        let mut state = self.state.borrow_mut();
        state.own[CONTROL].pending.push_back(framed(Kind::GoAway, &payload).into());
        state.wake_driver();
    }

    /// Ends the connection, because the other end did what it may not.
    pub(crate) fn break_off(&self, breach: Breach) {
        let first = {
            let mut state = self.state.borrow_mut();
            let first = state.breach.is_none();
            state.breach.get_or_insert(breach);
            first
        };
        if first {
            self.quic.close(breach.code.0, breach.why);
        }
    }

    /// Goes on with what is not of one request; ready when the connection is over: how.
    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<Ended> {
        if let Err(breach) = self.go_on(context) {
            self.break_off(breach);
        }
        self.quic.poll_ended(context)
    }

    fn go_on(&self, context: &mut Context<'_>) -> Result<(), Breach> {
        let mut state = self.state.borrow_mut();
        state.driver = Some(context.waker().clone());
        state.write_own(&self.quic, context);
        while let Poll::Ready(Ok(id)) = self.quic.poll_accept(Direction::One, context) {
            if state.theirs.len() >= MOST_UNIDIRECTIONAL {
                let why = "more unidirectional streams than we take";
                return Err(Breach::of_connection(Code::EXCESSIVE_LOAD, why));
            }
            state.theirs.push(Unidirectional::new(id));
        }
        let mut at = 0;
        while at < state.theirs.len() {
            // It is put back where it goes on, so that `state` is free meanwhile.
            let mut stream = state.theirs.remove(at);
            if self.read(&mut state, &mut stream, context)? {
                state.theirs.insert(at, stream);
                at += 1;
            }
        }
        state.write_own(&self.quic, context);
        match state.breach.take() {
            Some(breach) => Err(breach),
            None => Ok(()),
        }
    }

    /// Reads on in a stream of the other end's; whether it goes on.
    fn read(
        &self,
        state: &mut State,
        stream: &mut Unidirectional,
        context: &mut Context<'_>,
    ) -> Result<bool, Breach> {
        loop {
            let mut bytes = match self.quic.poll_read(stream.id, READ, context) {
                Poll::Pending => return Ok(true),
                Poll::Ready(Ok(Some(bytes))) => bytes,
                Poll::Ready(Err(roundtrip_quic::ReadError::Ended(_))) => return Ok(false),
                Poll::Ready(Ok(None) | Err(_)) if stream.is_critical() => {
                    let why = "the end of a stream that the connection cannot do without";
                    return Err(Breach::of_connection(Code::CLOSED_CRITICAL_STREAM, why));
                }
                Poll::Ready(Ok(None) | Err(_)) => return Ok(false),
            };
            let known = !matches!(stream.used, Use::Unknown(_));
            if !stream.used.learn(&mut bytes) {
                continue;
            }
            if !known {
                state.welcome(stream, self.side)?;
            }
            match &mut stream.used {
                Use::Control(frames) => {
                    frames.push(bytes);
                    while let Some(part) = frames.next()? {
                        state.control(part, self.side)?;
                    }
                }
                Use::Encoder => {
                    if state.decoder.feed(&bytes)? {
                        for waker in core::mem::take(&mut state.waiting).into_values() {
                            waker.wake();
                        }
                    }
                }
                // We put nothing into the table of theirs, so that there is nothing to be told.
                Use::Decoder => {
                    if !bytes.is_empty() && bytes.iter().any(|byte| byte & 0xc0 != 0x40) {
                        let why = "an acknowledgement of what was never sent";
                        let code = Code::QPACK_DECODER_STREAM_ERROR;
                        return Err(Breach::of_connection(code, why));
                    }
                }
                Use::Push | Use::Other | Use::Unknown(_) => {
                    self.quic.stop(stream.id, Code::STREAM_CREATION_ERROR.0);
                    return Ok(false);
                }
            }
        }
    }
}

impl State {
    /// It is known what a stream of the other end's is for.
    fn welcome(&self, stream: &Unidirectional, side: Side) -> Result<(), Breach> {
        let same = |other: &Unidirectional| {
            core::mem::discriminant(&other.used) == core::mem::discriminant(&stream.used)
        };
        if stream.is_critical() && self.theirs.iter().any(same) {
            let why = "a second stream of a kind that there may be one of";
            return Err(Breach::of_connection(Code::STREAM_CREATION_ERROR, why));
        }
        if matches!(stream.used, Use::Push) {
            // Only servers push, and only as far as they were allowed to: we never do.
            let (code, why) = match side {
                Side::Server => (Code::STREAM_CREATION_ERROR, "a push of a client's"),
                Side::Client => (Code::ID_ERROR, "a push that was not allowed"),
            };
            return Err(Breach::of_connection(code, why));
        }
        Ok(())
    }

    /// A frame of the control stream (RFC 9114 §6.2.1).
    fn control(&mut self, part: Part, side: Side) -> Result<(), Breach> {
        let unexpected = |why| Err(Breach::of_connection(Code::FRAME_UNEXPECTED, why));
        let Part::Frame(kind, payload) = part else {
            return unexpected("DATA on the control stream");
        };
        if self.settings.is_none() && kind != Kind::Settings {
            let why = "a control stream that does not begin with SETTINGS";
            return Err(Breach::of_connection(Code::MISSING_SETTINGS, why));
        }
        let only = || match number::decode(&payload) {
            Some((number, length)) if length == payload.len() => Ok(number),
            _ => Err(Breach::of_connection(Code::FRAME_ERROR, "a frame that is not one number")),
        };
        match kind {
            Kind::Settings if self.settings.is_some() => return unexpected("SETTINGS again"),
            Kind::Settings => self.settings = Some(Settings::decode(&payload)?),
            Kind::GoAway => {
                let from = only()?;
                let bad = |why| Err(Breach::of_connection(Code::ID_ERROR, why));
                if side == Side::Client && from % 4 != 0 {
                    return bad("GOAWAY with what is no stream of ours");
                }
                if self.going_away.is_some_and(|before| from > before) {
                    return bad("GOAWAY with a later stream than before");
                }
                self.going_away = Some(from);
            }
            Kind::MaxPushId if side == Side::Server => {
                only()?;
            }
            Kind::CancelPush => {
                only()?;
                let why = "CANCEL_PUSH of what was never pushed";
                return Err(Breach::of_connection(Code::ID_ERROR, why));
            }
            Kind::PriorityUpdate if side == Side::Server => {
                let Some((stream, length)) = number::decode(&payload) else {
                    let why = "PRIORITY_UPDATE of nothing";
                    return Err(Breach::of_connection(Code::FRAME_ERROR, why));
                };
                if stream % 4 != 0 {
                    let why = "PRIORITY_UPDATE of what is no request";
                    return Err(Breach::of_connection(Code::ID_ERROR, why));
                }
                if self.updates.len() < MOST_EARLY || self.updates.contains_key(&stream) {
                    self.updates.insert(stream, payload[length..].to_vec());
                }
            }
            _ => return unexpected("a frame that may not stand on the control stream"),
        }
        Ok(())
    }

    /// Has what the decoder says go out, if it says anything.
    fn flush_decoder(&mut self) {
        if self.take_decoders() {
            self.wake_driver();
        }
    }

    /// Takes what the decoder says; whether that is anything.
    fn take_decoders(&mut self) -> bool {
        let said = self.decoder.take_output();
        let any = !said.is_empty();
        if any {
            self.own[DECODER].pending.push_back(said.into());
        }
        any
    }

    /// Has whoever drives the connection write what waits.
    fn wake_driver(&self) {
        if let Some(driver) = &self.driver {
            driver.wake_by_ref();
        }
    }

    /// Opens our streams and writes to them what waits.
    fn write_own<W: Wire>(&mut self, quic: &Connection<W>, context: &mut Context<'_>) {
        self.take_decoders();
        for own in &mut self.own {
            let id = match own.id {
                Some(id) => id,
                None => match quic.poll_open(Direction::One, context) {
                    Poll::Ready(Ok(id)) => {
                        // What all others depend on goes first.
                        quic.set_priority(id, i32::MAX);
                        *own.id.insert(id)
                    }
                    _ => return,
                },
            };
            while let Some(first) = own.pending.front_mut() {
                match quic.poll_write(id, first, context) {
                    Poll::Ready(Ok(_)) if first.is_empty() => {
                        own.pending.pop_front();
                    }
                    Poll::Ready(Ok(_)) => {}
                    // The other end may not stop it: that ends the connection (RFC 9114 §6.2.1).
                    Poll::Ready(Err(WriteError::Stopped(_))) => {
                        let why = "the end of a stream that the connection cannot do without";
                        self.breach.get_or_insert(Breach::of_connection(
                            Code::CLOSED_CRITICAL_STREAM,
                            why,
                        ));
                        return;
                    }
                    Poll::Ready(Err(_)) | Poll::Pending => break,
                }
            }
        }
    }
}
