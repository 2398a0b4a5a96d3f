//! What limits a connection's sending, and for how long (`tcp_chrono_start`).

/// What limits a connection that has data to send (`enum tcp_chrono`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SendLimit {
    /// The connection has nothing to send.
    #[default]
    Idle,
    /// Data is being sent; the network or nothing limits it.
    Busy,
    /// The peer's receive window limits sending.
    Window,
    /// The size of the send buffer limits sending.
    Buffer,
}

/// How long a connection was busy and what limited it, in ticks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chronograph {
    limit: SendLimit,
    since: u32,
    spent: [u32; 3],
}

impl Chronograph {
    fn set(&mut self, what: SendLimit, now: u32) {
        let lasted = now.wrapping_sub(self.since);
        if let Some(spent) = self.spent_mut(self.limit) {
            *spent = spent.wrapping_add(lasted);
        }
        (self.limit, self.since) = (what, now);
    }

    fn spent_mut(&mut self, what: SendLimit) -> Option<&mut u32> {
        match what {
            SendLimit::Idle => None,
            SendLimit::Busy => self.spent.get_mut(0),
            SendLimit::Window => self.spent.get_mut(1),
            SendLimit::Buffer => self.spent.get_mut(2),
        }
    }

    /// Starts waiting for `what`, unless the connection waits for something that outranks it.
    #[inline]
    pub(crate) fn start(&mut self, what: SendLimit, now: u32) {
        if what > self.limit {
            self.set(what, now);
        }
    }

    /// Ends waiting for `what`.
    #[inline]
    pub(crate) fn stop(&mut self, what: SendLimit, is_empty: bool, now: u32) {
        if is_empty && self.limit != SendLimit::Idle {
            self.set(SendLimit::Idle, now);
        } else if self.limit == what && what != SendLimit::Busy {
            self.set(SendLimit::Busy, now);
        }
    }

    /// The ticks busy in all, limited by the window, and limited by the buffer.
    pub(crate) fn spent(mut self, now: u32) -> [u32; 3] {
        self.set(self.limit, now);
        let [busy, window, buffer] = self.spent;
        [busy.wrapping_add(window).wrapping_add(buffer), window, buffer]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_to_what_is_waited_for() {
        let mut chronograph = Chronograph::default();
        chronograph.start(SendLimit::Busy, 10);
        chronograph.start(SendLimit::Window, 13);
        chronograph.start(SendLimit::Busy, 14);
        chronograph.stop(SendLimit::Window, false, 18);
        chronograph.stop(SendLimit::Busy, true, 20);
        chronograph.start(SendLimit::Busy, 30);
        assert_eq!(chronograph.spent(31), [11, 5, 0]);
    }
}
