//! `TCP_INFO` (`struct tcp_info` of `include/uapi/linux/tcp.h`).

use core::time::Duration;
use std::io;
use std::os::fd::BorrowedFd;

use roundtrip_os::layout::u32_at;
use roundtrip_os::syscall::get_option;
use roundtrip_record::{ConnectionId, TcpInfo, TcpState};

use crate::diag::state;

/// The bit of `tcpi_options` for data of a SYN that was taken (`include/uapi/linux/tcp.h`).
const TCPI_OPT_SYN_DATA: u8 = 32;

/// A sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    bytes: [u8; 256],
    length: usize,
}

impl Sample {
    /// Takes one.
    pub(crate) fn take(socket: BorrowedFd<'_>) -> io::Result<Self> {
        let mut bytes = [0_u8; 256];
        let length = get_option(socket, libc::IPPROTO_TCP, libc::TCP_INFO, &mut bytes)?;
        Ok(Self { bytes, length })
    }

    /// `tcpi_state`.
    pub(crate) fn state(&self) -> Option<TcpState> {
        state(self.bytes[0])
    }

    /// `tcpi_retransmits`: SYNs sent again, while in `SYN_SENT`.
    pub(crate) fn syn_retransmits(&self) -> u32 {
        u32::from(self.bytes[2])
    }

    /// `tcpi_total_retrans`: segments sent again, SYNs included.
    pub(crate) fn retransmissions(&self) -> u32 {
        self.word(100)
    }

    /// `tcpi_rtt`: the smoothed round-trip time; zero before the first is measured.
    pub(crate) fn round_trip(&self) -> Duration {
        Duration::from_micros(self.word(68).into())
    }

    /// `tcpi_unacked`, segments.
    pub(crate) fn unacked(&self) -> u32 {
        self.word(24)
    }

    /// `tcpi_notsent_bytes`: written by us and not yet sent for the first time.
    pub(crate) fn unsent(&self) -> u32 {
        self.word(144)
    }

    /// `tcpi_rcv_space`, bytes.
    pub(crate) fn receive_space(&self) -> u32 {
        self.word(96)
    }

    /// The record's form.
    pub(crate) fn record(&self, connection: ConnectionId) -> TcpInfo {
        TcpInfo {
            connection,
            // What `TIME_WAIT` reads as while a descriptor is open is CLOSE.
            state: self.state().map_or_else(String::new, |state| match state {
                TcpState::Closed => "CLOSE".into(),
                other => other.name().into(),
            }),
            rto_us: self.word(8),
            snd_mss: self.word(16),
            rtt_us: self.word(68),
            rttvar_us: self.word(72),
            cwnd: self.word(80),
            retransmissions: self.retransmissions(),
            bytes_acked: self.long(120),
            bytes_received: self.long(128),
            segments_out: self.word(136),
            segments_in: self.word(140),
            min_rtt_us: self.word(148),
            syn_data: self.bytes[5] & TCPI_OPT_SYN_DATA != 0,
        }
    }

    /// A field of four bytes; 0 where the kernel is too old to give it.
    fn word(&self, at: usize) -> u32 {
        u32_at(&self.bytes[..self.length.min(256)], at).unwrap_or(0)
    }

    fn long(&self, at: usize) -> u64 {
        u64::from(self.word(at)) | u64::from(self.word(at + 4)) << 32
    }
}
