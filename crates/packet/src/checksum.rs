//! The Internet checksum: RFC 1071, its combination, and its update in place (RFC 1624).
//!
//! A [`Sum`] is the one's complement sum of the 16-bit big-endian words of a run of bytes, folded
//! to 16 bits. Sums of neighbouring runs combine, so a payload is summed while it is copied, and
//! the headers before it afterwards. One's complement addition is independent of byte order and of
//! the order of words: the loops add native words, many side by side, and swap the bytes of the
//! result once at the end (RFC 1071 §2(B)). The width of the processor's vectors affects only the
//! speed.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::{Add, AddAssign};

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch};

use crate::protocol::Protocol;

/// A one's complement sum, folded to 16 bits, of bytes that begin at an even offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Sum(u16);

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Sum = Sum(0);

    /// The sum of one 16-bit word.
    #[inline]
    pub const fn word(word: u16) -> Sum {
        Sum(word)
    }

    /// The sum itself, not complemented: the value that a card which finishes checksums expects in
    /// the checksum field (`VIRTIO_NET_HDR_F_NEEDS_CSUM`).
    #[inline]
    pub const fn folded(self) -> u16 {
        self.0
    }

    /// The checksum, which is the complement of the sum, to be written big-endian.
    #[inline]
    pub const fn checksum(self) -> u16 {
        !self.0
    }

    /// Whether a sum that includes the checksum field verifies.
    #[inline]
    pub const fn verifies(self) -> bool {
        self.0 == 0xffff
    }

    /// The sum of a header given as 32-bit words.
    #[inline(always)]
    pub(crate) const fn words<const N: usize>(words: &[u32; N]) -> Sum {
        let mut sum = 0;
        let mut at = 0;
        while at < N {
            sum += words[at] as u64;
            at += 1;
        }
        Sum::fold(sum)
    }

    #[inline]
    const fn fold(sum: u64) -> Sum {
        let sum = (sum & 0xffff_ffff) + (sum >> 32);
        let sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        Sum(sum as u16)
    }

    #[inline]
    const fn fold_native(sum: u64) -> Sum {
        Sum(u16::to_be(Sum::fold(sum).0))
    }
}

impl Add for Sum {
    type Output = Sum;
    /// The sum of two runs, the first of which must have an even length. For other lengths there is
    /// [`combine`].
    #[inline]
    fn add(self, other: Sum) -> Sum {
        let (sum, carry) = self.0.overflowing_add(other.0);
        Sum(sum + u16::from(carry))
    }
}

impl AddAssign for Sum {
    #[inline]
    fn add_assign(&mut self, other: Sum) {
        *self = *self + other;
    }
}

/// The sum of a run of `first_length` bytes followed by another. After an odd number of bytes the
/// halves of every word are swapped, and so are those of their sum (RFC 1071 §2(B)).
#[inline]
#[must_use]
pub const fn combine(first: Sum, first_length: usize, second: Sum) -> Sum {
    let second = if first_length % 2 == 1 { second.0.swap_bytes() } else { second.0 };
    let (sum, carry) = first.0.overflowing_add(second);
    Sum(sum + carry as u16)
}

/// The length below which a run is not worth setting up vectors for, bytes.
const SHORT: usize = 64;
/// The longest run that is summed without overflow in a vector, bytes: a lane of 32 bits takes 2¹⁵
/// words of two halves, and this many bytes stay below that in vectors of any width.
const LONG: usize = 256 * 1024;
/// The length of the parts that are copied and then summed, bytes: half of a small first-level
/// cache. It is even, so that the parts' sums add up.
const PART: usize = 16 * 1024;

/// The sum of a short run, not folded.
#[inline(always)]
fn sum_words(data: &[u8]) -> u64 {
    let (words, mut rest) = data.as_chunks::<8>();
    // Carries gather in the upper half of the wide sum.
    let wide: u128 = words.iter().map(|word| u128::from(u64::from_ne_bytes(*word))).sum();
    let (low, high) = (wide as u64, (wide >> 64) as u64);
    let mut sum = (low & 0xffff_ffff) + (low >> 32) + high;
    if let Some((word, after)) = rest.split_first_chunk::<4>() {
        sum += u64::from(u32::from_ne_bytes(*word));
        rest = after;
    }
    if let Some((word, after)) = rest.split_first_chunk::<2>() {
        sum += u64::from(u16::from_ne_bytes(*word));
        rest = after;
    }
    if let [byte] = rest {
        sum += u64::from(u16::from_ne_bytes([*byte, 0]));
    }
    sum
}

