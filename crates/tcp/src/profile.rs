//! Profiles: the constants and choices in which TCP stacks differ, each with its source.

use std::time::Duration;

use crate::clock::Tick;
use crate::congestion::algorithm::Algorithm;

/// Every constant and choice of a TCP stack in one value. [`Profile::linux`] is the default;
/// [`Profile::rfc`] follows the RFCs.
///
/// A field that is a Linux `sysctl` has its name without the `tcp_`; the values of
/// `Profile::linux()` were read from a running 6.18.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The tick of timers and coarse clocks.
    pub tick: Tick,

    /// Initial congestion window, segments (RFC 6928; `TCP_INIT_CWND`).
    pub initial_window: u32,
    /// The congestion control (`congestion_control`).
    pub congestion: Algorithm,
    /// The algorithm that reduces the window in recovery.
    pub reduction: Reduction,
    /// Whether the window shrinks after an idle time (RFC 2861, RFC 7661; `slow_start_after_idle`).
    pub slow_start_after_idle: bool,
    /// Pacing rate in slow start, as a percentage of cwnd/srtt (`pacing_ss_ratio`).
    pub pacing_ss_ratio: u32,
    /// Pacing rate in congestion avoidance, as a percentage of cwnd/srtt (`pacing_ca_ratio`).
    pub pacing_ca_ratio: u32,
    /// Whether segments are spaced at the pacing rate. Linux does so only where the congestion
    /// control (bbr) or the queueing discipline (fq) asks.
    pub pacing: bool,

    /// Retransmission timeout before the first round-trip time is known (RFC 6298 §2.1).
    pub rto_initial: Duration,
    /// Lower bound of the retransmission timeout; Linux applies it to the variation (`rto_min_us`;
    /// RFC 6298 §2.4 has 1 s).
    pub rto_min: Duration,
    /// Upper bound of the retransmission timeout (`rto_max_ms`).
    pub rto_max: Duration,
    /// Retransmissions of a SYN, in addition to the linear ones (`syn_retries`).
    pub syn_retries: u32,
    /// Retransmissions of a SYN before its timeout begins to double (`syn_linear_timeouts`).
    pub syn_linear_timeouts: u32,
    /// Retransmissions of a SYN-ACK (`synack_retries`).
    pub synack_retries: u32,
    /// Timeouts until a connection is given up. It counts as a time: that of so many timeouts,
    /// doubling from the least one on (`retries2`; RFC 9293 §3.8.3, R2).
    pub retries2: u32,
    /// Timeouts until a connection that nobody holds is given up (`orphan_retries`; 0 means 8, as
    /// in `tcp_orphan_retries`).
    pub orphan_retries: u32,
    /// Initial number of duplicate acknowledgements taken for loss (RFC 5681; `reordering`).
    pub reordering: u32,
    /// Upper bound of that number, which grows with the reordering seen (`max_reordering`).
    pub max_reordering: u32,
    /// Whether losses are detected by RACK (RFC 8985; `recovery`).
    pub rack: bool,
    /// Whether tail loss probes are sent (RFC 8985 §7; `early_retrans` = 3).
    pub tail_loss_probe: bool,
    /// Whether spurious timeouts are detected by forward RTO recovery (RFC 5682; `frto`).
    pub frto: bool,
    /// Whether small segments are joined when retransmitted (`retrans_collapse`).
    pub retrans_collapse: bool,
    /// How long the least round-trip time is remembered (`min_rtt_wlen`).
    pub min_rtt_window: Duration,

    /// Whether window scaling is used (RFC 7323 §2; `window_scaling`).
    pub window_scaling: bool,
    /// Whether timestamps are used (RFC 7323 §3; `timestamps`).
    pub timestamps: bool,
    /// Whether selective acknowledgements are used (RFC 2018; `sack`).
    pub sack: bool,
    /// Whether duplicates are reported with D-SACK (RFC 2883; `dsack`).
    pub dsack: bool,
    /// The use of explicit congestion notification (RFC 3168; `ecn`).
    pub ecn: EcnMode,

    /// Least delay of a delayed acknowledgement (`TCP_DELACK_MIN`, `TCP_ATO_MIN`: HZ/25).
    pub delayed_ack_min: Duration,
    /// Greatest delay of a delayed acknowledgement (`TCP_DELACK_MAX`: HZ/5; RFC 9293 §3.8.6.3
    /// allows 0.5 s).
    pub delayed_ack_max: Duration,
    /// Acknowledgements that are not delayed at the start (`TCP_MAX_QUICKACKS`).
    pub quick_acks: u8,
    /// Replies after which a connection counts as interactive (`pingpong_thresh`).
    pub pingpong_threshold: u8,
    /// Time in which at most one pure acknowledgement with SACK is sent, or a twentieth of the
    /// round-trip time if that is less (`comp_sack_delay_ns`).
    pub comp_sack_delay: Duration,
    /// Most acknowledgements that are withheld in that time (`comp_sack_nr`); 0 switches
    /// withholding off.
    pub comp_sack_count: u8,
    /// Number of duplicate acknowledgements that are never withheld (`TCP_FASTRETRANS_THRESH`).
    pub comp_sack_threshold: u8,

    /// Size of the receive buffer, bytes as Linux counts them, overhead included: least, initial,
    /// greatest (`rmem`).
    pub receive_memory: [u32; 3],
    /// Upper bound of `SO_RCVBUF`, bytes (`net.core.rmem_max`).
    pub receive_memory_max: u32,
    /// Size of the send buffer, bytes as Linux counts them: least, initial, greatest (`wmem`).
    pub send_memory: [u32; 3],
    /// Share of the receive buffer that counts as payload before segments have been seen, in 1/256
    /// (`TCP_DEFAULT_SCALING_RATIO`).
    pub scaling_ratio: u8,
    /// Memory that a received segment takes of the receive buffer.
    pub buffer_cost: BufferCost,
    /// Whether the receive buffer tunes itself (`moderate_rcvbuf`).
    pub moderate_receive_buffer: bool,

    /// Least number of segments in a burst (`min_tso_segs`).
    pub min_tso_segments: u32,
    /// n, where each 2ⁿ µs of round-trip time halve the allowance for large bursts (`tso_rtt_log`).
    pub tso_rtt_log: u32,
    /// n, where a burst is put off while less than 1/n of the window is usable (`tso_win_divisor`).
    pub tso_window_divisor: u32,
    /// Size of the largest burst, bytes (`GSO_LEGACY_MAX_SIZE`).
    pub gso_max_size: u32,
    /// Number of unsent bytes from which on a write takes no more (`tcp_notsent_lowat`).
    pub notsent_low_water: u32,
    /// Least segment size that we agree to send, bytes (`min_snd_mss`).
    pub min_send_mss: u16,
    /// When segments larger than known to pass are tried (RFC 4821; `mtu_probing`).
    pub mtu_probing: MtuProbing,
    /// Segment size at which this probing begins, bytes (`base_mss`).
    pub base_mss: u16,
    /// Least segment size after a black hole was suspected, bytes (`mtu_probe_floor`).
    pub mtu_probe_floor: u16,
    /// Distance between the size that passes and the one that might, below which probing ends,
    /// bytes (`probe_threshold`).
    pub probe_threshold: u16,
    /// Time after which probing begins anew, since paths change (`probe_interval`).
    pub probe_interval: Duration,
    /// Timeouts after which a black hole is suspected, counted as a time (`retries1`).
    pub retries1: u32,

    /// Least time between two answers to out-of-window segments and between challenge ACKs
    /// (`invalid_ratelimit`; RFC 5961 §7).
    pub invalid_ratelimit: Duration,
    /// Whether a reset is believed only with the sequence number that is expected next (RFC 5961 §3);
    /// otherwise with any in the window, as RFC 793 has it.
    pub exact_reset: bool,
    /// Whether a SYN in the window is answered with a challenge ACK (RFC 5961 §4); otherwise it resets
    /// the connection, as RFC 793 has it.
    pub challenged_syn: bool,
    /// How long TIME_WAIT lasts (`TCP_TIMEWAIT_LEN`; RFC 9293 has 2·MSL = 4 min).
    pub time_wait: Duration,
    /// How long FIN_WAIT_2 lasts once nobody holds the socket (`fin_timeout`).
    pub fin_timeout: Duration,
    /// Whether TIME_WAIT ignores resets (RFC 1337; `rfc1337`).
    pub rfc1337: bool,
    /// Times of `SO_KEEPALIVE` (`keepalive_time`, `_intvl`, `_probes`).
    pub keepalive: KeepAlive,
}

