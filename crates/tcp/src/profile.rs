//! Constants and habits.

/// Every constant and habit that stacks differ in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Initial congestion window, segments (RFC 6928).
    pub initial_window: u32,
}

impl Profile {
    /// As Linux 6.18 does it.
    pub fn linux() -> Profile {
        Profile { initial_window: 10 }
    }

    /// As the RFCs have it.
    pub fn rfc() -> Profile {
        Profile { initial_window: 10 }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Profile::linux()
    }
}
