//! Loss recovery: detecting losses, reducing the window for them, and undoing both.

mod alert;
mod loss;
mod reduction;
mod reno;
mod sack;
mod state;
mod tail;
mod undo;

pub(super) use state::Recovery;
