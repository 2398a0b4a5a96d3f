//! The command `roundtrip licenses`.

use std::io::Read as _;

use crate::{Outcome, terminal};

/// The notices that `build.rs` gathered, compressed with zlib.
static NOTICES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/notices.zlib"));

/// Prints the licences of everything this program contains.
pub(crate) fn run() -> Outcome {
    let mut text = String::new();
    flate2::read::ZlibDecoder::new(NOTICES).read_to_string(&mut text)?;
    terminal::print(text.trim_end())?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_embedded_is_named_with_its_licence() {
        let mut text = String::new();
        flate2::read::ZlibDecoder::new(NOTICES).read_to_string(&mut text).expect("packed text");
        for part in [
            "rustls ",
            "tokio ",
            "Liberation fonts  OFL-1.1",
            "Noto Sans SC (a subset)  OFL-1.1",
            "SIL OPEN FONT LICENSE",
            "Permission is hereby granted",
        ] {
            assert!(text.contains(part), "{part} is not in the notices");
        }
    }
}
