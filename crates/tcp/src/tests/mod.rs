//! Tests of whole connections: two of them over a simulated link, or one against a scripted peer.

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
