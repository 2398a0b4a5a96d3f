//! `Both` and `Shift`: a value on either side of a comparison, and how much longer one time is than
//! another.

use core::iter::Sum;
use core::ops::{Add, AddAssign};
use core::time::Duration;

use serde::{Serialize, Serializer};

use crate::span::as_millis;

/// A value on side A and the same on side B.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Both<T> {
    /// On side A.
    pub a: T,
    /// On side B.
    pub b: T,
}

impl<T> Both<T> {
    /// The value on each side.
    pub const fn new(a: T, b: T) -> Self {
        Self { a, b }
    }

    /// What a function makes of the value on each side.
    pub fn map<U>(self, mut of: impl FnMut(T) -> U) -> Both<U> {
        Both { a: of(self.a), b: of(self.b) }
    }

    /// The same with references.
    pub const fn as_ref(&self) -> Both<&T> {
        Both { a: &self.a, b: &self.b }
    }
}

impl<T: PartialEq> Both<T> {
    /// Whether the two are not equal.
    pub fn differ(&self) -> bool {
        self.a != self.b
    }
}

impl<T> Both<Option<T>> {
    /// The two values, where both are known.
    pub fn known(self) -> Option<Both<T>> {
        Some(Both { a: self.a?, b: self.b? })
    }
}

impl Both<Duration> {
    /// How much longer B's time is than A's.
    pub fn shift(&self) -> Shift {
        Shift::between(self.a, self.b)
    }
}

/// Serialises a duration as milliseconds.
///
/// # Errors
/// The errors of the serializer.
pub(super) fn as_ms<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(as_millis(*took))
}

/// Serialises two durations as milliseconds.
///
/// # Errors
/// The errors of the serializer.
pub(super) fn both_ms<S: Serializer>(
    both: &Both<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    both.map(as_millis).serialize(serializer)
}

/// Serialises two durations, each where it is known, as milliseconds.
///
/// # Errors
/// The errors of the serializer.
pub(super) fn both_ms_known<S: Serializer>(
    both: &Both<Option<Duration>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    both.map(|time| time.map(as_millis)).serialize(serializer)
}

/// How much longer something took on side B than on side A, in whole nanoseconds; negative where it
/// took less time. In JSON it is milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shift(i64);

impl Shift {
    /// No difference.
    pub const ZERO: Self = Self(0);

    /// How much longer `b` is than `a`.
    pub fn between(a: Duration, b: Duration) -> Self {
        Self(nanos(b).saturating_sub(nanos(a)))
    }

    /// The difference in nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The difference without its sign.
    pub const fn size(self) -> Duration {
        Duration::from_nanos(self.0.unsigned_abs())
    }

    /// Whether there is no difference.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether side B took longer.
    pub const fn is_longer(self) -> bool {
        self.0 > 0
    }

    /// What has to be added to `part` to make this difference.
    #[must_use]
    pub const fn less(self, part: Self) -> Self {
        Self(self.0.saturating_sub(part.0))
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl Add for Shift {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Shift {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Shift {
    fn sum<I: Iterator<Item = Self>>(shifts: I) -> Self {
        shifts.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Shift {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 1e6)
    }
}