/// The memory in which a received frame is stored. It decides how much of a receive buffer is
/// payload, and so how far the window opens. In the kernel it depends on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferCost {
    /// A fragment of a page, cut to the frame: TAP devices (`tun_build_skb`) and most network
    /// cards. A frame of 1514 bytes takes 2176, so the window is 170/256 of its buffer (measured:
    /// `scaling_ratio` of the trace point `tcp:tcp_rcvbuf_grow`).
    Fragment,
    /// A slab, as from `alloc_skb`, with pages for what exceeds one page: TUN devices
    /// (`tun_alloc_skb`; measured: `sk_rmem_alloc` after segments of 1 to 60000 bytes). A full
    /// segment takes 2304 bytes.
    Slab,
}

impl BufferCost {
    /// The descriptor of a buffer, bytes: `sizeof(struct sk_buff)`, aligned.
    const DESCRIPTOR: u32 = 256;

    const CACHE_LINE: u32 = 64;
    /// The room before the headers, bytes (`NET_SKB_PAD`).
    const HEADROOM: u32 = 64;
    /// The bookkeeping at the end of a buffer, bytes: `struct skb_shared_info`, aligned.
    const SHARED_INFO: u32 = 320;
    /// The smallest slab, bytes (`SKB_SMALL_HEAD_CACHE_SIZE`).
    const SMALL: u32 = 576;
    /// The size of a page, bytes; what does not fit in one goes on in others.
    const PAGE: u32 = 4096;

