//! Times of modelled work, which are not always the same.

use core::time::Duration;

use crate::wire::Wire;

/// A time that is not always the same: half of it to one and a half, drawn from the wire's chance. Where
/// a queue overflows, a little earlier or later can make a great difference to what is dropped, and
/// one seed is one of many.
pub fn about<W: Wire>(wire: &W, time: Duration) -> Duration {
    if time.is_zero() {
        return time;
    }
    time / 2 + part(time, drawn(wire))
}

/// A time that is mostly short and now and then long, as a thread has it that waits until others are done: a fifth
/// of it at least, two and a half of it at most, and on average as long as it is.
pub fn mostly<W: Wire>(wire: &W, time: Duration) -> Duration {
    if time.is_zero() {
        return time;
    }
    // The mean of a square between 0 and 1 is a third.
    let share = drawn(wire);
    time / 5 + part(time * 12 / 5, share * share / u64::from(u16::MAX))
}

/// As likely one number of sixteen bits as another.
fn drawn<W: Wire>(wire: &W) -> u64 {
    let mut drawn = [0; 2];
    wire.random(&mut drawn);
    u64::from(u16::from_le_bytes(drawn))
}

/// Of a time so many parts of `u16::MAX`.
fn part(time: Duration, share: u64) -> Duration {
    Duration::from_nanos(time.as_nanos() as u64 * share / u64::from(u16::MAX))
}
