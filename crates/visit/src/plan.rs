//! What a visit is to do.

use core::time::Duration;
use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Version};
use roundtrip_fetch::Jar;
use roundtrip_http::client::{KeepAlive, Options, Origin, Resend, Three, Timeouts};
use roundtrip_http::message::Fields;
use url::Url;

use crate::browser::Browser;
use crate::names::{Detour, Pin};
use crate::profile::Profile;
use crate::scripted::Scripted;
use crate::server_like::ServerLike;

/// Until when a visit goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// The page is painted and every connection is being closed.
    #[default]
    Painted,
    /// Every connection has left the last of its states.
    Closed,
}

/// What the lab's client has in its caches when a visit begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCaches {
    /// Nothing: a first visit.
    #[default]
    Cold,
    /// What the same visit, carried out before, left there: a second visit. Names, answers (RFC 9111),
    /// cookies and TLS sessions are there; connections are not.
    Warm,
}

/// How often a visit is carried out in the lab, with one seed after the other. The run whose load time
/// is the median is the one that is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// Once; [`Runs::ENOUGH`] times where frames were dropped, since then a little earlier or later can
    /// make a great difference.
    AsNeeded,
    /// So often.
    Exactly(u32),
}

impl Runs {
    /// As many as show a median that a single odd run does not move.
    pub const ENOUGH: u32 = 5;
}

/// What a visit is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The page.
    pub url: Url,
    /// The method of the first request.
    pub method: Method,
    /// Fields of the first request, besides those a client sends by itself.
    pub fields: Fields,
    /// The body of the first request.
    pub body: Bytes,
    /// Cookies that are there from the beginning. Those of answers are kept beside them.
    pub cookies: Jar,
    /// How names are looked up.
    pub names: roundtrip_dns::Options,
    /// Hosts whose addresses are given.
    pub pins: Vec<Pin>,
    /// Hosts that others stand in for.
    pub detours: Vec<Detour>,
    /// How the client behaves.
    pub client: Options,
    /// Origins that are known to speak HTTP/3 before anything is asked of them, at their own port.
    pub speak_three: Vec<Origin>,
    /// Whose behaviour the visit has; [`Plan::behaving_as`] sets it with all that follows from it.
    pub browser: Browser,
    /// A browser that asks for pages over https first ([`Browser::https_first`]) does so here. Not where what
    /// was recorded is carried out again.
    pub https_first: bool,
    /// Whose server the servers of the lab are like; `None`: in a replay the one that its `Server` fields
    /// name, if that is known, and [`ServerLike::Ideal`].
    pub server: Option<ServerLike>,
    /// How the page is to be seen; `None`: what it needs is not fetched, and nothing is painted.
    #[cfg(feature = "page")]
    pub page: Option<roundtrip_page::Options>,
    /// Whether a picture of the page is painted in the end. Without one the page is laid out all the
    /// same, since some of what it needs is only found then.
    #[cfg(feature = "page")]
    pub picture: bool,
    /// The program whose process lays the page out and paints it, started when the page is; `None`:
    /// this process does, which a fault of the engine can end.
    #[cfg(feature = "page")]
    pub painter: Option<roundtrip_page::Program>,
    /// Layouts that were made in visits before this one and need not be made again.
    #[cfg(feature = "page")]
    pub layouts: Option<roundtrip_page::Layouts>,
    /// How many scripts a file holds, by its URL, where it is several made one: the work that they do
    /// stays.
    pub merged_scripts: BTreeMap<String, u32>,
    /// What scripts asked for in the visit that is carried out again.
    pub scripted: Vec<Scripted>,
    /// Time for the whole.
    pub limit: Option<Duration>,
    /// Until when it goes on.
    pub until: Until,
    /// A status of 400 or more is a failure of the command.
    pub fail: bool,
    /// What the client has in its caches, in the lab.
    pub client_caches: ClientCaches,
    /// What the browser keeps from one visit to the next; `None`: nothing, so that nothing is answered
    /// from a cache.
    pub profile: Option<Profile>,
    /// How often it is carried out, in the lab.
    pub runs: Runs,
}

impl Plan {
    /// A page, fetched with GET and looked at as a browser would.
    pub fn get(url: Url) -> Self {
        let timeouts = Timeouts {
            connect: Some(Duration::from_secs(10)),
            stall: Some(Duration::from_secs(15)),
            total: None,
        };
        Self {
            url,
            method: Method::GET,
            fields: Fields::new(),
            body: Bytes::new(),
            cookies: Jar::new(),
            speak_three: Vec::new(),
            browser: Browser::ROUNDTRIP,
            https_first: true,
            server: None,
            names: roundtrip_dns::Options::default(),
            pins: Vec::new(),
            detours: Vec::new(),
            client: Options {
                timeouts,
                keep_alive: KeepAlive::On,
                // What browsers do.
                resend: Resend::All,
                ..Options::default()
            },
            #[cfg(feature = "page")]
            page: Some(roundtrip_page::Options::default()),
            #[cfg(feature = "page")]
            painter: None,
            #[cfg(feature = "page")]
            layouts: None,
            #[cfg(feature = "page")]
            picture: true,
            merged_scripts: BTreeMap::new(),
            scripted: Vec::new(),
            limit: Some(Duration::from_mins(2)),
            until: Until::default(),
            fail: false,
            client_caches: ClientCaches::Cold,
            profile: None,
            runs: Runs::Exactly(1),
        }
    }

    /// The same visit as a browser would carry it out.
    #[must_use]
    pub fn behaving_as(mut self, browser: Browser) -> Self {
        browser.user_agent.clone_into(&mut self.client.user_agent);
        self.client.binding = browser.order.binding;
        self.client.coalescing = browser.order.coalescing;
        self.client.quic.initial_window = browser.initial_window;
        self.client.quic.datagrams = browser.datagrams;
        self.browser = browser;
        self
    }

    /// The same visit, which goes by HTTP/3 where a server says that it speaks it (RFC 7838), as browsers
    /// do.
    #[must_use]
    pub fn learning_three(mut self) -> Self {
        self.client.version = Version::HTTP_3;
        self.client.three = Three::Learned;
        self
    }

    /// The same visit where nobody looks at its picture: none is painted.
    pub(crate) fn unseen(&self) -> Self {
        Self {
            #[cfg(feature = "page")]
            picture: false,
            ..self.clone()
        }
    }
}
