//! What can be written on the command line: each option's text stands beside its definition.

use std::ffi::OsString;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, value_parser};
use roundtrip_visit::serve::Place;

pub(crate) use crate::budget::BudgetOption;
pub(crate) use crate::diff::args::Diff;
pub(crate) use crate::get::args::Get;
pub(crate) use crate::load::args::Load;
use crate::options::net_help;
pub(crate) use crate::options::{
    Behaviour, Capture, Colour, FontsFrom, Format, Network, Output, ProxyOptions, ServerName,
    Speech, Until,
};
pub(crate) use crate::proxy::args::Proxy;
use crate::serve::log::LogFormat;
#[cfg(feature = "page")]
pub(crate) use crate::sweep::args::Sweep;

/// Carries out one whole web exchange with its own engine, from the URL to the rendered page and on
/// to the end of TIME_WAIT, keeps one record of every step, and can carry it out again on any
/// network you describe.
#[derive(Debug, Parser)]
#[command(name = "roundtrip", version, max_term_width = 100, propagate_version = true)]
#[command(after_help = "The built-in demo, no network needed:   roundtrip visit\n\
    The same on a train:                    roundtrip visit --net 3gslow")]
pub(crate) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to colour the output
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub(crate) color: Colour,
    /// Language of what is shown: as LC_ALL, LC_MESSAGES or LANG says unless told. Names of protocols, commands
    /// and JSON stay English
    #[arg(long, global = true, value_enum, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Speech>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The whole exchange: name, neighbour, connection, request, response, page, close
    Visit(Box<Visit>),
    /// What would help a page, each change proven by carrying the visit out again with it
    #[cfg(feature = "page")]
    Advise(Box<Advise>),
    /// Thousands of visits: sites, networks, protocols, variants and seeds multiplied, and what they come to
    #[cfg(feature = "page")]
    Sweep(Box<Sweep>),
    /// One request, with curl's flags and exit codes
    Get(Box<Get>),
    /// A web server
    Serve(Serve),
    /// What a server can bear: many requests at once, with honest latencies
    Load(Box<Load>),
    /// The name ladder alone
    Resolve(Resolve),
    /// N bytes over a described network, in virtual time
    Transfer(Transfer),
    /// packetdrill scripts against our TCP, in virtual time
    Drill(Drill),
    /// Any view of a saved record
    Show(Show),
    /// Recordings of other programs (HAR, captures) become runs
    Import(Import),
    /// Records what any browser or program asks by way of it
    Proxy(Box<Proxy>),
    /// What changed between two runs, or two sets of runs, and why
    Diff(Diff),
    /// The licences of everything this program contains
    Licenses,
    /// Prints completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Writes the manual pages into a folder
    Man {
        /// The folder
        folder: PathBuf,
    },
}

/// `roundtrip visit`
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    roundtrip visit                              the built-in demo, in the lab\n  \
    roundtrip visit https://example.com/ -v      a live visit, the handshake drawn\n  \
    roundtrip visit 7f3a --net 3gslow            a recorded visit again, on a slow network\n  \
    roundtrip visit URL --budget budget.toml     exit code 111 where it costs more")]
