//! One exchange, from the URL to the end of `TIME_WAIT`.
//!
//! This crate joins the floors below it: it schedules and drives `dns`, `http` and `page` over a
//! wire, and sets up what a wire needs. [`visit`] reads like the seven steps; [`Internet`](roundtrip_lab::Internet)s
//! with name servers and sites on them are built by [`site`]; a recorded run is carried out again by
//! [`replay`].
#![forbid(unsafe_code)]

mod browser;
pub mod cgi;
mod coded;
pub mod crypto;
pub mod demo;
pub mod get;
pub mod ground;
#[cfg(feature = "page")]
mod load;
mod names;
mod plan;
#[cfg(feature = "page")]
mod queue;
pub mod replay;
pub mod run;
mod runs;
pub mod serve;
pub mod site;
mod standin;
pub mod trust;
mod visit;

pub use browser::{Browser, BrowserName, Cpu, HeadLimits, Order};
pub use names::{Detour, Names, Pin};
pub use plan::{ClientCaches, Plan, Runs, Until};
pub use visit::{PageTimes, Visited, visit};
