//! Trials that the engine is put through: arbitrary bytes, lying peers, and bad links. Only tests
//! use them.
//!
//! Each trial is a function of bytes that panics if the engine breaks a promise. The fuzz targets
//! in `fuzz/` call it with libFuzzer's inputs; this crate's tests call it with a corpus and with
//! seeded random bytes, so that the promises are checked on every change with a stable compiler.
//!
//! | trial | what is tried | promises |
//! |---|---|---|
//! | [`packet`] | readers and writers of packets | no panic; what was read is written and read again alike |
//! | [`host`] | one host among strangers: any frames, any calls, any times | no panic, no storm, bounded memory and errors, no timer in the past, all of it comes to rest |
//! | [`pair`] | two hosts and a link that loses, doubles, reorders and corrupts | exactly the bytes that were sent, or a reset; nobody waits for ever |
//! | [`script`] | drill's reader and runner | no panic, no endless run |
//! | [`three`] | HTTP/3 at both ends, and a stranger at the other | no panic, nobody waits for ever, whoever comes next is answered |
//! | [`names`] | files of names, zone files, host texts, what name servers send | no panic, no endless question; what was read keeps its promises |
//!
//! All debug assertions of the engine are armed: [`roundtrip_tcp`] and [`roundtrip_host`] check
//! their invariants after every step of a build that has `debug_assertions`.
//!
//! ```
//! // 40 arbitrary bytes are hardly ever a packet, and must do no harm.
//! let bytes: Vec<u8> = (0..40).map(|n: u8| n.wrapping_mul(151)).collect();
//! roundtrip_trial::packet(&bytes);
//! roundtrip_trial::host(&bytes);
//! ```
#![forbid(unsafe_code)]

mod chance;
mod frames;
mod host;
mod names;
mod packet;
mod pair;
mod program;
mod script;
mod three;
mod world;

pub use chance::Chance;
pub use host::host;
pub use names::names;
pub use packet::packet;
pub use pair::{FrameLog, LinkConditions, Outcome, exchange, pair};
pub use script::script;
pub use three::three;