pub(crate) struct Visit {
    /// A URL, a folder to serve in the lab, or a saved run (its id, or its folder); without it, the
    /// built-in demo site in the lab
    #[arg(value_name = "URL|DIR|RUN")]
    pub(crate) subject: Option<String>,
    /// The network
    #[command(flatten)]
    pub(crate) network: Network,
    /// The output
    #[command(flatten)]
    pub(crate) output: Output,
    /// Draw each handshake and close between its two ends
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Print nothing but faults
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Print five lines: the verdict, the steps with their times and a bar, the slowest
    #[arg(long, conflicts_with_all = ["verbose", "quiet", "format"])]
    pub(crate) short: bool,
    /// Have the installed Chromium make the visit, or the program FILE, and take over what it did; --net
    /// then carries that out again
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) browser: Option<OsString>,
    /// Go by HTTP/3 where a server says that it speaks it (Alt-Svc); those of the lab do. A first visit begins
    /// with HTTP/2, --warm with HTTP/3
    #[arg(long)]
    pub(crate) http3: bool,
    /// Serve a folder over https in the lab
    #[arg(long)]
    pub(crate) https: bool,
    /// Visit twice in the lab and show the second time: names, answers that may be kept, cookies and TLS
    /// sessions are there then
    #[arg(long)]
    pub(crate) warm: bool,
    /// Method
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub(crate) request: Option<String>,
    /// Add a header field
    #[arg(short = 'H', long, value_name = "FIELD")]
    pub(crate) header: Vec<String>,
    /// Send a form with POST
    #[arg(short = 'd', long, value_name = "DATA")]
    pub(crate) data: Vec<String>,
    /// User-Agent
    #[arg(short = 'A', long, value_name = "NAME")]
    pub(crate) user_agent: Option<String>,
    /// Behave as this browser: its fields, its order of requests and, in the lab, the time that its own
    /// work takes; chromium in the lab, roundtrip on a real wire
    #[arg(long = "as", value_enum, value_name = "BROWSER")]
    pub(crate) behave: Option<Behaviour>,
    /// Carry the visit out N times in the lab, with one seed after the other, and show the median;
    /// without it once, or five times where frames were dropped
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=1000))]
    pub(crate) runs: Option<u32>,
    /// A processor this many times slower than the one that was measured, in the lab
    #[arg(long, value_name = "TIMES")]
    pub(crate) cpu: Option<String>,
    /// Have the lab's servers send several responses of one connection of HTTP/2 in the order of this
    /// server; without it as the Server field of a recording tells, and ideal
    #[arg(long, value_enum, value_name = "SERVER")]
    pub(crate) server: Option<ServerName>,
    /// Name and password for the page's server
    #[arg(short, long, value_name = "USER:PASSWORD")]
    pub(crate) user: Option<String>,
    /// Cookies to begin with: NAME=VALUE; … for the page's host, or a file of them
    #[arg(short = 'b', long, value_name = "DATA|FILE")]
    pub(crate) cookie: Vec<String>,
    /// The proxies
    #[command(flatten)]
    pub(crate) through: ProxyOptions,
    /// Ask for the page only, not for what it needs
    #[arg(long)]
    pub(crate) no_page: bool,
    /// Close the connection after each resource
    #[arg(long)]
    pub(crate) no_keepalive: bool,
    /// Trust the certificates in this file (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Trust any certificate
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
    /// Connect to ADDR for HOST:PORT; * is every host
    #[arg(long, value_name = "HOST:PORT:ADDR", allow_hyphen_values = true)]
    pub(crate) resolve: Vec<String>,
    /// Size of the window the page is laid out for
    #[arg(long, value_name = "WxH", default_value = "1280x800")]
    pub(crate) viewport: String,
    /// Whose fonts text is set in besides the page's own; the picture is the same on every machine only with
    /// those that are carried
    #[arg(long, value_enum, default_value_t, value_name = "WHOSE")]
    pub(crate) fonts: FontsFrom,
    /// Paint the whole page, not the window
    #[arg(long)]
    pub(crate) full: bool,
    /// Lay the page out and fetch what it needs, but paint no picture
    #[arg(long, conflicts_with = "full")]
    pub(crate) no_picture: bool,
    /// Until when to go on
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) until: Until,
    /// Give up after this many seconds (of virtual time in the lab)
    #[arg(short = 'm', long, value_name = "SECONDS", default_value_t = 120.0)]
    pub(crate) max_time: f64,
    /// Give a connection up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    pub(crate) connect_timeout: f64,
    /// Give a response up after this many seconds of silence
    #[arg(long, value_name = "SECONDS", default_value_t = 15.0)]
    pub(crate) stall_timeout: f64,
    /// Take no more than this many bytes out of a compressed body, and four times as many out of all
    /// (1G unless told); 0 for no limit
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_decoded: Option<String>,
    /// Exit with 22 when the page's status is 400 or more
    #[arg(short, long)]
    pub(crate) fail: bool,
    /// What it may cost
    #[command(flatten)]
    pub(crate) budget: BudgetOption,
}

/// `roundtrip advise`
#[cfg(feature = "page")]
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    roundtrip advise                              the built-in demo, on cable, 4g and 3gfast\n  \
    roundtrip advise 7f3a --net 4g,3gfast -v      a recorded visit, with all that is known\n  \
    roundtrip advise shop.har --net 4g,loss=1%    a browser's recording (HAR, capture), on one network\n\n\
    The visit is carried out as it is and with each change, on every network and with every seed.\n\
    Options of visit that have no meaning here are refused by name.")]
pub(crate) struct Advise {
    /// The visit
    #[command(flatten)]
    pub(crate) visit: Visit,
    /// How many seeds each change is tried with
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u32).range(1..=1000))]
    pub(crate) seeds: u32,
    /// How many threads carry visits out: one a processor unless told. The advice is the same
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Write the files that a change makes otherwise into this folder: CHANGE/HOST/PATH
    #[arg(long, value_name = "DIR")]
    pub(crate) write: Option<PathBuf>,
}

/// `roundtrip serve`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    roundtrip serve site/\n  \
    roundtrip serve site/ --listen [::]:8080 --listen unix:/run/web.sock --host docs.local=docs/\n\n\
    SIGHUP looks folders up and reads certificates anew, SIGUSR1 opens the log anew; no connection is lost.\n\
    SIGTERM lets answers that are under way finish. What goes wrong is told on standard error.")]
