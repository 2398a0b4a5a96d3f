//! The system's generator of random numbers (getrandom(2)).

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// Fills `bytes`; nobody can guess what with. Waits while the system, just started, has gathered
/// too little to draw from.
///
/// # Panics
/// On a kernel older than 3.17, which has no getrandom: there is no safe way on without it.
pub fn fill(bytes: &mut [u8]) {
    let mut filled = 0;
    while filled < bytes.len() {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(error) => unreachable!("getrandom: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_byte_is_drawn() {
        // More than one call gives (256 bytes are never interrupted, more may be).
        let mut bytes = vec![0; 4096];
        super::fill(&mut bytes);
        let longest = bytes.split(|byte| *byte != 0).map(<[u8]>::len).max();
        assert!(longest < Some(8), "eight zeroes in a row: {longest:?}");
    }
}
