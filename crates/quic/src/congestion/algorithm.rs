//! Which congestion control a connection has.

/// An algorithm of congestion control. Each leaves slow start by HyStart++ (RFC 9406).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 9438.
    #[default]
    Cubic,
    /// RFC 9002 §7.
    NewReno,
}
