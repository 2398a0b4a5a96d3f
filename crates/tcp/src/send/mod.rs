//! The sending half of a connection: what is buffered, what is out, what was lost, and when to send.
//!
//! [`Sender`] is made of parts, each of which stands in a file of its own and is written by that file
//! alone (`recovery` by the files of its folder):
//!
//! | part | noun | kernel |
//! |---|---|---|
//! | `space` | the send sequence space | `snd_una`, `snd_nxt`, `snd_wnd` |
//! | `written` | what the application wrote: `buffer` its bytes, `queue` how they are cut | `sk_write_queue` |
//! | `memory` | how much that may be | `sk_sndbuf` |
//! | `scoreboard` | the segments that are out (`sent`) | `tcp_rtx_queue` |
//! | `size` | how large segments may be; `search` for what the path carries | `mss_cache`, `icsk_mtup` |
//! | `recovery` | the state of congestion; `rack` remembers deliveries | `icsk_ca_state`, `rack` |
//! | `timer` | the timer, and how often it fired | `icsk_pending` |
//! | `agenda` | what is decided and not sent; `nagle` what is held back, `pacing` until when | |
//! | `counts`, `latest` | how much, and when last | `tcp_info` |
//! | `activity` | what an idle connection does not need: `rate`, `chronograph` | `tcp_rate.c` |
//!
//! and what happens to it stands in the files above them:
//!
//! | file | what happens | kernel |
//! |---|---|---|
//! | `write` | the application writes | `tcp_sendmsg_locked` |
//! | `ack` | an acknowledgement comes (`news` is what it brings) | `tcp_ack`, `tcp_clean_rtx_queue` |
//! | `recovery/` | losses are found, the window is reduced, both are taken back | `tcp_fastretrans_alert` |
//! | `timeout` | the timer fires (`retries`: until when) | `tcp_timer.c` |
//! | `output` | new segments leave; `again` lost ones, `probe` those that ask for an answer | `tcp_write_xmit` |
//! | `usage` | the window is not used | `tcp_cwnd_validate` |
//! | `mtu` | the path is searched for what it carries | `tcp_mtu_probe` |
//! | `snapshot`, `invariants` | somebody looks | `tcp_get_info` |

mod ack;
mod activity;
mod again;
mod agenda;
mod buffer;
mod burst;
mod chronograph;
mod counts;
#[cfg(any(test, debug_assertions))]
mod invariants;
mod latest;
mod memory;
mod mtu;
mod nagle;
mod news;
mod output;
mod pacing;
mod probe;
mod queue;
mod rack;
mod rate;
mod recovery;
mod retries;
mod scoreboard;
mod search;
mod sender;
mod sent;
mod size;
mod snapshot;
mod space;
mod start;
mod timeout;
mod timer;
mod usage;
mod write;
mod written;

pub(crate) use burst::Burst;
pub(crate) use news::{AckOutcome, Acknowledgement, echo_rtt_us};
pub(crate) use retries::{Patience, retry_time_us};
pub(crate) use sender::Sender;
pub(crate) use start::SenderStart;
pub(crate) use timeout::Expired;
pub(crate) use timer::SendTimer;
pub(crate) use write::Writer;
