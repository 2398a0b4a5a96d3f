//! The events of a connection, as values of the record.

use std::time::Duration;

use roundtrip_record::{
    CloseReason, CongestionPhase, ConnectionId, Evidence, Side, TcpClosed, TcpCongestion,
    TcpOpened, TcpState, TcpStateChanged, TcpTimer, Trace, What,
};

use crate::congestion::INFINITE;
use crate::info::CaState;
use crate::send::Sender;
use crate::state::Fired;
use crate::step::{Endpoints, Step};

pub(crate) fn opened(connection: ConnectionId, side: Side, ends: Endpoints) -> What {
    let Endpoints { local, remote } = ends;
    What::TcpOpened(TcpOpened { connection, side, local, remote })
}

pub(crate) fn state(connection: ConnectionId, from: TcpState, to: TcpState) -> What {
    What::TcpStateChanged(TcpStateChanged { connection, from, to, how: Evidence::Performed })
}

pub(crate) fn closed(connection: ConnectionId, reason: CloseReason) -> What {
    What::TcpClosed(TcpClosed { connection, reason, how: Evidence::Performed })
}

pub(crate) fn timer(connection: ConnectionId, fired: Fired) -> What {
    What::TcpTimer(TcpTimer { connection, timer: fired.timer, count: fired.count })
}

/// The part of the congestion state whose changes are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CongestionMark {
    phase: CongestionPhase,
    cwnd: u32,
    ssthresh: u32,
}

impl CongestionMark {
    pub(crate) fn of(sender: &Sender) -> CongestionMark {
        let (state, window, ..) = sender.congestion();
        let phase = match state {
            CaState::Open | CaState::Disorder if window.in_slow_start() => {
                CongestionPhase::SlowStart
            }
            CaState::Open | CaState::Disorder => CongestionPhase::Avoidance,
            CaState::Cwr => CongestionPhase::Reduction,
            CaState::Recovery => CongestionPhase::Recovery,
            CaState::Loss => CongestionPhase::Loss,
        };
        CongestionMark { phase, cwnd: window.cwnd(), ssthresh: window.ssthresh() }
    }

    /// Records the congestion state if it is not that of `before`.
    pub(crate) fn report(
        before: CongestionMark,
        sender: &Sender,
        connection: ConnectionId,
        step: Step,
        trace: &mut impl Trace,
    ) {
        let after = CongestionMark::of(sender);
        if after == before {
            return;
        }
        trace.emit(step.now, step.cause, || {
            let (_, window, in_flight, mss) = sender.congestion();
            let bytes = |segments: u32| u64::from(segments) * u64::from(mss);
            let srtt = sender.rtt().srtt_us();
            let known = srtt > 0;
            let us = |us: u32| Duration::from_micros(u64::from(us));
            What::TcpCongestion(TcpCongestion {
                connection,
                phase: after.phase,
                cwnd: bytes(window.cwnd()),
                ssthresh: (window.ssthresh() < INFINITE).then(|| bytes(window.ssthresh())),
                in_flight: bytes(in_flight),
                srtt: known.then(|| us(srtt)),
                rttvar: known.then(|| us(sender.rtt().rttvar_us())),
                rto: Duration::from_micros(sender.rtt().rto_us()),
            })
        });
    }
}
