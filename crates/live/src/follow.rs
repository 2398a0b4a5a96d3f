//! A connection after its stream was dropped, to the end of `TIME_WAIT`.

use core::time::Duration;
use std::os::fd::{AsFd as _, OwnedFd};
use std::rc::Rc;

use roundtrip_record::{CloseReason, Evidence, TcpState};

use crate::diag;
use crate::flow::Flow;
use crate::network::Network;
use crate::tcp_info::Sample;

/// Follows a connection that nobody reads or writes any more to its end: through the descriptor while
/// that tells, then through `sock_diag`.
pub(crate) async fn follow(network: Rc<Network>, flow: Rc<Flow>, socket: OwnedFd) {
    let mut pause = Pause::default();
    while let Ok(sample) = Sample::take(socket.as_fd()) {
        match sample.state() {
            Some(state) if state != TcpState::Closed => flow.seen(state, "TCP_INFO"),
            _ => {
                // The counters stay when the state has gone: what was sent again while it closed is
                // in them.
                flow.sampled(&sample);
                break;
            }
        }
        sleep(&network, pause.next()).await;
    }
    drop(socket);
    let mut waited = false;
    while let Some(found) = diag::find(flow.local, flow.remote) {
        flow.seen(found.state, "sock_diag");
        waited |= found.state == TcpState::TimeWait;
        sleep(&network, found.time_wait.unwrap_or_else(|| pause.next())).await;
    }
    let reason = if waited { CloseReason::TimeWaitOver } else { CloseReason::Finished };
    network.end(&flow, reason, Evidence::Observed("sock_diag".into()));
}

async fn sleep(network: &Network, time: Duration) {
    // A timer of the kernel may be late by a tick; ours need not be finer.
    network.clock.sleep_until(network.now() + time.max(Duration::from_millis(1))).await;
}

/// 1 ms, and then longer and longer up to 50 ms: states change fast at first, or wait for the peer.
#[derive(Default)]
struct Pause(u64);

impl Pause {
    fn next(&mut self) -> Duration {
        self.0 = (self.0 + 1).min(50);
        Duration::from_millis(self.0)
    }
}
