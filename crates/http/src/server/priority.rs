//! What is sent next (RFC 9218): by urgency, and among the equally urgent first what is of use only
//! when it is whole, one after the other, then what is of use in parts, by turns.

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

/// The streams of a connection that have something to send, in the order in which they may.
#[derive(Debug, Default)]
pub(crate) struct Turns {
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
            (priority, if priority.incremental { last } else { 0 }, *stream)
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
}
