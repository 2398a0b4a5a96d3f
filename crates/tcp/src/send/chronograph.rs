//! What limits a connection's sending, and for how long (`tcp_chrono_start`).

/// What limits a connection that has data to send (`enum tcp_chrono`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Business {
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
    doing: Business,
    since: u32,
    spent: [u32; 3],
}

impl Chronograph {
    fn set(&mut self, what: Business, now: u32) {
        let lasted = now.wrapping_sub(self.since);
        if let Some(spent) = self.spent_mut(self.doing) {
            *spent = spent.wrapping_add(lasted);
        }
        (self.doing, self.since) = (what, now);
    }

    fn spent_mut(&mut self, what: Business) -> Option<&mut u32> {
        match what {
            Business::Idle => None,
            Business::Busy => self.spent.get_mut(0),
            Business::Window => self.spent.get_mut(1),
            Business::Buffer => self.spent.get_mut(2),
        }
    }

    /// Starts waiting for `what`, unless the connection waits for something that outranks it.
    #[inline]
    pub(crate) fn start(&mut self, what: Business, now: u32) {
        if what > self.doing {
            self.set(what, now);
        }
    }

    /// Ends waiting for `what`.
    #[inline]
    pub(crate) fn stop(&mut self, what: Business, is_empty: bool, now: u32) {
        if is_empty && self.doing != Business::Idle {
            self.set(Business::Idle, now);
        } else if self.doing == what && what != Business::Busy {
            self.set(Business::Busy, now);
        }
    }

    /// The ticks busy in all, limited by the window, and limited by the buffer.
    pub(crate) fn spent(mut self, now: u32) -> [u32; 3] {
        self.set(self.doing, now);
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
        chronograph.start(Business::Busy, 10);
        chronograph.start(Business::Window, 13);
        chronograph.start(Business::Busy, 14);
        chronograph.stop(Business::Window, false, 18);
        chronograph.stop(Business::Busy, true, 20);
        chronograph.start(Business::Busy, 30);
        assert_eq!(chronograph.spent(31), [11, 5, 0]);
    }
}
