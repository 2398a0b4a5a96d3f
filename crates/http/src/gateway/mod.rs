//! What a server needs that asks other servers: which fields go on, what is said where one cannot be had, bytes
//! that pass in both directions; and [`Upstream`], a reverse proxy.

mod flow;
pub mod hop;
pub mod refusal;
pub mod relay;
mod route;
mod upstream;

pub use route::Route;
pub use upstream::{Outward, Upstream};
