//! The wire of kernel sockets.
//!
//! [`Live`] implements [`Wire`](roundtrip_wire::Wire) over Linux. The kernel does the work here and we watch it; so
//! everything this crate reports says through what it was seen: `TCP_INFO`, `sock_diag`, netlink's
//! neighbour table, and, where `CAP_NET_RAW` is there, the packets themselves through `AF_PACKET`.
//! What cannot be seen is said with an `unseen` event and never made up.
//!
//! One thread, one current-thread runtime:
//!
//! ```no_run
//! use roundtrip_live::{Live, Settings};
//! use roundtrip_os::Clock;
//! use roundtrip_record::Log;
//! use roundtrip_wire::Wire as _;
//!
//! let answer = roundtrip_live::run(Clock::start(), Log::off(), Settings::default(), |live: Live| async move {
//!     live.connect("127.0.0.1:80".parse().unwrap(), None, None).await.is_ok()
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod arrivals;
mod capture;
mod connect;
mod datagram;
mod departures;
mod diag;
mod flow;
mod follow;
mod icmp;
mod listener;
mod live;
mod neighbour;
mod netlink;
mod network;
mod route;
mod stream;
mod tcp_info;
mod unix;
mod way;

pub use connect::UNBOUND;
pub use datagram::LiveDatagram;
pub use listener::LiveListener;
pub use live::{CaptureWish, Live, Ports, Settings, run};
pub use stream::LiveStream;
pub use way::Way;
