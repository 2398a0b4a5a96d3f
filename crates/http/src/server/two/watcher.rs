//! Looks at the frames of a client.

use std::collections::BTreeMap;

use roundtrip_record::Time;

use crate::server::guard::Guard;
use crate::server::priority::Priority;
use crate::two::{FrameHead, Kind, Ledger, Moment, Opener, Passed, Watch, Way};

/// How much may be sent on a connection before the other end says more (RFC 9113 §6.9.2).
const FIRST_WINDOW: i64 = 65_535;
/// Priorities that are kept for streams that have not begun.
const MOST_EARLY: usize = 100;

/// What a server wants to know of the frames that pass.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) ledger: Ledger,
    pub(crate) guard: Guard,
    /// How much may be sent on the connection.
    window: i64,
    /// Priorities that came in frames of their own, by stream, since they were last taken.
    updates: BTreeMap<u32, Priority>,
    /// When the block of fields began that is coming in.
    block_since: Option<Time>,
    /// Bytes of frames that went out.
    went: u64,
    violation: Option<&'static str>,
}

impl Watcher {
    pub(crate) fn new(guard: Guard) -> Self {
        Self {
            ledger: Ledger::new(Opener::Them),
            guard,
            window: FIRST_WINDOW,
            updates: BTreeMap::new(),
            block_since: None,
            went: 0,
            violation: None,
        }
    }

    /// How much may be sent on the connection.
    pub(crate) fn window(&self) -> i64 {
        self.window
    }

    /// Bytes of frames that went out.
    pub(crate) fn went(&self) -> u64 {
        self.went
    }

    /// When the block of fields began that is coming in.
    pub(crate) fn block_since(&self) -> Option<Time> {
        self.block_since
    }

    /// What the client did that is an error of the connection and that `h2` does not see.
    pub(crate) fn violation(&self) -> Option<&'static str> {
        self.violation
    }

    /// The priority that a frame of its own gave this stream.
    pub(crate) fn take_update(&mut self, stream: u32) -> Option<Priority> {
        self.updates.remove(&stream)
    }

    /// RFC 9218 §7.1.
    fn priority_update(&mut self, head: FrameHead, payload: &[u8]) {
        let (0, Some((stream, value))) = (head.stream, payload.split_first_chunk::<4>()) else {
            self.violation = Some("PRIORITY_UPDATE where none may be");
            return;
        };
        let stream = u32::from_be_bytes(*stream) & 0x7fff_ffff;
        if stream == 0 {
            self.violation = Some("PRIORITY_UPDATE of the connection");
        } else if self.updates.len() < MOST_EARLY || self.updates.contains_key(&stream) {
            self.updates.insert(stream, Priority::parse(value));
        }
    }

    fn came(&mut self, head: FrameHead, payload: &[u8], at: Time) {
        self.guard.came(head, at);
        match (head.kind, payload) {
            (Kind::WindowUpdate, [a, b, c, d]) if head.stream == 0 => {
                self.window += i64::from(u32::from_be_bytes([*a, *b, *c, *d]) & 0x7fff_ffff);
            }
            (Kind::PriorityUpdate, payload) => self.priority_update(head, payload),
            _ => {}
        }
        if head.ends_fields() {
            self.block_since = None;
        }
    }
}

impl Watch for Watcher {
    fn passed(&mut self, way: Way, passed: &Passed<'_>, moment: Moment) {
        self.ledger.passed(way, passed, moment);
        match (way, passed) {
            (Way::In, Passed::Frame(head, payload)) => self.came(*head, payload, moment.at),
            (Way::In, Passed::Head(head)) if head.kind == Kind::Headers => {
                self.block_since.get_or_insert(moment.at);
            }
            (Way::Out, Passed::Frame(head, _)) => {
                self.guard.went(*head);
                self.went += head.size();
                if head.kind == Kind::Data {
                    self.window -= i64::from(head.length);
                }
            }
            _ => {}
        }
    }
}
