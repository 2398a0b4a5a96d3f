//! What browsers do, as data: which fields they send, how they order requests, and how long their own
//! work takes. Each figure has its source beside it; nothing here is code that decides.

mod cpu;
mod fields;
mod name;

use roundtrip_http::client::{Binding, Coalescing};
use roundtrip_quic::Datagrams;

use crate::crypto::KeyShares;

pub use cpu::Cpu;
pub(crate) use fields::{Asked, fields};
pub use name::BrowserName;

/// A browser's behaviour.
#[derive(Clone, Debug, PartialEq)]
pub struct Browser {
    /// Which one it is.
    pub name: BrowserName,
    /// The value of User-Agent.
    pub user_agent: &'static str,
    /// Which keys it offers for TLS, in the lab.
    pub key_shares: KeyShares,
    /// Whether it sends its first request to a server of TLS 1.2 before that has told that it is done
    /// (False Start, RFC 7918), in the lab: after as many round trips as with TLS 1.3.
    pub false_start: bool,
    /// Whether it asks for HTTPS records (RFC 9460) beside addresses, and waits a little for them.
    pub https_records: bool,
    /// Whether it asks for a page of a public name over https first, though its address says http, and only
    /// where that fails in the clear.
    pub https_first: bool,
    /// How long its datagrams of QUIC are.
    pub datagrams: Datagrams,
    /// Packets that it sends over QUIC before anything is acknowledged.
    pub initial_window: u32,
    /// How it orders requests.
    pub order: Order,
    /// How long its own work takes, in the lab. On other wires this machine's own work takes its time.
    pub cpu: Cpu,
}

/// How requests are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// By which connection a request goes that found none free.
    pub binding: Binding,
    /// Whether hosts share connections of HTTP/2.
    pub coalescing: Coalescing,
    /// Connections opened at the start of a navigation besides the one that the document needs.
    pub ahead: u32,
    /// What may be under way until the body begins.
    pub head: Option<HeadLimits>,
    /// Whether the site's icon is fetched after the page has loaded, and not with it.
    pub icon_after_load: bool,
    /// Whether more to fetch is looked for while the page loads, as a browser's next frame would, and not
    /// only when all that is known of has come.
    pub lays_out_early: bool,
}

/// What may be under way until the parser has come to the body, so that what the page shows does not
/// delay what it needs to be shown at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Requests of any priority under way with which one of less than high priority may still begin.
    pub low: usize,
    /// Requests of medium priority that may be under way whatever else is.
    pub medium: usize,
}

impl Browser {
    /// Chromium.
    pub const CHROMIUM: Self = Self {
        name: BrowserName::Chromium,
        // The form is of Chromium's "User-Agent reduction": only the major version tells.
        user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                     Chrome/156.0.0.0 Safari/537.36",
        key_shares: KeyShares::Chromium,
        // Measured: 344 to 349 ms from the first SYN to the first request over 170 ms, with 1.2 as with 1.3.
        false_start: true,
        // Measured.
        https_records: true,
        // Measured; chrome/browser/ssl/https_upgrades_interceptor.cc. Only who types "http://" himself in
        // the address bar has his way at once; links, bookmarks and other programs do not.
        https_first: true,
        // net/quic/quic_context.h, kDefaultMaxPacketSize; it searches only where an experiment has it do so.
        datagrams: Datagrams::Of(1250),
        // net/third_party/quiche/src/quiche/quic/core/quic_constants.h, kInitialCongestionWindow.
        initial_window: 32,
        order: Order {
            // net/socket/client_socket_pool.h, "late binding".
            binding: Binding::Late,
            // net/spdy/spdy_session_pool.cc, "IP-based pooling".
            coalescing: Coalescing::ByAddress,
            // Measured: the first sub-resource finds a second connection ready, which was opened with
            // the first (chrome/browser/predictors, "loading predictor").
            ahead: 1,
            // third_party/blink/renderer/platform/loader/fetch/resource_load_scheduler.cc
            // (kTightLimitForRendererSideResourceScheduler) and features kBoostImagePriority; the
            // measured order of requests agrees.
            head: Some(HeadLimits { low: 2, medium: 2 }),
            // Measured.
            icon_after_load: true,
            lays_out_early: true,
        },
        cpu: Cpu::MEASURED,
    };

    /// Firefox: fields and priorities as version 153 was seen to send them. Its own work is taken to
    /// be as Chromium's: nobody has measured it.
    pub const FIREFOX: Self = Self {
        name: BrowserName::Firefox,
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
        key_shares: KeyShares::Hybrid,
        // security.ssl.enable_false_start.
        false_start: true,
        // Only with its own resolver (DNS over HTTPS), which is not what is asked here.
        https_records: false,
        // dom.security.https_first is on, but nobody has measured how it goes about it.
        https_first: false,
        datagrams: Datagrams::Searched,
        // neqo-transport/src/cc/classic_cc.rs, CWND_INITIAL_PKTS.
        initial_window: 10,
        order: Order {
            // netwerk/protocol/http/nsHttpConnectionMgr.cpp: a transaction goes by the first
            // connection that is free.
            binding: Binding::Late,
            // The same file, FindCoalescableConnection.
            coalescing: Coalescing::ByAddress,
            // A speculative connection is opened for the document alone.
            ahead: 0,
            head: None,
            icon_after_load: true,
            lays_out_early: true,
        },
        cpu: Cpu::MEASURED,
    };

    /// This program as itself: requests in the order of their priorities, no time for its own work.
    pub const ROUNDTRIP: Self = Self {
        name: BrowserName::Roundtrip,
        user_agent: concat!("roundtrip/", env!("CARGO_PKG_VERSION")),
        key_shares: KeyShares::Classical,
        false_start: false,
        https_records: false,
        https_first: false,
        datagrams: Datagrams::Searched,
        initial_window: 10,
        order: Order {
            binding: Binding::Early,
            coalescing: Coalescing::Off,
            ahead: 0,
            head: None,
            icon_after_load: false,
            lays_out_early: false,
        },
        cpu: Cpu::NONE,
    };

    /// A browser by its name.
    pub const fn of(name: BrowserName) -> Self {
        match name {
            BrowserName::Chromium => Self::CHROMIUM,
            BrowserName::Firefox => Self::FIREFOX,
            BrowserName::Roundtrip => Self::ROUNDTRIP,
        }
    }

    /// The same browser on a processor that is this many times slower, as `DevTools` has it
    /// (`Emulation.setCPUThrottlingRate`).
    #[must_use]
    pub fn slowed(mut self, times: f64) -> Self {
        self.cpu = self.cpu.slowed(times);
        self
    }
}
