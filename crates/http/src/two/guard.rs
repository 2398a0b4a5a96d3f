//! What keeps the other end of HTTP/2 from making us work for nothing: a client a server, and a server
//! a client.
//!
//! | attack | who stops it | how |
//! |---|---|---|
//! | rapid reset (CVE-2023-44487) | `h2`, and this | `h2`: 20 streams reset before they were taken up; here: resets are counted over time |
//! | `CONTINUATION` flood (CVE-2024-27316) | `h2`, and this | `h2`: frames for one block; here: bytes of one block, since `h2` holds to our limit only from the client's acknowledgement on |
//! | HPACK bomb (CVE-2016-6581) | `h2` | `max_header_list_size` counts decoded fields |
//! | floods of `SETTINGS` and `PING` (CVE-2019-9512, -9515) | this | each must be answered; they are counted over time |
//! | floods of `PRIORITY` and `PRIORITY_UPDATE` (CVE-2019-9513) | this | counted over time |
//! | flood of `WINDOW_UPDATE` | this | counted over time, and those for `DATA` sent are free |
//! | empty frames (CVE-2019-9518), tiny `DATA` frames | `h2` | empty `DATA` frames are counted, small ones have a budget |
//! | a window that never opens (CVE-2019-9517) | the write timeout | see [`crate::server::Options::write_timeout`] |
//! | streams without end | `h2`, and the count of requests | `SETTINGS_MAX_CONCURRENT_STREAMS`; [`crate::server::Options::max_requests`] |

use roundtrip_record::Time;

use super::frame::{FrameHead, Kind};

/// What of a kind of frame is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How many may come at once.
    pub burst: u32,
    /// How many more may come each second.
    pub per_second: u32,
}

/// Limits on what the other end of HTTP/2 may send, beyond those on heads and bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floods {
    /// Streams that it resets.
    pub resets: Allowance,
    /// Frames that must be answered or that change how we send: `SETTINGS`, `PING`, `PRIORITY`,
    /// `PRIORITY_UPDATE`, unknown ones.
    pub control: Allowance,
    /// `WINDOW_UPDATE` frames, besides two for each `DATA` frame that was sent.
    pub windows: Allowance,
}

impl Default for Floods {
    fn default() -> Self {
        Self {
            resets: Allowance { burst: 200, per_second: 50 },
            control: Allowance { burst: 400, per_second: 50 },
            windows: Allowance { burst: 1000, per_second: 200 },
        }
    }
}

/// A bucket that fills with time and that each frame takes from.
#[derive(Debug)]
struct Bucket {
    allowance: Allowance,
    /// What is left, in billionths of a frame.
    left: u64,
    at: Time,
}

impl Bucket {
    fn new(allowance: Allowance) -> Self {
        Self { allowance, left: Self::full(allowance), at: Time::ZERO }
    }

    fn full(allowance: Allowance) -> u64 {
        u64::from(allowance.burst) * 1_000_000_000
    }

    /// Whether one more is within bounds.
    fn take(&mut self, now: Time) -> bool {
        let passed = u64::try_from(now.since(self.at).as_nanos()).unwrap_or(u64::MAX);
        self.at = now;
        let more = passed.saturating_mul(u64::from(self.allowance.per_second));
        self.left = self.left.saturating_add(more).min(Self::full(self.allowance));
        match self.left.checked_sub(1_000_000_000) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// One is given back.
    fn give(&mut self, number: u64) {
        let more = number * 1_000_000_000;
        self.left = self.left.saturating_add(more).min(Self::full(self.allowance));
    }
}

/// Counts what the other end sends.
#[derive(Debug)]
pub(crate) struct Guard {
    resets: Bucket,
    control: Bucket,
    windows: Bucket,
    /// Bytes that one block of fields may have, coded.
    most: u64,
    /// Bytes of the block that is coming.
    block: u64,
    excess: Option<&'static str>,
}

impl Guard {
    /// `head` is how many bytes a head may have when it is decoded.
    pub(crate) fn new(floods: Floods, head: usize) -> Self {
        Self {
            resets: Bucket::new(floods.resets),
            control: Bucket::new(floods.control),
            windows: Bucket::new(floods.windows),
            // Coded fields are shorter than decoded ones, but for what frames and padding add.
            most: 2 * head as u64,
            block: 0,
            excess: None,
        }
    }

