//! A pool of buffers for frames.

/// A pool of unused buffers.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    free: Vec<Vec<u8>>,
}

impl Pool {
    /// The capacity of a new buffer, bytes: a frame of an Ethernet of the usual MTU.
    const FRAME: usize = 1536;
    /// The most buffers that are kept; others go back to the allocator.
    const KEPT: usize = 4096;

    /// An empty buffer, an unused one if there is any.
    #[inline]
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.free.pop().unwrap_or_else(|| Vec::with_capacity(Self::FRAME))
    }

    /// Gives a buffer back to the pool.
    #[inline]
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        if self.free.len() < Self::KEPT {
            buffer.clear();
            self.free.push(buffer);
        }
    }
}
