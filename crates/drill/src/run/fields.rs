//! The fields of `struct tcp_info` for the code of scripts (`include/uapi/linux/tcp.h`).

use std::time::Duration;

use roundtrip_record::{TcpState, Time};
use roundtrip_tcp::{CaState, Connection, Info};

use crate::python::{Value, Variables};
use crate::symbols;

/// The value of an unlimited slow start threshold (`TCP_INFINITE_SSTHRESH`).
const INFINITE_SSTHRESH: i128 = 0x7fff_ffff;

/// The number of a state (`include/net/tcp_states.h`).
fn state(state: TcpState) -> i128 {
    match state {
        TcpState::Established => 1,
        TcpState::SynSent => 2,
        TcpState::SynReceived => 3,
        TcpState::FinWait1 => 4,
        TcpState::FinWait2 => 5,
        // In TIME_WAIT the socket itself is already closed (`tcp_time_wait`).
        TcpState::TimeWait | TcpState::Closed => 7,
        TcpState::CloseWait => 8,
        TcpState::LastAck => 9,
        TcpState::Listen => 10,
        TcpState::Closing => 11,
    }
}

fn ca_state(state: CaState) -> i128 {
    match state {
        CaState::Open => 0,
        CaState::Disorder => 1,
        CaState::Cwr => 2,
        CaState::Recovery => 3,
        CaState::Loss => 4,
    }
}

fn micros(duration: Duration) -> i128 {
    duration.as_micros() as i128
}

fn millis(duration: Duration) -> i128 {
    duration.as_millis() as i128
}

/// Adds the constants and all fields, as they are `now`, to `names`.
pub(super) fn provide(connection: &Connection, now: Time, names: &mut Variables) {
    let info = &connection.info();
    for (name, value) in symbols::CODE {
        names.insert(name.to_owned(), Value::Int(value.into()));
    }
    for (name, value) in fields(info, now) {
        names.insert(format!("tcpi_{name}"), Value::Int(value));
    }
    let spent = connection.spent(now);
    for (name, value) in [
        ("tcpi_busy_time", micros(spent.busy)),
        ("tcpi_rwnd_limited", micros(spent.rwnd_limited)),
        ("tcpi_sndbuf_limited", micros(spent.sndbuf_limited)),
        ("tcpi_total_rto_time", millis(spent.total_rto)),
        ("SK_MEMINFO_RMEM_ALLOC", info.receive_memory.0.into()),
        ("SK_MEMINFO_RCVBUF", info.receive_memory.1.into()),
        ("SK_MEMINFO_WMEM_QUEUED", info.send_memory.0.into()),
        ("SK_MEMINFO_SNDBUF", info.send_memory.1.into()),
    ] {
        names.insert(name.to_owned(), Value::Int(value));
    }
}

fn fields(info: &Info, now: Time) -> Vec<(&'static str, i128)> {
    let options = i128::from(info.timestamps)
        | i128::from(info.sack) << 1
        | i128::from(info.window_scale.is_some()) << 2
        | i128::from(info.ecn) << 3
        | i128::from(info.ecn_seen) << 4
        | i128::from(info.syn_data) << 5;
    let (snd_wscale, rcv_wscale) = info.window_scale.unwrap_or((0, 0));
    let unlimited = |ssthresh: Option<u32>| ssthresh.map_or(INFINITE_SSTHRESH, i128::from);
    vec![
        ("state", state(info.state)),
        ("ca_state", ca_state(info.ca_state)),
        ("retransmits", info.retransmits.into()),
        ("probes", info.probes.into()),
        ("backoff", info.backoff.into()),
        ("options", options),
        ("snd_wscale", snd_wscale.into()),
        ("rcv_wscale", rcv_wscale.into()),
        ("rto", micros(info.rto)),
        ("ato", micros(info.ato)),
        ("snd_mss", info.snd_mss.into()),
        ("rcv_mss", info.rcv_mss.into()),
        ("unacked", info.unacked.into()),
        ("sacked", info.sacked.into()),
        ("lost", info.lost.into()),
        ("retrans", info.retrans.into()),
        ("fackets", 0),
        ("last_data_sent", millis(now.since(info.last_data_sent))),
        ("last_ack_sent", 0),
        ("last_data_recv", millis(now.since(info.last_data_recv))),
        ("last_ack_recv", millis(now.since(info.last_ack_recv))),
        ("pmtu", info.pmtu.into()),
        ("rcv_ssthresh", info.rcv_ssthresh.into()),
        ("rtt", micros(info.rtt)),
        ("rttvar", micros(info.rttvar)),
        ("snd_ssthresh", unlimited(info.snd_ssthresh)),
        ("snd_cwnd", info.snd_cwnd.into()),
        ("advmss", info.advmss.into()),
        ("reordering", info.reordering.into()),
        ("rcv_rtt", micros(info.rcv_rtt)),
        ("rcv_space", info.rcv_space.into()),
        ("total_rto", info.total_rto.into()),
        ("total_rto_recoveries", info.total_rto_recoveries.into()),
        ("total_retrans", info.total_retrans.into()),
        ("pacing_rate", info.pacing_rate.into()),
        ("bytes_acked", info.bytes_acked.into()),
        ("bytes_received", info.bytes_received.into()),
        ("segs_out", info.segs_out.into()),
        ("segs_in", info.segs_in.into()),
        ("notsent_bytes", info.notsent_bytes.into()),
        // Without a sample the kernel's windowed minimum has this value.
        ("min_rtt", info.min_rtt.map_or(0xffff_ffff, micros)),
        ("data_segs_in", info.data_segs_in.into()),
        ("data_segs_out", info.data_segs_out.into()),
        ("delivered", info.delivered.into()),
        ("delivered_ce", info.delivered_ce.into()),
        ("bytes_sent", info.bytes_sent.into()),
        ("bytes_retrans", info.bytes_retrans.into()),
        ("dsack_dups", info.dsack_dups.into()),
        ("reord_seen", info.reord_seen.into()),
        ("rcv_ooopack", info.rcv_ooopack.into()),
        ("delivery_rate", info.delivery_rate.into()),
        ("delivery_rate_app_limited", info.delivery_rate_app_limited.into()),
        // No limit is ever set.
        ("max_pacing_rate", u64::MAX.into()),
        ("rehash", 0),
        ("snd_wnd", info.snd_wnd.into()),
        ("rcv_wnd", info.rcv_wnd.into()),
    ]
}
