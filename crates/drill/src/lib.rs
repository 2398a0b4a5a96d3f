//! packetdrill scripts against our host, in virtual time.
//!
//! A script says what a program asks of TCP, what the network does, and what the host must send,
//! each at its time. It runs against a whole [`Host`](roundtrip_host::Host), without waiting and
//! without privileges, and gives the same result on every machine.
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
//! The language is that of [packetdrill](https://github.com/google/packetdrill), as its parser
//! reads it: system calls with their results, TCP, UDP and ICMP packets with all options, absolute,
//! relative and open times, ranges, blocking calls, `--options`, and `%{ … }%` with assertions on
//! the fields of `tcp_info`. Shell commands are never run: those of the usual preambles are
//! recognised (sysctls become fields of the [`Profile`](roundtrip_tcp::Profile)), and a script with
//! any other is skipped. So is every script that asks for something else that is not supported: the
//! report names it, and it never counts as passed.
//!
//! Beyond packetdrill, every byte of a stream is checked wherever it appears.
//!
//! # Contract
//! [`run`] reads and runs scripts and gives a [`Report`]; [`Source::files`] finds them. Neither
//! panics on any script. A script takes no longer than its events: time is virtual.
//!
//! # Where things are
//!
//! | file | noun |
//! |---|---|
//! | `parse`, `ast`, `notation` | the parser, the syntax tree, and its notation |
//! | `shell`, `settings`, `dialect` | shell commands, the settings of a script, FreeBSD's sysctls |
//! | `python` | the language between `%{` and `}%` |
//! | `run`, `run/world` | running the events in order; the world they act on |
//! | `run/net` | the host, its clock and its wire |
//! | `run/flow` | the mapping between a script's numbers and the real ones |
//! | `run/wire`, `run/expect` | packets to the host, comparison of those from it |
//! | `call` | system calls as Linux answers them |
//! | `report` | the results |
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
