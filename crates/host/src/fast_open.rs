//! TCP Fast Open (RFC 7413): what the host allows, the cookies that servers gave it, and those that
//! it gives.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use roundtrip_packet::options::FastOpenCookie;
use roundtrip_record::Time;
use roundtrip_tcp::{self as tcp, FastOpenKeys, SentSyn};

use crate::Rng;
use crate::slab::Key;

/// The segment size of a server that announces none, bytes (RFC 9293 §3.7.1).
const DEFAULT_MSS: u16 = 536;
/// How long a connection that was reset before its handshake was complete still counts as one in use
/// (`reqsk_fastopen_remove`): whoever sends SYNs with somebody else's address should not get far.
const RESET_COUNTS: Duration = Duration::from_mins(1);

/// What a host allows of Fast Open (`net.ipv4.tcp_fastopen`, whose bits these are).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastOpenPolicy(pub u32);

impl FastOpenPolicy {
    /// Clients may ask for cookies and use them (1): Linux's default.
    pub const CLIENT: FastOpenPolicy = FastOpenPolicy(0x1);
    /// Listeners that want to may give cookies, and take the data that comes with one (2).
    pub const SERVER: FastOpenPolicy = FastOpenPolicy(0x2);
    /// Clients send data with the SYN without a cookie (4).
    pub const CLIENT_WITHOUT_COOKIE: FastOpenPolicy = FastOpenPolicy(0x4);
    /// Listeners take data without a cookie (0x200).
    pub const SERVER_WITHOUT_COOKIE: FastOpenPolicy = FastOpenPolicy(0x200);
    /// All listeners do, not only those that want to (0x400).
    pub const EVERY_LISTENER: FastOpenPolicy = FastOpenPolicy(0x400);

    /// What either of two allows.
    #[must_use]
    pub const fn and(self, other: FastOpenPolicy) -> FastOpenPolicy {
        FastOpenPolicy(self.0 | other.0)
    }

    /// Whether all of `what` is allowed.
    pub const fn allows(self, what: FastOpenPolicy) -> bool {
        self.0 & what.0 == what.0
    }
}

impl Default for FastOpenPolicy {
    fn default() -> Self {
        Self::CLIENT
    }
}

/// What is known of a server (`struct tcp_fastopen_metrics`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) cookie: Option<FastOpenCookie>,
    pub(crate) mss: Option<u16>,
    /// The option in which a cookie was asked for in vain.
    refused: Refused,
}

/// How often a server has given no cookie (`try_exp`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Refused {
    #[default]
    Never,
    /// It was not asked in the experimental option yet.
    Once,
    /// It knows neither option.
    InBoth,
}

impl Server {
    /// The cookie to send, or the request for one.
    pub(crate) fn cookie(&self) -> FastOpenCookie {
        let asks_in_experimental = self.refused == Refused::Once;
        self.cookie.unwrap_or(FastOpenCookie::REQUEST.in_experimental(asks_in_experimental))
    }
}

/// What a host knows of servers that take data with the SYN (Linux keeps it among its TCP metrics).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownServers {
    servers: BTreeMap<IpAddr, Server>,
    /// The servers, the one that makes room for another first.
    order: VecDeque<IpAddr>,
}

impl KnownServers {
    pub(crate) fn get(&self, server: IpAddr) -> Option<&Server> {
        self.servers.get(&server)
    }

    /// What is known of a server; one of `limit` makes room for a new one.
    fn entry(&mut self, server: IpAddr, limit: usize) -> &mut Server {
        if !self.servers.contains_key(&server) {
            if self.order.len() >= limit
                && let Some(oldest) = self.order.pop_front()
            {
                self.servers.remove(&oldest);
            }
            self.order.push_back(server);
        }
        self.servers.entry(server).or_default()
    }
}

/// The cookies of a host: those of servers, and the keys of those that it gives.
#[derive(Debug)]
pub(crate) struct FastOpenState {
    pub(crate) keys: FastOpenKeys,
    /// How many servers are remembered.
    limit: usize,
    pub(crate) known: KnownServers,
}

impl FastOpenState {
    /// The state of a host that knows no server, with keys of its own; `secret` is a seed for them.
    pub(crate) fn new(secret: [u8; 32], limit: usize) -> Self {
        let mut rng = Rng::from_seed(secret);
        let keys = FastOpenKeys::of(rng.next_u64().to_le_bytes(), rng.next_u64().to_le_bytes());
        Self { keys, limit, known: KnownServers::default() }
    }

    /// Notes the answer to a SYN (`tcp_rcv_fastopen_synack`, `tcp_fastopen_cache_set`).
    pub(crate) fn learn(&mut self, server: IpAddr, sent: SentSyn, syn_ack: &tcp::Segment<'_>) {
        let options = &syn_ack.header.options;
        // Nobody asked: neither for a cookie, nor whether data is taken.
        if sent.cookie.is_none() && !sent.has_data {
            return;
        }
        let given = options.fast_open.filter(|cookie| !cookie.is_request());
        let given = given.filter(|_| sent.cookie.is_some());
        let asked_in_vain = sent
            .cookie
            .filter(|_| options.fast_open.is_none() && !sent.is_repeated && !sent.has_data);
        let known = self.known.entry(server, self.limit);
        known.mss = Some(options.mss.unwrap_or(DEFAULT_MSS));
        match (given, asked_in_vain) {
            (Some(cookie), _) => known.cookie = Some(cookie),
            (None, Some(asked)) if known.cookie.is_none() => {
                let refused = if asked.is_experimental() { Refused::InBoth } else { Refused::Once };
                known.refused = known.refused.max(refused);
            }
            _ => {}
        }
    }
}

/// A connection of a listener that was in use before its handshake was complete.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Early {
    key: Key,
    /// Until when it counts although it was reset.
    until: Option<Time>,
}

/// The connections of a listener that are in use before their handshakes are complete
/// (`struct fastopen_queue`).
#[derive(Debug, Default)]
pub(crate) struct EarlyQueue(Vec<Early>);

impl EarlyQueue {
    /// Whether there is room for another if there may be `most`; `is_early` tells whether one's
    /// handshake is still not complete (`tcp_fastopen_queue_check`).
    pub(crate) fn has_room(
        &mut self,
        most: usize,
        now: Time,
        is_early: impl Fn(Key) -> bool,
    ) -> bool {
        self.0.retain(|early| match early.until {
            Some(until) => now < until,
            None => is_early(early.key),
        });
        self.0.len() < most
    }

    pub(crate) fn push(&mut self, key: Key) {
        self.0.push(Early { key, until: None });
    }

    /// Notes that a connection was reset; it goes on to count for a while.
    pub(crate) fn note_reset(&mut self, key: Key, now: Time) {
        for early in self.0.iter_mut().filter(|early| early.key == key) {
            early.until = Some(now + RESET_COUNTS);
        }
    }
}
