//! Accounting for the memory of all connections' buffers (`net.ipv4.tcp_mem`; `net/core/sock.c`,
//! `__sk_mem_raise_allocated`).

use roundtrip_tcp::Supply;

/// The memory that all connections hold, as Linux counts it, and its limits. A connection is
/// counted when it comes to rest; in between it can take one window more at most.
#[derive(Debug)]
pub(crate) struct Memory {
    held: usize,
    /// The three limits of `net.ipv4.tcp_mem`, bytes: no shortage up to the first, shortage beyond
    /// the second, nothing beyond the third.
    limits: [usize; 3],
    /// Whether memory is short: beyond the second limit, until it has fallen to the first
    /// (`tcp_memory_pressure`).
    is_short: bool,
}

impl Memory {
    pub(crate) const fn new(limits: [usize; 3]) -> Self {
        Self { held: 0, limits, is_short: false }
    }

    /// The bytes held.
    pub(crate) const fn held(&self) -> usize {
        self.held
    }

    /// Counts a connection that held `before` bytes and now holds `after`.
    #[inline]
    pub(crate) const fn change(&mut self, before: u32, after: u32) {
        self.held = self.held + after as usize - before as usize;
        let [low, pressure, _] = self.limits;
        if self.held > pressure {
            self.is_short = true;
        } else if self.held <= low {
            self.is_short = false;
        }
    }

    /// Whether more is held than the third limit.
    pub(crate) const fn is_exhausted(&self) -> bool {
        self.held > self.limits[2]
    }

    /// The supply of a connection that holds `own` bytes, one of `connections`.
    #[inline]
    pub(crate) fn supply(&self, own: u32, connections: usize) -> Supply {
        if !self.is_short {
            Supply::Ample
        } else if self.is_exhausted() || own as usize >= self.limits[2] / connections.max(1) {
            Supply::Gone
        } else {
            Supply::Short
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_short_from_the_second_limit_down_to_the_first() {
        let mut memory = Memory::new([100, 200, 400]);
        memory.change(0, 200);
        assert_eq!(memory.supply(200, 1), Supply::Ample);
        memory.change(200, 201);
        assert_eq!((memory.supply(100, 2), memory.supply(200, 2)), (Supply::Short, Supply::Gone));
        memory.change(101, 0);
        assert_eq!((memory.held(), memory.supply(0, 2)), (100, Supply::Ample));
    }

    #[test]
    fn nobody_gets_more_beyond_the_last() {
        let mut memory = Memory::new([100, 200, 400]);
        memory.change(0, 401);
        assert!(memory.is_exhausted());
        assert_eq!(memory.supply(0, 100), Supply::Gone);
    }
}
