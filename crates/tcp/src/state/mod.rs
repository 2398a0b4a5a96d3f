//! The states of a connection (RFC 9293 §3.3.2): one type for each state or group of states, owning
//! only what that state has. A transition consumes the old state and makes the new one, so that one
//! the RFC does not have cannot be written.

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

/// What a state makes of something that happened.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) disposition: Disposition,
    pub(crate) next: Next,
    /// A reset to send in answer, outside the connection's own sequence.
    pub(crate) reset: Option<Box<Header>>,
}

impl Verdict {
    pub(crate) fn stay(disposition: Disposition) -> Verdict {
        Verdict { disposition, next: Next::Stay, reset: None }
    }

    pub(crate) fn go(disposition: Disposition, next: Next) -> Verdict {
        Verdict { disposition, next, reset: None }
    }
}

/// The state to go to.
#[derive(Debug)]
pub(crate) enum Next {
    /// The same.
    Stay,
    /// A SYN crossed ours.
    SynReceived(Box<SynReceived>),
    /// The handshake is complete. `again` if the segment that completed it has more to say.
    Open {
        /// The new state.
        open: Box<Open>,
        /// Hand it the segment too.
        again: bool,
    },
    /// Both sides have finished, or only the other's FIN is waited for and nobody holds the socket.
    Wait(Waiting),
    /// It is over.
    Closed(CloseReason),
}

/// A timer that fired, for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fired {
    pub(crate) timer: Timer,
    pub(crate) count: u32,
}

/// The SYN-ACK that a connection in SYN_RECEIVED would send for `syn`, without one.
pub(crate) fn cookie_answer(
    isn: SeqNumber,
    options: &Options,
    syn: &Header,
    cx: Context<'_>,
) -> Header {
    let ports = Ports { local: syn.destination_port, remote: syn.source_port };
    SynReceived::passive(isn, options.clone(), syn).first_answer(ports, cx)
}

/// Whether we would have granted the options that a cookie claims we did.
pub(crate) fn cookie_grants(syn: &Header, options: &Options) -> bool {
    let profile = &options.profile;
    (profile.timestamps || syn.options.timestamps.is_none())
        && (profile.sack || !syn.options.sack_permitted)
        && (profile.window_scaling || syn.options.window_scale.is_none())
}
