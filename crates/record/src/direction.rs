//! `Direction`: which way something went.

use serde::{Deserialize, Serialize};

/// Which way a frame or segment went, as seen from the host that reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The frame or segment left this host.
    Sent,
    /// The frame or segment arrived at this host.
    Received,
}
