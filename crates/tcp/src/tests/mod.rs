//! Whole connections: two of them over a link, or one against a script.

mod acknowledging;
mod closing;
mod handshake;
mod liars;
mod pair;
mod paths;
mod recovery;
mod scene;
mod schedules;
mod sending;
mod transfer;