pub(crate) struct Serve {
    /// The folder to serve
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Read all of this from a file (TOML): each option is a key without its dashes, the folder is dir, what can
    /// be given several times is a list. SIGHUP reads it anew
    #[arg(long, value_name = "FILE", exclusive = true)]
    pub(crate) config: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one, and :: is for IPv4 too. Can be given several times
    #[arg(long, value_name = "ADDR:PORT|unix:PATH", default_value = "127.0.0.1:8080")]
    pub(crate) listen: Vec<Place>,
    /// Threads that serve; one a processor unless told
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<NonZeroUsize>,
    /// Run the programs in this folder under /cgi-bin/ (RFC 3875)
    #[arg(long, value_name = "DIR")]
    pub(crate) cgi: Option<PathBuf>,
    /// End a program that runs for longer than this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300.0)]
    pub(crate) cgi_timeout: f64,
    /// Answer /echo with what was sent, as JSON
    #[arg(long)]
    pub(crate) echo: bool,
    /// Serve another folder to a Host
    #[arg(long, value_name = "NAME=DIR")]
    pub(crate) host: Vec<String>,
    /// Serve and list names that begin with a dot too; without it, only .well-known
    #[arg(long)]
    pub(crate) hidden: bool,
    /// List folders that have no index file
    #[arg(long)]
    pub(crate) list: bool,
    /// Send a.css.br, a.css.zst or a.css.gz, where there is one, for a.css to clients that take it
    #[arg(long)]
    pub(crate) precompressed: bool,
    /// Answer with this file of the folder where there is none at the path asked for: /index.html
    #[arg(long, value_name = "PATH")]
    pub(crate) spa: Option<String>,
    /// Speak HTTP/3 as well, at the same ports; needs --cert
    #[arg(long, requires = "cert")]
    pub(crate) http3: bool,
    /// Certificate chain (PEM): serve https. Can be given several times, each with its key: the one for the name
    /// that a client asks for is shown
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Vec<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Vec<PathBuf>,
    /// Close a connection after this many seconds without a request
    #[arg(long, value_name = "SECONDS", default_value_t = 15.0)]
    pub(crate) keepalive_timeout: f64,
    /// Close every connection after one resource
    #[arg(long)]
    pub(crate) no_keepalive: bool,
    /// No line for each request
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// How the line for each request is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
    /// Append those lines to this file, which is opened anew at SIGUSR1
    #[arg(long, value_name = "FILE", conflicts_with = "quiet")]
    pub(crate) log_file: Option<PathBuf>,
    /// live, or tap:NAME,addr=…
    #[arg(long, value_name = "WIRE")]
    pub(crate) wire: Option<String>,
}

/// `roundtrip resolve`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    roundtrip resolve example.com\n  \
    roundtrip resolve example.com MX --short\n  \
    roundtrip resolve -x 192.0.2.1\n  \
    roundtrip resolve example.com --walk --format json")]
pub(crate) struct Resolve {
    /// The name
    #[arg(required_unless_present_any = ["reverse", "flush"], conflicts_with = "reverse")]
    pub(crate) name: Option<String>,
    /// Record types to look up instead of addresses: MX, TXT, NS, CNAME, SOA, SRV, HTTPS, TYPE65 …
    #[arg(value_name = "TYPE")]
    pub(crate) types: Vec<String>,
    /// The names of an address: hosts file and PTR records
    #[arg(short = 'x', long, value_name = "ADDR")]
    pub(crate) reverse: Option<IpAddr>,
    /// The answers alone, one a line
    #[arg(long, conflicts_with = "verbose")]
    pub(crate) short: bool,
    /// First forget the names that earlier runs have kept; without a name, do nothing else
    #[arg(long)]
    pub(crate) flush: bool,
    /// The network
    #[command(flatten)]
    pub(crate) network: Network,
    /// The output
    #[command(flatten)]
    pub(crate) output: Output,
    /// IPv4 addresses only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 addresses only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Show every message
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// `roundtrip transfer`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    roundtrip transfer --net 3gslow --bytes 100kB\n  \
    roundtrip transfer --net down=20Mbit,up=5Mbit,rtt=40ms,queue=100p,loss=1% --bytes 14000 --parallel 6 --runs 40")]
pub(crate) struct Transfer {
    /// The network
    #[arg(long, value_name = "NET", default_value = "cable", long_help = net_help())]
    pub(crate) net: String,
    /// How many bytes the server sends: 100000, 64kB, 1.5MB, 2GB
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = roundtrip_lab::amount)]
    pub(crate) bytes: u64,
    /// How many connections at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..=28_000))]
    pub(crate) parallel: u32,
    /// How often, with a new connection each time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Seed of everything left to chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The congestion control of both hosts: reno, cubic or bbr (version 1), as Linux has them
    #[arg(long, value_name = "NAME", default_value = "cubic", value_parser = value_parser!(roundtrip_lab::Algorithm))]
    pub(crate) congestion: roundtrip_lab::Algorithm,
    /// Start with cold neighbour caches
    #[arg(long)]
    pub(crate) cold: bool,
    /// text or json: one object a run
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// The same as --format json
    #[arg(long)]
    pub(crate) json: bool,
}

