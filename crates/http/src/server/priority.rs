//! What is sent next: by urgency, and among the equally urgent first what is of use only when it is
//! whole, one after the other, then what is of use in parts, by turns (RFC 9218); or as servers do that
//! know no such priorities.

use std::collections::BTreeMap;

/// How urgent a response is, and whether its parts are of use (RFC 9218 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Priority {
    /// From 0, the most urgent, to 7.
    pub urgency: u8,
    /// Parts of it can be used as they come.
    pub incremental: bool,
}

impl Default for Priority {
    fn default() -> Self {
        Self { urgency: 3, incremental: false }
    }
}

impl Priority {
    /// Reads the value of a `priority` field: a dictionary of structured fields (RFC 9651 §3.2) with
    /// the keys `u` and `i`. What is not understood is passed over, as the RFC asks for.
    ///
    /// ```
    /// use roundtrip_http::server::Priority;
    ///
    /// let priority = Priority::parse(b"u=1, i");
    /// assert_eq!((priority.urgency, priority.incremental), (1, true));
    /// assert_eq!(Priority::parse(b"u=9, i=?0"), Priority::default());
    /// ```
    pub fn parse(value: &[u8]) -> Self {
        let mut priority = Self::default();
        for member in value.split(|&byte| byte == b',') {
            // Parameters of a member mean nothing here.
            let member = member.split(|&byte| byte == b';').next().unwrap_or_default();
            match member.trim_ascii() {
                [b'u', b'=', digit @ b'0'..=b'7'] => priority.urgency = digit - b'0',
                b"i" | b"i=?1" => priority.incremental = true,
                b"i=?0" => priority.incremental = false,
                _ => {}
            }
        }
        priority
    }
}

/// By what a server of HTTP/2 decides which of several responses it goes on with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheduling {
    /// By their priorities (RFC 9218).
    #[default]
    Extensible,
    /// By a tree of dependencies (RFC 7540 §5.3) as browsers build it who put each request behind those
    /// that are as urgent and came before: by urgency, then in the order of the requests.
    Dependencies,
    /// By turns, whatever their priorities.
    RoundRobin,
}

/// The streams of a connection that have something to send, in the order in which they may.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    scheduling: Scheduling,
    streams: BTreeMap<u32, Turn>,
    next: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    priority: Priority,
    /// When it had its last turn.
    last: u64,
}

impl Turns {
    pub(crate) fn new(scheduling: Scheduling) -> Self {
        Self { scheduling, ..Self::default() }
    }

    /// A stream begins to send, or its priority changes.
    pub(crate) fn set(&mut self, stream: u32, priority: Priority) {
        self.streams.entry(stream).or_default().priority = priority;
    }

    /// A stream has nothing more to send.
    pub(crate) fn remove(&mut self, stream: u32) {
        self.streams.remove(&stream);
    }

    /// Whether a stream is among them.
    pub(crate) fn contains(&self, stream: u32) -> bool {
        self.streams.contains_key(&stream)
    }

    /// All of them, the one that may send first at the front.
    pub(crate) fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = self.streams.keys().copied().collect();
        order.sort_by_key(|stream| {
            let Turn { priority, last } = self.streams.get(stream).copied().unwrap_or_default();
            let Priority { urgency, incremental } = priority;
            let (priority, last) = match self.scheduling {
                Scheduling::Extensible if incremental => (priority, last),
                Scheduling::Extensible => (priority, 0),
                Scheduling::Dependencies => (Priority { urgency, incremental: false }, 0),
                Scheduling::RoundRobin => (Priority::default(), last),
            };
            (priority, last, *stream)
        });
        order
    }

    /// A stream has sent something.
    pub(crate) fn sent(&mut self, stream: u32) {
        self.next += 1;
        if let Some(turn) = self.streams.get_mut(&stream) {
            turn.last = self.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priority(urgency: u8, incremental: bool) -> Priority {
        Priority { urgency, incremental }
    }

    #[test]
    fn fields_are_read_as_the_rfc_has_it() {
        for (value, expected) in [
            ("", priority(3, false)),
            ("u=0", priority(0, false)),
            ("u=5, i", priority(5, true)),
            ("i, u=7;x=1", priority(7, true)),
            ("u=8", priority(3, false)),
            ("u=-1, i=?0", priority(3, false)),
            ("u=1, u=2", priority(2, false)),
            ("nonsense, \u{1}", priority(3, false)),
        ] {
            assert_eq!(Priority::parse(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn the_urgent_goes_first_and_parts_take_turns() {
        let mut turns = Turns::default();
        for (stream, urgency, incremental) in
            [(1, 3, true), (3, 3, false), (5, 0, true), (7, 3, true), (9, 3, false), (11, 5, false)]
        {
            turns.set(stream, priority(urgency, incremental));
        }
        assert_eq!(turns.order(), [5, 3, 9, 1, 7, 11]);
        turns.sent(1);
        assert_eq!(turns.order(), [5, 3, 9, 7, 1, 11]);
        turns.sent(7);
        turns.sent(3);
        assert_eq!(turns.order(), [5, 3, 9, 1, 7, 11]);
        turns.remove(5);
        turns.set(11, priority(1, false));
        assert_eq!(turns.order(), [11, 3, 9, 1, 7]);
    }

    /// A page that can be used in parts, and what it names.
    fn page(scheduling: Scheduling) -> Turns {
        let mut turns = Turns::new(scheduling);
        for (stream, urgency, incremental) in
            [(1, 0, true), (3, 3, false), (5, 0, false), (7, 1, false)]
        {
            turns.set(stream, priority(urgency, incremental));
        }
        turns.sent(1);
        turns
    }

    #[test]
    fn dependencies_have_the_page_go_before_its_sheets() {
        assert_eq!(page(Scheduling::Extensible).order(), [5, 1, 7, 3]);
        assert_eq!(page(Scheduling::Dependencies).order(), [1, 5, 7, 3]);
    }

    #[test]
    fn round_robin_looks_at_no_priority() {
        assert_eq!(page(Scheduling::RoundRobin).order(), [3, 5, 7, 1]);
    }
}
