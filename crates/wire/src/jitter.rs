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
    let mut drawn = [0; 2];
    wire.random(&mut drawn);
    let share = u64::from(u16::from_le_bytes(drawn));
    time / 2 + Duration::from_nanos(time.as_nanos() as u64 * share / u64::from(u16::MAX))
}