/// `roundtrip drill`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    roundtrip drill handshake.pkt\n  \
    roundtrip drill scripts/close/*.pkt")]
pub(crate) struct Drill {
    /// The scripts, or folders of them
    #[arg(required = true, value_name = "SCRIPT|DIR")]
    pub(crate) scripts: Vec<PathBuf>,
    /// The kernel's clock ticks a second (CONFIG_HZ), where a script depends on it
    #[arg(long, value_name = "RATE", value_parser = value_parser!(u32).range(24..=1000))]
    pub(crate) hz: Option<u32>,
    /// Replace NAME by VALUE in the scripts
    #[arg(short = 'D', long, value_name = "NAME=VALUE")]
    pub(crate) define: Vec<String>,
}

/// `roundtrip import`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    roundtrip import shop.har                    a browser's HAR becomes a run\n  \
    roundtrip import a.pcapng --keys keys.log    a capture, decrypted\n  \
    roundtrip import net.json                    what chromium --log-net-log=net.json wrote\n  \
    roundtrip visit latest --net 3gslow          what was imported again, on a slow network")]
pub(crate) struct Import {
    /// HTTP archives of any writer (HAR 1.1, 1.2), captures (pcap, pcapng) and Chrome's NetLogs, also compressed
    /// with gzip or zstd; each becomes a run
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Keys of TLS sessions (SSLKEYLOGFILE) to decrypt captures with, besides those in the capture
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,
    /// The page of an archive with several: its id, its number from 1, or all; the first unless told
    #[arg(long, value_name = "PAGE")]
    pub(crate) page: Option<String>,
    /// What is kept and shown
    #[command(flatten)]
    pub(crate) output: Output,
    /// The first line alone
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Every detail
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// `roundtrip show`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    roundtrip show 7f3a --tcp\n  \
    roundtrip show ./out --html > report.html\n  \
    roundtrip show latest --junit --budget budget.toml")]
pub(crate) struct Show {
    /// A saved run (its id, or its folder); without it, the list of saved runs
    #[arg(value_name = "RUN|DIR")]
    pub(crate) run: Option<String>,
    /// List this many saved runs only, the newest
    #[arg(long, value_name = "N", conflicts_with = "run", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) last: Option<u16>,
    /// List the ids and names of the saved runs alone, one a line
    #[arg(long, conflicts_with_all = ["run", "format"])]
    pub(crate) ids: bool,
    /// Delete it
    #[arg(long, group = "view", requires = "run")]
    pub(crate) delete: bool,
    /// Keep it until it is deleted
    #[arg(long, group = "view", requires = "run")]
    pub(crate) pin: bool,
    /// Let it go as others do, when room is made
    #[arg(long, group = "view", requires = "run")]
    pub(crate) unpin: bool,
    /// The sequence diagram of its connections
    #[arg(long, group = "view")]
    pub(crate) tcp: bool,
    /// The HTML report
    #[arg(long, group = "view")]
    pub(crate) html: bool,
    /// HTTP Archive 1.2
    #[arg(long, group = "view")]
    pub(crate) har: bool,
    /// The packets, pcapng
    #[arg(long, group = "view")]
    pub(crate) pcap: bool,
    /// The picture of the page, PNG
    #[arg(long, group = "view")]
    pub(crate) png: bool,
    /// A trace for Perfetto or chrome://tracing
    #[arg(long, group = "view")]
    pub(crate) perfetto: bool,
    /// The QUIC connections, qlog 0.3 (qvis)
    #[arg(long, group = "view")]
    pub(crate) qlog: bool,
    /// JUnit XML, for CI systems
    #[arg(long, group = "view")]
    pub(crate) junit: bool,
    /// The events themselves
    #[arg(long, group = "view")]
    pub(crate) events: bool,
    /// text or json
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// Draw each handshake and close too
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Print five lines: the verdict, the steps with their times and a bar, the slowest
    #[arg(long, group = "view", conflicts_with_all = ["verbose", "format"])]
    pub(crate) short: bool,
    /// What it may cost
    #[command(flatten)]
    pub(crate) budget: BudgetOption,
}
