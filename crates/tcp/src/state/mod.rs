//! The states of a connection (RFC 9293 §3.3.2): one type for each state or group of states, with
//! only the data that state has. A transition consumes the old state and makes the new one, so that
//! a transition the RFC does not have cannot be written.

mod handshake;
mod open;
mod phase;
mod syn_received;
mod syn_sent;
mod time_wait;
mod verdict;

use std::convert::Infallible;

use roundtrip_packet::SeqNumber;
use roundtrip_packet::tcp::Header;

use crate::Options;
use crate::context::Context;

pub(crate) use handshake::{Ports, Unfinished};
pub(crate) use open::{Open, OpenSegment};
pub(crate) use syn_received::{Established, SynReceived};
pub(crate) use syn_sent::{SynAnswered, SynSent};
pub(crate) use time_wait::{TimeWait, Waiting};
pub(crate) use verdict::{Fired, Next, Verdict};

/// Every state that can follow another.
#[derive(Debug)]
pub(crate) enum Successor {
    /// SYN_RECEIVED, because a SYN crossed ours.
    SynReceived(Box<SynReceived>),
    /// ESTABLISHED.
    Established(Established),
    /// TIME_WAIT, or FIN_WAIT_2 without an owner.
    Wait(Waiting),
}

impl From<SynAnswered> for Successor {
    fn from(state: SynAnswered) -> Successor {
        match state {
            SynAnswered::Established(open) => {
                Successor::Established(Established { open, again: false })
            }
            SynAnswered::Crossed(state) => Successor::SynReceived(state),
        }
    }
}

impl From<Established> for Successor {
    fn from(state: Established) -> Successor {
        Successor::Established(state)
    }
}

impl From<Waiting> for Successor {
    fn from(state: Waiting) -> Successor {
        Successor::Wait(state)
    }
}

impl From<Infallible> for Successor {
    fn from(none: Infallible) -> Successor {
        match none {}
    }
}

/// The SYN-ACK that a connection in SYN_RECEIVED would send for `syn`, without creating one.
pub(crate) fn cookie_answer(
    isn: SeqNumber,
    options: &Options,
    syn: &Header,
    cx: Context<'_>,
) -> Header {
    let ports = Ports { local: syn.destination_port, remote: syn.source_port };
    SynReceived::passive(isn, options.clone(), syn).first_answer(ports, cx)
}

/// Whether we would have granted the options that a cookie claims.
pub(crate) fn cookie_grants(syn: &Header, options: &Options) -> bool {
    let profile = &options.profile;
    (profile.timestamps || syn.options.timestamps.is_none())
        && (profile.sack || !syn.options.sack_permitted)
        && (profile.window_scaling || syn.options.window_scale.is_none())
}
