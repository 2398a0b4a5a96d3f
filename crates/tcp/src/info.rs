//! Snapshots of a connection (`TCP_INFO`).

use std::time::Duration;

use roundtrip_record::{TcpState, Time};

/// A snapshot of a connection: what Linux gives as `struct tcp_info` (`include/uapi/linux/tcp.h`),
/// under the same names. Counts are in segments unless a field says bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// The state of the connection.
    pub state: TcpState,
    /// The congestion state of the sender.
    pub ca_state: CaState,
    /// Retransmission timeouts in a row without an acknowledgement.
    pub retransmits: u32,
    /// Unanswered probes, of a zero window or for keep-alive.
    pub probes: u32,
    /// How often the retransmission timeout was doubled.
    pub backoff: u32,
    /// Whether timestamps are in use.
    pub timestamps: bool,
    /// Whether SACK is in use.
    pub sack: bool,
    /// Whether ECN is in use.
    pub ecn: bool,
    /// Whether an ECN-capable packet has arrived.
    pub ecn_seen: bool,
    /// Whether data that travelled with a SYN was taken (RFC 7413; `TCPI_OPT_SYN_DATA`).
    pub syn_data: bool,
    /// The window scales (the peer's, ours), if both ends have one.
    pub window_scale: Option<(u8, u8)>,
    /// Retransmission timeout, back-off included.
    pub rto: Duration,
    /// How long a pure acknowledgement may be delayed.
    pub ato: Duration,
    /// The largest payload of a segment we send, bytes.
    pub snd_mss: u32,
    /// The estimated payload of the segments we receive, bytes.
    pub rcv_mss: u32,
    /// The MSS we announced, bytes.
    pub advmss: u32,
    /// The path MTU as known here, bytes.
    pub pmtu: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Unacknowledged segments that were acknowledged selectively.
    pub sacked: u32,
    /// Unacknowledged segments that are believed lost.
    pub lost: u32,
    /// Unacknowledged segments that were retransmitted.
    pub retrans: u32,
    /// When data was last sent.
    pub last_data_sent: Time,
    /// When data last arrived.
    pub last_data_recv: Time,
    /// When an acknowledgement last arrived.
    pub last_ack_recv: Time,
    /// The slow start threshold of the receive window, bytes.
    pub rcv_ssthresh: u32,
    /// Smoothed round-trip time; zero before the first sample.
    pub rtt: Duration,
    /// Mean deviation of the round-trip time.
    pub rttvar: Duration,
    /// Least round-trip time of the last five minutes; `None` before the first sample.
    pub min_rtt: Option<Duration>,
    /// Slow start threshold; `None` while it is unlimited.
    pub snd_ssthresh: Option<u32>,
    /// Congestion window.
    pub snd_cwnd: u32,
    /// The number of duplicate acknowledgements taken for loss, which grows with the reordering
    /// seen.
    pub reordering: u32,
    /// Round-trip time as the receiver sees it.
    pub rcv_rtt: Duration,
    /// Most bytes that the application has read in a round trip.
    pub rcv_space: u32,
    /// Retransmissions of the whole connection.
    pub total_retrans: u32,
    /// Retransmission timeouts of the whole connection, handshake included.
    pub total_rto: u32,
    /// Recoveries that began with a timeout.
    pub total_rto_recoveries: u32,
    /// Pacing rate, bytes a second.
    pub pacing_rate: u64,
    /// Bytes of payload acknowledged.
    pub bytes_acked: u64,
    /// Bytes of payload received in order.
    pub bytes_received: u64,
    /// Bytes of payload sent, retransmissions included.
    pub bytes_sent: u64,
    /// Bytes of payload retransmitted.
    pub bytes_retrans: u64,
    /// Segments sent.
    pub segs_out: u32,
    /// Segments received.
    pub segs_in: u32,
    /// Segments with payload sent.
    pub data_segs_out: u32,
    /// Segments with payload received.
    pub data_segs_in: u32,
    /// Segments delivered, retransmissions included.
    pub delivered: u32,
    /// Delivered segments that the peer reported with a congestion mark.
    pub delivered_ce: u32,
    /// Duplicates the peer reported (RFC 2883).
    pub dsack_dups: u32,
    /// How often reordering was seen.
    pub reord_seen: u32,
    /// Segments received out of order.
    pub rcv_ooopack: u32,
    /// Bytes buffered and not sent yet.
    pub notsent_bytes: u32,
    /// Rate at which data was last delivered, bytes a second.
    pub delivery_rate: u64,
    /// Whether the delivery rate was limited by the application and not by the path.
    pub delivery_rate_app_limited: bool,
    /// The peer's receive window, bytes.
    pub snd_wnd: u32,
    /// Our receive window as last announced, bytes.
    pub rcv_wnd: u32,
    /// Received and not read yet, bytes (`SIOCINQ`).
    pub unread: u32,
    /// Buffered and not acknowledged yet, bytes (`SIOCOUTQ`).
    pub unacked_bytes: u32,
    /// The memory the receive buffer takes up, and may take up, bytes as Linux counts them
    /// (`SK_MEMINFO_RMEM_ALLOC`, `_RCVBUF`).
    pub receive_memory: (u32, u32),
    /// The memory the send buffer takes up, and may take up, bytes as Linux counts them
    /// (`SK_MEMINFO_WMEM_QUEUED`, `_SNDBUF`).
    pub send_memory: (u32, u32),
}

