//! Buffers of frames, used again and again.

/// Buffers that are not in use.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    free: Vec<Vec<u8>>,
}

impl Pool {
    /// Room for a frame of an Ethernet of the usual MTU.
    const FRAME: usize = 1536;
    /// More than this many are given back to the allocator.
    const KEPT: usize = 4096;

    /// An empty buffer.
    #[inline]
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.free.pop().unwrap_or_else(|| Vec::with_capacity(Self::FRAME))
    }

    /// Takes a buffer back.
    #[inline]
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        if self.free.len() < Self::KEPT {
            buffer.clear();
            self.free.push(buffer);
        }
    }
}
