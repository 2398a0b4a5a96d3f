//! What can be written behind `roundtrip load`.

use core::num::NonZeroU32;
use core::time::Duration;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use roundtrip_load::{Arrivals, Condition, Rate};
use roundtrip_story::{Unit, quantity};

use crate::options::Network;

/// How a load is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoadFormat {
    /// For people
    #[default]
    Text,
    /// For programs: the same facts, second by second
    Json,
    /// A page that needs nothing else
    Html,
    /// JUnit XML, for CI systems: each condition is a test
    Junit,
}

/// How requests are spread over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Spread {
    /// The same time from each to the next
    #[default]
    Even,
    /// As those of many users who know nothing of each other
    Poisson,
}

impl From<Spread> for Arrivals {
    fn from(spread: Spread) -> Self {
        match spread {
            Spread::Even => Self::Even,
            Spread::Poisson => Self::Poisson,
        }
    }
}

/// `roundtrip load`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    roundtrip load http://127.0.0.1:8080/ --rate 20k --for 30s --fail-if 'p99>50ms'\n  \
    roundtrip load http://[::1]/a http://[::1]/b --weights 9,1 -c 100       as fast as they are answered\n  \
    roundtrip load https://10.0.0.7/ --find-limit 'p99<20ms' -k             the highest rate that holds it\n  \
    roundtrip load site/ --net 3gfast --clients 1000 --rate 200             in the lab, in virtual time\n\n\
Latency counts from when a request should have been sent: with --rate, requests are due whatever the server\n\
does. Exit codes: 0; 111 when a condition fails; that of get when nothing was answered")]
pub(crate) struct Load {
    /// What to ask for; or a folder, which is served in the lab
    #[arg(value_name = "URL|DIR", required = true)]
    pub(crate) subjects: Vec<String>,
    /// How often each of several URLs is asked for beside the others: 9,1 (all alike unless told)
    #[arg(long, value_name = "N,N…", value_delimiter = ',')]
    pub(crate) weights: Vec<NonZeroU32>,
    /// Requests a second, whatever the server does (an open loop): 200, 2.5, 20k; without it, each connection
    /// asks when it has its answer (a closed loop)
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<Rate>,
    /// How the requests of --rate are spread
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) arrivals: Spread,
    /// Connections at one time, to each host; in the lab: clients
    #[arg(short = 'c', long, visible_alias = "clients", value_name = "N", default_value = "10")]
    pub(crate) connections: NonZeroU32,
    /// Requests at one time on a connection of HTTP/2
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) streams: NonZeroU32,
    /// End after this many requests
    #[arg(short = 'n', long, value_name = "N", value_parser = whole)]
    pub(crate) requests: Option<u64>,
    /// End after this time (10s unless told, or unless -n is; 5s for each rate of --find-limit)
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub(crate) time: Option<Duration>,
    /// Give an answer, or a connection, up after this time
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "30s")]
    pub(crate) timeout: Duration,
    /// Use each connection for one request
    #[arg(long)]
    pub(crate) no_keepalive: bool,
    /// Speak HTTP/1.1 only
    #[arg(long = "http1.1", conflicts_with = "http2_prior_knowledge")]
    pub(crate) http11: bool,
    /// Speak HTTP/2 in the clear without asking
    #[arg(long)]
    pub(crate) http2_prior_knowledge: bool,
    /// Method
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub(crate) request: Option<String>,
    /// Add a header field
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// Send this, or the content of @FILE, with POST
    #[arg(short = 'd', long, value_name = "DATA|@FILE")]
    pub(crate) data: Option<String>,
    /// Exit with 111 if this is so: p99>50ms, service.max>1s, errors>0, errors>1%, rate<19k, late>1ms, unsent>0
    #[arg(long, value_name = "CONDITION")]
    pub(crate) fail_if: Vec<Condition>,
    /// Look for the highest rate at which this holds: p99<50ms
    #[arg(long, value_name = "CONDITION", conflicts_with_all = ["requests", "fail_if"])]
    pub(crate) find_limit: Option<Condition>,
    /// Let the server rest for this time between two rates of --find-limit
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "1s", requires = "find_limit")]
    pub(crate) rest: Duration,
    /// Threads that send: one a processor unless told
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Aim at hosts that are neither this machine nor in a private network: these, or any. Whoever says so has
    /// the consent of their owner
    #[arg(long, value_name = "HOST,…", num_args = 0..=1, require_equals = true, default_missing_value = "*", value_delimiter = ',')]
    pub(crate) i_may: Vec<String>,
    /// Trust the certificates in this file (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Trust any certificate
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
    /// The network
    #[command(flatten)]
    pub(crate) network: Network,
    /// Write report.html, load.json, latency.hlog (HDR), seconds.csv, metrics.prom and junit.xml into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// text, json, html or junit
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: LoadFormat,
    /// What was seen of each fault
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// The answer and the conditions alone
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Reads a time that is longer than none.
fn time(text: &str) -> Result<Duration, String> {
    let nanos = quantity(text, Unit::Milliseconds).map_err(|error| error.to_string())?;
    match u64::try_from(nanos) {
        Ok(nanos @ 1..) => Ok(Duration::from_nanos(nanos)),
        _ => Err("wanted a time that is longer than none".into()),
    }
}

/// Reads a number of requests: 500, 10k, 2M.
fn whole(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1_000),
        None => match text.strip_suffix(['m', 'M']) {
            Some(number) => (number, 1_000_000),
            None => (text, 1),
        },
    };
    let count = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    count.filter(|count| *count > 0).ok_or_else(|| "wanted a number, as 500, 10k or 2M".into())
}
