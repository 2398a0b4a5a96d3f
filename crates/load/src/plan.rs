//! `Plan`: what is asked, how often, by how many connections, and until when.

use core::num::NonZeroU32;
use core::time::Duration;

use http::{Method, Version};
use roundtrip_http::client::{KeepAlive, Options, Request, Timeouts};
use roundtrip_http::message::Fields;
use url::Url;

use crate::rate::Rate;

/// A request, and how often it is sent beside the others.
#[derive(Clone, Debug)]
pub struct Target {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: Url,
    /// Header fields, each in place of the one of that name that would be sent.
    pub fields: Fields,
    /// The body.
    pub body: Vec<u8>,
    /// Its share of the requests: this, of the sum of all targets'.
    pub weight: NonZeroU32,
}

impl Target {
    /// GET of a URL.
    pub fn get(url: Url) -> Self {
        let (fields, body) = (Fields::new(), Vec::new());
        Self { method: Method::GET, url, fields, body, weight: NonZeroU32::MIN }
    }

    /// The request as the client has it.
    pub(crate) fn request(&self) -> Request {
        let mut request = Request::new(self.method.clone(), self.url.clone());
        request.fields = self.fields.clone();
        if !self.body.is_empty() {
            request.body = self.body.clone().into();
        }
        request.decode = roundtrip_http::client::Decode::Off;
        request
    }
}

/// When the next request is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// When a user has the answer to the one before: as fast as the server answers, and no faster. A
    /// server that stalls is then asked less, which flatters it.
    Closed,
    /// At this rate, whatever the server does: requests that find no free connection wait for one, and
    /// their wait counts.
    Open {
        /// Requests a second.
        rate: Rate,
        /// How they are spread.
        arrivals: Arrivals,
    },
}

/// How the requests of a rate are spread over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrivals {
    /// The same time from each to the next.
    #[default]
    Even,
    /// As those of many users who know nothing of each other (a Poisson process): the times between them
    /// are exponentially distributed.
    Poisson,
}

/// When it ends: at the first of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Requests, all connections together.
    pub requests: Option<u64>,
    /// Time from the first request that could be due.
    pub time: Option<Duration>,
}

/// What is asked, how often, by how many connections, and until when.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The requests.
    pub targets: Vec<Target>,
    /// When each is due.
    pub pace: Pace,
    /// Connections at one time, to each host that is asked.
    pub connections: NonZeroU32,
    /// Requests under way at one time on each of them, where HTTP/2 is spoken.
    pub streams: NonZeroU32,
    /// When it ends.
    pub stop: Stop,
    /// Whether connections are kept for the next request.
    pub keep_alive: KeepAlive,
    /// The highest version spoken.
    pub version: Version,
    /// HTTP/2 is spoken in the clear without asking.
    pub prior_knowledge: bool,
    /// How long a connection, or an answer, may take.
    pub timeout: Duration,
    /// Where chance comes from: Poisson's, and which target is next.
    pub seed: u64,
}

impl Plan {
    /// These targets by ten connections, as fast as they are answered, for ten seconds.
    pub fn new(targets: Vec<Target>) -> Self {
        const TEN: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
        Self {
            targets,
            pace: Pace::Closed,
            connections: TEN,
            streams: NonZeroU32::MIN,
            stop: Stop { requests: None, time: Some(Duration::from_secs(10)) },
            keep_alive: KeepAlive::On,
            version: Version::HTTP_2,
            prior_knowledge: false,
            timeout: Duration::from_secs(30),
            seed: 1,
        }
    }

    /// How the client behaves.
    pub(crate) fn options(&self) -> Options {
        let limit = Some(self.timeout);
        Options {
            version: self.version,
            prior_knowledge: self.prior_knowledge,
            keep_alive: self.keep_alive,
            timeouts: Timeouts { connect: limit, stall: None, total: None },
            ..Options::default()
        }
    }

    /// What the report calls it: the URL, and how many others there are.
    pub fn subject(&self) -> String {
        match self.targets.as_slice() {
            [] => String::new(),
            [one] => one.url.to_string(),
            [first, others @ ..] => format!("{} and {} more", first.url, others.len()),
        }
    }
}
