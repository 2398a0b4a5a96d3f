//! Which congestion control a connection has.

/// The congestion controls there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 5681: one segment more each round trip, half of the window after a loss.
    Reno,
    /// CUBIC as `net/ipv4/tcp_cubic.c` has it, with the original HyStart.
    Cubic,
    /// CUBIC of RFC 9438 with HyStart++ (RFC 9406).
    Cubic9438,
}

impl Algorithm {
    /// The name Linux has for it.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Reno => "reno",
            Algorithm::Cubic | Algorithm::Cubic9438 => "cubic",
        }
    }
}
