//! The names of the congestion controls.

use std::str::FromStr;

/// A congestion control algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Reno (RFC 5681): the window grows by one segment each round trip, and is halved after a
    /// loss.
    Reno,
    /// CUBIC as in `net/ipv4/tcp_cubic.c`, with the original HyStart.
    Cubic,
    /// CUBIC of RFC 9438 with HyStart++ (RFC 9406).
    Cubic9438,
    /// BBR as in `net/ipv4/tcp_bbr.c`, version 1: it goes by bandwidth and round-trip time, and spaces
    /// its segments.
    Bbr,
}

impl Algorithm {
    /// The name that Linux gives the algorithm.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Reno => "reno",
            Algorithm::Cubic | Algorithm::Cubic9438 => "cubic",
            Algorithm::Bbr => "bbr",
        }
    }
}

/// A name that is no congestion control's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAlgorithm(String);

impl std::fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "there is no congestion control `{}` here, but reno, cubic and bbr", self.0)
    }
}

impl std::error::Error for UnknownAlgorithm {}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Reads the name that Linux gives an algorithm.
    fn from_str(name: &str) -> Result<Algorithm, UnknownAlgorithm> {
        [Algorithm::Reno, Algorithm::Cubic, Algorithm::Bbr]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}