/// How long a connection was busy and what limited it: the times of `struct tcp_info`, which grow
/// even while nothing happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// The time with data to send (`tcpi_busy_time`).
    pub busy: Duration,
    /// The part of the busy time in which the peer's window was the limit (`tcpi_rwnd_limited`).
    pub rwnd_limited: Duration,
    /// The part of the busy time in which the send buffer was the limit (`tcpi_sndbuf_limited`).
    pub sndbuf_limited: Duration,
    /// The time spent in recoveries that a timeout began, to the millisecond
    /// (`tcpi_total_rto_time`).
    pub total_rto: Duration,
}

/// The last snapshot of a connection whose data transfer has ended: like the kernel's socket, it is
/// kept until the application closes.
#[derive(Debug)]
pub(crate) struct Last {
    pub(crate) info: Info,
    pub(crate) spent: Spent,
}

/// The congestion state of a sender (`enum tcp_ca_state`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaState {
    /// Nothing unusual.
    #[default]
    Open,
    /// Duplicate acknowledgements or SACKs have come, not enough yet to call anything lost.
    Disorder,
    /// The window is being reduced because the network marked packets.
    Cwr,
    /// The window is being reduced and losses are repaired.
    Recovery,
    /// A retransmission timeout has occurred, and the losses are being repaired.
    Loss,
}

impl Info {
    /// A snapshot with nothing but the state.
    pub(crate) fn of(state: TcpState) -> Info {
        Info {
            state,
            ca_state: CaState::Open,
            retransmits: 0,
            probes: 0,
            backoff: 0,
            timestamps: false,
            sack: false,
            ecn: false,
            ecn_seen: false,
            syn_data: false,
            window_scale: None,
            rto: Duration::ZERO,
            ato: Duration::ZERO,
            snd_mss: 0,
            rcv_mss: 0,
            advmss: 0,
            pmtu: 0,
            unacked: 0,
            sacked: 0,
            lost: 0,
            retrans: 0,
            last_data_sent: Time::ZERO,
            last_data_recv: Time::ZERO,
            last_ack_recv: Time::ZERO,
            rcv_ssthresh: 0,
            rtt: Duration::ZERO,
            rttvar: Duration::ZERO,
            min_rtt: None,
            snd_ssthresh: None,
            snd_cwnd: 0,
            reordering: 0,
            rcv_rtt: Duration::ZERO,
            rcv_space: 0,
            total_retrans: 0,
            total_rto: 0,
            total_rto_recoveries: 0,
            pacing_rate: 0,
            bytes_acked: 0,
            bytes_received: 0,
            bytes_sent: 0,
            bytes_retrans: 0,
            segs_out: 0,
            segs_in: 0,
            data_segs_out: 0,
            data_segs_in: 0,
            delivered: 0,
            delivered_ce: 0,
            dsack_dups: 0,
            reord_seen: 0,
            rcv_ooopack: 0,
            notsent_bytes: 0,
            delivery_rate: 0,
            delivery_rate_app_limited: false,
            snd_wnd: 0,
            rcv_wnd: 0,
            unread: 0,
            unacked_bytes: 0,
            receive_memory: (0, 0),
            send_memory: (0, 0),
        }
    }
}
