//! Congestion avoidance of NewReno (RFC 9002 §7.3.3): one packet more a window.

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reno {
    acknowledged: u64,
}

impl Reno {
    /// The window after a loss.
    pub(crate) fn reduced(&mut self, window: u64) -> u64 {
        self.acknowledged = 0;
        window / 2
    }

    /// By how much the window grows.
    pub(crate) fn growth(&mut self, window: u64, bytes: u64, packet: u64) -> u64 {
        self.acknowledged += bytes;
        if self.acknowledged < window {
            return 0;
        }
        self.acknowledged -= window;
        packet
    }
}
