//! Congestion avoidance of CUBIC (RFC 9438).

use core::time::Duration;
use std::time::Instant;

/// C, packets a second³: 0.4 (RFC 9438 §4.6), as a fraction.
const C: (u128, u128) = (2, 5);
/// What is left of the window after a loss: 0.7.
const BETA: (u64, u64) = (7, 10);
/// Milliseconds in a second, cubed: times here are in milliseconds.
const CUBED: u128 = 1_000_000_000;

/// See the module. Windows are in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cubic {
    /// The window before the latest loss, or what is aimed at in its place.
    most: u64,
    epoch: Option<Epoch>,
}

/// A time without losses.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    since: Instant,
    /// The window before the loss: where the cubic function is flat, and the window passes it.
    most: u64,
    /// After how many milliseconds the window is what it was before the loss.
    plateau: u64,
    /// What NewReno's would be (RFC 9438 §4.3).
    reno: u64,
    /// Fractions of a byte that have not been added to the two windows.
    left: (u128, u128),
}

impl Cubic {
    /// The window after a loss.
    pub(crate) fn reduced(&mut self, window: u64) -> u64 {
        self.epoch = None;
        let (part, of) = BETA;
        // Fast convergence (RFC 9438 §4.7): who had less than before leaves room for others.
        self.most = if window < self.most { window * (of + part) / (2 * of) } else { window };
        window * part / of
    }

    /// All that went before was lost for long: what the window was does not matter any more.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// By how much the window grows when so many bytes were acknowledged.
    pub(crate) fn growth(
        &mut self,
        now: Instant,
        window: u64,
        bytes: u64,
        packet: u64,
        round_trip: Duration,
    ) -> u64 {
        let most = self.most.max(window);
        let epoch = self.epoch.get_or_insert_with(|| Epoch {
            since: now,
            most,
            plateau: plateau(most - window, packet),
            reno: window,
            left: (0, 0),
        });
        let most = epoch.most;
        let since = now.saturating_duration_since(epoch.since).as_millis() as u64;
        let window_u = u128::from(window.max(1));
        // α = 3 (1 - β) / (1 + β) packets a window, and one where it has what it had (§4.3).
        let (part, of) = if epoch.reno < most { (9, 17) } else { (1, 1) };
        epoch.left.1 += u128::from(bytes) * u128::from(packet) * part;
        epoch.reno += whole(&mut epoch.left.1, window_u * of);
        let friendly = epoch.reno;
        if cube(since, epoch.plateau, most, packet) < friendly {
            return friendly.saturating_sub(window);
        }
        let ahead = since + round_trip.as_millis() as u64;
        let target = cube(ahead, epoch.plateau, most, packet).clamp(window, window * 3 / 2);
        epoch.left.0 += u128::from(target - window) * u128::from(bytes);
        whole(&mut epoch.left.0, window_u)
    }
}

/// Takes what is whole of a fraction.
fn whole(left: &mut u128, of: u128) -> u64 {
    let whole = *left / of;
    *left -= whole * of;
    u64::try_from(whole).unwrap_or(u64::MAX)
}

/// K: after how many milliseconds a window is what it was when it had so many bytes more (§4.2).
fn plateau(more: u64, packet: u64) -> u64 {
    let (part, of) = C;
    cube_root(u128::from(more) * of * CUBED / (part * u128::from(packet.max(1))))
}

/// The window of the cubic function at a time (§4.2).
fn cube(at: u64, plateau: u64, most: u64, packet: u64) -> u64 {
    let (part, of) = C;
    let distance = u128::from(at.abs_diff(plateau));
    let height = distance
        .saturating_mul(distance)
        .saturating_mul(distance)
        .saturating_mul(part * u128::from(packet))
        / (of * CUBED);
    let height = u64::try_from(height).unwrap_or(u64::MAX);
    if at < plateau { most.saturating_sub(height) } else { most.saturating_add(height) }
}

/// The greatest integer whose cube is not more.
fn cube_root(of: u128) -> u64 {
    let (mut low, mut high) = (0_u128, 1_u128 << 42);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if middle * middle * middle <= of { low = middle } else { high = middle - 1 }
    }
    low as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cube_roots_are_whole() {
        for (of, root) in [(0, 0), (1, 1), (7, 1), (8, 2), (26, 2), (27, 3), (1_000_000_007, 1000)]
        {
            assert_eq!(cube_root(of), root);
        }
        assert_eq!(cube_root(u128::from(u64::MAX)), 2_642_245);
    }

    #[test]
    fn the_window_comes_back_after_the_time_of_the_rfc() {
        // 100 packets before the loss: K = ∛(30 / 0.4) = 4.217 s.
        let packet = 1200;
        let mut cubic = Cubic::default();
        let mut window = cubic.reduced(100 * packet);
        assert_eq!(window, 70 * packet);
        assert_eq!(plateau(30 * packet, packet), 4217);
        let clock = crate::clock::Clock::new(roundtrip_record::Time::ZERO);
        let round_trip = Duration::from_millis(100);
        let mut reached = None;
        for round in 0..100_u64 {
            let now = clock.instant(roundtrip_record::Time::from_millis(round * 100));
            for _ in 0..window / packet {
                window += cubic.growth(now, window, packet, packet, round_trip);
            }
            if window >= 100 * packet && reached.is_none() {
                reached = Some(round * 100);
            }
        }
        let reached = reached.expect("it grows");
        assert!((3_300..=4_400).contains(&reached), "{reached} ms");
        // Ten seconds after: 100 + 0.4 · (9.9 − 4.2)³ packets.
        assert!((165..=185).contains(&(window / packet)), "{}", window / packet);
    }

    #[test]
    fn who_lost_twice_leaves_room() {
        let mut cubic = Cubic::default();
        let window = cubic.reduced(100_000);
        assert_eq!((window, cubic.most), (70_000, 100_000));
        assert_eq!((cubic.reduced(window), cubic.most), (49_000, 59_500));
    }
}
