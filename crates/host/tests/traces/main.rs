//! Hosts talking to each other: each test reads like a packet trace.
#![allow(clippy::duration_suboptimal_units)] // a trace counts in seconds

#[macro_use]
mod cable;
mod addresses;
mod arbitrary;
mod connections;
mod datagrams;
mod fast_open;
mod limits;
mod listeners;
mod neighbours;
mod routers;
