//! TCP sequence numbers.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A TCP sequence number: a position in a byte stream, modulo 2³² (RFC 9293 §3.4).
///
/// The order of two numbers is defined only while they are less than 2³¹ apart, and is then that of
/// RFC 9293 §3.4 and RFC 1982 §3.2: `a` comes before `b` if `b - a` is positive. This order is not
/// transitive (0 < 2³⁰ < 2³¹+2³⁰ < 0), so `Ord` and `PartialOrd` would be wrong and are left out:
/// compare with [`lt`](Self::lt), [`le`](Self::le), [`gt`](Self::gt), [`ge`](Self::ge). Two numbers
/// exactly 2³¹ apart each come before the other, as in the kernel's `before()`.
///
/// ```
/// use roundtrip_packet::SeqNumber;
/// let last = SeqNumber(u32::MAX);
/// assert_eq!(last + 1, SeqNumber(0));
/// assert!(last.lt(last + 1));
/// assert_eq!(last + 10 - last, 10);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SeqNumber(pub u32);

impl SeqNumber {
    /// The signed distance from `earlier` to `self`; also written `self - earlier`.
    #[inline]
    pub const fn distance(self, earlier: SeqNumber) -> i32 {
        self.0.wrapping_sub(earlier.0) as i32
    }

    /// Whether this number comes before `other`.
    #[inline]
    pub const fn lt(self, other: SeqNumber) -> bool {
        self.distance(other) < 0
    }

    /// Whether this number comes before `other` or is the same.
    #[inline]
    pub const fn le(self, other: SeqNumber) -> bool {
        !other.lt(self)
    }

    /// Whether this number comes after `other`.
    #[inline]
    pub const fn gt(self, other: SeqNumber) -> bool {
        other.lt(self)
    }

    /// Whether this number comes after `other` or is the same.
    #[inline]
    pub const fn ge(self, other: SeqNumber) -> bool {
        !self.lt(other)
    }

    /// The later of the two.
    #[inline]
    #[must_use]
    pub const fn max(self, other: SeqNumber) -> SeqNumber {
        if self.lt(other) { other } else { self }
    }

    /// The earlier of the two.
    #[inline]
    #[must_use]
    pub const fn min(self, other: SeqNumber) -> SeqNumber {
        if other.lt(self) { other } else { self }
    }
}

/// Integers that move a sequence number: `seq + 1`, `seq + payload.len()`, `seq + window`.
///
/// One implementation serves all of them, so that a literal needs no suffix and the type of a sum
/// is never in doubt. The trait is sealed.
pub trait Offset: sealed::Sealed {
    /// The integer modulo 2³².
    fn modulo(self) -> u32;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! offsets {
    ($($int:ty),*) => {$(
        impl sealed::Sealed for $int {}

        impl Offset for $int {
            #[inline]
            fn modulo(self) -> u32 {
                self as u32
            }
        }
    )*};
}

offsets!(u16, u32, i32, usize);

impl<T: Offset> Add<T> for SeqNumber {
    type Output = SeqNumber;
    #[inline]
    fn add(self, bytes: T) -> SeqNumber {
        SeqNumber(self.0.wrapping_add(bytes.modulo()))
    }
}

impl<T: Offset> AddAssign<T> for SeqNumber {
    #[inline]
    fn add_assign(&mut self, bytes: T) {
        *self = *self + bytes;
    }
}

impl<T: Offset> Sub<T> for SeqNumber {
    type Output = SeqNumber;
    #[inline]
    fn sub(self, bytes: T) -> SeqNumber {
        SeqNumber(self.0.wrapping_sub(bytes.modulo()))
    }
}

impl Sub for SeqNumber {
    type Output = i32;
    #[inline]
    fn sub(self, earlier: SeqNumber) -> i32 {
        self.distance(earlier)
    }
}

impl From<u32> for SeqNumber {
    fn from(value: u32) -> Self {
        SeqNumber(value)
    }
}

impl fmt::Display for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seq {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::SeqNumber;

    #[test]
    fn order_across_the_wrap() {
        let before = SeqNumber(0xffff_fff0);
        let after = SeqNumber(0x10);
        assert!(before.lt(after) && before.le(after) && after.gt(before) && after.ge(before));
        assert_eq!(after - before, 0x20);
        assert_eq!(before - after, -0x20);
        assert_eq!(before.max(after), after);
        assert_eq!(before.min(after), before);
    }

    #[test]
    fn equal_numbers_are_neither_before_nor_after() {
        let n = SeqNumber(7);
        assert!(n.le(n) && n.ge(n) && !n.lt(n) && !n.gt(n));
    }

    #[test]
    fn half_way_round_each_is_before_the_other() {
        let (a, b) = (SeqNumber(0), SeqNumber(1 << 31));
        assert!(a.lt(b) && b.lt(a));
    }
}
