//! Values as bytes, for the two ends of a pipe that run the same program: integers and floats in
//! little-endian order, a string or a list as its length and then its contents, an enumeration as
//! its place in a table. There is no version: parent and child are one build.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use bytes::{Buf as _, Bytes};
use url::Url;

/// The largest frame that is read, in bytes.
const FRAME: u64 = 2 << 30;
/// How much is asked for at once while a frame comes in, in bytes: what a frame claims to hold is
/// not believed before it has come.
const PIECE: usize = 1 << 20;

/// Writes one frame: its length, and what it holds.
pub(super) fn send(to: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    to.write_all(&(frame.len() as u64).to_le_bytes())?;
    to.write_all(frame)?;
    to.flush()
}

/// Reads one frame; `None` where the other end has closed between two.
pub(super) fn receive(from: &mut impl Read) -> io::Result<Option<Bytes>> {
    let mut length = [0; 8];
    let begun = from.read(&mut length[..1])?;
    if begun == 0 {
        return Ok(None);
    }
    from.read_exact(&mut length[1..])?;
    let length = u64::from_le_bytes(length);
    if length > FRAME {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too long"));
    }
    let mut frame = Vec::new();
    while (frame.len() as u64) < length {
        let at = frame.len();
        let piece = PIECE.max(at).min(length as usize - at);
        frame.resize(at + piece, 0);
        from.read_exact(&mut frame[at..])?;
    }
    Ok(Some(Bytes::from(frame)))
}

/// A frame is not what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message is malformed")]
pub(super) struct Malformed;

/// A value that goes through a pipe.
pub(super) trait Coded: Sized {
    /// Appends the value.
    fn put(&self, to: &mut Vec<u8>);
    /// Reads the value from the front.
    fn get(from: &mut Bytes) -> Result<Self, Malformed>;

    /// The value as one frame.
    fn frame(&self) -> Vec<u8> {
        let mut frame = Vec::new();
        self.put(&mut frame);
        frame
    }

    /// The value that a frame holds, all of it.
    fn of_frame(mut frame: Bytes) -> Result<Self, Malformed> {
        let value = Self::get(&mut frame)?;
        if frame.is_empty() { Ok(value) } else { Err(Malformed) }
    }
}

macro_rules! coded_number {
    ($($number:ty: $get:ident),*) => {$(
        impl Coded for $number {
            fn put(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }

            fn get(from: &mut Bytes) -> Result<Self, Malformed> {
                from.$get().map_err(|_| Malformed)
            }
        }
    )*};
}

coded_number!(u8: try_get_u8, u32: try_get_u32_le, u64: try_get_u64_le, f32: try_get_f32_le);

impl Coded for bool {
    fn put(&self, to: &mut Vec<u8>) {
        u8::from(*self).put(to);
    }

    fn get(from: &mut Bytes) -> Result<Self, Malformed> {
        match u8::get(from)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }
}

impl Coded for usize {
    fn put(&self, to: &mut Vec<u8>) {
        (*self as u64).put(to);
    }

    fn get(from: &mut Bytes) -> Result<Self, Malformed> {
        usize::try_from(u64::get(from)?).map_err(|_| Malformed)
    }
}

impl Coded for Bytes {
    fn put(&self, to: &mut Vec<u8>) {
        self.len().put(to);
        to.extend_from_slice(self);
    }

    fn get(from: &mut Bytes) -> Result<Self, Malformed> {
        let length = usize::get(from)?;
        if length > from.len() {
            return Err(Malformed);
        }
        Ok(from.split_to(length))
    }
}

impl Coded for String {
    fn put(&self, to: &mut Vec<u8>) {
        self.len().put(to);
        to.extend_from_slice(self.as_bytes());
    }

    fn get(from: &mut Bytes) -> Result<Self, Malformed> {
        let bytes = Bytes::get(from)?;
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| Malformed)
    }
}

impl Coded for Url {
    fn put(&self, to: &mut Vec<u8>) {
        self.as_str().len().put(to);
        to.extend_from_slice(self.as_str().as_bytes());
    }

    fn get(from: &mut Bytes) -> Result<Self, Malformed> {
        Url::parse(&String::get(from)?).map_err(|_| Malformed)
    }
}

impl<T: Coded> Coded for Option<T> {
    fn put(&self, to: &mut Vec<u8>) {
        u8::from(self.is_some()).put(to);
        if let Some(value) = self {
            value.put(to);
        }
    }

    fn get(from: &mut Bytes) -> Result<Self, Malformed> {
        match u8::get(from)? {
            0 => Ok(None),
            1 => T::get(from).map(Some),
            _ => Err(Malformed),
        }
    }
}

impl<T: Coded, E: Coded> Coded for Result<T, E> {
    fn put(&self, to: &mut Vec<u8>) {
        u8::from(self.is_ok()).put(to);
        match self {
            Ok(value) => value.put(to),
            Err(error) => error.put(to),
        }
    }