    /// What was too much, if anything was.
    pub(crate) fn excess(&self) -> Option<&'static str> {
        self.excess
    }

    /// A frame has come in.
    pub(crate) fn came(&mut self, head: FrameHead, now: Time) {
        let excess = match head.kind {
            Kind::RstStream => (!self.resets.take(now)).then_some("too many streams were reset"),
            Kind::WindowUpdate => {
                (!self.windows.take(now)).then_some("too many WINDOW_UPDATE frames")
            }
            Kind::Settings | Kind::Ping if head.is_ack() => None,
            Kind::Settings
            | Kind::Ping
            | Kind::Priority
            | Kind::PriorityUpdate
            | Kind::GoAway
            | Kind::Other(_) => (!self.control.take(now)).then_some("too many control frames"),
            Kind::Headers | Kind::Continuation => {
                self.block += head.size();
                let excess = (self.block > self.most).then_some("too large a block of fields");
                if head.ends_fields() {
                    self.block = 0;
                }
                excess
            }
            Kind::Data | Kind::PushPromise => None,
        };
        self.excess = self.excess.or(excess);
    }

    /// A frame has gone out.
    pub(crate) fn went(&mut self, head: FrameHead) {
        if head.kind == Kind::Data {
            self.windows.give(2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Kind, flags: u8, length: u32) -> FrameHead {
        FrameHead { length, kind, flags, stream: 1 }
    }

    fn guard() -> Guard {
        let two = Allowance { burst: 2, per_second: 1 };
        Guard::new(Floods { resets: two, control: two, windows: two }, 1000)
    }

    #[test]
    fn a_burst_is_borne_and_a_flood_is_not() {
        for kind in [Kind::RstStream, Kind::Settings, Kind::Ping, Kind::PriorityUpdate] {
            let mut guard = guard();
            for second in 0..10 {
                guard.came(frame(kind, 0, 8), Time::from_secs(second));
            }
            assert_eq!(guard.excess(), None, "{kind:?}");
            for _ in 0..3 {
                guard.came(frame(kind, 0, 8), Time::from_secs(10));
            }
            assert!(guard.excess().is_some(), "{kind:?}");
        }
    }

    #[test]
    fn answers_and_windows_for_what_was_sent_are_free() {
        let mut guard = guard();
        for _ in 0..100 {
            guard.came(frame(Kind::Settings, 1, 0), Time::ZERO);
            guard.came(frame(Kind::Ping, 1, 8), Time::ZERO);
            guard.went(frame(Kind::Data, 0, 9));
            guard.came(frame(Kind::WindowUpdate, 0, 4), Time::ZERO);
            guard.came(frame(Kind::WindowUpdate, 0, 4), Time::ZERO);
        }
        assert_eq!(guard.excess(), None);
    }

    #[test]
    fn a_block_of_fields_has_an_end() {
        let mut guard = guard();
        for _ in 0..10 {
            guard.came(frame(Kind::Headers, 0, 900), Time::ZERO);
            guard.came(frame(Kind::Continuation, 4, 900), Time::ZERO);
        }
        assert_eq!(guard.excess(), None);
        guard.came(frame(Kind::Headers, 0, 900), Time::ZERO);
        guard.came(frame(Kind::Continuation, 0, 900), Time::ZERO);
        guard.came(frame(Kind::Continuation, 0, 900), Time::ZERO);
        assert_eq!(guard.excess(), Some("too large a block of fields"));
    }
}
