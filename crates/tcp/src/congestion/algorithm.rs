//! The names of the congestion controls.

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
}

impl Algorithm {
    /// The name that Linux gives the algorithm.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Reno => "reno",
            Algorithm::Cubic | Algorithm::Cubic9438 => "cubic",
        }
    }
}