    fn get(from: &mut Bytes) -> Result<Self, Malformed> {
        match u8::get(from)? {
            0 => E::get(from).map(Err),
            1 => T::get(from).map(Ok),
            _ => Err(Malformed),
        }
    }
}

impl Coded for () {
    fn put(&self, _: &mut Vec<u8>) {}

    fn get(_: &mut Bytes) -> Result<Self, Malformed> {
        Ok(())
    }
}

impl<A: Coded, B: Coded> Coded for (A, B) {
    fn put(&self, to: &mut Vec<u8>) {
        self.0.put(to);
        self.1.put(to);
    }

    fn get(from: &mut Bytes) -> Result<Self, Malformed> {
        Ok((A::get(from)?, B::get(from)?))
    }
}

impl<T: Coded> Coded for Vec<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.len().put(to);
        for value in self {
            value.put(to);
        }
    }

    fn get(from: &mut Bytes) -> Result<Self, Malformed> {
        let length = usize::get(from)?;
        let mut list = Vec::new();
        for _ in 0..length {
            list.push(T::get(from)?);
        }
        Ok(list)
    }
}

impl<T: Coded + Ord> Coded for BTreeSet<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.len().put(to);
        for value in self {
            value.put(to);
        }
    }

    fn get(from: &mut Bytes) -> Result<Self, Malformed> {
        Ok(Vec::get(from)?.into_iter().collect())
    }
}

/// A structure is its fields, one after the other.
macro_rules! coded_struct {
    ($($type:ty { $($field:ident),* })*) => {$(
        impl Coded for $type {
            fn put(&self, to: &mut Vec<u8>) {
                $(self.$field.put(to);)*
            }

            fn get(from: &mut Bytes) -> Result<Self, Malformed> {
                Ok(Self { $($field: Coded::get(from)?),* })
            }
        }
    )*};
}

/// An enumeration without fields is its place among these names.
macro_rules! coded_names {
    ($($type:ident { $($name:ident),* })*) => {$(
        impl Coded for $type {
            fn put(&self, to: &mut Vec<u8>) {
                let names = [$($type::$name),*];
                let place = names.iter().position(|name| name == self).unwrap_or(names.len());
                (place as u8).put(to);
            }

            fn get(from: &mut Bytes) -> Result<Self, Malformed> {
                let names = [$($type::$name),*];
                names.get(u8::get(from)? as usize).copied().ok_or(Malformed)
            }
        }
    )*};
}

pub(super) use {coded_names, coded_struct};

#[cfg(test)]
mod tests {
    use super::*;

    fn again<T: Coded + PartialEq + std::fmt::Debug>(value: &T) {
        let frame = Bytes::from(value.frame());
        assert_eq!(T::of_frame(frame.clone()).as_ref(), Ok(value));
        for cut in 0..frame.len() {
            assert_eq!(T::of_frame(frame.slice(..cut)), Err(Malformed), "{value:?} cut at {cut}");
        }
        let mut longer = frame.to_vec();
        longer.push(0);
        assert_eq!(T::of_frame(longer.into()), Err(Malformed), "{value:?}");
    }

    #[test]
    fn values_come_out_as_they_went_in_and_pieces_of_them_do_not() {
        again(&7u8);
        again(&70_000u32);
        again(&u64::MAX);
        again(&1.5f32);
        again(&"grüß".to_owned());
        again(&Bytes::from_static(b"\0\xff"));
        again(&Url::parse("http://a.example/ä?b").unwrap());
        again(&Some(vec![("a".to_owned(), 1u8), (String::new(), 2)]));
        again(&BTreeSet::from([3u32, 1, 2]));
        again(&Ok::<u8, String>(1));
        again(&Err::<u8, String>("no".to_owned()));
    }

    #[test]
    fn a_length_that_lies_is_no_reason_to_allocate() {
        let mut frame = Vec::new();
        u64::MAX.put(&mut frame);
        assert_eq!(Vec::<u8>::of_frame(frame.clone().into()), Err(Malformed));
        assert_eq!(String::of_frame(frame.clone().into()), Err(Malformed));
        assert!(receive(&mut frame.as_slice()).is_err());
        frame[..8].copy_from_slice(&FRAME.to_le_bytes());
        assert!(receive(&mut frame.as_slice()).is_err());
    }

    #[test]
    fn frames_follow_one_another() {
        let mut pipe = Vec::new();
        send(&mut pipe, b"one").unwrap();
        send(&mut pipe, b"").unwrap();
        let from = &mut pipe.as_slice();
        assert_eq!(receive(from).unwrap().as_deref(), Some(b"one".as_slice()));
        assert_eq!(receive(from).unwrap().as_deref(), Some(b"".as_slice()));
        assert_eq!(receive(from).unwrap(), None);
        assert!(receive(&mut &pipe[..2]).is_err());
    }
}
