//! How long a connection without answers is kept (RFC 9293 §3.8.3; `tcp_write_timeout`).

use std::time::Duration;

use crate::profile::Profile;

/// The base of the time after which a connection is given up as in Linux, µs (`TCP_RTO_MIN`).
pub(super) const RETRY_BASE_US: u64 = 200_000;

/// The time added to a wait, µs (`TCP_TIMEOUT_MIN_US`): two ticks of 1 ms.
pub(super) const TIMEOUT_MIN_US: u64 = 2000;

/// What decides when a connection whose peer does not answer is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GiveUpPolicy {
    /// Whether nobody holds the socket (`SOCK_DEAD`).
    pub(crate) orphan: bool,
    /// How long sent data may stay unacknowledged (`TCP_USER_TIMEOUT`).
    pub(crate) user_timeout: Option<Duration>,
}

/// The retries of a connection that nobody holds (`tcp_orphan_retries`).
pub(super) fn orphan_retries(profile: &Profile, alive: bool) -> u32 {
    if profile.orphan_retries == 0 && alive { 8 } else { profile.orphan_retries }
}

/// The time that `retries` timeouts take, doubling from `base_us` up to `most_us`, µs
/// (`tcp_model_timeout`).
pub(crate) fn retry_time_us(retries: u32, base_us: u64, most_us: u64) -> u64 {
    let doublings = (most_us / base_us.max(1)).max(1).ilog2();
    if retries <= doublings {
        ((2 << retries) - 1) * base_us
    } else {
        ((2 << doublings) - 1) * base_us + u64::from(retries - doublings) * most_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_retries_are_924_6_seconds() {
        // The value that Documentation/networking/ip-sysctl.rst gives for `tcp_retries2`.
        assert_eq!(retry_time_us(15, 200_000, 120_000_000), 924_600_000);
        assert_eq!(retry_time_us(0, 200_000, 120_000_000), 200_000);
    }
}