/// The sum of up to [`LONG`] bytes, in vectors as wide as the processor has: even and odd words
/// each in lanes of 32 bits, so that no addition carries.
#[inline(always)]
fn sum_vectors<S: Simd>(simd: S, data: &[u8]) -> u64 {
    let low = S::u32s::splat(simd, 0xffff);
    let mut even = S::u32s::splat(simd, 0);
    let mut odd = even;
    let mut vectors = data.chunks_exact(S::u8s::N);
    for vector in &mut vectors {
        let words: S::u32s = S::u8s::from_slice(simd, vector).bitcast();
        even += words & low;
        odd += words >> 16;
    }
    let pairs: S::u64s = (even + odd).bitcast();
    let lanes = (pairs & S::u64s::splat(simd, 0xffff_ffff)) + (pairs >> 32);
    lanes.as_slice().iter().sum::<u64>() + sum_words(vectors.remainder())
}

/// The sum of `data`. An odd last byte counts as the high half of a word (RFC 1071 §4.1).
#[inline]
#[must_use]
pub fn sum(data: &[u8]) -> Sum {
    if data.len() < SHORT {
        return Sum::fold_native(sum_words(data));
    }
    sum_long(data)
}

#[inline(never)]
fn sum_long(data: &[u8]) -> Sum {
    let level = Level::new();
    let run = |run| dispatch!(level, simd => sum_vectors(simd, run));
    let (first, rest) = data.split_at(data.len().min(LONG));
    Sum::fold_native(run(first) + rest.chunks(LONG).map(run).sum::<u64>())
}

/// Copies `source` to the front of `target` and answers the sum. Bytes of `source` beyond the end
/// of `target` are neither copied nor summed.
pub fn copy(target: &mut [u8], source: &[u8]) -> Sum {
    let mut total = Sum::ZERO;
    let parts = source[..source.len().min(target.len())].chunks(PART);
    for (to, from) in target.chunks_mut(PART).zip(parts) {
        to[..from.len()].copy_from_slice(from);
        total += sum(from);
    }
    total
}

/// Appends `source` to `target` and answers the sum, part by part, so that memory is read only
/// once.
#[inline]
pub fn append(target: &mut Vec<u8>, source: &[u8]) -> Sum {
    let (first, rest) = source.split_at(source.len().min(PART));
    target.extend_from_slice(first);
    let mut total = sum(first);
    for part in rest.chunks(PART) {
        target.extend_from_slice(part);
        total += sum(part);
    }
    total
}

/// The sum of the pseudo-header of TCP and UDP over IPv4: addresses, protocol and length (RFC 9293
/// §3.1).
#[inline]
#[must_use]
pub fn pseudo_v4(from: Ipv4Addr, to: Ipv4Addr, protocol: Protocol, length: u32) -> Sum {
    let addresses = u64::from(from.to_bits()) + u64::from(to.to_bits());
    Sum::fold(addresses + u64::from(protocol.0) + u64::from(length))
}

/// The sum of the pseudo-header over IPv6 (RFC 8200 §8.1).
#[inline]
#[must_use]
pub fn pseudo_v6(from: Ipv6Addr, to: Ipv6Addr, protocol: Protocol, length: u32) -> Sum {
    let words = |address: Ipv6Addr| {
        let bits = address.to_bits();
        let (high, low) = ((bits >> 64) as u64, bits as u64);
        (high >> 32) + (high & 0xffff_ffff) + (low >> 32) + (low & 0xffff_ffff)
    };
    Sum::fold(words(from) + words(to) + u64::from(protocol.0) + u64::from(length))
}

