//! Congestion control: the congestion window and the algorithms that move it.
//!
//! The window is counted in segments, as in Linux. A [`Controller`] decides how it grows and how
//! far it falls; loss recovery (`send::recovery`) decides when it falls, and [`prr`] how it gets
//! down. [`bbr`] goes by the rate of delivery instead: it sets window and pacing rate after each
//! acknowledgement, whatever was lost.

pub(crate) mod algorithm;
pub(crate) mod bbr;
mod control;
mod controller;
mod cubic;
mod cubic9438;
mod hystart;
pub(crate) mod prr;
pub(crate) mod rate_sample;
mod reno;
#[cfg(test)]
mod samples;
mod window;

pub(crate) use control::Control;
pub(crate) use controller::{Controller, Moment};
pub(crate) use window::{INFINITE, Window};
