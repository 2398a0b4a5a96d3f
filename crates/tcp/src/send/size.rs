//! The size of segments (`tcp_sync_mss`, `tcp_current_mss`). All sizes are bytes.

use crate::profile::Profile;

/// The limits on the size of segments, and the size that follows from them.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentSize {
    /// The payload and options that the peer accepts in a segment (`mss_clamp`).
    clamp: u32,
    /// The payload and options that the path carries in a segment.
    path: u32,
    /// The options that every segment has.
    options: u32,
    /// The payload of a full segment (`mss_cache`).
    effective: u32,
}

impl SegmentSize {
    pub(super) fn new(clamp: u16, path: u16, timestamps: bool) -> SegmentSize {
        let options = if timestamps { 12 } else { 0 };
        SegmentSize { clamp: u32::from(clamp), path: u32::from(path), options, effective: 0 }
    }

    pub(super) fn clamp(&self) -> u32 {
        self.clamp
    }

    pub(super) fn path(&self) -> u32 {
        self.path
    }

    /// The largest payload and options that peer and path might accept.
    pub(super) fn most(&self) -> u32 {
        self.clamp.min(self.path)
    }

    /// Bytes of options in every segment.
    #[inline]
    pub(super) fn options(&self) -> u32 {
        self.options
    }

    /// Payload of a full segment.
    #[inline]
    pub(super) fn effective(&self) -> u32 {
        self.effective
    }

    /// Payload of a full segment that has `sack_bytes` of further options (`tcp_current_mss`).
    #[inline]
    pub(super) fn current(&self, sack_bytes: u32) -> u32 {
        self.effective.saturating_sub(sack_bytes).max(8)
    }

    /// Payload of a segment of `size` bytes, options included (`tcp_mtu_to_mss`).
    pub(super) fn payload_of(&self, size: u32, profile: &Profile) -> u32 {
        let size = size.min(self.clamp).max(u32::from(profile.min_send_mss));
        size.saturating_sub(self.options).max(8)
    }

    /// Reduces the path limit to `path` bytes. Answers whether it was larger before.
    pub(super) fn reduce_path(&mut self, path: u16, profile: &Profile) -> bool {
        let is_news = u32::from(path) < self.path;
        if is_news {
            self.path = u32::from(path).max(u32::from(profile.min_send_mss));
        }
        is_news
    }

    pub(super) fn set_effective(&mut self, payload: u32) {
        self.effective = payload;
    }
}