    /// The length of the headers before the payload, with timestamps, bytes.
    const fn headers(self) -> u32 {
        match self {
            BufferCost::Fragment => 14 + 20 + 32,
            BufferCost::Slab => 20 + 32,
        }
    }

    /// The buffer of a segment with `payload` bytes, without its descriptor, bytes.
    #[inline]
    fn buffer(self, payload: u32) -> u32 {
        let bytes = payload + self.headers() + Self::HEADROOM;
        let buffer = bytes.next_multiple_of(Self::CACHE_LINE) + Self::SHARED_INFO;
        match self {
            BufferCost::Fragment => buffer,
            BufferCost::Slab if bytes >= Self::PAGE => {
                let rest = bytes - (Self::PAGE - Self::SHARED_INFO);
                Self::PAGE + rest.next_multiple_of(Self::PAGE)
            }
            BufferCost::Slab if buffer <= Self::SMALL => Self::SMALL,
            BufferCost::Slab => buffer.next_power_of_two(),
        }
    }

    /// The memory of a segment with `payload` bytes (`skb->truesize`): its headers, the kernel's
    /// bookkeeping at the end of the buffer, and a descriptor beside it.
    #[inline]
    pub(crate) fn of(self, payload: u32) -> u32 {
        Self::DESCRIPTOR + self.buffer(payload)
    }

    /// How much can be joined to the buffer of a segment with `payload` bytes: for fragments, the
    /// number that a buffer takes beside its own memory (`MAX_SKB_FRAGS`); for slabs, the bytes
    /// that are left in it (`skb_tailroom`).
    #[inline]
    pub(crate) fn room(self, payload: u32) -> u16 {
        match self {
            BufferCost::Fragment => 17,
            BufferCost::Slab => {
                let taken = Self::HEADROOM + self.headers() + payload + Self::SHARED_INFO;
                let is_paged = taken - Self::SHARED_INFO >= Self::PAGE;
                let room = self.buffer(payload).saturating_sub(taken);
                if is_paged { 0 } else { room.min(u32::from(u16::MAX)) as u16 }
            }
        }
    }

    /// Joins a segment with `payload` bytes to the one before it if `room` allows, and answers the
    /// memory that takes (`skb_try_coalesce`). A fragment then needs no descriptor; a slab takes a
    /// copy of the bytes.
    #[inline]
    pub(crate) fn join(self, payload: u32, room: &mut u16) -> Option<u32> {
        let (taken, cost) = match self {
            BufferCost::Fragment => (1, self.of(payload) - Self::DESCRIPTOR),
            BufferCost::Slab => (payload, 0),
        };
        *room = u32::from(*room).checked_sub(taken)? as u16;
        Some(cost)
    }

    /// Whether a buffer with `room` takes the buffer of `segments` others.
    pub(crate) fn holds(self, segments: u32, room: u16) -> bool {
        self == BufferCost::Fragment && segments <= u32::from(room)
    }
}

/// When to probe a silent peer (RFC 9293 §3.8.4). A time below one second counts as one second: the
/// kernel refuses it (`tcp_sock_set_keepidle_locked`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Idle time before the first probe (`TCP_KEEPIDLE`).
    pub idle: Duration,
    /// Time between two probes (`TCP_KEEPINTVL`).
    pub interval: Duration,
    /// Unanswered probes until the connection is given up (`TCP_KEEPCNT`).
    pub probes: u8,
}

impl KeepAlive {
    pub(crate) fn at_least_a_second(self) -> KeepAlive {
        let least = Duration::from_secs(1);
        KeepAlive { idle: self.idle.max(least), interval: self.interval.max(least), ..self }
    }
}

