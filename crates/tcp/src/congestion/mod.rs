//! How much may be out: the congestion window and who moves it.
//!
//! The window is counted in segments, as Linux counts it. A [`Controller`] decides how it grows and
//! how far it falls; when it does is decided by loss recovery (`send::recovery`), and how it gets
//! down by [`prr`].

pub(crate) mod algorithm;
mod control;
mod controller;
mod cubic;
mod cubic9438;
mod hystart;
pub(crate) mod prr;
mod reno;
#[cfg(test)]
mod samples;
mod window;

pub(crate) use control::Control;
pub(crate) use controller::{Controller, Moment};
pub(crate) use window::{INFINITE, Window};
