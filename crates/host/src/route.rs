//! Routes: longest prefix first.

use std::net::IpAddr;

use crate::IfIndex;

/// A way to a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The prefix; bits after `prefix_len` mean nothing. An unspecified address with length 0 is
    /// the default route of its family.
    pub to: IpAddr,
    /// Bits of the prefix that count.
    pub prefix_len: u8,
    /// The router; `None` where the prefix is on the link.
    pub via: Option<IpAddr>,
    /// Where packets leave.
    pub interface: IfIndex,
}