impl Default for KeepAlive {
    /// The defaults of `net.ipv4.tcp_keepalive_{time,intvl,probes}`: 2 h, 75 s, 9.
    fn default() -> Self {
        KeepAlive { idle: Duration::from_hours(2), interval: Duration::from_secs(75), probes: 9 }
    }
}

/// The use of explicit congestion notification (RFC 3168 §6.1.1; `net.ipv4.tcp_ecn`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EcnMode {
    /// ECN is neither requested nor granted (`tcp_ecn` = 0).
    Off,
    /// ECN is requested and granted (`tcp_ecn` = 1).
    On,
    /// ECN is granted when the peer requests it (`tcp_ecn` = 2).
    Passive,
}

/// Packetization layer path MTU discovery (RFC 4821; `net.ipv4.tcp_mtu_probing`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MtuProbing {
    /// No probing (0): only ICMP tells the path MTU.
    Off,
    /// Probing once a black hole is suspected (1): segments become smaller, and then grow by
    /// probes.
    BlackHole,
    /// Probing always (2): segments begin small, and grow by probes.
    Always,
}

/// The algorithm that reduces the window in recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Proportional rate reduction as in `tcp_cwnd_reduction` (RFC 6937, with the kernel's choice
    /// between the two bounds).
    Linux,
    /// Proportional rate reduction of RFC 9937.
    Rfc9937,
}

impl Profile {
    /// The profile of Linux 6.18, with CUBIC.
    pub fn linux() -> Profile {
        Profile {
            tick: Tick { hz: 250, wheel: true },
            initial_window: 10,
            congestion: Algorithm::Cubic,
            reduction: Reduction::Linux,
            slow_start_after_idle: true,
            pacing_ss_ratio: 200,
            pacing_ca_ratio: 120,
            pacing: false,
            rto_initial: Duration::from_secs(1),
            rto_min: Duration::from_millis(200),
            rto_max: Duration::from_mins(2),
            syn_retries: 6,
            syn_linear_timeouts: 4,
            synack_retries: 5,
            retries2: 15,
            orphan_retries: 0,
            reordering: 3,
            max_reordering: 300,
            rack: true,
            tail_loss_probe: true,
            frto: true,
            retrans_collapse: true,
            min_rtt_window: Duration::from_mins(5),
            window_scaling: true,
            timestamps: true,
            sack: true,
            dsack: true,
            ecn: EcnMode::Passive,
            delayed_ack_min: Duration::from_millis(40),
            delayed_ack_max: Duration::from_millis(200),
            quick_acks: 16,
            pingpong_threshold: 1,
            comp_sack_delay: Duration::from_millis(1),
            comp_sack_count: 44,
            comp_sack_threshold: 3,
            receive_memory: [4096, 131_072, 33_554_432],
            receive_memory_max: 4_194_304,
            send_memory: [4096, 16_384, 4_194_304],
            scaling_ratio: 128,
            buffer_cost: BufferCost::Fragment,
            moderate_receive_buffer: true,
            min_tso_segments: 2,
            tso_rtt_log: 9,
            tso_window_divisor: 3,
            gso_max_size: 65_536,
            notsent_low_water: u32::MAX,
            min_send_mss: 48,
            mtu_probing: MtuProbing::Off,
            base_mss: 1024,
            mtu_probe_floor: 48,
            probe_threshold: 8,
            probe_interval: Duration::from_mins(10),
            retries1: 3,
            invalid_ratelimit: Duration::from_millis(500),
            exact_reset: true,
            challenged_syn: true,
            time_wait: Duration::from_mins(1),
            fin_timeout: Duration::from_mins(1),
            rfc1337: false,
            keepalive: KeepAlive::default(),
        }
    }

    /// The profile of the RFCs: CUBIC of RFC 9438 with HyStart++ (RFC 9406), recovery with RFC
    /// 9937, timeouts of RFC 6298, exact timers. What the RFCs leave open is as in Linux.
    pub fn rfc() -> Profile {
        Profile {
            tick: Tick { hz: 1000, wheel: false },
            congestion: Algorithm::Cubic9438,
            reduction: Reduction::Rfc9937,
            rto_min: Duration::from_secs(1),
            rto_max: Duration::from_mins(1),
            syn_linear_timeouts: 0,
            quick_acks: 0,
            comp_sack_count: 0,
            time_wait: Duration::from_mins(4),
            ..Profile::linux()
        }
    }
}

impl Default for Profile {
    /// The profile of Linux, [`Profile::linux`].
    fn default() -> Self {
        Profile::linux()
    }
}
