//! The options of `roundtrip get`: curl's, each with its text beside it. What is repeated, negated
//! (`--no-…`) or shortened on the command line is made plain before (`line.rs`).

mod connection;
mod files;
mod login;
mod secure;
mod shape;
mod trace;

use std::path::PathBuf;

use clap::Args;

use super::words::Words;
use crate::args::{Format, Network, ProxyOptions};
pub(crate) use connection::Connection;
pub(crate) use files::Files;
pub(crate) use login::Login;
pub(crate) use secure::Secure;
pub(crate) use shape::Shape;
pub(crate) use trace::Trace;

/// `roundtrip get`
#[derive(Debug, Args)]
#[command(disable_version_flag = true, args_override_self = true)]
#[command(after_help = "Examples:\n  \
    roundtrip get -L -o page.html https://example.com/\n  \
    roundtrip get -s --json '{\"n\":1}' -w '%{http_code} %{time_total}\\n' http://127.0.0.1:8080/echo")]
pub(crate) struct Get {
    /// The URL; without a scheme, http. {one,two}, [1-9] and [a-z] stand for several
    #[arg(required_unless_present = "more")]
    pub(crate) url: Vec<String>,
    /// The same as a URL by itself
    #[arg(long = "url", id = "more", value_name = "URL")]
    pub(crate) more: Vec<String>,
    /// Read options from this file, one a line; - is standard input
    #[arg(short = 'K', long, value_name = "FILE")]
    pub(crate) config: Vec<String>,
    /// What follows has options of its own
    #[arg(short = ':', long)]
    pub(crate) next: bool,
    /// Transfers at one time
    #[arg(short = 'Z', long)]
    pub(crate) parallel: bool,
    /// How many, with -Z (1 to 300)
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) parallel_max: u16,
    /// Accepted for curl's sake: a transfer of -Z never waits for another's connection
    #[arg(long)]
    pub(crate) parallel_immediate: bool,
    /// No transfer begins after one that failed
    #[arg(long)]
    pub(crate) fail_early: bool,
    /// At most N transfers begin in a second; N/m, N/h, N/d in a minute, hour, day
    #[arg(long, value_name = "N/UNIT")]
    pub(crate) rate: Option<String>,
    /// Tell on standard error what is done
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// All that goes over the wire
    #[command(flatten)]
    pub(crate) trace: Trace,
    /// Write errors and -v to a file; - is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) stderr: Option<PathBuf>,
    /// No progress, no errors
    #[arg(short, long)]
    pub(crate) silent: bool,
    /// Errors even with -s
    #[arg(short = 'S', long)]
    pub(crate) show_error: bool,
    /// Accepted for curl's sake: there is no configuration file
    #[arg(short = 'q', long = "disable")]
    pub(crate) disable: bool,
    /// Print the response's head before its body
    #[arg(short, long, visible_alias = "show-headers")]
    pub(crate) include: bool,
    /// HEAD: the head only
    #[arg(short = 'I', long)]
    pub(crate) head: bool,
    /// Follow redirects
    #[arg(short = 'L', long)]
    pub(crate) location: bool,
    /// How many redirects to follow (-1: no limit)
    #[arg(long, value_name = "N", default_value_t = 50, allow_negative_numbers = true)]
    pub(crate) max_redirs: i64,
    /// POST stays POST after a redirect with status 301
    #[arg(long)]
    pub(crate) post301: bool,
    /// The same with 302
    #[arg(long)]
    pub(crate) post302: bool,
    /// The same with 303
    #[arg(long)]
    pub(crate) post303: bool,
    /// Send credentials to other hosts too when redirected
    #[arg(long)]
    pub(crate) location_trusted: bool,
    /// Write the body to a file; one for each URL, #1 is what the first [] or {} stands for
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Vec<String>,
    /// Write the body to a file named as in the URL; once for each URL
    #[arg(short = 'O', long, num_args = 0, default_missing_value = "true")]
    pub(crate) remote_name: Vec<bool>,
    /// The same for all URLs
    #[arg(long)]
    pub(crate) remote_name_all: bool,
    /// With -O: take the name that the server gives (Content-Disposition)
    #[arg(short = 'J', long)]
    pub(crate) remote_header_name: bool,
    /// Write the heads to a file
    #[arg(short = 'D', long, value_name = "FILE")]
    pub(crate) dump_header: Option<PathBuf>,
    /// Files and what becomes of them
    #[command(flatten)]
    pub(crate) files: Files,
    /// Add a header field; NAME: takes it out, NAME; sends it empty, @FILE reads them
    #[arg(short = 'H', long, value_name = "FIELD")]
    pub(crate) header: Vec<String>,
    /// Form data, sent with POST; @FILE reads it, without line ends
    #[arg(short = 'd', long, value_name = "DATA", visible_alias = "data-ascii")]
    pub(crate) data: Vec<String>,
    /// Data as it is, sent with POST; @FILE reads it
    #[arg(long, value_name = "DATA")]
    pub(crate) data_binary: Vec<String>,
    /// Data as it is; @ means nothing
    #[arg(long, value_name = "DATA")]
    pub(crate) data_raw: Vec<String>,
    /// Form data, percent-encoded for you: DATA, NAME=DATA, NAME@FILE
    #[arg(long, value_name = "DATA")]
    pub(crate) data_urlencode: Vec<String>,
    /// JSON data, with its header fields; @FILE reads it
    #[arg(long, value_name = "DATA")]
    pub(crate) json: Vec<String>,
    /// A multipart form: NAME=DATA, NAME=@FILE, NAME=<FILE, ;type= ;filename=
    #[arg(short = 'F', long, value_name = "PART")]
    pub(crate) form: Vec<String>,
    /// A part of a multipart form, as it is
    #[arg(long, value_name = "PART")]
    pub(crate) form_string: Vec<String>,
    /// In -F, write names with backslashes before quotes
    #[arg(long)]
    pub(crate) form_escape: bool,
    /// Send a file with PUT, one for each URL; - is standard input
    #[arg(short = 'T', long, value_name = "FILE")]
    pub(crate) upload_file: Vec<PathBuf>,
    /// Put the data into the URL and use GET
    #[arg(short = 'G', long)]
    pub(crate) get: bool,
    /// Method
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub(crate) request: Option<String>,
    /// The shape of the request
    #[command(flatten)]
    pub(crate) shape: Shape,
    /// Name and password for the server
    #[arg(short, long, value_name = "USER:PASSWORD")]
    pub(crate) user: Option<String>,
    /// Who asks
    #[command(flatten)]
    pub(crate) login: Login,
    /// Trust any certificate
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
    /// What TLS offers and takes
    #[command(flatten)]
    pub(crate) secure: Secure,
    /// Exit with 22 when the status is 400 or more, without the body
    #[arg(short, long)]
    pub(crate) fail: bool,
    /// The same, with the body
    #[arg(long)]
    pub(crate) fail_with_body: bool,
    /// Give up after this many seconds
    #[arg(short = 'm', long, value_name = "SECONDS")]
    pub(crate) max_time: Option<f64>,
    /// Give a connection up after this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) connect_timeout: Option<f64>,
    /// The connection
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// IPv4 only
    #[arg(short = '4', long, overrides_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long, overrides_with = "ipv4")]
    pub(crate) ipv6: bool,
    /// User-Agent
    #[arg(short = 'A', long, value_name = "NAME")]
    pub(crate) user_agent: Option<String>,
    /// Cookies to send: NAME=VALUE; …, or a file of them
    #[arg(short = 'b', long, value_name = "DATA|FILE")]
    pub(crate) cookie: Vec<String>,
    /// Keep cookies in a file
    #[arg(short = 'c', long, value_name = "FILE")]
    pub(crate) cookie_jar: Option<PathBuf>,
    /// With -b FILE: leave out cookies that end with the session
    #[arg(short = 'j', long)]
    pub(crate) junk_session_cookies: bool,
    /// Referer; URL;auto or ;auto: the URL before, after a redirect
    #[arg(short = 'e', long, value_name = "URL")]
    pub(crate) referer: Option<String>,
    /// Resume at this offset; - takes it from the file
    #[arg(short = 'C', long, value_name = "OFFSET", allow_hyphen_values = true)]
    pub(crate) continue_at: Option<String>,
    /// Ask for these bytes only
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
    pub(crate) range: Option<String>,
    /// Print this afterwards: %{http_code}, %{time_total}, …
    #[arg(short = 'w', long, value_name = "FORMAT", allow_hyphen_values = true)]
    pub(crate) write_out: Option<String>,
    /// HTTP/1.0
    #[arg(short = '0', long = "http1.0")]
    pub(crate) http10: bool,
    /// HTTP/1.1
    #[arg(long = "http1.1")]
    pub(crate) http11: bool,
    /// HTTP/2 where the server has it
    #[arg(long)]
    pub(crate) http2: bool,
    /// HTTP/2 at once, without TLS too
    #[arg(long)]
    pub(crate) http2_prior_knowledge: bool,
    /// HTTP/3 where it answers at once, TCP after 100 ms
    #[arg(long)]
    pub(crate) http3: bool,
    /// HTTP/3 and nothing else
    #[arg(long)]
    pub(crate) http3_only: bool,
    /// Take an answer without a head, as HTTP/0.9 had none
    #[arg(long = "http0.9")]
    pub(crate) http09: bool,
    /// The proxies
    #[command(flatten)]
    pub(crate) through: ProxyOptions,
    /// Connect to ADDR for HOST:PORT; * is every host
    #[arg(long, value_name = "HOST:PORT:ADDR", allow_hyphen_values = true)]
    pub(crate) resolve: Vec<String>,
    /// Connect to HOST2:PORT2 for HOST1:PORT1; what is empty stays or is any
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2")]
    pub(crate) connect_to: Vec<String>,
    /// Trust the certificates in this file (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Try again after a passing fault
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) retry: u32,
    /// Seconds between two tries; without it 1, 2, 4, ...
    #[arg(long, value_name = "SECONDS")]
    pub(crate) retry_delay: Option<f64>,
    /// No new try after this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) retry_max_time: Option<f64>,
    /// Try again after a refused connection too
    #[arg(long)]
    pub(crate) retry_connrefused: bool,
    /// Try again after every fault
    #[arg(long)]
    pub(crate) retry_all_errors: bool,
    /// Ask for a compressed body and write it decompressed
    #[arg(long)]
    pub(crate) compressed: bool,
    /// Ask for a compressed transfer and undo it (TE)
    #[arg(long)]
    pub(crate) tr_encoding: bool,
    /// Leave codings of the transfer and of the content as they came
    #[arg(long)]
    pub(crate) raw: bool,
    /// Take no more than this many bytes, as they are written; k, M, G are 1024, ...
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_filesize: Option<String>,
    /// Take no more than this many bytes out of a compressed body, and four times as many out of all
    /// (1G unless told); 0 for no limit, not even on how much smaller than its content a body may be
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_decoded: Option<String>,
    /// Write no faster than this many bytes a second
    #[arg(long, value_name = "BYTES")]
    pub(crate) limit_rate: Option<String>,
    /// Take {}[] in URLs as they are
    #[arg(short, long)]
    pub(crate) globoff: bool,
    /// Accepted for curl's sake: what comes is written at once
    #[arg(short = 'N', long)]
    pub(crate) no_buffer: bool,
    /// Accepted for curl's sake: progress is one line anyway
    #[arg(short = '#', long)]
    pub(crate) progress_bar: bool,
    /// No progress
    #[arg(long)]
    pub(crate) no_progress_meter: bool,
    /// Accepted for curl's sake: heads are not coloured
    #[arg(long)]
    pub(crate) styled_output: bool,
    /// text or json: the record's facts as JSON on standard output, the body only with -o
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// Keep the record and all its views in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Keep Authorization, cookies and TLS secrets in the record, and tokens in URLs
    #[arg(long)]
    pub(crate) keep_secrets: bool,
    /// Leave the values of this header field or query value out of the record too
    #[arg(long, value_name = "NAME", conflicts_with = "keep_secrets")]
    pub(crate) redact: Vec<String>,
    /// The network
    #[command(flatten)]
    pub(crate) network: Network,
    /// The options in the order in which they were given
    #[arg(skip)]
    pub(crate) words: Words,
    /// What stands after `--next`
    #[arg(skip)]
    pub(crate) after: Vec<Get>,
}

impl Get {
    /// The URLs, as they were given.
    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        self.url.iter().chain(&self.more).map(String::as_str)
    }
}