/// The checksum after one of the 16-bit words it covers has changed: HC' = ~(~HC + ~m + m') (RFC
/// 1624 §3, equation 3, which unlike RFC 1141's gives the right one of the two zeroes).
#[inline]
#[must_use]
pub const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    !Sum::fold(!checksum as u64 + !old as u64 + new as u64).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The sum as in RFC 1071 §4.1: one word at a time, and slow.
    fn naive(data: &[u8]) -> Sum {
        let mut sum = 0_u32;
        for pair in data.chunks(2) {
            let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
            sum += u32::from(word);
            if sum > 0xffff {
                sum -= 0xffff;
            }
        }
        Sum(sum as u16)
    }

    #[test]
    fn the_example_of_rfc_1071_section_3() {
        let data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(sum(&data).folded(), 0xddf2);
        assert_eq!(sum(&data).checksum(), 0x220d);
    }

    #[test]
    fn the_example_of_rfc_1624_section_4() {
        // The example of RFC 1624 §4: HC = DD2F, m = 5555, m' = 3285, and the header's other words
        // sum to CD7A.
        assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
    }

    #[test]
    fn nothing_sums_to_zero_and_ones_verify() {
        assert_eq!(sum(&[]), Sum::ZERO);
        assert_eq!(sum(&[0; 1460]), Sum::ZERO);
        assert!(sum(&[0xff; 1460]).verifies());
        assert!(sum(&vec![0xff; 65_534]).verifies());
    }

    #[test]
    fn every_short_length_at_every_alignment() {
        let data: Vec<u8> = (0..400_u32).map(|i| (i * 37 + i / 7) as u8 | 0x80).collect();
        for start in 0..8 {
            for end in start..data.len() {
                assert_eq!(sum(&data[start..end]), naive(&data[start..end]), "{start}..{end}");
            }
        }
    }

    #[test]
    fn copying_stops_at_the_end_of_the_target() {
        let mut target = [0; 3];
        assert_eq!(copy(&mut target, &[1, 2, 3, 4, 5]), naive(&[1, 2, 3]));
        assert_eq!(target, [1, 2, 3]);
    }

    proptest! {
        #[test]
        fn every_length_and_alignment_equals_the_naive_sum(
            data in prop::collection::vec(any::<u8>(), 0..4000), skip in 0_usize..16,
        ) {
            let data = data.get(skip..).unwrap_or(&[]);
            prop_assert_eq!(sum(data), naive(data));
            let mut target = vec![0; data.len()];
            prop_assert_eq!(copy(&mut target, data), naive(data));
            prop_assert_eq!(&target[..], data);
            let mut target = vec![9];
            prop_assert_eq!(append(&mut target, data), naive(data));
            prop_assert_eq!(&target[1..], data);
        }

        #[test]
        fn any_split_combines_to_the_whole(
            data in prop::collection::vec(any::<u8>(), 0..3000), at in any::<prop::sample::Index>(),
        ) {
            let (first, second) = data.split_at(at.index(data.len() + 1));
            prop_assert_eq!(combine(sum(first), first.len(), sum(second)), naive(&data));
        }

        #[test]
        fn an_update_equals_summing_again(
            mut words in prop::collection::vec(any::<u16>(), 1..40),
            at in any::<prop::sample::Index>(), new in any::<u16>(),
        ) {
            let bytes = |words: &[u16]| -> Vec<u8> {
                words.iter().flat_map(|word| word.to_be_bytes()).collect()
            };
            // A header is never all zeros, as its version is not, so the sum is never +0.
            words.push(0x4500);
            let before = sum(&bytes(&words)).checksum();
            let at = at.index(words.len() - 1);
            let old = std::mem::replace(&mut words[at], new);
            prop_assert_eq!(update(before, old, new), sum(&bytes(&words)).checksum());
        }

        #[test]
        fn pseudo_headers_equal_their_bytes(
            from in any::<u32>(), to in any::<u32>(), from6 in any::<u128>(), to6 in any::<u128>(),
            protocol in any::<u8>(), length in 0_u32..0x1_0000,
        ) {
            let (from, to) = (Ipv4Addr::from(from), Ipv4Addr::from(to));
            let mut bytes = [from.octets(), to.octets()].concat();
            bytes.extend([0, protocol]);
            bytes.extend((length as u16).to_be_bytes());
            prop_assert_eq!(pseudo_v4(from, to, Protocol(protocol), length), naive(&bytes));

            let (from, to) = (Ipv6Addr::from(from6), Ipv6Addr::from(to6));
            let mut bytes = [from.octets(), to.octets()].concat();
            bytes.extend(length.to_be_bytes());
            bytes.extend([0, 0, 0, protocol]);
            prop_assert_eq!(pseudo_v6(from, to, Protocol(protocol), length), naive(&bytes));
        }
    }
}
