//! Looks at the frames of a client.

use core::ops::ControlFlow;
use std::collections::BTreeMap;

use h2::Reason;
use roundtrip_record::Time;

use super::rules::{Breach, Rules};
use crate::server::priority::Priority;
use crate::two::{FrameHead, Guard, Kind, Ledger, Moment, Opener, Passed, Watch, Way, number};

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
    /// When our settings went out, until the client acknowledges them.
    settings_since: Option<Time>,
    rules: Rules,
    /// Why nothing more that the client sends is looked at.
    breach: Option<Breach>,
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
            settings_since: None,
            rules: Rules::new(),
            breach: None,
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

    /// When settings went out that the client has not acknowledged (RFC 9113 §6.5.3).
    pub(crate) fn unacknowledged_since(&self) -> Option<Time> {
        self.settings_since
    }

    /// What the client did that ends the connection, if it did anything of the kind.
    pub(crate) fn breach(&self) -> Option<Breach> {
        self.breach
    }

    /// Streams whose request turned out to be malformed since this was asked last.
    pub(crate) fn take_malformed(&mut self) -> Vec<u32> {
        self.rules.take_malformed()
    }

    /// The priority that a frame of its own gave this stream.
    pub(crate) fn take_update(&mut self, stream: u32) -> Option<Priority> {
        self.updates.remove(&stream)
    }

    /// RFC 9218 §7.1.
    fn priority_update(&mut self, payload: &[u8]) {
        let Some(value) = payload.get(4..) else { return };
        let stream = number(payload);
        if self.ledger.is_over(stream) {
            return;
        }
        if self.updates.len() < MOST_EARLY || self.updates.contains_key(&stream) {
            self.updates.insert(stream, Priority::parse(value));
        }
    }

    /// A whole frame has come in.
    fn came(&mut self, head: FrameHead, payload: &[u8], at: Time) -> Result<(), Breach> {
        self.guard.came(head, at);
        if let Some(why) = self.guard.excess() {
            return Err(Breach { reason: Reason::ENHANCE_YOUR_CALM, why });
        }
        self.rules.frame(head, payload)?;
        match head.kind {
            Kind::WindowUpdate if head.stream == 0 => self.window += i64::from(number(payload)),
            Kind::Settings if head.is_ack() => self.settings_since = None,
            Kind::PriorityUpdate => self.priority_update(payload),
            _ => {}
        }
        if head.ends_fields() {
            self.block_since = None;
        }
        Ok(())
    }

    /// The head of a frame has come in.
    fn begins(&mut self, head: FrameHead, at: Time) -> Result<(), Breach> {
        self.rules.head(head)?;
        if head.kind == Kind::Headers {
            self.block_since.get_or_insert(at);
        }
        Ok(())
    }

    /// Something has gone out.
    fn went_out(&mut self, head: FrameHead, at: Time) {
        self.guard.went(head);
        self.went += head.size();
        match head.kind {
            Kind::Data => self.window -= i64::from(head.length),
            Kind::Settings if !head.is_ack() => self.settings_since = Some(at),
            _ => {}
        }
    }
}

impl Watch for Watcher {
    fn passed(&mut self, way: Way, passed: &Passed<'_>, moment: Moment) -> ControlFlow<()> {
        let result = match (way, passed) {
            (Way::In, Passed::Frame(head, payload)) => self.came(*head, payload, moment.at),
            (Way::In, Passed::Head(head)) => self.begins(*head, moment.at),
            (Way::Out, Passed::Frame(head, _)) => {
                self.went_out(*head, moment.at);
                Ok(())
            }
            (Way::Out, Passed::Head(_)) => Ok(()),
        };
        match result {
            Ok(()) => {
                self.ledger.passed(way, passed, moment);
                ControlFlow::Continue(())
            }
            Err(breach) => {
                self.breach.get_or_insert(breach);
                ControlFlow::Break(())
            }
        }
    }
}
