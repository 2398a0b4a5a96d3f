//! Congestion control (RFC 9002 §7), in integers: the same on every machine.

mod algorithm;
mod control;
mod cubic;
mod hystart;
mod reno;

pub use algorithm::Algorithm;
pub(crate) use control::Factory;
