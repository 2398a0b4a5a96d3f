//! Changing the options of an existing connection (`do_tcp_setsockopt`, `sk_setsockopt`).

use std::sync::Arc;
use std::time::Duration;

use roundtrip_record::Time;

use crate::KeepAlive;
use crate::clock::Now;
use crate::congestion::algorithm::Algorithm;
use crate::context::Context;
use crate::profile::Profile;

use super::{Connection, State};

impl Connection {
    /// Switches Nagle's algorithm off or on (`TCP_NODELAY`).
    pub fn set_nodelay(&mut self, now: Time, nodelay: bool) {
        let _ = now;
        if let State::Open(open) = &mut self.state {
            open.sender.set_nodelay(nodelay);
        }
    }

    /// Holds small segments back (`TCP_CORK`): only full ones are sent until it is switched off.
    pub fn set_cork(&mut self, now: Time, cork: bool) {
        let _ = now;
        if let State::Open(open) = &mut self.state {
            open.sender.set_cork(cork);
        }
    }

    /// Sets the keep-alive times, or switches keep-alive off (`SO_KEEPALIVE`).
    pub fn set_keepalive(&mut self, now: Time, keepalive: Option<KeepAlive>) {
        let cx = Context { now: Now::at(now, self.profile.tick), profile: &self.profile };
        if let State::Open(open) = &mut self.state {
            open.set_keepalive(keepalive, cx);
        }
    }

    /// Sets how long sent data may stay unacknowledged (`TCP_USER_TIMEOUT`); `None` takes the retry
    /// limits of the profile.
    pub fn set_user_timeout(&mut self, timeout: Option<Duration>) {
        if let State::Open(open) = &mut self.state {
            open.set_user_timeout(timeout);
        }
    }

    /// Fixes the send buffer (`SO_SNDBUF`) at `bytes`, as the kernel keeps it: twice what was asked
    /// for, in bytes as Linux counts them.
    pub fn set_send_buffer(&mut self, bytes: usize) {
        if let State::Open(open) = &mut self.state {
            open.sender.set_memory(u32::try_from(bytes).unwrap_or(u32::MAX));
        }
    }

    /// Fixes the receive buffer (`SO_RCVBUF`) at `bytes`, as given to the call, which Linux
    /// doubles. The window scale stays what it is.
    pub fn set_receive_buffer(&mut self, bytes: usize) {
        if let State::Open(open) = &mut self.state {
            open.receiver.set_memory(bytes, &self.profile);
        }
    }

    /// Sets the largest window to offer, bytes (`TCP_WINDOW_CLAMP`).
    pub fn set_window_clamp(&mut self, bytes: u32) {
        if let State::Open(open) = &mut self.state {
            open.receiver.set_clamp(bytes);
        }
    }

    /// Sets whether acknowledgements are sent at once, until the connection decides anew
    /// (`TCP_QUICKACK`).
    pub fn set_quick_ack(&mut self, quick: bool) {
        if let State::Open(open) = &mut self.state {
            open.receiver.set_quick_ack(quick, &self.profile);
        }
    }

    /// Sets the number of unsent bytes from which on a write takes no more (`TCP_NOTSENT_LOWAT`);
    /// `None` takes the profile's.
    pub fn set_notsent_low_water(&mut self, bytes: Option<u32>) {
        if let State::Open(open) = &mut self.state {
            open.sender.set_notsent_low_water(bytes.unwrap_or(self.profile.notsent_low_water));
        }
    }

    /// Sets how long FIN_WAIT_2 may last once nobody holds the socket (`TCP_LINGER2`); `None` takes
    /// the profile's.
    pub fn set_fin_timeout(&mut self, timeout: Option<Duration>) {
        if let State::Open(open) = &mut self.state {
            open.set_fin_timeout(timeout);
        }
    }

    /// Changes the congestion control, keeping the window (`TCP_CONGESTION`).
    pub fn set_congestion(&mut self, now: Time, algorithm: Algorithm) {
        if self.profile.congestion == algorithm {
            return;
        }
        self.change_profile(|profile| profile.congestion = algorithm);
        let cx = Context { now: Now::at(now, self.profile.tick), profile: &self.profile };
        if let State::Open(open) = &mut self.state {
            open.sender.restart_control(cx);
        }
    }

    /// Sets how often a SYN is retransmitted (`TCP_SYNCNT`).
    pub fn set_syn_retries(&mut self, retries: u32) {
        self.change_profile(|profile| profile.syn_retries = retries);
    }

    fn change_profile(&mut self, change: impl FnOnce(&mut Profile)) {
        change(Arc::make_mut(&mut self.profile));
        let profile = &self.profile;
        match &mut self.state {
            State::SynSent(state) => state.set_profile(profile),
            State::SynReceived(state) => state.set_profile(profile),
            State::Open(_) | State::TimeWait(_) | State::Closed(_) => {}
        }
    }
}
