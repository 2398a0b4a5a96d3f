//! Options that several commands share: each option's text stands beside its definition.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use roundtrip_lab::Net;
use roundtrip_visit::ServerLike;

use crate::limits::byte_count;

/// When output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set; elsewhere if CLICOLOR_FORCE is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The language of what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Speech {
    /// English
    En,
    /// 简体中文
    Zh,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: the same facts
    Json,
}

/// Whose fonts text is set in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FontsFrom {
    /// This program's: Latin, Greek, Cyrillic, Hebrew, Arabic, Chinese, kana
    #[default]
    Carried,
    /// This machine's, and the program's where it has none
    System,
}

/// Until when a visit goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Until {
    /// The page is painted and the connections are being closed (in the lab: they are closed)
    #[default]
    Painted,
    /// Every connection has left TIME_WAIT (a minute of waiting on a live wire)
    Closed,
}

/// Which interfaces' packets go into trace.pcapng.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Capture {
    /// The client's
    #[default]
    Client,
    /// Every host's of the lab: each frame is there at both ends, and what reads only one end's (tshark)
    /// takes the second for a retransmission
    All,
    /// None
    None,
}

/// What `--help` says of `--net`.
pub(crate) fn net_help() -> String {
    format!(
        "The network of the lab: cable, dsl, 3gslow, 3g, 3gfast, 4g, lte, fios, lan, or properties, or a \
         profile and properties that replace its own:\n{}A property holds both ways, or one: \
         up-loss=1%, down-trace=FILE. All of it in doc/networks.md",
        Net::help()
    )
}

/// The network and the wire that leads to it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct Network {
    /// live (kernel sockets), lab (simulated, virtual time) or
    /// tap:NAME,addr=10.9.0.1/24,gw=10.9.0.2 (our own TCP/IP on a TAP device)
    #[arg(long, value_name = "WIRE")]
    pub(crate) wire: Option<String>,
    /// The network of the lab: cable, dsl, 3gslow, 3g, 3gfast, 4g, lte, fios, lan, or
    /// rtt=200ms,down=1.6Mbit,up=768kbit,loss=2%,queue=100p (all properties: --help)
    #[arg(long, value_name = "NET", long_help = net_help())]
    pub(crate) net: Option<String>,
    /// Serve a folder in the lab as the host NAME, over http and https; the demo's hosts
    /// (www.postcards.example and two more) are there anyway
    #[arg(long, value_name = "NAME=DIR")]
    pub(crate) site: Vec<String>,
    /// Seed of everything left to chance in the lab (1 unless told)
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Calendar date of the lab's epoch (2026-01-01 unless told)
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date: Option<String>,
    /// Name server to ask instead of the system's ladder
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) dns: Option<String>,
    /// Resolve names ourselves, from the root servers down
    #[arg(long)]
    pub(crate) walk: bool,
    /// Ask for names anew, whatever earlier runs have kept
    #[arg(long)]
    pub(crate) fresh: bool,
}

/// What is kept and shown.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Keep the record and all its views in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Keep nothing: the record goes when the answer is there
    #[arg(long, conflicts_with_all = ["out", "run_name", "pin"])]
    pub(crate) no_keep: bool,
    /// A name for the saved run, besides its id
    #[arg(long = "name", id = "run_name", value_name = "NAME", conflicts_with = "out")]
    pub(crate) name: Option<String>,
    /// Keep the saved run until it is deleted: the 20 that are kept anyway do not count it
    #[arg(long, conflicts_with = "out")]
    pub(crate) pin: bool,
    /// The most bytes of all saved runs that are not pinned (4G unless told; k, M and G are powers of
    /// 1024): the oldest go first
    #[arg(long, value_name = "SIZE", value_parser = byte_count, conflicts_with = "out")]
    pub(crate) keep_size: Option<u64>,
    /// text or json
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// Keep Authorization, cookies and TLS secrets in the record, and tokens in URLs
    #[arg(long)]
    pub(crate) keep_secrets: bool,
    /// Leave the values of this header field or query value out of the record too
    #[arg(long, value_name = "NAME", conflicts_with = "keep_secrets")]
    pub(crate) redact: Vec<String>,
    /// Whose packets to capture
    #[arg(long, value_enum, default_value_t, value_name = "WHOSE")]
    pub(crate) capture: Capture,
}

/// Through whom requests go.
#[derive(Clone, Debug, Args)]
pub(crate) struct ProxyOptions {
    /// Proxy, in place of http_proxy, https_proxy and all_proxy: http, https (it is spoken to through
    /// TLS), socks4, socks4a, socks5, socks5h; empty for none
    #[arg(short = 'x', long, value_name = "[http://]HOST[:PORT]")]
    pub(crate) proxy: Option<String>,
    /// Name and password for the proxy
    #[arg(short = 'U', long, value_name = "USER:PASSWORD")]
    pub(crate) proxy_user: Option<String>,
    /// Have the proxy make a tunnel for http too
    #[arg(short = 'p', long)]
    pub(crate) proxytunnel: bool,
    /// Hosts that need no proxy, in place of no_proxy; * is all
    #[arg(long, value_name = "HOSTS")]
    pub(crate) noproxy: Option<String>,
    /// For the TLS of a proxy: trust the certificates in this file (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) proxy_cacert: Option<PathBuf>,
    /// For the TLS of a proxy: trust any certificate
    #[arg(long)]
    pub(crate) proxy_insecure: bool,
}

/// Whose order of responses a server of the lab has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServerName {
    /// Urgent ones first, one after the other, in the order of the requests
    Nginx,
    /// As nginx
    H2o,
    /// All of them by turns
    Caddy,
    /// As RFC 9218 says: urgent ones first, and by turns what can be used in parts
    Ideal,
}

impl From<ServerName> for ServerLike {
    fn from(name: ServerName) -> Self {
        match name {
            ServerName::Nginx => Self::Nginx,
            ServerName::H2o => Self::H2o,
            ServerName::Caddy => Self::Caddy,
            ServerName::Ideal => Self::Ideal,
        }
    }
}

/// Whose behaviour a visit has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Behaviour {
    /// Chromium, as version 156 was measured
    Chromium,
    /// Firefox
    Firefox,
    /// This program under its own name; its own work takes no time
    Roundtrip,
}
