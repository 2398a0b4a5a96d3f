//! Options of a connection that is there already (`do_tcp_setsockopt`, `sk_setsockopt`).

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
    /// `TCP_NODELAY`.
    pub fn set_nodelay(&mut self, now: Time, nodelay: bool) {
        let _ = now;
        if let State::Open(open) = &mut self.state {
            open.sender.set_nodelay(nodelay);
        }
    }

    /// `TCP_CORK`: only full segments leave, until it is switched off.
    pub fn set_cork(&mut self, now: Time, cork: bool) {
        let _ = now;
        if let State::Open(open) = &mut self.state {
            open.sender.set_cork(cork);
        }
    }

    /// `SO_KEEPALIVE` with its times.
    pub fn set_keepalive(&mut self, now: Time, keepalive: Option<KeepAlive>) {
        let cx = Context { now: Now::at(now, self.profile.tick), profile: &self.profile };
        if let State::Open(open) = &mut self.state {
            open.set_keepalive(keepalive, cx);
        }
    }

    /// `TCP_USER_TIMEOUT`.
    pub fn set_user_timeout(&mut self, timeout: Option<Duration>) {
        if let State::Open(open) = &mut self.state {
            open.set_user_timeout(timeout);
        }
    }

    /// `SO_SNDBUF`, as the kernel keeps it (twice what was asked for): fixes the send buffer, in
    /// Linux's measure.
    pub fn set_send_buffer(&mut self, bytes: usize) {
        if let State::Open(open) = &mut self.state {
            open.sender.set_memory(u32::try_from(bytes).unwrap_or(u32::MAX));
        }
    }

    /// `SO_RCVBUF`, as given to the call, which Linux doubles: fixes the receive buffer. The window
    /// scale stays what it is.
    pub fn set_receive_buffer(&mut self, bytes: usize) {
        if let State::Open(open) = &mut self.state {
            open.receiver.set_memory(bytes, &self.profile);
        }
    }

    /// `TCP_WINDOW_CLAMP`: the largest window to offer, bytes.
    pub fn set_window_clamp(&mut self, bytes: u32) {
        if let State::Open(open) = &mut self.state {
            open.receiver.set_clamp(bytes);
        }
    }

    /// `TCP_QUICKACK`: whether acknowledgements are sent at once, until the connection decides anew.
    pub fn set_quick_ack(&mut self, quick: bool) {
        if let State::Open(open) = &mut self.state {
            open.receiver.set_quick_ack(quick, &self.profile);
        }
    }

    /// `TCP_NOTSENT_LOWAT`: no more is taken to write while so many bytes wait to be sent for the
    /// first time; `None` takes the profile's.
    pub fn set_notsent_low_water(&mut self, bytes: Option<u32>) {
        if let State::Open(open) = &mut self.state {
            open.sender.set_notsent_low_water(bytes.unwrap_or(self.profile.notsent_low_water));
        }
    }

    /// `TCP_LINGER2`: how long FIN_WAIT_2 may last once nobody holds the socket; `None` takes the
    /// profile's.
    pub fn set_fin_timeout(&mut self, timeout: Option<Duration>) {
        if let State::Open(open) = &mut self.state {
            open.set_fin_timeout(timeout);
        }
    }

    /// `TCP_CONGESTION`: another algorithm takes over, with the window as it is.
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

    /// `TCP_SYNCNT`: how often a SYN is repeated.
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
