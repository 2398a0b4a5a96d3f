//! One exchange, from the URL to the end of `TIME_WAIT`.
//!
//! This crate joins the floors below it: it schedules and drives `dns`, `http` and `page` over a
//! wire, and sets up what a wire needs. [`visit`] reads like the seven steps; [`Internet`](roundtrip_lab::Internet)s
//! with name servers and sites on them are built by [`site`]; a recorded run is carried out again by
//! [`replay`].
#![forbid(unsafe_code)]

pub mod answers;
mod browser;
#[cfg(feature = "page")]
mod came;
mod certificates;
pub mod cgi;
mod coded;
pub mod crypto;
pub mod demo;
#[cfg(feature = "page")]
mod document;
#[cfg(feature = "page")]
mod early;
pub mod get;
mod given;
pub mod ground;
mod identity;
mod lab_tls;
#[cfg(feature = "page")]
mod load;
mod machine;
mod metrics;
mod names;
mod network;
mod offer;
mod orders;
mod page_times;
#[cfg(feature = "page")]
mod paints;
mod passwords;
mod place;
mod plan;
#[cfg(feature = "page")]
mod policy;
mod profile;
#[cfg(feature = "page")]
mod queue;
mod reach;
pub mod replay;
mod reported;
pub mod run;
mod run_error;
mod runs;
pub mod scenario;
mod scripted;
pub mod serve;
mod server_like;
mod service;
pub mod site;
mod standin;
#[cfg(feature = "page")]
mod terms;
mod title;
pub mod trust;
#[cfg(feature = "page")]
mod upgrade;
mod visit;
mod workers;

pub use browser::{Browser, BrowserName, Cpu, HeadLimits, Order};
pub use identity::{BadIdentity, Identity};
pub use names::{Detour, Names, Pin};
pub use offer::{BadOffer, Offer};
pub use page_times::PageTimes;
pub use plan::{ClientCaches, Plan, Runs, Until};
pub use profile::Profile;
#[cfg(feature = "page")]
pub use roundtrip_page::Layouts;
pub use scripted::{Asker, Moment, Scripted};
pub use server_like::ServerLike;
pub use visit::{Visited, visit};
