//! The sending half of a connection: the buffer, the segments in flight, loss recovery, and when to
//! send.
//!
//! [`Sender`] consists of parts, each of which has a file of its own and is modified by that file
//! alone (`recovery` by the files of its folder):
//!
//! | part | noun | kernel |
//! |---|---|---|
//! | `space` | the send sequence space | `snd_una`, `snd_nxt`, `snd_wnd` |
//! | `written` | the data that the application wrote: `buffer` its bytes, `queue` how they are cut | `sk_write_queue` |
//! | `memory` | the memory limit of that data | `sk_sndbuf` |
//! | `scoreboard` | the segments in flight (`sent`) | `tcp_rtx_queue` |
//! | `size` | the size of segments; `search` for the path MTU | `mss_cache`, `icsk_mtup` |
//! | `recovery` | the congestion state; `rack` the state of loss detection | `icsk_ca_state`, `rack` |
//! | `timer` | the timer, and how often it fired | `icsk_pending` |
//! | `agenda` | what is decided and not yet sent; `nagle` what is held back, `pacing` until when | |
//! | `counts`, `latest` | counts, and times of the last events | `tcp_info` |
//! | `active_state` | state that an idle connection does not need: `rate`, `chronograph` | `tcp_rate.c` |
//!
//! What happens to a sender is in the files above them:
//!
//! | file | what happens | kernel |
//! |---|---|---|
//! | `write` | the application writes | `tcp_sendmsg_locked` |
//! | `ack` | an acknowledgement arrives (`ack_effects` is what it brings to light) | `tcp_ack`, `tcp_clean_rtx_queue` |
//! | `recovery/` | losses are detected, the window is reduced, both are undone | `tcp_fastretrans_alert` |
//! | `timeout` | the timer fires (`retries`: until when) | `tcp_timer.c` |
//! | `output` | new segments are sent; `again` retransmissions, `probe` segments that make the peer answer | `tcp_write_xmit` |
//! | `syn_data` | data travelled with the SYN | `tcp_fastopen.c` |
//! | `steering` | a control by rate sets window and rate; segments are spaced | `tcp_cong_control`, `tcp_pacing_check` |
//! | `usage` | the window is used, or not | `tcp_cwnd_validate` |
//! | `mtu` | the path MTU is searched for | `tcp_mtu_probe` |
//! | `snapshot`, `invariants` | the state is queried or checked | `tcp_get_info` |

mod ack;
mod ack_effects;
mod active_state;
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
mod steering;
mod syn_data;
mod timeout;
mod timer;
mod usage;
mod write;
mod written;

pub(crate) use ack_effects::{AckOutcome, Acknowledgement, echo_rtt_us};
pub(crate) use burst::Burst;
pub(crate) use retries::{GiveUpPolicy, retry_time_us};
pub(crate) use sender::Sender;
pub(crate) use start::SenderStart;
pub(crate) use syn_data::SynData;
pub(crate) use timeout::Expired;
pub(crate) use timer::SendTimer;
pub(crate) use write::Writer;
