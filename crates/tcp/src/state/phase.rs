//! The synchronized states except TIME_WAIT.

use roundtrip_record::TcpState;

/// The synchronized states except TIME_WAIT: which side has finished, and whose FIN was
/// acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
}

/// The target of a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    To(Phase),
    TimeWait,
    Closed,
}

impl Phase {
    pub(crate) fn state(self) -> TcpState {
        match self {
            Phase::Established => TcpState::Established,
            Phase::FinWait1 => TcpState::FinWait1,
            Phase::FinWait2 => TcpState::FinWait2,
            Phase::CloseWait => TcpState::CloseWait,
            Phase::Closing => TcpState::Closing,
            Phase::LastAck => TcpState::LastAck,
        }
    }

    /// The state after we finish sending (RFC 9293 §3.10.4); `None` if we have already.
    pub(crate) fn finish(self) -> Option<Phase> {
        match self {
            Phase::Established => Some(Phase::FinWait1),
            Phase::CloseWait => Some(Phase::LastAck),
            Phase::FinWait1 | Phase::FinWait2 | Phase::Closing | Phase::LastAck => None,
        }
    }

    /// The transition when our FIN is acknowledged (§3.10.7.4, "fifth").
    pub(crate) fn fin_acknowledged(self) -> Transition {
        match self {
            Phase::FinWait1 => Transition::To(Phase::FinWait2),
            Phase::Closing => Transition::TimeWait,
            Phase::LastAck => Transition::Closed,
            Phase::Established | Phase::FinWait2 | Phase::CloseWait => Transition::To(self),
        }
    }

    /// The transition when the peer's FIN is reached (§3.10.7.4, "eighth").
    pub(crate) fn fin_received(self) -> Transition {
        match self {
            Phase::Established => Transition::To(Phase::CloseWait),
            Phase::FinWait1 => Transition::To(Phase::Closing),
            Phase::FinWait2 => Transition::TimeWait,
            Phase::CloseWait | Phase::Closing | Phase::LastAck => Transition::To(self),
        }
    }

    /// Whether the peer's FIN has come, and may be followed by a reset with its sequence number
    /// (`tcp_reset_check`).
    pub(crate) fn peer_finished(self) -> bool {
        matches!(self, Phase::CloseWait | Phase::Closing | Phase::LastAck)
    }

    /// Whether we have not finished sending.
    pub(crate) fn may_write(self) -> bool {
        matches!(self, Phase::Established | Phase::CloseWait)
    }
}
