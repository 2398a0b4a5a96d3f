//! The arguments of `roundtrip proxy`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::limits::byte_count;
use crate::options::{Output, ProxyOptions, net_help};

/// `roundtrip proxy`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    roundtrip proxy                              then set 127.0.0.1:8080 as the proxy of a browser or a program\n  \
    roundtrip proxy --browser https://example.com/\n  \
    roundtrip proxy --ca                         what to do so that clients trust it\n  \
    roundtrip proxy --to http://127.0.0.1:3000 --net 3gslow\n\n\
    Ctrl-C ends it. What was asked is a run then: roundtrip show, visit RUN --net, advise RUN.")]
pub(crate) struct Proxy {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Stand in for this server: what is asked of the proxy is asked there
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,
    /// Pass tunnels to these hosts on as they are, without a look into their TLS; a name stands for those
    /// below it too, * is all
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub(crate) pass: Vec<String>,
    /// Pass all tunnels on as they are: no authority is needed
    #[arg(long, conflicts_with_all = ["browser", "ca"])]
    pub(crate) no_tls: bool,
    /// Write the certificate of the proxy's authority to FILE (beside its key unless told, - is standard
    /// output) and say what to do so that clients trust it
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "browser")]
    pub(crate) ca: Option<Option<PathBuf>>,
    /// Start the installed Chromium, Chrome or Edge with a fresh profile, by way of the proxy; the end of it is
    /// the end of the proxy. What follows -- are arguments for it
    #[arg(long, value_name = "URL", num_args = 0..=1, conflicts_with = "to")]
    pub(crate) browser: Option<Option<String>>,
    /// Arguments for the browser
    #[arg(last = true, value_name = "ARGUMENT", requires = "browser")]
    pub(crate) browser_arguments: Vec<String>,
    /// Slow down what clients send and are sent, as this network would: delay, rate, and loss as stalls
    #[arg(long, value_name = "NET", long_help = net_help())]
    pub(crate) net: Option<String>,
    /// Show these exchanges only: host=NAME, status=404 or 4xx, type=json; several of one kind are
    /// alternatives. All are recorded
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Say in each message that it went through a proxy (Via)
    #[arg(long)]
    pub(crate) via: bool,
    /// Bodies of more bytes pass and are not kept (256M unless told)
    #[arg(long, value_name = "SIZE", value_parser = byte_count)]
    pub(crate) keep_body: Option<u64>,
    /// No line for each exchange
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// The output
    #[command(flatten)]
    pub(crate) output: Output,
    /// The next proxies
    #[command(flatten)]
    pub(crate) through: ProxyOptions,
    /// Of servers, trust the certificates in this file (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Of servers, trust any certificate
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
    /// Certificate to show to servers that want one (PEM)
    #[arg(short = 'E', long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key (PEM), where it is not in the same file
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Connect to ADDR for HOST:PORT; * is every host
    #[arg(long, value_name = "HOST:PORT:ADDR", allow_hyphen_values = true)]
    pub(crate) resolve: Vec<String>,
    /// Name server to ask instead of the system's ladder
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) dns: Option<String>,
    /// live, or tap:NAME,addr=…
    #[arg(long, value_name = "WIRE")]
    pub(crate) wire: Option<String>,
}
