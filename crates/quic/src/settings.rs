//! How an end of a connection behaves.

use core::time::Duration;
use std::sync::Arc;

use quinn_proto::{IdleTimeout, MtuDiscoveryConfig, TransportConfig, VarInt};

use crate::congestion::{Algorithm, Factory};
use crate::notes::Notes;

/// How an end of a connection behaves: limits, times, congestion control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a connection lasts on which nothing comes (RFC 9000 §10.1).
    pub idle: Duration,
    /// Bidirectional streams that the other end may have open at one time.
    pub streams: u32,
    /// Unidirectional ones.
    pub one_way: u32,
    /// Bytes that the other end may send on one stream before they are read.
    pub stream_window: u32,
    /// The same on all streams together.
    pub connection_window: u32,
    /// Bytes that are taken to be sent, on all streams together, before they are acknowledged.
    pub send_window: u32,
    /// The congestion control.
    pub algorithm: Algorithm,
    /// Packets that may be sent before anything is acknowledged. RFC 9002 §7.2 recommends 10.
    pub initial_window: u32,
    /// The round-trip time that is assumed before one is measured (RFC 9002 §6.2.2).
    pub initial_rtt: Duration,
    /// How long datagrams may be.
    pub datagrams: Datagrams,
    /// Whether a server makes clients show that they can be reached before it answers.
    pub validation: Validation,
}

/// How long datagrams may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Datagrams {
    /// As long as the path takes, which probes find out (RFC 8899): 1,200 bytes at first.
    #[default]
    Searched,
    /// So many bytes, 1,200 at least, and no probes.
    Of(u16),
}

/// Whether a server makes clients show that they can be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// It sends three times as much as it got until the handshake has shown it (RFC 9000 §8.1).
    #[default]
    ByHandshake,
    /// By a Retry packet first (RFC 9000 §8.1.2), which takes one round trip more.
    ByRetry,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30),
            streams: 100,
            one_way: 8,
            stream_window: 6 << 20,
            connection_window: 15 << 20,
            send_window: 4 << 20,
            algorithm: Algorithm::default(),
            initial_window: 10,
            initial_rtt: Duration::from_millis(333),
            datagrams: Datagrams::default(),
            validation: Validation::default(),
        }
    }
}

/// The longest idle time that can be told: 2⁶² milliseconds are far more.
const LONGEST_IDLE: Duration = Duration::from_hours(24 * 365);
/// Bytes of a datagram that every path of the internet takes but few tunnels (1500 without the heads of
/// IPv6 and UDP).
const LARGEST_DATAGRAM: u16 = 1452;

/// Bytes that every path of QUIC takes (RFC 9000 §14).
const LEAST_DATAGRAM: u16 = 1200;

impl Settings {
    /// What `quinn-proto` is to be told; `notes` takes what congestion control comes to.
    pub(crate) fn transport(&self, notes: &Notes) -> TransportConfig {
        let mut transport = TransportConfig::default();
        let discovery = match self.datagrams {
            Datagrams::Searched => {
                let mut discovery = MtuDiscoveryConfig::default();
                discovery.upper_bound(LARGEST_DATAGRAM);
                Some(discovery)
            }
            Datagrams::Of(length) => {
                transport.initial_mtu(length.max(LEAST_DATAGRAM));
                None
            }
        };
        let millis = self.idle.min(LONGEST_IDLE).as_millis() as u64;
        let idle = VarInt::from_u64(millis).map(IdleTimeout::from).ok();
        transport
            .max_idle_timeout(idle)
            .max_concurrent_bidi_streams(VarInt::from_u32(self.streams))
            .max_concurrent_uni_streams(VarInt::from_u32(self.one_way))
            .stream_receive_window(VarInt::from_u32(self.stream_window))
            .receive_window(VarInt::from_u32(self.connection_window))
            .send_window(u64::from(self.send_window))
            .send_fairness(false)
            .initial_rtt(self.initial_rtt)
            .mtu_discovery_config(discovery)
            .datagram_receive_buffer_size(None)
            // The spin bit tells those on the way the round-trip time; browsers leave it out.
            .allow_spin(false)
            .congestion_controller_factory(Arc::new(Factory {
                algorithm: self.algorithm,
                packets: self.initial_window,
                notes: notes.clone(),
            }));
        transport
    }
}
