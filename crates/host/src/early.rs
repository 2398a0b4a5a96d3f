//! What a host does of TCP Fast Open (RFC 7413), with what [`crate::fast_open`] knows.

use std::net::IpAddr;

use roundtrip_packet::options::FastOpenCookie;
use roundtrip_record::{TcpState, Time};
use roundtrip_tcp::{
    self as tcp, CookieWorth, Endpoints, FastOpen, FastOpenKeys, Segment, SentSyn,
};

use crate::fast_open::{FastOpenPolicy, KnownServers};
use crate::{Host, ListenerId};

/// The most connections that `TCP_FASTOPEN` lets be in use before their handshakes are complete
/// (`net.core.somaxconn`).
const MOST_EARLY: usize = 4_096;
impl Host {
    /// Sets what the host allows of Fast Open from now on (`net.ipv4.tcp_fastopen`).
    pub fn set_fast_open_policy(&mut self, policy: FastOpenPolicy) {
        self.config.fast_open = policy;
    }

    /// What the host allows of Fast Open.
    pub fn fast_open_policy(&self) -> FastOpenPolicy {
        self.config.fast_open
    }

    /// Sets the keys of the cookies that the host gives (`net.ipv4.tcp_fastopen_key`), such as those
    /// of other hosts with the same address.
    pub fn set_fast_open_keys(&mut self, keys: FastOpenKeys) {
        self.fast_open.keys = keys;
    }

    /// Switches Fast Open on or off for everything: connections that are opened without options of
    /// their own use it, and listeners take it.
    pub fn set_fast_open(&mut self, is_on: bool) {
        self.config.fast_open_connect = is_on;
        let everything =
            FastOpenPolicy::CLIENT.and(FastOpenPolicy::SERVER).and(FastOpenPolicy::EVERY_LISTENER);
        self.config.fast_open = if is_on { everything } else { FastOpenPolicy::default() };
    }

    /// What is known of servers that take data with the SYN.
    pub fn known_servers(&self) -> KnownServers {
        self.fast_open.known.clone()
    }

    /// Sets what is known of servers, as it was after an earlier visit; with nothing, it is forgotten
    /// (`ip tcp_metrics flush`).
    pub fn set_known_servers(&mut self, known: KnownServers) {
        self.fast_open.known = known;
    }

    /// Decides what the SYN of a connection to `server` carries (`tcp_send_syn_data`).
    pub(crate) fn plan_fast_open(&self, server: IpAddr, options: &mut tcp::Options) {
        let policy = self.config.fast_open;
        let wanted = options.fast_open;
        options.fast_open = FastOpen { cookie: None, room: 0, ..wanted };
        if !wanted.is_wanted || !policy.allows(FastOpenPolicy::CLIENT) {
            return;
        }
        let known = self.fast_open.known.get(server).copied().unwrap_or_default();
        let is_without =
            wanted.is_without_cookie || policy.allows(FastOpenPolicy::CLIENT_WITHOUT_COOKIE);
        options.fast_open.cookie = (!is_without).then(|| known.cookie());
        if is_without || known.cookie.is_some() {
            let own = options.max_segment.unwrap_or(u16::MAX);
            let mss = options.mss.min(own).min(known.mss.unwrap_or(u16::MAX));
            options.fast_open.room = FastOpen::room_of(mss);
        }
    }

    /// Notes what a server answered to the SYN of a connection.
    pub(crate) fn learn_fast_open(
        &mut self,
        server: IpAddr,
        sent: Option<SentSyn>,
        syn_ack: &Segment<'_>,
    ) {
        if let Some(sent) = sent {
            self.fast_open.learn(server, sent, syn_ack);
        }
    }

    /// What a listener makes of a SYN that has to do with Fast Open (`tcp_try_fastopen`): whether the
    /// connection may be used at once. `options` then say what the SYN-ACK gives.
    pub(crate) fn try_fast_open(
        &mut self,
        now: Time,
        listener: ListenerId,
        ends: Endpoints,
        syn: &Segment<'_>,
        options: &mut tcp::Options,
    ) -> bool {
        options.fast_open.cookie = None;
        let policy = self.config.fast_open;
        let offered = syn.header.options.fast_open;
        if !policy.allows(FastOpenPolicy::SERVER)
            || (offered.is_none() && syn.payload.is_empty())
            || !self.has_room_for_early(now, listener, options.fast_open.queue)
        {
            return false;
        }
        let is_without = options.fast_open.is_without_cookie
            || policy.allows(FastOpenPolicy::SERVER_WITHOUT_COOKIE);
        if is_without {
            return true;
        }
        let Some(offered) = offered else { return false };
        let keys = options.fast_open.keys.unwrap_or(self.fast_open.keys);
        let answer = |cookie: FastOpenCookie| cookie.in_experimental(offered.is_experimental());
        match keys.check(&offered, ends) {
            CookieWorth::Good => true,
            CookieWorth::Outdated(new) => {
                options.fast_open.cookie = Some(answer(new));
                true
            }
            CookieWorth::Bad => {
                options.fast_open.cookie = Some(answer(keys.cookie(ends)));
                false
            }
        }
    }

    /// Whether a listener may have another connection in use before its handshake is complete; it
    /// asked for `queue` of them.
    fn has_room_for_early(&mut self, now: Time, listener: ListenerId, queue: u32) -> bool {
        let Some(state) = self.tcp.listeners.get_mut(listener) else { return false };
        let is_open_to_all = self.config.fast_open.allows(FastOpenPolicy::EVERY_LISTENER);
        let most = match queue {
            0 if is_open_to_all => state.backlog(),
            asked => (asked as usize).min(MOST_EARLY),
        };
        let sockets = &self.tcp.sockets;
        let is_early = |key| {
            let socket = sockets.get(key);
            socket.is_some_and(|socket| socket.connection.state() == TcpState::SynReceived)
        };
        state.early.has_room(most, now, is_early)
    }
}
