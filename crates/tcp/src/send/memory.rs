//! The memory limit of the send buffer, in bytes as Linux counts them.

use crate::profile::Profile;
use crate::supply::Supply;

/// The memory of a buffer beside its data, bytes (`SKB_TRUESIZE` of an empty one; measured:
/// `skmem`'s `w` in `ss -m`, less the data).
pub(super) const BUFFER_OVERHEAD: u32 = SEGMENT_HEAD + SEGMENT_CONTROL;
/// What of it stands in one piece with the headers, and what apart, bytes: the room for headers and the shared
/// information of Linux 6.18 without drivers that want more of it (`MAX_TCP_HEADER` 256, `skb_shared_info` 320),
/// and `sk_buff`. With those two `tcp_sndbuf_expand` counts 2,304 bytes for a segment of 1,460: a buffer begins
/// with 46,080 (measured: `skmem`'s `tb` in `ss -m`). Kernels for all kinds of devices reserve 64 bytes more for
/// headers, which takes that count to 4,352 and such a buffer to 87,040.
pub(super) const SEGMENT_HEAD: u32 = 576;
pub(super) const SEGMENT_CONTROL: u32 = 256;

/// The limit of a send buffer (`sk_sndbuf`), and whether the application ran into it.
#[derive(Clone, Debug)]
pub(super) struct SendMemory {
    /// The memory the buffer may take, bytes.
    limit: u32,
    /// Whether `SO_SNDBUF` was set, so that the limit does not tune itself.
    is_fixed: bool,
    /// The memory that the host has left for the buffer.
    supply: Supply,
    /// Whether the application found the buffer full (`SOCK_NOSPACE`).
    was_full: bool,
}

impl SendMemory {
    /// The limit set by `SO_SNDBUF`, or else the profile's.
    pub(super) fn new(fixed: Option<usize>, profile: &Profile) -> SendMemory {
        SendMemory {
            limit: fixed.map_or(profile.send_memory[1], |bytes| bytes as u32),
            is_fixed: fixed.is_some(),
            supply: Supply::Ample,
            was_full: false,
        }
    }

    /// The limit where the host has enough memory, bytes.
    #[inline]
    pub(super) fn nominal(&self) -> u32 {
        self.limit
    }

    /// The limit now, bytes: the least (`tcp_wmem[0]`) where the host has no memory left.
    pub(super) fn limit(&self, profile: &Profile) -> u32 {
        match self.supply {
            Supply::Ample | Supply::Short => self.limit,
            Supply::Gone => self.limit.min(profile.send_memory[0]),
        }
    }

    /// The bytes that a host without memory still gives to a buffer that takes `used`.
    pub(super) fn left_of_host(&self, used: u32, profile: &Profile) -> u32 {
        match self.supply {
            Supply::Ample | Supply::Short => u32::MAX,
            Supply::Gone => self.limit(profile).saturating_sub(used),
        }
    }

    /// Fixes the limit at `bytes` and ends its tuning (`SO_SNDBUF`).
    pub(super) fn fix(&mut self, bytes: u32) {
        (self.limit, self.is_fixed) = (bytes, true);
    }

    pub(super) fn is_fixed(&self) -> bool {
        self.is_fixed
    }

    pub(super) fn set_supply(&mut self, supply: Supply) {
        self.supply = supply;
    }

    /// Whether the limit may grow by itself (`tcp_should_expand_sndbuf`).
    pub(super) fn may_grow(&self) -> bool {
        !self.is_fixed && self.supply == Supply::Ample
    }

    /// Raises the limit to `wanted` bytes, as far as the profile lets it.
    pub(super) fn grow_to(&mut self, wanted: u64, profile: &Profile) {
        self.limit = self.limit.max(wanted.min(u64::from(profile.send_memory[2])) as u32);
    }

    /// Notes that the application found the buffer full and waits for room.
    pub(super) fn note_full(&mut self) {
        self.was_full = true;
    }

    /// Notes that there is room again.
    pub(super) fn note_room(&mut self) {
        self.was_full = false;
    }

    /// Whether the application waits for room.
    #[inline]
    pub(super) fn was_full(&self) -> bool {
        self.was_full
    }
}
