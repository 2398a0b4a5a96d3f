//! packetdrill scripts against our host, in virtual time.
//!
//! A script says what a program asks of TCP, what the network does, and what the host must send,
//! each at its time. It is run against a whole [`Host`](roundtrip_host::Host): nothing is waited
//! for, nothing needs a privilege, and the same script gives the same answer on every machine.
//!
//! ```
//! use roundtrip_drill::{Options, Source, run};
//!
//! let script = "
//!      0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
//!     +0 bind(3, ..., ...) = 0
//!     +0 listen(3, 1) = 0
//!     +0 < S 0:0(0) win 1000 <mss 1000>
//!     +0 > S. 0:0(0) ack 1 <mss 1460>
//!    +.1 < . 1:1(0) ack 1 win 1000
//!     +0 accept(3, ..., ...) = 4
//!     +0 write(4, ..., 100) = 100
//!     +0 > P. 1:101(100) ack 1
//! ";
//! let report = run(&[Source::new("handshake.pkt", script)], &Options::default());
//! assert_eq!(report.to_string(), "1 passed, 0 failed, 0 skipped\n");
//! assert_eq!(report.exit_code(), 0);
//! ```
//!
//! # The language
//! That of [packetdrill](https://github.com/google/packetdrill), as its parser reads it: system
//! calls with their results, TCP, UDP and ICMP packets with all options, absolute, relative and
//! open times, ranges, calls that wait, `--options`, and `%{ … }%` with assertions on the fields of
//! `tcp_info`. Shell commands are never run: those of the usual preambles are recognised (sysctls
//! become fields of the [`Profile`](roundtrip_tcp::Profile)), and a script with any other is
//! skipped. So is every script that asks for something else that is not had here: it is named, and
//! never counts as passed.
//!
//! Beyond packetdrill every byte of a stream is checked, wherever it turns up.
//!
//! # Contract
//! [`run`] reads and runs scripts and gives a [`Report`]; [`Source::files`] finds them. Neither
//! panics on any script. A script takes no longer than its events: time is virtual.
//!
//! # Where things are
//!
//! | file | noun |
//! |---|---|
//! | `parse`, `ast`, `notation` | text to values, the values, and back |
//! | `shell`, `settings`, `dialect` | commands, and what they and the head's options set; FreeBSD's |
//! | `python` | the language between `%{` and `}%` |
//! | `run`, `run/world` | the events in order; all they act on |
//! | `run/net` | the host, its clock and its wire |
//! | `run/flow` | a connection's numbers, the script's and the real ones |
//! | `run/wire`, `run/expect` | packets to the host, packets from it |
//! | `call` | system calls as Linux answers them |
//! | `report` | what came of it |
#![forbid(unsafe_code)]

mod ast;
mod call;
mod dialect;
mod errno;
mod file;
mod icmp;
mod notation;
mod options;
mod parse;
mod python;
mod report;
mod run;
mod settings;
mod shell;
mod source;
mod symbols;

pub use ast::Script;
pub use options::{Options, Source, run};
pub use parse::{Definitions, parse};
pub use report::{Failure, Finished, Report, Verdict};
pub use source::{Place, ReadError, SyntaxError, Unsupported};
