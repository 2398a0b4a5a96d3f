//! Loss recovery: what is lost, how the window is reduced for it, and how both are taken back.

mod alert;
mod loss;
mod reduction;
mod reno;
mod sack;
mod state;
mod tail;
mod undo;

pub(super) use state::Recovery;
