//! The states of a connection (RFC 9293 §3.3.2): one type for each state or group of states, with
//! only the data that state has. A transition consumes the old state and makes the new one, so that
//! a transition the RFC does not have cannot be written.

mod handshake;
mod open;
mod phase;
mod syn_received;
mod syn_sent;
mod time_wait;

use roundtrip_packet::SeqNumber;
use roundtrip_packet::tcp::Header;
use roundtrip_record::{CloseReason, Timer};

use crate::context::Context;
use crate::{Disposition, Options};

pub(crate) use handshake::Ports;
pub(crate) use open::{Open, OpenSegment};
pub(crate) use syn_received::SynReceived;
pub(crate) use syn_sent::SynSent;
pub(crate) use time_wait::{TimeWait, Waiting};

/// What a state decides about something that happened.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) disposition: Disposition,
    pub(crate) next: Next,
    /// A reset to send in answer, with numbers from the segment and not from the connection.
    pub(crate) reset: Option<Box<Header>>,
}

impl Verdict {
    pub(crate) fn stay(disposition: Disposition) -> Verdict {
        Verdict { disposition, next: Next::Stay, reset: None }
    }

    pub(crate) fn transition(disposition: Disposition, next: Next) -> Verdict {
        Verdict { disposition, next, reset: None }
    }
}

/// The state to go to.
#[derive(Debug)]
pub(crate) enum Next {
    /// The connection stays in its state.
    Stay,
    /// The connection goes to SYN_RECEIVED, because a SYN crossed ours.
    SynReceived(Box<SynReceived>),
    /// The connection is established.
    Open {
        /// The new state.
        open: Box<Open>,
        /// Whether the segment that completed the handshake is to be processed by the new state
        /// too.
        again: bool,
    },
    /// The connection goes to TIME_WAIT, or to FIN_WAIT_2 without an owner.
    Wait(Waiting),
    /// The connection is closed.
    Closed(CloseReason),
}

/// A timer that fired, to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fired {
    pub(crate) timer: Timer,
    pub(crate) count: u32,
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
