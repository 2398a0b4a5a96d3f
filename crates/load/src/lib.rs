//! What a server can bear: a schedule of requests, carried out by many users at once, and honest
//! histograms of how long they took.
//!
//! A [`Plan`] says what is asked, how often and by how many connections; [`measure`] carries it out on a
//! [`Place`], which is this machine with all its processors or the lab in virtual time, and gives what was
//! [`Measured`]. [`find_limit`] looks for the highest rate that still meets a goal.
//!
//! **Latency is counted from when a request should have been sent.** A generator that waits for one answer
//! before it asks again asks a server that stalls for a second just once in that second, and so misses all
//! the others that users would have made meanwhile ("coordinated omission"). At a given rate, requests are
//! due whatever the server does; one that finds no free connection waits, and its wait counts. What tools
//! without that correction show, the time from sending to the last byte, stands beside it as service time.
//!
//! ```
//! use roundtrip_load::{Arrivals, Pace, Plan, Target};
//!
//! let url = roundtrip_http::url::parse("http://127.0.0.1:8080/").unwrap();
//! let pace = Pace::Open { rate: "20k".parse().unwrap(), arrivals: Arrivals::Poisson };
//! let plan = Plan { pace, ..Plan::new(vec![Target::get(url)]) };
//! assert_eq!(plan.subject(), "http://127.0.0.1:8080/");
//! ```
#![forbid(unsafe_code)]

mod aim;
mod condition;
mod consent;
mod error;
mod failures;
mod gauge;
mod histogram;
mod limit;
mod measure;
mod measured;
mod plan;
mod rate;
mod schedule;
mod seconds;
mod tally;
mod users;
mod view;

pub use condition::{BadCondition, Condition, Judged};
pub use consent::Consent;
pub use error::LoadError;
pub use failures::{FailureKind, Failures};
pub use gauge::Gauge;
pub use histogram::Times;
pub use limit::{Limit, Search, Tried, find_limit};
pub use measure::{Place, measure};
pub use measured::Measured;
pub use plan::{Arrivals, Pace, Plan, Stop, Target};
pub use rate::{BadRate, Rate};
pub use seconds::{Second, Series};
pub use tally::Tally;
pub use view::{
    LOAD_SCHEMA, hdr_log, html, json, junit, limit_json, limit_text, metrics, seconds_csv, text,
};
