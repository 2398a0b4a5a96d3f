//! Control messages: what the kernel says of a message beside its bytes, and what it is told of one
//! (cmsg(3)).

use crate::layout::{u32_at, u64_at};

/// The header of one: its length, with the header, its level and its type.
const HEADER: usize = size_of::<libc::cmsghdr>();
/// Each begins at a multiple of this.
const ALIGNED: usize = size_of::<usize>();
/// Room for all that is asked for in this house at once.
const ROOM: usize = 256;

/// The control messages of one message.
#[derive(Clone, Copy, Debug)]
#[repr(align(8))]
pub struct Control {
    bytes: [u8; ROOM],
    length: usize,
}

impl Control {
    /// None, and room for some.
    pub(super) const EMPTY: Self = Self { bytes: [0; ROOM], length: 0 };

    /// The data of the control message of this level and type.
    pub fn get(&self, level: i32, kind: i32) -> Option<&[u8]> {
        let word = |bytes: &[u8], at: usize| u32_at(bytes, at).map(u32::cast_signed);
        let mut rest = self.bytes.get(..self.length)?;
        loop {
            let length = usize::from_ne_bytes(rest.get(..ALIGNED)?.try_into().ok()?);
            let data = rest.get(HEADER..length)?;
            if word(rest, ALIGNED)? == level && word(rest, ALIGNED + 4)? == kind {
                return Some(data);
            }
            rest = rest.get(length.next_multiple_of(ALIGNED)..)?;
        }
    }

    /// When the kernel stamped the message, nanoseconds since 1970 (`SO_TIMESTAMPNS`).
    pub fn stamp(&self) -> Option<u64> {
        let stamp = self.get(libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS)?;
        u64_at(stamp, 0)?.checked_mul(1_000_000_000)?.checked_add(u64_at(stamp, 8)?)
    }

    /// Adds one. There is room for all that this house sends.
    pub(super) fn push(&mut self, level: i32, kind: i32, data: &[u8]) {
        let length = HEADER + data.len();
        let end = self.length + length.next_multiple_of(ALIGNED);
        let place = &mut self.bytes[self.length..end];
        place.fill(0);
        place[..ALIGNED].copy_from_slice(&length.to_ne_bytes());
        place[ALIGNED..ALIGNED + 4].copy_from_slice(&level.to_ne_bytes());
        place[ALIGNED + 4..HEADER].copy_from_slice(&kind.to_ne_bytes());
        place[HEADER..length].copy_from_slice(data);
        self.length = end;
    }

    /// Where the kernel reads them from, or null where there are none, and how many bytes there are.
    pub(super) fn sent(&mut self) -> (*mut libc::c_void, usize) {
        if self.length == 0 {
            return (core::ptr::null_mut(), 0);
        }
        (self.bytes.as_mut_ptr().cast(), self.length)
    }

    /// Where the kernel may write them, and for how many bytes there is room.
    pub(super) fn room(&mut self) -> (*mut libc::c_void, usize) {
        (self.bytes.as_mut_ptr().cast(), ROOM)
    }

    /// The kernel has written this many bytes of them.
    pub(super) fn received(&mut self, length: usize) {
        self.length = length.min(ROOM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_found() {
        let mut control = Control::EMPTY;
        control.push(1, 2, &[7; 3]);
        control.push(17, 103, &1200_u16.to_ne_bytes());
        control.push(41, 50, &[9; 20]);
        assert_eq!(control.get(1, 2), Some(&[7; 3][..]));
        assert_eq!(control.get(17, 103), Some(&1200_u16.to_ne_bytes()[..]));
        assert_eq!(control.get(41, 50), Some(&[9; 20][..]));
        assert_eq!(control.get(17, 104), None);
    }

    #[test]
    fn a_length_out_of_bounds_ends_the_search() {
        let mut control = Control::EMPTY;
        control.push(1, 2, &[7; 3]);
        for length in [0_usize, 5, 1 << 20, usize::MAX] {
            control.bytes[..ALIGNED].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(control.get(3, 4), None, "{length}");
        }
    }
}
